/** The whole error text of a step. Boundary: other reads of runs cut a long one (many-runs.ts). */
import type { Queries } from "../database.ts";
import { querySeen, seenStatement, type Visibility } from "./visibility.ts";

const FIND = seenStatement(
  {
    name: "find_error_text",
    text: `select error_message as text from step_runs where run_id = $1 and step_index = $2`,
  },
  "workspace_id = $3",
);

/** The text; "" where there is none. */
export async function findErrorText(
  db: Queries,
  visibility: Visibility,
  runId: string,
  index: number,
): Promise<string> {
  const [row] = await querySeen<{ text: string | null }>(db, visibility, FIND, [runId, index]);
  return row?.text ?? "";
}
