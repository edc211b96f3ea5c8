/**
 * Events of definitions and versions, appended to the outbox as they will be published.
 * Boundary: runs' events go with their moves (see save-batch.ts).
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Statement, Tx } from "./database.ts";

const APPEND: Statement = {
  name: "append_changes",
  text: "insert into move_batches (partition, changes) values ($1, $2::json) returning id",
};

/** Appends events to a partition's outbox; gives the id of their row in move_batches. */
export async function appendChange(
  tx: Tx,
  partition: number,
  changes: readonly JsonObject[],
): Promise<number> {
  const [row] = await tx.query<{ id: number }>(APPEND, [partition, JSON.stringify(changes)]);
  if (row === undefined) throw new Error("an insert gave no row");
  return row.id;
}
