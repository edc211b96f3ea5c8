/**
 * Deploying a version to an environment: the first time, by promotion, or back to an older one.
 * Boundary: decides what may be deployed; rows are store/deployments.ts. What publishing does in production is definitions.ts.
 * Invariants:
 * 1. What was checked is what is deployed. A version is checked before the lock, for that takes a while; where another one is
 *    meant under it, the call comes again.
 * 2. What is ACTIVE in production and the definition's latest version move in one transaction, under the definition's lock, which
 *    publishing takes too.
 */
import { triggerKeyOf } from "../engine/matching/keys.ts";
import { versionDigest } from "../engine/values/digest.ts";
import { PRODUCTION } from "../engine/values/environment.ts";
import { canonicalJson, type JsonObject } from "../engine/values/json.ts";
import { newDeploymentId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import type { Queries, Tx } from "../store/database.ts";
import { endDeployment, insertDeployment } from "../store/deployments.ts";
import {
  type DefinitionRow,
  findDefinition,
  findVersion,
  specOfVersion,
  type VersionRow,
} from "../store/reads/definitions.ts";
import { findDeployPolicy, ruleOf } from "../store/reads/deploy-policies.ts";
import {
  type DeployedVersion,
  type DeploymentRow,
  environmentsInWords,
  findCurrentDeployments,
  findDeployment,
} from "../store/reads/deployments.ts";
import { findNewestNumber } from "../store/reads/version-sources.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { closedRefusal, unpublishedRefusal } from "./closed-refusals.ts";
import { deploymentEvent } from "./definition-events.ts";
import {
  commitWithEvents,
  type DefinitionDeps,
  leadWith,
  lockSeen,
  type Publisher,
  requireOpen,
} from "./definitions.ts";
import { requireRules } from "./deploy-rules.ts";
import { requireRunnable } from "./runnable-versions.ts";

/** What is to be deployed; `workspaceId` "" takes any workspace's definition. */
export interface DeployOrder extends Omit<Publisher, "via"> {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly environment: string;
  /** 0: the newest one, or with `fromEnvironment` the one there. */
  readonly version: number;
  /** "": none. */
  readonly fromEnvironment: string;
  /** Unset: those of the deployment that it replaces. */
  readonly vars: JsonObject | undefined;
  /** The version that must be ACTIVE now, 0 for none; unset: any. */
  readonly expectedVersion: number | undefined;
  /** Plays the version with these vars: why it came to no good end; undefined: it did. Unset: it is not played. */
  readonly simulate?:
    | ((version: VersionRow, vars: JsonObject) => Promise<string | undefined>)
    | undefined;
}

/** A deployment, and the events of what was done. */
interface Deployed {
  readonly row: DeploymentRow;
  readonly events: readonly JsonObject[];
}

/** What is to be ended. */
export type RetireOrder = Omit<DeployOrder, "version" | "fromEnvironment" | "vars" | "simulate">;

/** Of a workflow, besides production: lists show all of them. */
const ENVIRONMENTS_AT_MOST = 16;

/** Deploys it. Refuses not_found, illegal_move in words, and lost_race where the version that is meant changed meanwhile. */
export async function deploy(deps: DefinitionDeps, order: DeployOrder): Promise<DeploymentRow> {
  const { definitionId, workspaceId, environment } = order;
  const checked = await checkedVersion(deps, order);
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const current = await findCurrentDeployments(tx, EVERY_WORKSPACE, [definitionId]);
    const meant = await numberOf(tx, definition, current, order);
    if (meant !== checked.version) {
      throw new Refusal("lost_race", `version ${meant} took the place of ${checked.version}`);
    }
    requireExpected(order, activeIn(definition, current, environment));
    const locked = { ...order, via: deps.via ?? "", isSimulated: order.simulate !== undefined };
    const { row, events } = await deployLocked(tx, definition, locked, checked);
    return { row, madeId: row.id, definitionId, events, isDeployed: true };
  });
}

/**
 * Deploys a version of a definition that is locked, which can run. Refuses archived, and illegal_move where there is no room or the
 * policy asks for more.
 */
export async function deployLocked(
  tx: Tx,
  definition: DefinitionRow,
  order: Pick<DeployOrder, "environment" | "vars"> & Publisher & { isSimulated?: boolean },
  version: VersionRow,
): Promise<Deployed> {
  const { environment } = order;
  const { id: definitionId } = definition;
  await requireOpen(tx, definitionId);
  const current = await findCurrentDeployments(tx, EVERY_WORKSPACE, [definitionId]);
  requireRoom(current, environment);
  const stored = current.find((row) => isActive(row, environment));
  const vars = order.vars ?? stored?.vars ?? {};
  const ifSame = (row: DeploymentRow | undefined) =>
    row?.versionId === version.id && canonicalJson(row.vars ?? {}) === canonicalJson(vars)
      ? row
      : undefined;
  const policy = await findDeployPolicy(tx, EVERY_WORKSPACE, definition.workspaceId);
  const rule = ruleOf(policy, environment);
  const needsApproval = rule !== undefined && rule.noApproval !== true;
  const waiting = current.find((row) => isWaiting(row, environment));
  const { isSimulated = false } = order;
  // An approval may ask what waits for the simulation that it does not have.
  const isEnough = !isSimulated || waiting?.simulatedAt !== null;
  const same = ifSame(stored) ?? (needsApproval && isEnough ? ifSame(waiting) : undefined);
  const ended: JsonObject[] = [];
  // What waited is not what is wanted any more.
  if (waiting !== undefined && waiting !== same) {
    await endDeployment(tx, { definitionId, environment }, "PENDING_APPROVAL", "SUPERSEDED");
    const row = await requireRow(tx, waiting.id);
    ended.push(deploymentEvent(definition, row, order.by, order.note));
  }
  if (same !== undefined) return { row: same, events: ended };
  const { workspaceId } = definition;
  await requireRules(tx, rule, version, { workspaceId, isSimulated });
  const row = await put(tx, definition, order, { version, vars, needsApproval, isSimulated });
  return { row, events: [...ended, deploymentEvent(definition, row, order.by, order.note)] };
}

/** Ends what is ACTIVE in an environment. Refuses illegal_move where nothing is, and in production. */
export async function retire(deps: DefinitionDeps, order: RetireOrder): Promise<DeploymentRow> {
  const { definitionId, workspaceId, environment } = order;
  if (environment === PRODUCTION) {
    throw refused("what is in production is not retired: deploy an older version");
  }
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const current = await findCurrentDeployments(tx, EVERY_WORKSPACE, [definitionId]);
    requireExpected(order, activeIn(definition, current, environment));
    const place = { definitionId, environment };
    const id = await endDeployment(tx, place, "ACTIVE", "RETIRED");
    if (id === undefined) throw refused(`nothing is deployed in ${environment}`);
    const row = await requireRow(tx, id);
    const events = [deploymentEvent(definition, row, order.by, order.note)];
    return { row, madeId: id, definitionId, events, isDeployed: true };
  });
}

function requireRoom(current: readonly DeploymentRow[], environment: string): void {
  const others = new Set(
    current.map((row) => row.environment).filter((name) => name !== PRODUCTION),
  );
  if (environment === PRODUCTION || others.has(environment)) return;
  if (others.size < ENVIRONMENTS_AT_MOST) return;
  const limit = `${ENVIRONMENTS_AT_MOST} environments besides production, which is the limit`;
  throw refused(`the workflow is in ${limit}: retire one first`);
}

/** What is put into an environment. */
interface Content {
  readonly version: VersionRow;
  readonly vars: JsonObject;
  readonly needsApproval: boolean;
  readonly isSimulated: boolean;
}

/** Puts a version into its environment in place of what is there, or lets it wait for an approval. The definition is locked. */
async function put(
  tx: Tx,
  { id: definitionId, workspaceId, latestVersionId }: DefinitionRow,
  { environment, by, via, note }: Pick<DeployOrder, "environment"> & Publisher,
  { version, vars, needsApproval, isSimulated }: Content,
): Promise<DeploymentRow> {
  const place = { definitionId, environment };
  const ended = needsApproval ? "" : await endDeployment(tx, place, "ACTIVE", "SUPERSEDED");
  const id = newDeploymentId();
  const isProduction = environment === PRODUCTION;
  const who = { deployedBy: by, deployedVia: via, note };
  await insertDeployment(
    tx,
    {
      ...{ id, workspaceId, definitionId, environment, ...who, isSimulated },
      ...{ versionId: version.id, version: version.version },
      state: needsApproval ? "PENDING_APPROVAL" : "ACTIVE",
      digest: needsApproval ? versionDigest(specOfVersion(version)) : "",
      triggerKey: isProduction ? null : (triggerKeyOf(version.trigger) ?? null),
      vars: Object.keys(vars).length === 0 ? null : vars,
    },
    ended ?? "",
  );
  const isMoved = isProduction && latestVersionId !== version.id && !needsApproval;
  if (isMoved) await leadWith(tx, version);
  return requireRow(tx, id);
}

async function requireRow(tx: Tx, id: string): Promise<DeploymentRow> {
  const row = await findDeployment(tx, EVERY_WORKSPACE, id);
  if (row === undefined) throw new Error(`deployment ${id} is not stored`);
  return row;
}

/** The version that is meant now, which can run. */
async function checkedVersion(
  { database }: DefinitionDeps,
  order: DeployOrder,
): Promise<VersionRow> {
  const { definitionId, workspaceId } = order;
  const { callers } = database;
  const definition = await findDefinition(callers, EVERY_WORKSPACE, definitionId);
  if (definition === undefined || !["", definition.workspaceId].includes(workspaceId)) {
    throw closedRefusal(definitionId, "deleted");
  }
  const current = await findCurrentDeployments(callers, EVERY_WORKSPACE, [definitionId]);
  const number = await numberOf(callers, definition, current, order);
  const version = await findVersion(callers, EVERY_WORKSPACE, definitionId, number);
  if (version === undefined) {
    const resource = { type: "version", name: `${definitionId}@${number}` };
    const message = `definition ${definitionId} has no version ${number}`;
    throw new Refusal("not_found", message, { resource });
  }
  await requireRunnable(callers, definition, version);
  await requireGoodEnd(order, version, current);
  return version;
}

/** Refuses illegal_move where the simulation of an order comes to no good end. */
async function requireGoodEnd(
  { simulate, vars, environment }: DeployOrder,
  version: VersionRow,
  current: readonly DeploymentRow[],
): Promise<void> {
  const stored = current.find((row) => isActive(row, environment))?.vars ?? {};
  const problem = await simulate?.(version, vars ?? stored);
  if (problem === undefined) return;
  throw refused(`version ${version.version} is not deployed: in its simulation ${problem}`);
}

/** The number of the version that an order means. */
async function numberOf(
  queries: Queries,
  definition: DefinitionRow,
  current: readonly DeploymentRow[],
  { version, fromEnvironment }: Pick<DeployOrder, "version" | "fromEnvironment">,
): Promise<number> {
  if (fromEnvironment !== "") {
    const from = activeIn(definition, current, fromEnvironment);
    if (from !== undefined) return from.version;
    throw refused(
      `nothing is deployed in ${fromEnvironment}${environmentsInWords(definition, current)}`,
    );
  }
  if (version !== 0) return version;
  const newest = await findNewestNumber(queries, EVERY_WORKSPACE, definition.id);
  if (newest !== 0) return newest;
  const message = "the definition has no published version yet";
  throw unpublishedRefusal(definition.id, message, "DEPLOYED");
}

/** What starts in an environment now. */
function activeIn(
  { latestVersionId, latestVersion }: DefinitionRow,
  current: readonly DeploymentRow[],
  environment: string,
): DeployedVersion | undefined {
  if (environment !== PRODUCTION) return current.find((row) => isActive(row, environment));
  return latestVersionId === null
    ? undefined
    : { versionId: latestVersionId, version: latestVersion };
}

function isActive(row: DeploymentRow, environment: string): boolean {
  return row.state === "ACTIVE" && row.environment === environment;
}

function isWaiting(row: DeploymentRow, environment: string): boolean {
  return row.state === "PENDING_APPROVAL" && row.environment === environment;
}

function requireExpected(
  { expectedVersion, environment }: Pick<DeployOrder, "expectedVersion" | "environment">,
  active: DeployedVersion | undefined,
): void {
  if (expectedVersion === undefined || expectedVersion === (active?.version ?? 0)) return;
  const there = active === undefined ? "none" : `version ${active.version}`;
  throw refused(`${environment} has ${there}, not version ${expectedVersion}: look again`);
}

function refused(message: string): Refusal {
  return new Refusal("illegal_move", message);
}
