/** The whole error text of a step. Boundary: other reads of runs cut a long one (many-runs.ts). */
import type { Queries, Statement } from "../database.ts";

const FIND: Statement = {
  name: "find_error_text",
  text: `select error_message as text from step_runs where run_id = $1 and step_index = $2`,
};

/** The text; "" where there is none. */
export async function findErrorText(db: Queries, runId: string, index: number): Promise<string> {
  const [row] = await db.query<{ text: string | null }>(FIND, [runId, index]);
  return row?.text ?? "";
}
