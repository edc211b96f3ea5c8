/**
 * Who may act on an item of the Inbox.
 * Boundary: judges; refuses permission_denied with the cause. The scope was judged before (guard.ts).
 * Invariants:
 * 1. An agent decides nothing, and nobody does over MCP.
 * 2. Who is named acts, and no other caller. An item that names no person is for each caller with the scope.
 * 3. Who initiated or started the run, a run above it, or one that it reruns does not decide, unless the gate allows it.
 * 4. Who decided one request of a gate decides no other one, except the one that names this person: the gate counts a person
 *    once, and then asks for the first one again.
 * 5. Who has claimed an item acts on it, and no other caller.
 * 6. A name of a group or a channel (`group:…`, `slack:…`) is for admins: tokens name no groups yet. Without authentication every actor passes for
 *    a member.
 */
import { ownValue } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { findStarters } from "../../store/reads/run-starters.ts";
import { recordedActor, refuseAgent, refuseMcp, requireActor } from "./actor.ts";
import { assigneeOf, claimantOf, type FoundItem } from "./inbox-items.ts";
import type { WriteDeps } from "./service-deps.ts";

/** Names of many people: groups, and channels that the built-in notifications reach. */
const MANY = /^(group|slack|teams|webhook):/;
/** Decisions that a person makes. */
const PERSONS: ReadonlySet<string> = new Set(["approved", "denied"]);

/** Refuses a caller who may not decide the approval, complete the task, or take the held step on. */
export async function requireActing(deps: WriteDeps, item: FoundItem): Promise<void> {
  refuseMcp(deps);
  if (item.kind === "approval") await requireDecider(deps, item);
  else requireDoer(deps, item);
  const claimant = claimantOf(item);
  if (claimant === "" || claimant === recordedActor(deps)) return;
  throw new Refusal("illegal_move", `the item is claimed by ${claimant}`, { from: "CLAIMED" });
}

/** Refuses a caller who may not end a claim. */
export function requireReleaser(deps: WriteDeps, item: FoundItem): void {
  requireCommenter(deps);
  const claimant = claimantOf(item);
  const isOwn = claimant === "" || claimant === recordedActor(deps);
  if (!isOwn && !isAdmin(deps)) throw denied(`the item is claimed by ${claimant}`);
}

/** Refuses a caller who may not ask this person instead. */
export async function requireDelegator(
  deps: WriteDeps,
  item: FoundItem,
  to: string,
): Promise<void> {
  const actor = requireCommenter(deps);
  const { approvals = [] } = item.row.detail ?? {};
  if (approvals.some(({ approver }, at) => approver === to && at !== item.place - 1)) {
    throw new Refusal("illegal_move", `the gate asks ${to} already`);
  }
  // Not to themself, nor to a name that admins act for: an admin who is not asked decides nothing.
  const isToAnother = to !== actor && !MANY.test(to);
  const isByAdmin = deps.caller !== undefined && isAdmin(deps);
  if (!isByAdmin || !isToAnother) await requireActing(deps, item);
}

/** Who comments; refuses an agent. */
export function requireCommenter(deps: WriteDeps): string {
  const actor = requireActor(deps);
  refuseAgent(deps.caller);
  return actor;
}

/** Refuses a caller who may not approve a deployment; no approvers: each caller with the scope may. */
export function requireDeployApprover(
  deps: WriteDeps,
  approvers: readonly string[],
  deployedBy: string,
): void {
  refuseMcp(deps);
  const actor = requireCommenter(deps);
  if (deployedBy === recordedActor(deps)) throw denied("who deploys does not approve it");
  const isNamed = approvers.length === 0 || approvers.includes(actor);
  if (isNamed || (isAdmin(deps) && approvers.some((name) => MANY.test(name)))) return;
  throw denied(`${approvers.join(", ")} is asked, not ${actor}`);
}

async function requireDecider(deps: WriteDeps, item: FoundItem): Promise<void> {
  const actor = requireCommenter(deps);
  requireNamed(deps, actor, assigneeOf(item));
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

function requireDoer(deps: WriteDeps, item: FoundItem): void {
  requireNamed(deps, requireCommenter(deps), assigneeOf(item));
}

function requireNamed(deps: WriteDeps, actor: string, named: string): void {
  if (named === "" || named === actor) return;
  if (MANY.test(named) && isAdmin(deps)) return;
  throw denied(`${named} is asked, not ${actor}`);
}

/** Without authentication each caller is. */
function isAdmin({ caller }: WriteDeps): boolean {
  return caller === undefined || caller.scopes.has("workflows:admin");
}

function denied(message: string): Refusal {
  return new Refusal("permission_denied", message);
}
