/**
 * Ids of the child runs of steps that have no output yet, for readers.
 * Boundary: read after the run's rows: ids that came in between are seen too. One query for all runs of an answer.
 */
import type { StepRun } from "../engine/values/run.ts";
import type { Queries, Statement } from "./database.ts";

/** By run and step, in the order of the children. */
export type ChildIds = ReadonlyMap<string, ReadonlyMap<number, readonly string[]>>;

const FIND: Statement = {
  name: "find_child_ids",
  text: `select c.run_id as "runId", c.step_index as "stepIndex", c.child_run_id as id
    from unnest($1::text[], $2::smallint[], $3::smallint[]) as v(run_id, step_index, attempt)
    join child_runs c on c.run_id = v.run_id and c.step_index = v.step_index
      and c.attempt = v.attempt
    where c.child_run_id is not null
    order by c.run_id, c.step_index, c.child_index`,
};

/** Ids of the children of the latest attempt of each of these steps that has some and no output. */
export async function findChildIds(db: Queries, steps: readonly StepRun[]): Promise<ChildIds> {
  const parents = steps.filter(hasShownChildren);
  const found = new Map<string, Map<number, string[]>>();
  if (parents.length === 0) return found;
  const columns = [
    parents.map(({ runId }) => runId),
    parents.map(({ index }) => index),
    parents.map(({ retryCount }) => retryCount + 1),
  ];
  const rows = await db.query<{ runId: string; stepIndex: number; id: string }>(FIND, columns);
  for (const { runId, stepIndex, id } of rows) {
    const ofRun = found.get(runId) ?? new Map<number, string[]>();
    found.set(runId, ofRun);
    const ids = ofRun.get(stepIndex) ?? [];
    ofRun.set(stepIndex, ids);
    ids.push(id);
  }
  return found;
}

/** Whether readers see the ids of the step's children in the place of its output. */
export function hasShownChildren({ detail, output, outputExtendsInput }: StepRun): boolean {
  return (detail.children?.next ?? 0) > 0 && output === undefined && !outputExtendsInput;
}
