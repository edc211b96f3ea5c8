/**
 * Who started a run: by its fields, and by the cause of its first move. A rerun counts as started by who started the run
 * that it reruns, too: it has the input of that one.
 * Boundary: committed state; one statement, by key. What a starter may do is the caller's matter.
 */
import type { Queries } from "../database.ts";
import { type PackedCause, unpackRow } from "../packed-moves.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** Names of who started a run, one of the runs above it, or one that they rerun. */
interface Starter {
  readonly runId: string;
  readonly initiatorUserId: string;
  readonly initiatorAgentId: string;
  /** Null: the history has no first move. */
  readonly cause: PackedCause | null;
}

/** Runs nest no deeper (engine/values/limits.ts) unless a StartRun named a parent. */
const LEVELS = 16;

const FIND = seenWithin(
  "find_run_starters",
  (condition) => `with recursive up as (
      select id, parent_run_id, rerun->>'of' as rerun_of, 0 as level from workflow_runs where id = $1
      union
      select p.id, p.parent_run_id, p.rerun->>'of', up.level + next.levels from up
      cross join lateral (values (up.parent_run_id, 1), (up.rerun_of, 0)) as next(id, levels)
      join workflow_runs p on p.id = next.id
      where next.id <> '' and up.level + next.levels <= ${LEVELS})
    select r.id as "runId", r.initiator_user_id as "initiatorUserId",
      r.initiator_agent_id as "initiatorAgentId", m.cause
    from up join workflow_runs r on r.id = up.id
    left join run_moves m on m.run_id = r.id and m.seq = 1
    where ${condition}`,
  "r.workspace_id = $2",
);

/** Names of the initiators and the callers that started these runs; empty: the run is not seen. */
export async function findStarters(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<ReadonlySet<string>> {
  const rows = await querySeen<Starter & Row>(db, visibility, FIND, [runId]);
  const names = rows.flatMap(({ cause, ...run }) => [
    run.initiatorUserId,
    run.initiatorAgentId,
    cause === null ? "" : (unpackRow(run.runId, { cause, moves: [] }).cause.by ?? ""),
  ]);
  return new Set(names.filter((name) => name !== ""));
}

interface Row {
  readonly [column: string]: unknown;
}
