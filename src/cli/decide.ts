/** `workflows approve`, `deny`, `complete`, `claim`, `release`, `delegate` and `comment`: one item of the inbox each, or a step that is completed. */
import { type InboxItem, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { type Action, type Call, textOption } from "./call.ts";
import { EXIT } from "./failure.ts";
import { readFields } from "./field-options.ts";
import { readJsonObject } from "./json-option.ts";
import { completeStep } from "./orders.ts";
import type { Output } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { editableLine, payloadLines, printItem, requireShown } from "./show-item.ts";

/** Decides what has the digest that is given, else what the item asks now, which is shown first. */
function decision(verdict: Verdict, verb: string): Action {
  return async (call: Call) => {
    const { args, options, out } = call;
    const id = args[0] ?? "";
    const service = connectService(await readSettings(options), textOption(call, "key"));
    const edits = readFields(call, "edit");
    const digest = textOption(call, "digest") ?? (await showAsked(service, id, verb, out));
    if (edits !== undefined) out.talk(`with ${JSON.stringify(edits)}`);
    const comment = textOption(call, "reason") ?? "";
    // A task has no digest: the service says what completes it.
    const made = { id, verdict, comment, digest: digest || "none" };
    const { item } = await service.inbox.decide(edits === undefined ? made : { ...made, edits });
    printItem(requireShown(item), out);
    return EXIT.done;
  };
}

/** Says what is decided, and gives its digest. */
async function showAsked({ inbox }: Service, id: string, verb: string, out: Output) {
  const item = requireShown((await inbox.get({ id })).item);
  const { title, actionType, riskLevel, requestedBy, payload, digest, editable } = item;
  const risk = riskLevel === "" ? "" : `, risk ${riskLevel}`;
  const by = requestedBy === "" ? "" : `, asked by ${requestedBy}`;
  out.talk(`${verb}: ${title}`);
  out.talk(`action: ${actionType}${risk}${by}`);
  for (const line of payloadLines(payload)) out.talk(line);
  if (editable.length > 0) out.talk(editableLine(item));
  if (digest !== "") out.talk(`digest ${digest}`);
  return digest;
}

/** Inbox.Decide, approved. */
export const approve = decision(Verdict.APPROVE, "approve");
/** Inbox.Decide, denied. */
export const deny = decision(Verdict.DENY, "deny");

/** Inbox.CompleteTask, or with a run and a step CompleteStep. */
export const complete: Action = async (call) => {
  if (call.args.length > 1) return completeStep(call);
  const output = readJsonObject(call, "output", "outputFile");
  const { inbox } = connectService(await readSettings(call.options), textOption(call, "key"));
  const reason = textOption(call, "reason") ?? "";
  const request = { id: call.args[0] ?? "", reason, ...(output === undefined ? {} : { output }) };
  printItem(requireShown((await inbox.completeTask(request)).item), call.out);
  return EXIT.done;
};

type Change = (service: Service, id: string, reason: string) => Promise<{ item?: InboxItem }>;

/** One change of an open item. */
function change(ask: Change): Action {
  return async (call) => {
    const service = connectService(await readSettings(call.options), textOption(call, "key"));
    const reason = textOption(call, "reason") ?? "";
    printItem(requireShown((await ask(service, call.args[0] ?? "", reason)).item), call.out);
    return EXIT.done;
  };
}

/** Inbox.Claim. */
export const claim = change(({ inbox }, id, reason) => inbox.claim({ id, reason }));
/** Inbox.Release. */
export const release = change(({ inbox }, id, reason) => inbox.release({ id, reason }));
/** Inbox.Delegate. */
export const delegate: Action = (call) =>
  change(({ inbox }, id, reason) => inbox.delegate({ id, to: call.args[1] ?? "", reason }))(call);
/** Inbox.Comment. */
export const comment: Action = (call) =>
  change(({ inbox }, id) => inbox.comment({ id, comment: call.args[1] ?? "" }))(call);
