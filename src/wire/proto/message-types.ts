/**
 * The protobuf messages that data of events may be.
 *
 * Boundary: descriptors by full name; does not interpret events.
 */
import { createRegistry, type DescMessage } from "@bufbuild/protobuf";
import { EmptySchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { file_agents_v1_agents } from "../../../gen/agents/v1/agents_pb.ts";
import { file_approvals_v1_approvals } from "../../../gen/approvals/v1/approvals_pb.ts";
import { file_entities_v1_entities } from "../../../gen/entities/v1/entities_pb.ts";
import { file_events_v1_change } from "../../../gen/events/v1/change_pb.ts";
import { file_governance_v1_governance } from "../../../gen/governance/v1/governance_pb.ts";
import { file_identity_v1_organizations } from "../../../gen/identity/v1/organizations_pb.ts";
import { file_notifications_v1_notifications } from "../../../gen/notifications/v1/notifications_pb.ts";
import { file_objectives_v1_objectives } from "../../../gen/objectives/v1/objectives_pb.ts";
import { file_prompts_v1_prompts } from "../../../gen/prompts/v1/prompts_pb.ts";
import { file_registry_v1_registry } from "../../../gen/registry/v1/registry_pb.ts";
import { file_skills_v1_skills } from "../../../gen/skills/v1/skills_pb.ts";
import { file_tap_v1_event } from "../../../gen/tap/v1/event_pb.ts";
import { file_workflows_v1_workflows } from "../../../gen/workflows/v1/workflows_pb.ts";

/** Full name of the message that wraps a change of an object. */
export const CHANGE = "events.v1.Change";
/** Full name of the message of a change in an external system. */
export const TAP = "tap.v1.TapEventData";
/** Full name of the message of a person in an organization. */
export const MEMBER = "identity.v1.Member";
/** Full name of the message that holds any JSON object. */
export const STRUCT = "google.protobuf.Struct";
/** Full name of the message that holds another message with its type. */
export const ANY = "google.protobuf.Any";

const known = createRegistry(
  file_agents_v1_agents,
  file_approvals_v1_approvals,
  file_entities_v1_entities,
  file_events_v1_change,
  file_governance_v1_governance,
  file_identity_v1_organizations,
  file_notifications_v1_notifications,
  file_objectives_v1_objectives,
  file_prompts_v1_prompts,
  file_registry_v1_registry,
  file_skills_v1_skills,
  file_tap_v1_event,
  file_workflows_v1_workflows,
  StructSchema,
  EmptySchema,
);

/** The message of this full name, undefined when the service does not know it. */
export function findMessageType(typeName: string): DescMessage | undefined {
  return known.getMessage(typeName);
}

/** The full name at the end of a type URL or of a data schema's URI. */
export function typeNameOfUrl(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
