/** The number of steps up to which a join loads its rows with its batch; above it queries of its own merge them. */
import { expect, it } from "vitest";
import { openDraft } from "../../../src/engine/draft/draft.ts";
import { MissingRows } from "../../../src/engine/draft/missing-rows.ts";
import { PARTS_AT_ONCE } from "../../../src/engine/draft/payloads.ts";
import { transition } from "../../../src/engine/transition.ts";
import { stepReport } from "../../support/builders/step-reports.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

/** The rows that a join is missing when the last of its sources completes and only that row is loaded. */
function missingOf(sources: number): MissingRows {
  const ids = Array.from({ length: sources }, (_, n) => `s${n}`);
  const spec = version(
    [...ids, "join"].map((id) => step({ id })),
    ids.map((id) => edge(`${id}>join`)),
  );
  const run = EngineRun.start(spec);
  for (const id of ids.slice(0, -1)) run.report(id, "COMPLETED", { output: { [id]: 1 } });
  const last = sources - 1;
  const steps = new Map([...run.rows].filter(([index]) => index === last));
  const draft = openDraft(run.graph, { run: run.run, steps }, run.now);
  const report = stepReport(`s${last}`, "COMPLETED", { output: {} });
  const cause = { kind: "rpc", id: "TransitionStep" } as const;
  try {
    transition(draft, { kind: "step_reported", cause, report }, run.lookups);
  } catch (error) {
    if (error instanceof MissingRows) return error;
    throw error;
  }
  throw new Error("the join lacked no row");
}

it("a join of as many steps as a batch may load lacks their rows, all at once", () => {
  const { steps, merges } = missingOf(PARTS_AT_ONCE);
  expect([steps.length, merges.length]).toEqual([PARTS_AT_ONCE - 1, 0]);
});

it("a join of one step more lacks the merged result", () => {
  const { steps, merges } = missingOf(PARTS_AT_ONCE + 1);
  expect([steps.length, merges.length]).toEqual([0, 1]);
  expect(merges[0]?.parts).toHaveLength(PARTS_AT_ONCE + 1);
});
