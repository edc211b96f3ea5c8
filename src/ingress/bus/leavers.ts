/**
 * People who left, or lost the role by which they start runs, as events of the identity service say: their schedules are paused.
 * Boundary: judges a member; pausing is runtime/pause-for-leavers.ts. A role whose name is not known changes nothing.
 */
import { grantedScopes } from "../../collaborators/identity/callers.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { Leaver } from "../../runtime/pause-for-leavers.ts";

const GONE_BY_OPERATION =
  /^((remove|delete|deactivate|revoke|disable)d?|(suspend|deprovision)(ed)?|leave|left)$/;
const GONE_BY_STATUS =
  /^(inactive|removed|deleted|deactivated|suspended|deprovisioned|revoked|disabled|blocked|left)$/;
const BY = "identity";

/** The person of an event for whom nothing is to start any more; undefined: there is none. */
export function leaverOf({ workspaceId, member }: BusEvent): Leaver | undefined {
  if (member === undefined) return undefined;
  const { userId } = member;
  const why = whyGone(member);
  if (why === undefined) return undefined;
  return { workspaceId, userId, by: BY, reason: `${userId} ${why}` };
}

function whyGone({ operation, status, role }: NonNullable<BusEvent["member"]>): string | undefined {
  if (GONE_BY_OPERATION.test(operation)) return "left the workspace";
  if (GONE_BY_STATUS.test(status)) return `is ${status} in the workspace`;
  const scopes = grantedScopes([role]);
  if (scopes.size === 0 || scopes.has("workflows:run")) return undefined;
  return `has the role ${role} now, which starts no runs`;
}
