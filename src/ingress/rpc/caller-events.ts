/** Runs.PublishEvent: an event of a caller, as the bus would bring it. Boundary: the request; the bus is ingress/bus/. */
import {
  type PublishEventRequest,
  PublishEventRequestSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { asChange } from "../../wire/bus/content.ts";
import { CALLERS_SOURCE, ownerOfSource } from "../../wire/bus/owned-sources.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { checkFields } from "./fields.ts";
import type { WriteDeps } from "./service-deps.ts";

/** PublishEvent. */
export async function answerPublishEvent(deps: WriteDeps, request: PublishEventRequest) {
  refuseAgent(deps.caller);
  const { workspaceId, type, subject, reason, data = {} } = request;
  const faults = checkFields(PublishEventRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.require("type", type);
  const owner = ownerOfSource(request.source);
  if (owner !== undefined) faults.add("source", `is for the events of ${owner}`);
  if ("@type" in data) faults.add("data", "has @type, which is for the services of the platform");
  // Runs that a change starts have its agent as their initiator.
  if ((asChange("", data)?.actorAgentId ?? "") !== "") {
    faults.add("data", "names an agent as the actor of a change");
  }
  faults.refuseIfAny();
  const attributes = {
    type,
    time: new Date().toISOString(),
    ...given({ subject, reason, actor: recordedActor(deps) ?? "" }),
    ...given({ environment: deps.environment ?? "" }),
  };
  const { id, placed } = await deps.write.publishEvent({
    ...{ workspaceId, id: request.id, source: request.source || CALLERS_SOURCE, attributes, data },
  });
  const { stream, subject: busSubject, seq, duplicate } = placed;
  return { id, stream, busSubject, streamSeq: BigInt(seq), duplicate };
}

/** Those that are not empty. */
function given(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, text]) => text !== ""));
}
