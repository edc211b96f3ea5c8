/**
 * Tasks of workers: where they are on their stream, and which are open.
 * Boundary: rows; what is published again is decided by egress/tasks/.
 * Invariants:
 * P1 Most tasks end before their place is written: it is written only of those that are open for some seconds.
 * P2 A place counts for one attempt. A task without a place may be on the stream all the same.
 * P3 Replicas write places in any order: of two on one stream the later one stays. A stream that went back to an older copy
 *    gives earlier ones, so a place at which it has nothing of the task is deleted before the task is sent again.
 */
import type { Database, Queries, Statement } from "./database.ts";

/** A step's attempt. */
export interface TaskStep {
  readonly runId: string;
  readonly stepIndex: number;
  readonly attempt: number;
}

/** Where a task is on the stream. */
export interface StreamPlace {
  /** When the stream was made, as JetStream writes it. */
  readonly created: string;
  readonly seq: number;
}

/** A task with its place. */
export type PlacedTask = TaskStep & StreamPlace;

/** A step, in the order of the places. */
export type StepKey = readonly [runId: string, stepIndex: number];

/** Before the first place. */
export const FIRST_STEP: StepKey = ["", 0];

/** An open task; its step's id is that of the version. */
export interface OpenTask extends TaskStep {
  readonly versionId: string;
  readonly workspaceId: string;
  /** A worker gave it back before. */
  readonly returned: boolean;
}

const IS_OPEN = `s.completed_at is null and s.detail -> 'task' is not null`;
const PLACE: Statement = {
  name: "place_tasks",
  text: `insert into task_places (seq, step_index, attempt, run_id, created)
    select v.seq, v.step_index, v.attempt, v.run_id, v.created
    from unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::text[], $5::text[])
      as v(seq, step_index, attempt, run_id, created)
    join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index
      and s.retry_count + 1 = v.attempt
    where ${IS_OPEN} order by v.run_id, v.step_index
    on conflict (run_id, step_index) do update
      set seq = excluded.seq, attempt = excluded.attempt, created = excluded.created
      where task_places.created <> excluded.created or task_places.seq < excluded.seq`,
};
const FIND: Statement = {
  name: "find_task_places",
  text: `select p.run_id as "runId", p.step_index as "stepIndex", p.attempt, p.created, p.seq
    from unnest($1::text[], $2::smallint[]) as v(run_id, step_index)
    join task_places p on p.run_id = v.run_id and p.step_index = v.step_index`,
};
const DROP: Statement = {
  name: "drop_task_places",
  text: `delete from task_places p
    using unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[]) as v(seq, step_index, run_id, created)
    where p.run_id = v.run_id and p.step_index = v.step_index and p.created = v.created and p.seq = v.seq`,
};
const LOOKED_AT_AT_ONCE = 1_000;
// Rows of the page that are locked are being placed again. None is waited for.
const FORGET: Statement = {
  name: "forget_task_places",
  text: `with page as materialized (
      select run_id, step_index, attempt from task_places
      where (run_id, step_index) > ($1, $2)
      order by run_id, step_index limit ${LOOKED_AT_AT_ONCE}
    ), ended as materialized (
      select p.run_id, p.step_index from page join task_places p
        on p.run_id = page.run_id and p.step_index = page.step_index and p.attempt = page.attempt
      where not exists (
        select 1 from step_runs s where s.run_id = p.run_id and s.step_index = p.step_index
          and s.retry_count + 1 = p.attempt and ${IS_OPEN})
      for update of p skip locked
    ), forgotten as (
      delete from task_places p using ended
      where p.run_id = ended.run_id and p.step_index = ended.step_index)
    select run_id as "runId", step_index as "stepIndex" from page
    order by run_id, step_index offset ${LOOKED_AT_AT_ONCE - 1}`,
};
const FIND_OPEN: Statement = {
  name: "find_open_tasks",
  text: `select s.run_id as "runId", s.step_index as "stepIndex", s.retry_count + 1 as attempt,
      r.version_id as "versionId", r.workspace_id as "workspaceId",
      s.detail -> 'task' ? 'returned' as returned
    from workflow_runs r join step_runs s on s.run_id = r.id
    where r.id = any($1::text[]) and r.completed_at is null and ${IS_OPEN}
      and ($2::text is null or r.workspace_id = $2)`,
};

/** Writes the places of tasks that are still open. */
export async function placeTasks(database: Database, tasks: readonly PlacedTask[]): Promise<void> {
  await database.transaction((tx) =>
    tx.query(PLACE, [
      tasks.map(({ seq }) => seq),
      tasks.map(({ stepIndex }) => stepIndex),
      tasks.map(({ attempt }) => attempt),
      tasks.map(({ runId }) => runId),
      tasks.map(({ created }) => created),
    ]),
  );
}

/** Deletes those of the places that are still as they are given: the stream has nothing of these tasks there. */
export async function dropTaskPlaces(
  database: Database,
  places: readonly PlacedTask[],
): Promise<void> {
  await database.write.query(DROP, [
    places.map(({ seq }) => seq),
    places.map(({ stepIndex }) => stepIndex),
    places.map(({ runId }) => runId),
    places.map(({ created }) => created),
  ]);
}

/** The places of these steps, of whatever attempt. */
export function findTaskPlaces(db: Queries, tasks: readonly TaskStep[]): Promise<PlacedTask[]> {
  const runIds = tasks.map(({ runId }) => runId);
  return db.query<PlacedTask>(FIND, [runIds, tasks.map(({ stepIndex }) => stepIndex)]);
}

/** Deletes those of the next places whose tasks have ended; gives where to go on, undefined at the end. */
export async function forgetTaskPlaces(
  database: Database,
  after: StepKey,
): Promise<StepKey | undefined> {
  const rows = await database.transaction((tx) => tx.query<LastPlace>(FORGET, [...after]));
  const [last] = rows;
  return last === undefined ? undefined : [last.runId, last.stepIndex];
}

type LastPlace = Pick<TaskStep, "runId" | "stepIndex">;

/** The open tasks of these runs; of one workspace, or of all where it is undefined. */
export function findOpenTasks(
  db: Queries,
  runIds: readonly string[],
  workspaceId?: string,
): Promise<OpenTask[]> {
  return db.query<OpenTask>(FIND_OPEN, [runIds, workspaceId ?? null]);
}
