/** `workflows inbox --watch`: follows what waits for people. A service that is away for less than a minute is gone on with. */
import type { InboxItem, ItemKind } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { follow } from "../client/follow.ts";
import { EXIT, isAway } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import type { Output } from "./output.ts";
import type { Service } from "./service.ts";
import { itemJson, kindOf, stateName } from "./show-item.ts";

const AWAY_AT_MOST_MS = 60_000;

/** Prints each item that comes or changes and each one that goes, until it is interrupted. */
export async function watchInbox(
  { inbox, settings }: Service,
  { mine, kinds }: { readonly mine: boolean; readonly kinds: ItemKind[] },
  out: Output,
): Promise<number> {
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  // Nothing is left to do for a reader that is gone.
  process.stdout.once("error", () => process.exit(EXIT.done));
  const view = { workspaceId: settings.workspace, mine, kinds };
  let after = "";
  const open = (signal: AbortSignal) => inbox.watch({ ...view, after }, { signal, timeoutMs: 0 });
  const changes = follow({ open, isEndless: true, isCut: isAway, awayMs: AWAY_AT_MOST_MS });
  for await (const change of changes) {
    if (change.cursor !== "") after = change.cursor;
    if (change.reset && !out.json && !out.quiet) out.talk("what waits now:");
    if (change.item !== undefined) printChange(change.item, out);
    if (change.gone !== "") printGone(change.gone, out);
  }
  return EXIT.done;
}

function printChange(item: InboxItem, out: Output): void {
  if (out.json) out.object({ item: itemJson(item) });
  else if (out.quiet) out.line(item.id);
  else {
    const facts = [item.id, stateName(item), kindOf(item), item.title, item.assignee];
    out.line(facts.map(oneLine).join("\t"));
  }
}

function printGone(id: string, out: Output): void {
  if (out.json) out.object({ gone: id });
  else if (!out.quiet) out.line(`${id}\tGONE`);
}
