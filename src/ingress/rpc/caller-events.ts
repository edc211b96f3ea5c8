/** Runs.PublishEvent: an event of a caller, as the bus would bring it. Boundary: the request; the bus is ingress/bus/. */
import {
  type PublishEventRequest,
  PublishEventRequestSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { checkFields } from "./fields.ts";
import type { WriteDeps } from "./service-deps.ts";

const SOURCE = "workflows.ops";

/** PublishEvent. */
export async function answerPublishEvent(deps: WriteDeps, request: PublishEventRequest) {
  refuseAgent(deps.caller);
  const { workspaceId, type, subject, reason, data = {} } = request;
  const faults = checkFields(PublishEventRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.require("type", type);
  // It would make the event one of a change, which names its own actor.
  if ("@type" in data) faults.add("data", "has @type, which is for the services of the platform");
  faults.refuseIfAny();
  const attributes = {
    type,
    source: request.source || SOURCE,
    time: new Date().toISOString(),
    ...given({ subject, reason, actor: recordedActor(deps) ?? "" }),
  };
  const { id, placed } = await deps.write.publishEvent({
    ...{ workspaceId, id: request.id, attributes, data },
  });
  const { stream, subject: busSubject, seq } = placed;
  return { id, stream, busSubject, streamSeq: BigInt(seq) };
}

/** Those that are not empty. */
function given(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, text]) => text !== ""));
}
