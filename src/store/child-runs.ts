/**
 * Rows of child runs ↔ the engine's values, and their loading.
 * Boundary: written with the other rows of a batch (save-batch.ts), read after its locks.
 * Invariant: a set is found by the primary key; each kind looks up its own part of it, whatever the planner believes.
 */
import {
  CHILD_STATES,
  type ChildRun,
  type ChildSet,
  COMPENSABLE,
} from "../engine/values/child-run.ts";
import { selectList } from "./columns.ts";
import type { Statement, Tx } from "./database.ts";
import { childRuns } from "./schema/runs.ts";

/** A row of child_runs. */
export type ChildRow = typeof childRuns.$inferSelect;

interface WantedChildren {
  readonly runId: string;
  readonly children?: readonly ChildSet[];
}

const ROWS_AT_MOST = 20_000;
const ofStep = "c.run_id = v.run and c.step_index = v.step";
const branch = (kind: ChildSet["kind"], condition: string, order: string, limit: string) =>
  `select found.* from v cross join lateral (
      select ${selectList(childRuns, "c")} from child_runs c
      where ${ofStep} and ${condition} order by ${order} limit ${limit}) as found
    where v.kind = '${kind}'`;

const UP = "c.attempt, c.child_index";
const DOWN = "c.attempt desc, c.child_index desc";
const names = COMPENSABLE.map((state) => `'${state}'`).join(", ");
// The limits keep each look-up in the lateral, where it is one range of the key.
const LOAD: Statement = {
  name: "load_children",
  text: `with v as (
      select * from jsonb_to_recordset($1::jsonb) as v(
        run text, kind text, step smallint, attempt smallint, child integer, "limit" integer))
    ${branch("one", "c.attempt = v.attempt and c.child_index = v.child", UP, "1")}
    union all ${branch("attempt", "c.attempt = v.attempt", UP, String(ROWS_AT_MOST))}
    union all ${branch(
      "next",
      "c.attempt = v.attempt and c.child_index >= v.child",
      UP,
      'v."limit"',
    )}
    union all ${branch("open", "c.state = 'open'", UP, String(ROWS_AT_MOST))}
    union all ${branch(
      "compensable",
      `(c.attempt, c.child_index) < (v.attempt, v.child) and c.child_index >= 0
        and c.state in (${names})`,
      DOWN,
      'v."limit"',
    )}`,
};

/** Loads the sets that are wanted of many runs. A row of two sets comes twice. */
export async function loadChildren(
  tx: Tx,
  wanted: readonly WantedChildren[],
): Promise<{ runId: string; child: ChildRun }[]> {
  const sets = wanted.flatMap(({ runId, children = [] }) =>
    children.map((set) => ({ run: runId, ...set })),
  );
  if (sets.length === 0) return [];
  const rows = await tx.query<ChildRow>(LOAD, [JSON.stringify(sets)]);
  return rows.map((row) => ({ runId: row.runId, child: childOfRow(row) }));
}

/** The engine's child of a row. */
function childOfRow(row: ChildRow): ChildRun {
  const state = CHILD_STATES.find((name) => name === row.state);
  if (state === undefined) throw new Error(`a row names the unknown state ${row.state} of a child`);
  return {
    step: row.stepIndex,
    attempt: row.attempt,
    child: row.childIndex,
    state,
    runId: row.childRunId ?? "",
    ...(row.input === null ? {} : { input: row.input }),
    ...(row.output === null ? {} : { output: row.output }),
    costUsd: row.costUsd,
    seq: row.seq,
  };
}

/** The row of a child. */
export function rowOfChild(runId: string, child: ChildRun): ChildRow {
  return {
    runId,
    stepIndex: child.step,
    attempt: child.attempt,
    childIndex: child.child,
    input: child.input ?? null,
    childRunId: child.runId === "" ? null : child.runId,
    seq: child.seq,
    costUsd: child.costUsd,
    state: child.state,
    output: child.output ?? null,
  };
}
