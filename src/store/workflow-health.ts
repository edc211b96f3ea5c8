/**
 * Writes of what keeps deployed workflows from working, and whose turn it is to look.
 * Boundary: rows; what keeps a workflow from working is judged by egress/health/.
 * Invariant: one replica begins a round, and none another one before the time that it names is over.
 */
import type { Queries, Statement } from "./database.ts";

/** A version that cannot work, and why, a sentence each. */
export interface FailedWorkflow {
  readonly definitionId: string;
  readonly workspaceId: string;
  readonly versionId: string;
  readonly reasons: readonly string[];
}

const BEGIN: Statement = {
  name: "begin_health_round",
  text: `insert into health_rounds as r (began_at, id, after_id) values (clock_timestamp(), 1, '')
    on conflict (id) do update set began_at = excluded.began_at
    where r.began_at < clock_timestamp() - make_interval(secs => $1::float8)
    returning after_id as "afterId"`,
};
const KEEP_PLACE: Statement = {
  name: "keep_health_place",
  text: "update health_rounds set after_id = $1 where id = 1",
};
// A row that says what is stored already is not written.
const SAVE: Statement = {
  name: "save_workflow_health",
  text: `with well as (
      delete from workflow_health where definition_id = any($1::text[]) and not definition_id = any($2::text[]))
    insert into workflow_health as h (failed_since, definition_id, workspace_id, version_id, reasons_json)
    select clock_timestamp(), f.definition_id, f.workspace_id, f.version_id, f.reasons
    from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as f(definition_id, workspace_id, version_id, reasons)
    where exists (select 1 from workflow_definitions d where d.id = f.definition_id)
    on conflict (definition_id) do update set version_id = excluded.version_id, reasons_json = excluded.reasons_json
    where (h.version_id, h.reasons_json) is distinct from (excluded.version_id, excluded.reasons_json)`,
};

/** Begins a round where the last one began so many seconds ago; gives the workflow after which it goes on, undefined: it is not due. */
export async function beginHealthRound(db: Queries, seconds: number): Promise<string | undefined> {
  const [row] = await db.query<{ afterId: string }>(BEGIN, [seconds]);
  return row?.afterId;
}

/** Where the next round goes on. */
export async function keepHealthPlace(db: Queries, afterId: string): Promise<void> {
  await db.query(KEEP_PLACE, [afterId]);
}

/** Stores what was found of these definitions: those that are not among the failed ones can work. */
export async function keepWorkflowHealth(
  db: Queries,
  definitionIds: readonly string[],
  failed: readonly FailedWorkflow[],
): Promise<void> {
  if (definitionIds.length === 0) return;
  await db.query(SAVE, [
    definitionIds,
    failed.map(({ definitionId }) => definitionId),
    failed.map(({ workspaceId }) => workspaceId),
    failed.map(({ versionId }) => versionId),
    failed.map(({ reasons }) => JSON.stringify(reasons)),
  ]);
}
