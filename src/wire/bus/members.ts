/**
 * What events of the identity service say about a member of an organization.
 * Boundary: pure; whether the member may still start runs is judged elsewhere (ingress/bus/leavers.ts).
 * Invariant: only a NATS subject of the role `identity` is believed, and only an event about a member or a user: the end of a session is not
 * the end of its person.
 */
import type { MemberChange } from "../../engine/values/event.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { MEMBER } from "../proto/message-types.ts";
import type { Change } from "./content.ts";
import { readText } from "./loose-fields.ts";

/** The event that a message brings. */
interface MemberEvent {
  /** The first part of the NATS subject. */
  readonly role: string;
  /** Of the event, such as `identity.changes.member.removed`. */
  readonly type: string;
  /** Full name of the message of the data; "" for others. */
  readonly typeName: string;
  readonly data: JsonObject;
  readonly change: Change | undefined;
}

/** What an event may be about, as a Change or the type of the event names it. */
const MEMBERS: ReadonlySet<string> = new Set([
  "member",
  "membership",
  "organization_member",
  "user",
]);
/** Characters of what is read. */
const CHARS_AT_MOST = 256;

/** The member whom an event is about; undefined: it is about something else. */
export function readMember(event: MemberEvent): MemberChange | undefined {
  const { role, type, typeName, data, change } = event;
  if (role !== "identity") return undefined;
  const [verb = "", what = ""] = type.split(".").reverse();
  const named = change === undefined ? what : readText(data, ["aggregate_type"]);
  if (typeName !== MEMBER && !MEMBERS.has(named.toLowerCase())) return undefined;
  const body = change?.payload ?? data;
  const userId = readText(body, ["user_id"]) || (change?.aggregateId ?? "");
  if (userId === "" || userId.length > CHARS_AT_MOST) return undefined;
  const operation = change === undefined ? verb : readText(data, ["operation"]) || verb;
  return {
    userId,
    operation: word(operation),
    status: word(readText(body, ["status"])),
    role: word(readText(body, ["role"])),
  };
}

/** `MEMBER_STATUS_INACTIVE`, `member_role_viewer` and `Viewer` as `inactive` and `viewer`. */
function word(text: string): string {
  return text
    .slice(0, CHARS_AT_MOST)
    .toLowerCase()
    .replace(/^(organization_)?member_(status|role)_/, "");
}
