/**
 * What became of a batch that was saved by a statement of its own, whose answer is lost (save-batch.ts).
 * Boundary: asks the server's rows; when to ask again is the caller's matter.
 * Invariants:
 * 1. The statement may not have reached the server yet. It compares the version of each run. So a run is written first that
 *    keeps its version until the statement is committed: whatever that finds, the statement cannot be committed after it.
 * 2. A batch is committed when each row of its history is there as it was sent. Where another replica has written the very same,
 *    it has done the same.
 */
import type { Database, Statement } from "./database.ts";
import type { RunVersion } from "./lock-runs.ts";
import { type Batch, type SavedBatch, sentMoves } from "./save-batch.ts";

const MARK: Statement = {
  name: "mark_unanswered_run",
  text: "update workflow_runs set seq = seq where id = $1 and xmin::text = $2 returning id",
};
// Versions are compared by the lower 32 bits of a transaction's id, which is what `xmin` gives.
const FIND: Statement = {
  name: "find_unanswered_save",
  text: `with found as (
      select m.batch_id, m.xmin::text as writer
      from jsonb_to_recordset($1::jsonb)
        as v("runId" text, seq integer, "recordedAt" timestamptz, cause text, moves text)
      join run_moves m on m.run_id = v."runId" and m.seq = v.seq
      where m.recorded_at = v."recordedAt" and m.cause::text = v.cause and m.moves::text = v.moves)
    select (select count(*)::integer from found) as moves,
      (select min(writer) from found) as "transactionId",
      (select coalesce(json_agg(json_build_object('id', b.id, 'partition', b.partition)), '[]')
        from move_batches b where b.id in (select batch_id from found)) as batches,
      array(select e.id from effects e where e.id = any($2::text[]) and e.holder = $3) as "newCalls"`,
};

/** A run whose row the batch changes, and whose history it adds to; undefined when there is none. */
export function markedRunOf({ fences, changedRuns, moves }: Batch): RunVersion | undefined {
  const changed = new Set(changedRuns.map(({ id }) => id));
  const moved = new Set(moves.map(({ runId }) => runId));
  return fences.runs.find(({ runId }) => changed.has(runId) && moved.has(runId));
}

/** Gives what the statement has saved; undefined when it is not committed, and never will be. */
export async function settleUnansweredSave(
  { alone, write }: Pick<Database, "alone" | "write">,
  marked: RunVersion,
  { moves, newCalls }: Batch,
  holder: string,
): Promise<SavedBatch | undefined> {
  const { runId, rowVersion } = marked;
  if ((await alone.query(MARK, [runId, rowVersion])).length > 0) return undefined;
  const sent = JSON.stringify(moves.map(sentMoves));
  const calls = newCalls.map(({ id }) => id);
  const [found] = await write.query<SavedBatch & { moves: number }>(FIND, [sent, calls, holder]);
  return found?.moves === moves.length ? found : undefined;
}
