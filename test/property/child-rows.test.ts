/** Rows of children during a fold: a query finds the stored and the changed rows, whatever was loaded before. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChildRows } from "../../src/engine/draft/child-rows.ts";
import { MissingRows } from "../../src/engine/draft/missing-rows.ts";
import {
  CHILD_STATES,
  type ChildRun,
  type ChildSet,
  comparePlaces,
  isInSet,
  PLAN,
} from "../../src/engine/values/child-run.ts";

const AFTER_ALL = { attempt: 100, child: 100 };

function row(step: number, attempt: number, child: number, state: ChildRun["state"]): ChildRun {
  return { step, attempt, child, state, runId: "", costUsd: 0, seq: 0 };
}

/** The rows of a set, first those that a limit lets through. */
function rowsIn(stored: readonly ChildRun[], set: ChildSet): ChildRun[] {
  const rows = stored.filter((each) => isInSet(each, set)).sort(comparePlaces);
  if (set.kind === "compensable") return rows.reverse().slice(0, set.limit);
  return set.kind === "next" ? rows.slice(0, set.limit) : rows;
}

/** Acts on rows as a fold does: loads the missing rows and begins again. Gives also the requests of each round. */
function fold<Result>(stored: readonly ChildRun[], act: (rows: ChildRows) => Result) {
  const asked: (readonly ChildSet[])[] = [];
  for (let round = 0; round < 100; round += 1) {
    const sets = asked.flat();
    const loaded = [...new Set(sets.flatMap((set) => rowsIn(stored, set)))];
    try {
      return { result: act(new ChildRows({ rows: loaded, sets })), asked };
    } catch (error) {
      if (!(error instanceof MissingRows)) throw error;
      asked.push(error.children);
    }
  }
  throw new Error("rows are asked for without end");
}

const ROWS = [0, 1, 2, 3, 4, 5, 6, 7].map((child) => row(0, 1, child, "completed"));
const undoable = (limit: number, place = AFTER_ALL): ChildSet => ({
  kind: "compensable",
  ...{ step: 0, ...place, limit, least: limit },
});

describe("rows of children", () => {
  const place = { attempt: fc.integer({ min: 1, max: 2 }), child: fc.integer({ min: 0, max: 6 }) };
  const step = fc.integer({ min: 0, max: 1 });
  const state = fc.constantFrom(...CHILD_STATES);
  const stored = fc.uniqueArray(
    fc.record({ step, ...place, child: fc.integer({ min: PLAN, max: 6 }), state }),
    { selector: (each) => `${each.step}/${each.attempt}/${each.child}`, maxLength: 30 },
  );
  const set: fc.Arbitrary<ChildSet> = fc.oneof(
    fc.record({ kind: fc.constant("one" as const), step, ...place }),
    fc.record({ kind: fc.constant("open" as const), step }),
    fc.record({ kind: fc.constant("attempt" as const), step, attempt: place.attempt }),
    fc.record({ kind: fc.constant("next" as const), step, limit: fc.constant(3), ...place }),
    fc
      .record({ step, limit: fc.integer({ min: 1, max: 4 }), ...place })
      .map((each) => ({ kind: "compensable" as const, ...each, least: each.limit })),
  );
  const acts = fc.array(fc.oneof(set, fc.record({ put: state, step, ...place })), {
    maxLength: 12,
  });

  it("are the stored and changed ones, however they were loaded", () => {
    fc.assert(
      fc.property(stored, acts, (facts, steps) => {
        const table = facts.map((each) => row(each.step, each.attempt, each.child, each.state));
        const { result } = fold(table, (rows) =>
          steps.map((act) => {
            if ("kind" in act) return rowsIn(rows.list(act), act);
            const found = rows.find(act.step, act);
            if (found !== undefined) rows.put({ ...found, state: act.put });
            return [];
          }),
        );
        const now = [...table];
        const wanted = steps.map((act) => {
          if ("kind" in act) return rowsIn(now, act);
          const at = now.findIndex((each) => isInSet(each, { ...act, kind: "one" }));
          const found = now[at];
          if (found !== undefined) now[at] = { ...found, state: act.put };
          return [];
        });
        expect(result).toEqual(wanted);
      }),
    );
  });

  it("of another step or attempt are asked for besides", () => {
    const others = [row(1, 1, 0, "open"), row(0, 2, 0, "failed")];
    const sets: ChildSet[] = [undoable(9), { kind: "attempt", step: 0, attempt: 1 }];
    const sizes = sets.map((set) => {
      const { result } = fold([...ROWS, ...others], (rows) => {
        rows.list({ ...undoable(3), step: 1 });
        rows.list({ kind: "attempt", step: 0, attempt: 2 });
        return rows.list(set);
      });
      return result.length;
    });
    expect(sizes).toEqual([9, 8]);
  });

  it("are asked for together", () => {
    const sets: ChildSet[] = [
      { kind: "open", step: 0 },
      { kind: "attempt", step: 1, attempt: 1 },
    ];
    expect(fold(ROWS, (rows) => rows.require(sets)).asked).toEqual([sets]);
  });

  it("are not asked for when another set brought them", () => {
    const { asked } = fold(ROWS, (rows) => {
      rows.list({ kind: "attempt", step: 0, attempt: 1 });
      rows.find(0, { attempt: 1, child: 3 });
    });
    expect(asked).toHaveLength(1);
  });

  it("to compensate are loaded once, and once more when some of them no longer need it", () => {
    const { result, asked } = fold(ROWS, (rows) => {
      const last = rows.list(undoable(3)).slice(0, 3);
      for (const each of last) rows.put({ ...each, state: "undone" });
      return rows.list(undoable(3)).map(({ child }) => child);
    });
    expect(asked).toEqual([
      [undoable(3)],
      [{ ...undoable(3, { attempt: 1, child: 5 }), limit: 6 }],
    ]);
    expect(result.slice(0, 3)).toEqual([4, 3, 2]);
  });

  it("are inserted as they were put last, and updated only if they were stored", () => {
    const { result: rows } = fold(ROWS, (each) => {
      each.insert(row(0, 2, 0, "new"));
      each.put(row(0, 2, 0, "open"));
      each.put({ ...ROWS[0], ...row(0, 1, 0, "undone") });
      return each;
    });
    expect(rows.inserted).toEqual([row(0, 2, 0, "open")]);
    expect(rows.updated).toEqual([row(0, 1, 0, "undone")]);
  });
});
