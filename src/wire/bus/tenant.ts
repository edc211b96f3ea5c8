/**
 * Whose a message of the bus is, as far as it says, also where it cannot be read as an event.
 * Boundary: pure. Never throws, whatever the bytes are.
 */
import { findPayloadFault, isJsonObject } from "../../engine/values/json.ts";
import { placeOfSubject } from "../tasks/subjects.ts";
import { readAttribute } from "./attributes.ts";
import { decodeUtf8 } from "./data.ts";
import { decodeBusMessage } from "./events.ts";
import { parseJson, readField } from "./loose-fields.ts";
import type { BusMessage } from "./message.ts";

/** Results of workers: their subject names the workspace. */
const RESULTS = /^workflows\.results\./;
const HEADERS = ["ce-tenantid", "ce-tenant_id"];
const CHARS_AT_MOST = 256;

/** The workspace that the message names; undefined: it names none. */
export function workspaceOfMessage(message: BusMessage): string | undefined {
  const { subject } = message;
  if (RESULTS.test(subject)) return placeOfSubject(subject)?.workspaceId;
  const workspaceId = workspaceOfEvent(message);
  if (workspaceId !== undefined) return workspaceId;
  const named = HEADERS.map((name) => message.headers.get(name)?.trim() ?? "");
  const text = named.find((name) => name !== "") ?? tenantOfBody(message.data);
  const isStorable = findPayloadFault({ text }, 1) === undefined;
  return text !== "" && text.length <= CHARS_AT_MOST && isStorable ? text : undefined;
}

function workspaceOfEvent(message: BusMessage): string | undefined {
  try {
    const decoded = decodeBusMessage(message);
    return decoded.ok === true ? decoded.event.workspaceId : undefined;
  } catch {
    // A fault of ours that breaks decoding must not keep the message from being put aside.
    return undefined;
  }
}

function tenantOfBody(data: Uint8Array): string {
  const text = decodeUtf8(data);
  const body = text === undefined ? undefined : parseJson(text);
  if (!isJsonObject(body)) return "";
  return readAttribute((name) => readField(body, [name]), "tenantid", "tenant_id");
}
