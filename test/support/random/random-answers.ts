/** Answers to the calls of a run in memory. */
import type { CallValue, IssuedCall } from "../../../src/engine/values/call.ts";
import type { BareInput } from "../engine/engine-run.ts";
import type { RandomNumbers } from "./random-numbers.ts";

/** What a call comes back with; in trouble it is refused, or decided the other way. */
export function answerTo(random: RandomNumbers, issued: IssuedCall, isTrouble: boolean): BareInput {
  if (issued.call.kind === "compensate_run") {
    const compensated = random.chance(40);
    return returned(issued, { ok: true, value: { kind: "compensate_run", compensated } });
  }
  if (isTrouble && random.chance(60)) return returned(issued, { ok: false, message: "refused" });
  const value = callValueOf(issued);
  if (value.kind === "evaluate_action" && (isTrouble || random.chance(40))) {
    const decision = random.pick(["DENY", "REQUIRE_APPROVAL", "UNSPECIFIED"]) ?? "DENY";
    return returned(issued, { ok: true, value: { ...value, decision } });
  }
  if (value.kind === "request_approval") {
    const autoApproved = random.chance(15);
    return returned(issued, { ok: true, value: { ...value, autoApproved } });
  }
  if (value.kind === "query_usage") {
    return returned(issued, { ok: true, value: { ...value, costUsd: random.below(3) } });
  }
  if (value.kind === "read_output" && random.chance(30)) {
    return returned(issued, { ok: true, value: { kind: "read_output" } });
  }
  return returned(issued, { ok: true, value });
}

/** An answer with which the step goes on. */
export function goodAnswerTo(issued: IssuedCall): BareInput {
  return returned(issued, { ok: true, value: callValueOf(issued) });
}

function returned(
  { id, call, stepIndex, attempt }: IssuedCall,
  result: Extract<BareInput, { kind: "call_returned" }>["result"],
): BareInput {
  return { kind: "call_returned", callId: id, call: call.kind, stepIndex, attempt, result };
}

function callValueOf(issued: IssuedCall): CallValue {
  switch (issued.call.kind) {
    case "look_up":
      return { kind: "look_up", resolution: { agentId: "found", skillId: "" } };
    case "create_objective":
      return { kind: "create_objective", objectiveId: `o-${issued.id}` };
    case "delegate":
      return { kind: "delegate", delegationId: `d-${issued.id}`, agentId: "" };
    case "read_output":
      return { kind: "read_output", output: { o: 3 } };
    case "query_usage":
      return { kind: "query_usage", costUsd: 1 };
    case "cancel_objective":
      return { kind: "cancel_objective" };
    case "request_approval":
      return { kind: "request_approval", requestId: `r-${issued.id}`, autoApproved: false };
    case "escalate_approval":
      return { kind: "escalate_approval" };
    case "start_run":
      return { kind: "start_run", runId: `r-${issued.id}` };
    case "cancel_run":
      return { kind: "cancel_run" };
    case "compensate_run":
      return { kind: "compensate_run", compensated: true };
    case "tell_parent":
      return { kind: "tell_parent" };
    case "start_rerun":
      return { kind: "start_rerun", runId: `r-${issued.id}` };
    case "evaluate_action":
      return { kind: "evaluate_action", decision: "ALLOW", riskLevel: "", reasons: [] };
    case "send_notification":
      return { kind: "send_notification", notificationId: `n-${issued.id}` };
  }
}
