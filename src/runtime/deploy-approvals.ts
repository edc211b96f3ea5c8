/**
 * Deployments that need an approval: the policy that says so, and the decision.
 * Boundary: who may decide was judged before; rows are store/deployments.ts and store/deploy-policies.ts.
 * Invariants:
 * 1. What is approved is the version and the vars of the row, which never change. A newer deployment to the environment ends it.
 * 2. A decision counts once, under the definition's lock.
 */
import { createHash } from "node:crypto";
import { PRODUCTION } from "../engine/values/environment.ts";
import { Refusal } from "../process/refusal.ts";
import type { Tx } from "../store/database.ts";
import {
  lockDeployPolicy,
  type NewDeployPolicy,
  saveDeployPolicy,
} from "../store/deploy-policies.ts";
import { decideWaiting, endDeployment, withdrawWaiting } from "../store/deployments.ts";
import { type DefinitionRow, findDefinition, findVersions } from "../store/reads/definitions.ts";
import { type DeployPolicyRow, findDeployPolicy, ruleOf } from "../store/reads/deploy-policies.ts";
import { type DeploymentRow, findDeployment } from "../store/reads/deployments.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { deploymentEvent } from "./definition-events.ts";
import {
  commitWithEvents,
  type DefinitionDeps,
  leadWith,
  lockSeen,
  requireOpen,
} from "./definitions.ts";
import { requireRules } from "./deploy-rules.ts";
import { requireRunnable } from "./runnable-versions.ts";

/** Puts a policy; `etag` is that of the policy that was read. Refuses etag_mismatch where it was changed since. */
export async function putDeployPolicy(
  deps: DefinitionDeps,
  policy: NewDeployPolicy & { readonly etag: string },
): Promise<DeployPolicyRow> {
  const { workspaceId, etag } = policy;
  return commitWithEvents(deps, async (tx) => {
    await lockDeployPolicy(tx, workspaceId);
    const before = await findDeployPolicy(tx, EVERY_WORKSPACE, workspaceId);
    const stored = etagOf(before);
    if (stored !== etag) {
      throw new Refusal("etag_mismatch", "the policy is not the one that was read: read it again", {
        ...{
          resource: { type: "deploy_policy", name: workspaceId },
          etags: { sent: etag, stored },
        },
      });
    }
    await saveDeployPolicy(tx, policy);
    const row = await findDeployPolicy(tx, EVERY_WORKSPACE, workspaceId);
    if (row === undefined) throw new Error("a policy is not stored");
    return { row, madeId: workspaceId, definitionId: workspaceId, events: [] };
  });
}

/** Stands for a policy as it was read; "" for none. */
export function etagOf(policy: DeployPolicyRow | undefined): string {
  if (policy === undefined) return "";
  const { updatedAt, rules } = policy;
  const text = JSON.stringify([updatedAt.getTime(), rules]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** A decision on a deployment that waits for one. */
export interface DeployVerdict {
  readonly id: string;
  readonly isApproved: boolean;
  readonly by: string;
  readonly reason: string;
}

/** A decision, and the program through which who decides came; "": it does not say. */
interface ToldVerdict extends DeployVerdict {
  readonly via: string;
}

/**
 * Decides it. A repeat gives it as it is; refuses illegal_move where it waits no more, and an approval where the workflow is archived, the
 * version cannot run any more, or the policy asks for more by now.
 */
export async function decideDeployment(
  deps: DefinitionDeps,
  seen: Pick<DeploymentRow, "definitionId" | "workspaceId" | "versionId" | "state">,
  verdict: DeployVerdict,
): Promise<DeploymentRow> {
  const { definitionId, workspaceId } = seen;
  if (verdict.isApproved) await requireRunnableNow(deps, seen);
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const row = await requireDeployment(tx, verdict.id);
    const made = { madeId: row.id, definitionId, events: [], isDeployed: verdict.isApproved };
    if (row.state !== "PENDING_APPROVAL") {
      const isRepeat = row.decidedBy === verdict.by && isApproved(row) === verdict.isApproved;
      if (isRepeat && row.decidedBy !== "") return { row, ...made };
      const resource = { type: "inbox_item", name: row.id };
      const to = verdict.isApproved ? "ACTIVE" : "REJECTED";
      throw new Refusal("illegal_move", `the deployment is ${row.state}`, {
        ...{ resource, from: row.state, to },
      });
    }
    const told = { ...verdict, via: deps.via ?? "" };
    if (verdict.isApproved) await approve(tx, definition, row, told);
    else await decide(tx, told, { state: "REJECTED", supersedes: "" });
    const decided = await requireDeployment(tx, row.id);
    const event = deploymentEvent(definition, decided, verdict.by, verdict.reason);
    return { row: decided, ...made, events: [event] };
  });
}

/** A withdrawal of a deployment that waits for an approval. */
export interface Withdrawal {
  readonly id: string;
  readonly by: string;
  /** They may withdraw what others made. */
  readonly isAdmin: boolean;
  readonly reason: string;
}

/** Withdraws it. A repeat gives it as it is; refuses illegal_move where it waits no more, permission_denied for what another one made. */
export async function withdrawDeployment(
  deps: DefinitionDeps,
  seen: Pick<DeploymentRow, "definitionId" | "workspaceId">,
  { id, by, isAdmin, reason }: Withdrawal,
): Promise<DeploymentRow> {
  const { definitionId, workspaceId } = seen;
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const row = await requireDeployment(tx, id);
    const made = { madeId: id, definitionId, events: [] };
    if (row.deployedBy !== by && !isAdmin) {
      const who = row.deployedBy === "" ? "somebody else" : row.deployedBy;
      throw new Refusal(
        "permission_denied",
        `${who} made the deployment: an admin may withdraw it`,
      );
    }
    const isWithdrawn = row.state === "RETIRED" && row.activeAt === null;
    if (isWithdrawn) return { row, ...made };
    if (row.state !== "PENDING_APPROVAL") {
      const resource = { type: "deployment", name: id };
      throw new Refusal("illegal_move", `the deployment is ${row.state}`, {
        ...{ resource, from: row.state, to: "RETIRED" },
      });
    }
    await withdrawWaiting(tx, id, reason);
    const withdrawn = await requireDeployment(tx, id);
    const events = [deploymentEvent(definition, withdrawn, by, reason)];
    return { row: withdrawn, ...made, events };
  });
}

/** Before the lock, for it takes a while. */
async function requireRunnableNow(
  { database: { callers } }: DefinitionDeps,
  { definitionId, versionId, state }: Pick<DeploymentRow, "definitionId" | "versionId" | "state">,
): Promise<void> {
  if (state !== "PENDING_APPROVAL") return;
  const definition = await findDefinition(callers, EVERY_WORKSPACE, definitionId);
  const [version] = await findVersions(callers, EVERY_WORKSPACE, [versionId]);
  // What is gone is refused under the lock.
  if (definition === undefined || version === undefined) return;
  await requireRunnable(callers, definition, version);
}

/** Whether a deployment that was decided was approved. */
export function isApproved({ activeAt }: DeploymentRow): boolean {
  return activeAt !== null;
}

async function approve(
  tx: Tx,
  { latestVersionId, workspaceId }: DefinitionRow,
  row: DeploymentRow,
  verdict: ToldVerdict,
): Promise<void> {
  const { definitionId, environment, versionId } = row;
  await requireOpen(tx, definitionId);
  const rule = ruleOf(await findDeployPolicy(tx, EVERY_WORKSPACE, workspaceId), environment);
  const version = { id: versionId, version: row.version, definitionId };
  await requireRules(tx, rule, version, { workspaceId, isSimulated: row.simulatedAt !== null });
  const place = { definitionId, environment };
  const supersedes = (await endDeployment(tx, place, "ACTIVE", "SUPERSEDED")) ?? "";
  await decide(tx, verdict, { state: "ACTIVE", supersedes });
  if (environment !== PRODUCTION || latestVersionId === versionId) return;
  const [stored] = await findVersions(tx, EVERY_WORKSPACE, [versionId]);
  if (stored === undefined) throw new Error(`version ${versionId} is not stored`);
  await leadWith(tx, stored);
}

async function decide(
  tx: Tx,
  { id, by, via, reason }: ToldVerdict,
  outcome: { readonly state: "ACTIVE" | "REJECTED"; readonly supersedes: string },
): Promise<void> {
  const isDone = await decideWaiting(tx, { id, by, via, reason, ...outcome });
  if (!isDone) throw new Error(`deployment ${id} was decided under the lock of its definition`);
}

async function requireDeployment(tx: Tx, id: string): Promise<DeploymentRow> {
  const row = await findDeployment(tx, EVERY_WORKSPACE, id);
  if (row === undefined) throw new Error(`deployment ${id} is not stored`);
  return row;
}
