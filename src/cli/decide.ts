/** `workflows approve`, `deny`, `complete`, `claim`, `release`, `delegate` and `comment`: one item of the inbox each, or a step that is completed. */
import { type InboxItem, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { type Action, type Call, textOption } from "./call.ts";
import { EXIT } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { completeStep } from "./orders.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { printItem, requireShown } from "./show-item.ts";

/** Decides what the item asks now: its digest is read first. */
function decision(verdict: Verdict): Action {
  return async (call: Call) => {
    const { args, options, out } = call;
    const id = args[0] ?? "";
    const { inbox } = connectService(await readSettings(options), textOption(call, "key"));
    const { digest } = requireShown((await inbox.get({ id })).item);
    const comment = textOption(call, "reason") ?? "";
    // A task has no digest: the service says what completes it.
    const { item } = await inbox.decide({ id, verdict, comment, digest: digest || "none" });
    printItem(requireShown(item), out);
    return EXIT.done;
  };
}

/** Inbox.Decide, approved. */
export const approve = decision(Verdict.APPROVE);
/** Inbox.Decide, denied. */
export const deny = decision(Verdict.DENY);

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
