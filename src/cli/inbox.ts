/** `workflows inbox`: what waits for people, as a list, or one item with what is to be decided. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type InboxItem,
  type ItemDecision,
  ItemKind,
  type ItemNote,
  NoteKind,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { oneLine } from "./one-line.ts";
import { timeText } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { editableLine, itemJson, kindOf, payloadLines, requireShown } from "./show-item.ts";
import { nameOf } from "./show-run.ts";
import { watchInbox } from "./watch-inbox.ts";

const KINDS: Readonly<Record<string, ItemKind>> = {
  approval: ItemKind.APPROVAL,
  task: ItemKind.TASK,
  held: ItemKind.HELD,
  deploy: ItemKind.DEPLOY,
};

/** Newest first. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const kinds = readKinds(call);
  const pageSize = readCount(call, "limit") ?? 20;
  const service = connectService(await readSettings(options));
  if (args[0] !== undefined) return showOne(service, args[0], call);
  const { workspace: workspaceId } = service.settings;
  const mine = flagOption(call, "mine");
  if (flagOption(call, "watch")) return watchInbox(service, { mine, kinds }, out);
  const { items, totalSize } = await service.inbox.list({ workspaceId, mine, kinds, pageSize });
  if (out.json) for (const item of items) out.object(itemJson(item));
  else if (out.quiet) for (const item of items) out.line(item.id);
  else {
    out.table(["ITEM", "KIND", "TITLE", "ASKED", "BY", "OPENED", "DUE"], items.map(rowOf));
    if (items.length === 0) out.talk("nothing waits for a person");
    else if (totalSize > items.length)
      out.talk(`${items.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

async function showOne({ inbox }: Service, id: string, { out }: Call): Promise<number> {
  const item = requireShown((await inbox.get({ id })).item);
  if (out.json) out.object(itemJson(item));
  else if (out.quiet) out.line(item.id);
  else {
    out.table(["ITEM", "KIND", "TITLE", "ASKED", "BY", "OPENED", "DUE"], [rowOf(item)]);
    const texts = [item.instructions, item.lastError].filter((text) => text !== "");
    const lines = [...texts.flatMap((text) => text.split("\n")), ...payloadLines(item.payload)];
    for (const line of lines) out.line(oneLine(line));
    if (item.editable.length > 0) out.line(oneLine(editableLine(item)));
    if (item.digest !== "") out.line(`digest ${item.digest}`);
    for (const decision of item.decisions) {
      if (decision.decision !== "") out.line(decisionLine(decision));
    }
    for (const note of item.notes) out.line(noteLine(note));
  }
  return EXIT.done;
}

/** Who was asked, what was decided, by whom and why. */
function decisionLine({ approver, decision, decidedBy, reason, edits }: ItemDecision): string {
  const by = decidedBy === "" ? "" : ` by ${decidedBy}`;
  const changed = edits === undefined ? "" : ` with ${JSON.stringify(edits)}`;
  const why = reason === "" ? "" : `: ${reason}`;
  return oneLine(`${approver || "an approver"}: ${decision}${by}${changed}${why}`);
}

function noteLine({ kind, by, to, text, madeAt, via }: ItemNote): string {
  const what = nameOf(NoteKind, kind).toLowerCase();
  const at = timeText(madeAt === undefined ? undefined : timestampDate(madeAt));
  const through = via === "" ? "" : `through ${via}`;
  return [at, by, what, to, through, text]
    .filter((part) => part !== "")
    .map(oneLine)
    .join(" ");
}

function rowOf(item: InboxItem): string[] {
  const [opened, due] = [item.createdAt, item.dueAt].map((at) =>
    timeText(at === undefined ? undefined : timestampDate(at)),
  );
  const { id, title, assignee, requestedBy } = item;
  return [id, kindOf(item), title, assignee, requestedBy, opened ?? "", due ?? ""];
}

function readKinds(call: Call): ItemKind[] {
  const text = textOption(call, "kind");
  if (text === undefined) return [];
  const kind = Object.hasOwn(KINDS, text) ? KINDS[text] : undefined;
  if (kind !== undefined) return [kind];
  throw usageFault(`"${text}" is no kind; the kinds are ${Object.keys(KINDS).join(", ")}`);
}
