/** `workflows history`: the moves of a run. */

import type { Move } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { type Call, flagOption } from "./call.ts";
import { EXIT } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { MOVE_HEAD, printMove, rowsOf } from "./show-moves.ts";

const LIMIT = 100;
const PAGE_AT_MOST = 500;

/** A row for each change. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const limit = readCount(call, "limit") ?? LIMIT;
  const service = connectService(await readSettings(options));
  const [runId = ""] = args;
  const newestFirst = flagOption(call, "newest");
  const shown: Move[] = [];
  let total = 0;
  let pageToken = "";
  do {
    const pageSize = Math.min(PAGE_AT_MOST, limit - shown.length);
    const page = await service.runs.getHistory({ runId, pageSize, pageToken, newestFirst });
    shown.push(...page.moves);
    total = page.totalSize;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && shown.length < limit);
  if (out.json || out.quiet) for (const move of shown) printMove(move, out);
  else out.table(MOVE_HEAD, shown.flatMap(rowsOf));
  if (total > shown.length) out.talk(`${shown.length} of ${total} moves; --limit shows more`);
  return EXIT.done;
}
