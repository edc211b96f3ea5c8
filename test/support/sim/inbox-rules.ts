/**
 * Open items of people are those that the rows of the runs say, after every commit.
 * Boundary: reads the model's tables; which items a step has is the engine's (engine/steps/person-items.ts).
 */
import { openItemsOf } from "../../../src/engine/steps/person-items.ts";
import { ITEM_KINDS } from "../../../src/store/inbox.ts";
import { stepOfRow } from "../../../src/store/rows.ts";
import { PUBLISHED } from "./versions.ts";
import type { World } from "./world.ts";

const GRAPHS = new Map(
  [...PUBLISHED.values()].map(({ versionId, graph }) => [versionId, graph] as const),
);

/** Holds the items equal to the runs' rows; to be asked between two events of the world. */
export class InboxRule {
  readonly #world: World;
  readonly #seen = new Set<string>();
  #isBroken = false;

  constructor(world: World) {
    this.#world = world;
  }

  judge(): void {
    const { items, steps, runs } = this.#world.server.tables;
    const expected = [...steps.committed.values()].flatMap((row) => {
      const run = runs.committed.get(row.runId);
      const step = run && GRAPHS.get(run.versionId)?.steps[row.stepIndex];
      if (step === undefined) return [];
      return openItemsOf(step, stepOfRow(row)).map(({ kind, place, assignee }) =>
        [row.runId, row.stepIndex, place, ITEM_KINDS[kind], row.workspaceId, assignee].join(" "),
      );
    });
    const open = [...items.committed.values()].map(
      ({ runId, stepIndex, place, kind, workspaceId, assignee }) =>
        [runId, stepIndex, place, kind, workspaceId, assignee].join(" "),
    );
    if (!this.#isBroken && open.sort().join() !== expected.sort().join()) {
      this.#isBroken = true;
      this.#world.broken(`the inbox has ${open}, and the steps wait for ${expected}`);
    }
    for (const item of open) {
      if (!this.#seen.has(item)) this.#world.witness.count("item of the inbox");
      this.#seen.add(item);
    }
  }
}
