/**
 * NOTIFICATION: sends a message. It waits for the send only if config.blocking is true.
 * Boundary: see contract.ts. The result of a non-blocking send is only recorded.
 */
import type { Draft } from "../../draft/draft.ts";
import { failure, goBadly, succeed } from "../../flow/ending.ts";
import type { CallResult } from "../../values/call.ts";
import type { Reply } from "../../values/reply.ts";
import { MAY_HAVE_ACTED } from "../../values/run.ts";
import type { StepBehaviour } from "../contract.ts";
import { completeTransparently, failAttempt, PLAIN_BEHAVIOUR, textSetting } from "../plain.ts";
import { renderConfig } from "../render-config.ts";

/** NOTIFICATION. */
export const notification: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin({ draft, index }, input) {
    const config = renderConfig(draft, index, input);
    if (!config.ok) {
      goBadly(draft, index, failure(config.problem, true));
      return;
    }
    const { def } = draft.step(index);
    draft.marks.addFlag(index, MAY_HAVE_ACTED);
    draft.call(index, {
      kind: "send_notification",
      workspaceId: draft.run.workspaceId,
      channel: def.notificationChannel,
      template: def.notificationTemplate,
      variables: { ...input, run_id: draft.run.id, step_id: def.id },
      recipient: textSetting(config.value, "recipient"),
      subject: textSetting(config.value, "subject"),
      body: textSetting(config.value, "body"),
      priority: textSetting(config.value, "priority"),
    });
    if (config.value.blocking !== true) succeed(draft, index, { output: {}, extendsInput: true });
  },
  unawaitedReturned: ({ draft, index }, { call, result }) =>
    call === "send_notification" && draft.step(index).def.config.blocking !== true
      ? recordSend(draft, index, result)
      : undefined,
  callReturned({ draft, index }, value) {
    if (value.kind !== "send_notification") return;
    draft.rows.row(index).notificationId = value.notificationId;
    succeed(draft, index, { output: {}, extendsInput: true });
  },
  completedByHand: completeTransparently,
  failedByHand: failAttempt,
  retriesTimeout: true,
};

/** The step COMPLETED when the send began. */
function recordSend(draft: Draft, index: number, result: CallResult): Reply {
  const row = draft.rows.row(index);
  if (!result.ok) row.errorMessage = `notification not sent: ${result.message}`;
  else if (result.value.kind === "send_notification") {
    row.notificationId = result.value.notificationId;
  }
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  return { kind: "applied" };
}
