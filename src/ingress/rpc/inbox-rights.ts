/**
 * Who may act on an item of the Inbox.
 * Boundary: judges; refuses permission_denied with the cause. The scope was judged before (guard.ts).
 * Invariants:
 * 1. An agent decides nothing.
 * 2. Who is named acts, and no other caller. An item that names no person is for each caller with the scope.
 * 3. Who initiated or started the run, or a run above it, does not decide, unless the gate allows it.
 * 4. Who decided one request of a gate decides no other one, except the one that names this person: the gate counts a person
 *    once, and then asks for the first one again.
 * 5. A name of a group or a channel (`group:…`, `slack:…`) is for admins: tokens name no groups yet. Without authentication every actor passes for
 *    a member.
 */
import { ownValue } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { findStarters } from "../../store/reads/run-starters.ts";
import { recordedActor, refuseAgent, requireActor } from "./actor.ts";
import type { FoundItem } from "./inbox-items.ts";
import type { WriteDeps } from "./service-deps.ts";

/** Names of many people: groups, and channels that the built-in notifications reach. */
const MANY = /^(group|slack|teams|webhook):/;
/** Decisions that a person makes. */
const PERSONS: ReadonlySet<string> = new Set(["approved", "denied"]);

/** Refuses a caller who may not decide the approval. */
export async function requireDecider(deps: WriteDeps, item: FoundItem): Promise<void> {
  const actor = requireActor(deps);
  refuseAgent(deps.caller);
  requireNamed(deps, actor, item.ticket?.approver ?? "");
  const recorded = recordedActor(deps) ?? actor;
  if (item.ticket?.approver !== actor && hasDecidedAnother(item, recorded)) {
    throw denied("another request of the gate is decided by the same person");
  }
  const { step, row } = item;
  if (ownValue(step.def.config, "allow_self_approval") === true) return;
  const starters = await findStarters(deps.database.callers, deps.visibility, row.runId);
  if (starters.has(actor) || starters.has(recorded)) {
    throw denied("the run's initiator does not decide (config.allow_self_approval)");
  }
}

function hasDecidedAnother({ row, place }: FoundItem, recorded: string): boolean {
  const { approvals = [] } = row.detail ?? {};
  return approvals.some(
    ({ decision, decidedBy }, at) =>
      at !== place - 1 && decidedBy === recorded && PERSONS.has(decision),
  );
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
  if (MANY.test(named) && isMember) return;
  throw denied(`${named} is asked, not ${actor}`);
}

function denied(message: string): Refusal {
  return new Refusal("permission_denied", message);
}
