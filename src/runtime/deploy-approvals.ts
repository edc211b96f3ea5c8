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
import { decideWaiting, endDeployment } from "../store/deployments.ts";
import { type DefinitionRow, findVersions } from "../store/reads/definitions.ts";
import { type DeployPolicyRow, findDeployPolicy } from "../store/reads/deploy-policies.ts";
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

/** Puts a policy; `etag` is that of the policy that was read. Refuses illegal_move where it was changed since. */
export async function putDeployPolicy(
  deps: DefinitionDeps,
  policy: NewDeployPolicy & { readonly etag: string },
): Promise<DeployPolicyRow> {
  const { workspaceId, etag } = policy;
  return commitWithEvents(deps, async (tx) => {
    await lockDeployPolicy(tx, workspaceId);
    const before = await findDeployPolicy(tx, EVERY_WORKSPACE, workspaceId);
    if (etagOf(before) !== etag) {
      throw new Refusal("illegal_move", "the policy is not the one that was read: read it again");
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

/** Decides it. A repeat gives it as it is; refuses illegal_move where it waits no more, and the approval of an archived workflow's. */
export async function decideDeployment(
  deps: DefinitionDeps,
  seen: Pick<DeploymentRow, "definitionId" | "workspaceId">,
  verdict: DeployVerdict,
): Promise<DeploymentRow> {
  const { definitionId, workspaceId } = seen;
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const row = await requireDeployment(tx, verdict.id);
    const made = { madeId: row.id, definitionId, events: [] };
    if (row.state !== "PENDING_APPROVAL") {
      const isRepeat = row.decidedBy === verdict.by && isApproved(row) === verdict.isApproved;
      if (isRepeat && row.decidedBy !== "") return { row, ...made };
      const resource = { type: "inbox_item", name: row.id };
      const to = verdict.isApproved ? "ACTIVE" : "REJECTED";
      throw new Refusal("illegal_move", `the deployment is ${row.state}`, {
        ...{ resource, from: row.state, to },
      });
    }
    if (verdict.isApproved) await approve(tx, definition, row, verdict);
    else await decide(tx, verdict, { state: "REJECTED", supersedes: "" });
    const decided = await requireDeployment(tx, row.id);
    const event = deploymentEvent(definition, decided, verdict.by, verdict.reason);
    return { row: decided, ...made, events: [event] };
  });
}

/** Whether a deployment that was decided was approved. */
export function isApproved({ activeAt }: DeploymentRow): boolean {
  return activeAt !== null;
}

async function approve(
  tx: Tx,
  { latestVersionId }: DefinitionRow,
  row: DeploymentRow,
  verdict: DeployVerdict,
): Promise<void> {
  const { definitionId, environment, versionId } = row;
  await requireOpen(tx, definitionId);
  const place = { definitionId, environment };
  const supersedes = (await endDeployment(tx, place, "ACTIVE", "SUPERSEDED")) ?? "";
  await decide(tx, verdict, { state: "ACTIVE", supersedes });
  if (environment !== PRODUCTION || latestVersionId === versionId) return;
  const [version] = await findVersions(tx, EVERY_WORKSPACE, [versionId]);
  if (version === undefined) throw new Error(`version ${versionId} is not stored`);
  await leadWith(tx, version);
}

async function decide(
  tx: Tx,
  { id, by, reason }: DeployVerdict,
  outcome: { readonly state: "ACTIVE" | "REJECTED"; readonly supersedes: string },
): Promise<void> {
  const isDone = await decideWaiting(tx, { id, by, reason, ...outcome });
  if (!isDone) throw new Error(`deployment ${id} was decided under the lock of its definition`);
}

async function requireDeployment(tx: Tx, id: string): Promise<DeploymentRow> {
  const row = await findDeployment(tx, EVERY_WORKSPACE, id);
  if (row === undefined) throw new Error(`deployment ${id} is not stored`);
  return row;
}
