/**
 * What the data of an event is: the message of a known type, a Change around an object, a tap event
 * or any JSON object.
 *
 * Boundary: JSON in, JSON out; attributes and roles are events.ts's.
 */
import type { TapFacts } from "../../engine/values/event.ts";
import { isJsonObject, type JsonObject, ownValue, putValue } from "../../engine/values/json.ts";
import { CHANGE, findMessageType, STRUCT, TAP, typeNameOfUrl } from "../proto/message-types.ts";
import { withProtoNames } from "../proto/names.ts";
import { readText } from "./loose-fields.ts";
import type { Envelope } from "./message.ts";

/** An object's change: what it is now, its id, and the agent that changed it ("" for others). */
export interface Change {
  readonly payload: JsonObject;
  readonly aggregateId: string;
  readonly actorAgentId: string;
}

/** Full name of the data's message: its `@type`, else the end of the data schema, else "". */
export function typeNameOf({ data, dataSchema }: Pick<Envelope, "data" | "dataSchema">): string {
  const marked = ownValue(data, "@type");
  return typeNameOfUrl(typeof marked === "string" && marked !== "" ? marked : dataSchema);
}

/**
 * The data without the mark of its type; fields of a message that is known have their proto names.
 * An Any keeps the JSON of a Struct under `value` (proto3 JSON mapping of well-known types).
 */
export function contentOf(data: JsonObject, typeName: string): JsonObject {
  const isMarked = Object.hasOwn(data, "@type");
  if (typeName === STRUCT) {
    const value = ownValue(data, "value");
    return isMarked && isJsonObject(value) ? value : data;
  }
  const type = findMessageType(typeName);
  const content = isMarked ? withoutMark(data) : data;
  return type === undefined ? content : withProtoNames(type, content);
}

/** The data as a Change, recognised by its type or by its fields. */
export function asChange(typeName: string, data: JsonObject): Change | undefined {
  const payload = ownValue(data, "payload");
  const aggregateId = readText(data, ["aggregate_id"]);
  if (typeName !== CHANGE && (!isJsonObject(payload) || aggregateId === "")) return undefined;
  const byAgent = /^(actor_type_)?agent$/i.test(readText(data, ["actor_type"]));
  return {
    payload: isJsonObject(payload) ? payload : {},
    aggregateId,
    actorAgentId: byAgent ? readText(data, ["actor_id"]) : "",
  };
}

/** The facts of a tap event; on a subject of `siphon` the data needs no type. */
export function asTap(typeName: string, role: string, data: JsonObject): TapFacts | undefined {
  const provider = readText(data, ["provider"]);
  const isUnnamedTap = typeName === "" && role === "siphon" && provider !== "";
  if (typeName !== TAP && !isUnnamedTap) return undefined;
  return {
    provider,
    entityType: readText(data, ["entity_type"]),
    entityId: readText(data, ["entity_id"]),
    action: readText(data, ["action"]),
  };
}

function withoutMark(data: JsonObject): JsonObject {
  const content: JsonObject = {};
  for (const [key, field] of Object.entries(data)) {
    if (key !== "@type") putValue(content, key, field);
  }
  return content;
}
