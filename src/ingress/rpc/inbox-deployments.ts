/**
 * Deployments that wait for an approval, as items of the Inbox.
 * Boundary: what List, Count, Get and Decide do for an item of the kind DEPLOY; the others are of steps (inbox-items.ts).
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type InboxDecideRequest,
  type InboxItem,
  InboxItemSchema,
  ItemKind,
  ItemState,
  Verdict,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { isApproved } from "../../runtime/deploy-approvals.ts";
import { findDefinition } from "../../store/reads/definitions.ts";
import { findDeployPolicy, ruleOf } from "../../store/reads/deploy-policies.ts";
import {
  type DeploymentRow,
  findDeployment,
  listWaitingDeployments,
  type WaitingDeployment,
} from "../../store/reads/deployments.ts";
import { recordedActor } from "./actor.ts";
import { invalidFields } from "./fields.ts";
import { requireDeployApprover } from "./inbox-rights.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const LISTED_AT_MOST = 100;
const ID = /^dep_[A-Za-z0-9]+$/;

/** Whether an item's id is a deployment's. */
export function isDeploymentItem(id: string): boolean {
  return ID.test(id);
}

/** Which of them a list shows. */
interface DeployFilters {
  readonly workspaceId: string;
  /** Undefined: those of all people. */
  readonly assignee: string | undefined;
  /** Empty: every kind. */
  readonly kinds: readonly ItemKind[];
}

/** Whether a list of these kinds shows deployments; empty: every kind. */
export function showsDeployments(kinds: readonly ItemKind[]): boolean {
  return kinds.length === 0 || kinds.includes(ItemKind.DEPLOY);
}

/** The newest deployments that wait, 100 at most. */
export async function waitingItems(
  deps: ReadDeps,
  { workspaceId, assignee, kinds }: DeployFilters,
): Promise<InboxItem[]> {
  if (!showsDeployments(kinds)) return [];
  const { lists } = deps.database;
  const [rows, policy] = await Promise.all([
    listWaitingDeployments(lists, deps.visibility, workspaceId, LISTED_AT_MOST),
    findDeployPolicy(lists, deps.visibility, workspaceId),
  ]);
  return rows.flatMap((waiting) => {
    const approvers = ruleOf(policy, waiting.deployment.environment)?.approvers ?? [];
    const isShown = assignee === undefined || approvers.includes(assignee);
    return isShown ? [itemOf(waiting, approvers)] : [];
  });
}

/** The item of a deployment, open or decided; not_found for one that needed no approval. */
export async function readDeploymentItem(deps: ReadDeps, id: string): Promise<InboxItem> {
  const { waiting, approvers } = await requireWaiting(deps, id);
  const { version, environment, vars, note } = waiting.deployment;
  const payload: JsonObject = { environment, version, note, vars: vars ?? {} };
  return itemOf(waiting, approvers, { payload });
}

/** Decide, for a deployment. */
export async function decideDeploymentItem(deps: WriteDeps, request: InboxDecideRequest) {
  const { id, comment, digest, verdict, edits } = request;
  if (edits !== undefined) {
    throw invalidFields([{ field: "edits", description: "change no deployment" }]);
  }
  const { waiting, approvers } = await requireWaiting(deps, id);
  const { deployment } = waiting;
  requireDeployApprover(deps, approvers, deployment.deployedBy);
  if (digest.toLowerCase() !== deployment.digest) {
    const resource = { type: "inbox_item", name: id };
    const message = "the digest is not that of the item: read it again";
    throw new Refusal("illegal_move", message, { resource });
  }
  const decided = await deps.write.decideDeployment(deployment, {
    ...{ id, isApproved: verdict === Verdict.APPROVE, reason: comment },
    by: recordedActor(deps) ?? "",
  });
  return { item: itemOf({ ...waiting, deployment: decided }, approvers) };
}

/** The workspace of a deployment's item. */
export async function workspaceOfDeployment(
  { database, visibility }: ReadDeps,
  id: string,
): Promise<string | undefined> {
  return (await findDeployment(database.callers, visibility, id))?.workspaceId;
}

async function requireWaiting(
  { database, visibility }: ReadDeps,
  id: string,
): Promise<{ waiting: WaitingDeployment; approvers: readonly string[] }> {
  const { callers } = database;
  const deployment = await findDeployment(callers, visibility, id);
  if (deployment === undefined || deployment.digest === "") {
    const resource = { type: "inbox_item", name: id };
    throw new Refusal("not_found", `there is no item ${id}`, { resource });
  }
  const { definitionId, workspaceId, environment } = deployment;
  const [definition, policy] = await Promise.all([
    findDefinition(callers, visibility, definitionId),
    findDeployPolicy(callers, visibility, workspaceId),
  ]);
  const approvers = ruleOf(policy, environment)?.approvers ?? [];
  return { waiting: { deployment, name: definition?.name ?? definitionId }, approvers };
}

function itemOf(
  { deployment, name }: WaitingDeployment,
  approvers: readonly string[],
  more: MessageInitShape<typeof InboxItemSchema> = {},
): InboxItem {
  const { id, workspaceId, definitionId, environment, version, digest, at } = deployment;
  const isDecided = deployment.decidedBy !== "" || deployment.state === "REJECTED";
  const [only = ""] = approvers.length === 1 ? approvers : [];
  return create(InboxItemSchema, {
    ...{ id, workspaceId, definitionId, digest, assignee: only },
    kind: ItemKind.DEPLOY,
    state: stateOf(deployment, isDecided),
    title: `Deploy ${name} version ${version} to ${environment}`,
    instructions: deployment.note,
    requestedBy: deployment.deployedBy,
    ...{ actionType: "workflow.deploy", riskLevel: "HIGH", needed: 1 },
    given: isDecided && isApproved(deployment) ? 1 : 0,
    createdAt: timestampFromDate(at),
    decisions: isDecided ? [decisionOf(deployment)] : [],
    ...more,
  });
}

function stateOf({ state }: DeploymentRow, isDecided: boolean): ItemState {
  if (state === "PENDING_APPROVAL") return ItemState.OPEN;
  return isDecided ? ItemState.DONE : ItemState.VOID;
}

function decisionOf(deployment: DeploymentRow) {
  const { decidedBy, decisionReason: reason } = deployment;
  return { decision: isApproved(deployment) ? "approved" : "denied", decidedBy, reason };
}
