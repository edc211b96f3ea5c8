/**
 * Who may act on an item of the Inbox.
 * Boundary: judges; refuses permission_denied with the cause. The scope was judged before (guard.ts).
 * Invariants:
 * 1. An agent decides nothing.
 * 2. Who is named acts, and no other caller. An item that names no person is for each caller with the scope.
 * 3. A name of a group (`group:…`) is for admins: tokens name no groups yet. Without authentication every actor passes for
 *    a member.
 */
import { ownValue } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { refuseAgent, requireActor } from "./actor.ts";
import type { FoundItem } from "./inbox-items.ts";
import type { WriteDeps } from "./service-deps.ts";

const GROUP = "group:";

/** Refuses a caller who may not decide the approval. */
export function requireDecider(deps: WriteDeps, { step, row, ticket }: FoundItem): void {
  const actor = requireActor(deps);
  refuseAgent(deps.caller);
  requireNamed(deps, actor, ticket?.approver ?? "");
  const isOwn = actor === row.initiatorUserId || actor === row.initiatorAgentId;
  if (isOwn && ownValue(step.def.config, "allow_self_approval") !== true) {
    throw denied("the run's initiator does not decide (config.allow_self_approval)");
  }
}

/** Refuses a caller who may not complete the task. */
export function requireDoer(deps: WriteDeps, { row }: FoundItem): void {
  const actor = requireActor(deps);
  refuseAgent(deps.caller);
  requireNamed(deps, actor, row.detail?.asked?.assignee ?? "");
}

function requireNamed({ caller }: WriteDeps, actor: string, named: string): void {
  if (named === "" || named === actor) return;
  const isMember = caller === undefined || caller.scopes.has("workflows:admin");
  if (named.startsWith(GROUP) && isMember) return;
  throw denied(`${named} is asked, not ${actor}`);
}

function denied(message: string): Refusal {
  return new Refusal("permission_denied", message);
}
