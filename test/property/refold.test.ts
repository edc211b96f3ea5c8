/** The same rows, inputs, clock and look-ups give the same transition, however often it is computed. */
import { expect, it } from "vitest";
import { MissingRows } from "../../src/engine/draft/missing-rows.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { Input } from "../../src/engine/values/input.ts";
import type { LookupSource } from "../../src/engine/values/lookups.ts";
import { type FoldedRun, foldRun, type RunWork } from "../../src/runtime/fold-run.ts";
import { transitioned } from "../support/builders/step-reports.ts";
import { EngineRun, step, version } from "../support/engine/engine-run.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";
import { RUN_INPUT, randomVersion } from "../support/random/random-version.ts";

const SEEDS = 150;
const REPORTS_AT_MOST = 8;
const NOW_MS = 1_000_000;
const BEGUN: Input = { kind: "run_begun", cause: { kind: "engine", id: "run_begun" } };

const TWO_AGENTS = version(
  ["a", "b"].map((id) => step({ id, stepType: "AGENT_ACTION", requiredCapability: "c" })),
  [],
);

/** Another agent for each question, as the cache chooses the least loaded one. */
function rotatingAgents(): LookupSource & { asked: number } {
  return {
    asked: 0,
    choose({ skillId }) {
      this.asked += 1;
      return this.asked % 5 === 0 ? undefined : { agentId: `agent-${this.asked}`, skillId };
    },
  };
}

function workOf(run: EngineRun, input: Input): RunWork {
  return {
    ...{ graph: run.graph, run: run.run, rowVersion: undefined, input: run.input },
    ...{ steps: new Map(run.rows), stepVersions: new Map(), children: { rows: [], sets: [] } },
    ...{ merged: new Map(), chosen: new Map(), inputs: [{ place: 0, input }] },
  };
}

function fold(work: RunWork, source: LookupSource): FoldedRun | undefined {
  const folded = foldRun(work, source, NOW_MS, { run: Number.POSITIVE_INFINITY });
  return folded instanceof MissingRows ? undefined : folded;
}

function changesOf({ draft, results }: FoldedRun): string {
  const { run, rows, calls, history } = draft;
  const changes = [
    run,
    [...rows.inserted],
    [...rows.updated],
    calls.wanted,
    calls.finished,
    history,
  ];
  return JSON.stringify([results, ...changes]);
}

it("computing a transition again gives the same transition", () => {
  const source = rotatingAgents();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = randomNumbers(seed);
    const graph = compileGraph(randomVersion(random));
    const run = new EngineRun(graph.spec, RUN_INPUT, {}, { graph });
    let input: Input = BEGUN;
    for (let n = 0; n <= REPORTS_AT_MOST; n += 1) {
      const work = workOf(run, input);
      const first = fold(work, source);
      const second = fold(work, source);
      if (first === undefined || second === undefined) break;
      expect(changesOf(second), `seed ${seed}, input ${n}`).toBe(changesOf(first));
      run.run = first.draft.run;
      for (const row of [...first.draft.rows.inserted, ...first.draft.rows.updated]) {
        run.rows.set(row.index, row);
      }
      const open = random.pick([...run.rows.values()].filter(({ state }) => state === "RUNNING"));
      const id = open === undefined ? undefined : graph.steps[open.index]?.def.id;
      if (id === undefined) break;
      input = transitioned(id, "COMPLETED");
    }
  }
  // The sequences must look agents up often, or they show nothing.
  expect(source.asked).toBeGreaterThan(SEEDS / 2);
});

it("two steps of one transition get two answers", () => {
  const source = rotatingAgents();
  const work = workOf(new EngineRun(compileGraph(TWO_AGENTS).spec, {}), BEGUN);
  const folded = fold(work, source);
  const agents = [...(folded?.draft.rows.inserted ?? [])].map(({ agentId }) => agentId);
  expect(agents).toEqual(["agent-1", "agent-2"]);
});
