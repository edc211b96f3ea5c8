/**
 * Events of the service itself, read back from the bus in any of the formats that it publishes (BUS_FORMAT).
 * Boundary: pure; bytes in, a value out. What no release of the service can have published is undefined.
 */
import { parsePointInTime } from "../../engine/graph/point-in-time.ts";
import { findPayloadFault, type JsonObject } from "../../engine/values/json.ts";
import { MAX_PAYLOAD_DEPTH } from "../../engine/values/limits.ts";
import type { PublishedEvent } from "../../engine/values/published-event.ts";
import { MAX_EVENT_BYTES } from "../events/cloud-events.ts";
import { readEnvelope } from "./events.ts";
import { readObject, readText } from "./loose-fields.ts";
import type { BusMessage } from "./message.ts";

const SOURCE = "workflows";
/** A payload is within the run or the step, which is within the data. */
const DEPTH_AT_MOST = MAX_PAYLOAD_DEPTH + 4;

/** The event of a message; undefined: it is none of ours. */
export function readOwnEvent(message: BusMessage): PublishedEvent | undefined {
  const bytes = message.data.byteLength;
  if (bytes > MAX_EVENT_BYTES) return undefined;
  const read = readEnvelope(message);
  if (read.ok !== true || read.envelope.source !== SOURCE) return undefined;
  const { id, source, type, subject, time, workspaceId, dataSchema, data } = read.envelope;
  const timeMs = parsePointInTime(time);
  if (timeMs === undefined || findPayloadFault(data, DEPTH_AT_MOST) !== undefined) return undefined;
  // The platform's own envelope has the tenant in a field.
  const extensions = { ...read.envelope.extensions, tenantid: workspaceId };
  const attributes = { id, source, type, subject, timeMs, workspaceId, dataSchema, extensions };
  return { ...attributes, data, bytes, ...idsOf(data) };
}

/** What the data is about: a step's event names its run, a run's event has it, a change has what was changed. */
function idsOf(data: JsonObject): Pick<PublishedEvent, "runId" | "definitionId"> {
  const run = readObject(data, ["run"]);
  if (run !== undefined) {
    return { runId: readText(run, ["id"]), definitionId: readText(run, ["definition_id"]) };
  }
  const changed = readObject(data, ["payload"]) ?? {};
  return {
    runId: readText(data, ["run_id"]),
    definitionId:
      readText(data, ["definition_id"]) ||
      readText(changed, ["definition_id"]) ||
      readText(data, ["aggregate_id"]),
  };
}
