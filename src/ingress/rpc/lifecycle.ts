/**
 * PauseRun, ResumeRun, CancelRun, CompensateRun, and the submitting of an input for a caller.
 * Boundary: which moves are legal is the engine's; a refusal of it becomes a Refusal here.
 */
import {
  type CancelRunRequest,
  CancelRunRequestSchema,
  type CompensateRunRequest,
  CompensateRunRequestSchema,
  type PauseRunRequest,
  PauseRunRequestSchema,
  type ResumeRunRequest,
  ResumeRunRequestSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Cause, Input } from "../../engine/values/input.ts";
import type { Reply } from "../../engine/values/reply.ts";
import { Refusal } from "../../process/refusal.ts";
import { recordedActor } from "./actor.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import { readRunMessage } from "./run-answers.ts";
import type { WriteDeps } from "./service-deps.ts";

/** PauseRun: RUNNING → PAUSED; a paused run is returned unchanged. */
export async function answerPauseRun(deps: WriteDeps, request: PauseRunRequest) {
  requireId(checkFields(PauseRunRequestSchema, request), request.id);
  const { reason } = request;
  const cause = causeOf(deps, "PauseRun");
  return { run: await applyToRun(deps, request.id, { kind: "pause_requested", reason, cause }) };
}

/** ResumeRun: PAUSED → RUNNING. */
export async function answerResumeRun(deps: WriteDeps, request: ResumeRunRequest) {
  requireId(checkFields(ResumeRunRequestSchema, request), request.id);
  const cause = causeOf(deps, "ResumeRun");
  return { run: await applyToRun(deps, request.id, { kind: "resume_requested", cause }) };
}

/** CancelRun: PENDING, RUNNING or PAUSED → CANCELLED. */
export async function answerCancelRun(deps: WriteDeps, request: CancelRunRequest) {
  requireId(checkFields(CancelRunRequestSchema, request), request.id);
  const { reason } = request;
  const cause = causeOf(deps, "CancelRun");
  return { run: await applyToRun(deps, request.id, { kind: "cancel_requested", reason, cause }) };
}

/** CompensateRun: compensates what the run did. */
export async function answerCompensateRun(deps: WriteDeps, request: CompensateRunRequest) {
  requireId(checkFields(CompensateRunRequestSchema, request), request.id);
  const { reason } = request;
  const cause = causeOf(deps, "CompensateRun");
  const input: Input = { kind: "compensate_requested", reason, cause };
  return { run: await applyToRun(deps, request.id, input) };
}

/** Hands an input in; returns once it is committed, throws what the engine refuses. */
export async function submitInput(
  deps: WriteDeps,
  runId: string,
  input: Input,
): Promise<"applied" | "unchanged"> {
  const { reply } = await deps.write.submit(runId, input);
  if (reply.kind === "refused") throw refusalOf(reply, runId, input);
  return reply.kind;
}

/** The cause of a move that an RPC made: by its caller, else by whom the request names. */
export function causeOf(deps: WriteDeps, method: string, named = ""): Cause {
  const by = recordedActor(deps) ?? named;
  const { via } = deps;
  return {
    ...{ kind: "rpc", id: method },
    ...(by === "" ? {} : { by }),
    ...(via === undefined ? {} : { via }),
  };
}

async function applyToRun(deps: WriteDeps, runId: string, input: Input) {
  await submitInput(deps, runId, input);
  return readRunMessage(deps, runId);
}

function requireId(faults: Faults, id: string): void {
  faults.require("id", id);
  faults.refuseIfAny();
}

function stepIdOf(input: Input): string {
  if (input.kind === "step_reported") return input.report.stepId;
  const isOfStep = input.kind === "step_ordered" || input.kind === "edits_kept";
  return isOfStep ? input.order.stepId : "";
}

function refusalOf(
  reply: Extract<Reply, { kind: "refused" }>,
  runId: string,
  input: Input,
): Refusal {
  const { message, from, to, field } = reply;
  switch (reply.reason) {
    case "illegal_move": {
      const resource = { type: "run", name: runId };
      return new Refusal("illegal_move", message, { from, to, resource });
    }
    case "unknown_step": {
      const stepId = stepIdOf(input);
      const resource = { type: "step", name: stepId };
      return new Refusal("not_found", message, { resource });
    }
    case "bad_input":
      return invalidFields([{ field: field ?? "", description: message }]);
  }
}
