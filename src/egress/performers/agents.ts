/** Calls to the agents service: handing work over, and reading what came of it. */
import { AgentService } from "../../../gen/agents/v1/agents_pb.ts";
import { isNotFound } from "../../collaborators/fail-open.ts";
import type { CallResult } from "../../engine/values/call.ts";
import { readDelegate, readDelegationOutput } from "../../wire/calls/replies.ts";
import { decodeReadOutput } from "../../wire/calls/requests.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

const NO_OUTPUT: CallResult = { ok: true, value: { kind: "read_output" } };

/** AgentService.Delegate */
export function performDelegate({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const agents = clients.require("agents");
    const { delegate } = AgentService.method;
    return readDelegate(await agents.create(delegate, call.request, call));
  };
}

/**
 * The output that the other owner knows: a delegation's result (AgentService.GetDelegation). An objective has no output
 * in the contract, so without a delegation, or without the agents service, there is none and no call is made.
 */
export function performReadOutput({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const { delegationId } = decodeReadOutput(call.request);
    const agents = clients.find("agents");
    if (delegationId === "" || agents === undefined) return NO_OUTPUT;
    const { getDelegation } = AgentService.method;
    try {
      return readDelegationOutput(await agents.ask(getDelegation, { id: delegationId }, call));
    } catch (error) {
      if (isNotFound(error)) return NO_OUTPUT;
      throw error;
    }
  };
}
