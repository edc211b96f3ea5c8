/** Rows of child runs: what is loaded of a set is what the engine takes the set for, and comes back as it was written. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CHILD_STATES,
  type ChildRun,
  type ChildSet,
  comparePlaces,
  isInSet,
  PLAN,
} from "../../../src/engine/values/child-run.ts";
import { rowOfChild } from "../../../src/store/child-runs.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { loadRows } from "../../../src/store/load-rows.ts";
import { type Batch, saveBatch } from "../../../src/store/save-batch.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const RUN = "wfr_parent";
const places = [1, 2].flatMap((attempt) =>
  [PLAN, ...CHILD_STATES.keys()].map((child) => ({ attempt, child })),
);
/** Two steps, two attempts, a child of each state; the attempts have them in turn. */
const ROWS: readonly ChildRun[] = [0, 1].flatMap((step) =>
  places.map(({ attempt, child }) => ({
    ...{ step, attempt, child, costUsd: 0.5 * attempt, seq: child + 1 },
    state: CHILD_STATES[(child + attempt) % CHILD_STATES.length] ?? "new",
    runId: child % 2 === 0 ? "" : `wfr_${step}_${attempt}_${child}`,
    ...(child === 3 ? {} : { input: { item: child } }),
    ...(child === 4 ? { output: { done: true } } : {}),
  })),
);
const NOTHING: Batch = {
  ...{ partition: 0, newRuns: [], changedRuns: [], newSteps: [], changedSteps: [], moves: [] },
  ...{
    newCalls: [],
    finishedCalls: [],
    droppedSteps: [],
    starts: [],
    takenEvents: [],
    fences: { runs: [], steps: [], openCalls: [] },
  },
  ...{ newChildren: [], changedChildren: [] },
};

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await freshDatabase();
  database = openDatabase({ url: test.url, log: { warn() {} } });
  const children = [...ROWS].reverse();
  const newChildren = [RUN, "wfr_other"].flatMap((id) =>
    children.map((row) => rowOfChild(id, row)),
  );
  await database.transaction((tx) => saveBatch(tx, { ...NOTHING, newChildren }));
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

async function load(set: ChildSet): Promise<ChildRun[]> {
  const wanted = { runId: RUN, steps: [], runInput: false, children: [set] };
  const found = await database.transaction((tx) => loadRows(tx, [wanted]));
  return found.get(RUN)?.children ?? [];
}

describe("rows of children", () => {
  it.each<ChildSet>([
    { kind: "one", step: 1, attempt: 2, child: 4 },
    { kind: "one", step: 0, attempt: 1, child: PLAN },
    { kind: "one", step: 0, attempt: 3, child: 0 },
    { kind: "open", step: 1 },
    { kind: "attempt", step: 0, attempt: 2 },
    { kind: "next", step: 1, attempt: 1, child: 3, limit: 4 },
    { kind: "next", step: 1, attempt: 1, child: 7, limit: 4 },
    { kind: "compensable", step: 0, attempt: 100, child: 100, limit: 8, least: 8 },
    { kind: "compensable", step: 0, attempt: 2, child: 3, limit: 3, least: 3 },
    { kind: "compensable", step: 1, attempt: 1, child: 4, limit: 10, least: 10 },
  ])("are those of the set %o", async (set) => {
    const rows = ROWS.filter((row) => isInSet(row, set)).sort(comparePlaces);
    // A plan is none of the children, and may be loaded with them.
    const loaded = (await load(set)).filter((row) => isInSet(row, set));
    const last = set.kind === "compensable" ? rows.reverse() : rows;
    expect(loaded).toEqual("limit" in set ? last.slice(0, set.limit) : last);
  });

  it("of a set that is full are all of the set", async () => {
    const set = { kind: "compensable", step: 0, attempt: 2, child: 3, limit: 3, least: 3 } as const;
    const loaded = await load(set);
    expect(loaded).toHaveLength(3);
    expect(loaded.every((row) => isInSet(row, set))).toBe(true);
  });

  it("are written again whole, but for what they were given", async () => {
    const [row] = await load({ kind: "one", step: 1, attempt: 1, child: 4 });
    if (row === undefined) throw new Error("the row is not there");
    const changed: ChildRun = { ...row, state: "undone", seq: 9, costUsd: 2, runId: "wfr_new" };
    const changedChildren = [rowOfChild(RUN, changed)];
    await database.transaction((tx) => saveBatch(tx, { ...NOTHING, changedChildren }));
    expect(await load({ kind: "one", step: 1, attempt: 1, child: 4 })).toEqual([changed]);
  });
});
