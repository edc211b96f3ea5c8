/**
 * Workflows.Deploy, WithdrawDeployment and ListDeployments of workflows.ops.v1.
 * Boundary: requests, page tokens and answers; what may be deployed is runtime/deployments.ts.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DeploymentSchema,
  type DeployRequest,
  DeployRequestSchema,
  type ListDeploymentsRequest,
  ListDeploymentsRequestSchema,
  DeploymentState as WireState,
  type WithdrawDeploymentRequest,
  WithdrawDeploymentRequestSchema,
} from "../../../gen/workflows/ops/v1/deployments_pb.ts";
import { ENVIRONMENT_FORM, isEnvironment, PRODUCTION } from "../../engine/values/environment.ts";
import { jsonSizeBytes } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import {
  countDeployments,
  DEPLOYMENT_STATES,
  type DeploymentFilters,
  type DeploymentPlace,
  type DeploymentState,
  findCurrentDeployments,
  findDeployment,
  listDeployments,
  type ShownDeployment,
  withProduction,
} from "../../store/reads/deployments.ts";
import { placeOfDeploy, recordedActor, refuseAgent } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { simulationOf } from "./deploy-simulation.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import { filterHash, readToken, tokenOf } from "./list-tokens.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";

const VARS_BYTES_AT_MOST = 16 * 1024;
const STATES_AT_MOST = 32;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const LATEST_MS = Date.UTC(9_999, 11, 31);
/** The place of production's version without a row, which is listed first. */
const BEFORE_ALL = [LATEST_MS, "none"];

/** Deploy: the deployment as it stands now. */
export function deployWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: DeployRequest) => {
    refuseAgent(deps.caller, "an agent deploys nothing");
    const { definitionId, version, fromEnvironment, vars, reason } = request;
    const environment = readDeploy(deps, request);
    const place = {
      ...{ definitionId, environment, expectedVersion: request.expectedVersion },
      ...{ by: recordedActor(deps) ?? "", note: reason },
    };
    if (request.retire) return { deployment: deploymentMessage(await deps.write.retire(place)) };
    const simulate = await simulationOf(deps, sources, { ...request, environment });
    const order = { ...place, version, fromEnvironment, vars, simulate };
    return { deployment: deploymentMessage(await deps.write.deploy(order)) };
  };
}

/** Where a request deploys to. Refuses invalid_fields. */
function readDeploy(deps: WriteDeps, request: DeployRequest): string {
  const { definitionId, version, vars } = request;
  const faults = checkFields(DeployRequestSchema, request);
  faults.require("definition_id", definitionId);
  const named = { field: "environment", value: request.environment };
  const environment = placeOfDeploy(deps, named, faults);
  checkEnvironment("environment", environment, faults);
  if (version < 0) faults.add("version", "is negative; 0 takes the newest");
  checkSource(request, environment, faults);
  if ((request.expectedVersion ?? 0) < 0) faults.add("expected_version", "is negative");
  // One that is too deep has its fault already.
  const bytes = vars === undefined || faults.list.length > 0 ? 0 : jsonSizeBytes(vars);
  if (bytes > VARS_BYTES_AT_MOST) {
    faults.add("vars", `has ${bytes} bytes as JSON, over the limit of ${VARS_BYTES_AT_MOST}`);
  }
  faults.refuseIfAny();
  return environment;
}

/** WithdrawDeployment: the deployment, ended. */
export async function answerWithdraw(deps: WriteDeps, request: WithdrawDeploymentRequest) {
  const { caller, database, visibility } = deps;
  refuseAgent(caller, "an agent deploys nothing");
  const { id, reason } = request;
  const faults = checkFields(WithdrawDeploymentRequestSchema, request);
  faults.require("id", id);
  faults.refuseIfAny();
  const row = await findDeployment(database.callers, visibility, id);
  if (row === undefined) {
    const resource = { type: "deployment", name: id };
    throw new Refusal("not_found", `there is no deployment ${id}`, { resource });
  }
  const isAdmin = caller?.scopes.has("workflows:admin") === true;
  const withdrawal = { id, by: recordedActor(deps) ?? "", isAdmin, reason };
  return { deployment: deploymentMessage(await deps.write.withdrawDeployment(row, withdrawal)) };
}

/** As Deploy and WithdrawDeployment answered: the deployment of the call. */
export async function readDeployment(deps: ReadDeps, _request: unknown, id: string) {
  const row = await findDeployment(deps.database.callers, deps.visibility, id);
  if (row === undefined) throw new Error(`deployment ${id} is not stored`);
  return { deployment: deploymentMessage(row) };
}

/** ListDeployments: newest first. */
export async function answerListDeployments(deps: ReadDeps, request: ListDeploymentsRequest) {
  const { definitionId, environment } = request;
  const faults = checkFields(ListDeploymentsRequestSchema, request);
  faults.require("definition_id", definitionId);
  if (environment !== "") checkEnvironment("environment", environment, faults);
  const filters = { definitionId, environment, states: readStates(request, faults) };
  const size = readPageSize(request.pageSize, faults);
  const after = readToken(request.pageToken, filterHash(filters), faults, placeOf);
  faults.refuseIfAny();
  const { lists } = deps.database;
  const bare = await findBareProduction(deps, filters);
  const shown = after === undefined ? bare : [];
  const room = size - shown.length + 1;
  const [rows, total] = await Promise.all([
    listDeployments(lists, deps.visibility, filters, { size: room, after }),
    countDeployments(lists, deps.visibility, filters),
  ]);
  const page = rows.slice(0, room - 1);
  const isMore = rows.length >= room;
  const last = page.at(-1);
  const next = last === undefined ? BEFORE_ALL : [last.at.getTime(), last.id];
  return {
    deployments: [...shown, ...page].map(deploymentMessage),
    nextPageToken: isMore ? tokenOf(filterHash(filters), next) : "",
    totalSize: total + bare.length,
  };
}

/** Production's latest version where it has no row, and the filters take it. */
async function findBareProduction(
  deps: ReadDeps,
  { definitionId, environment, states }: DeploymentFilters,
): Promise<ShownDeployment[]> {
  const definition = await requireDefinition(deps, definitionId);
  if (environment !== "" && environment !== PRODUCTION) return [];
  if (states.length > 0 && !states.includes("ACTIVE")) return [];
  const { lists } = deps.database;
  const current = await findCurrentDeployments(lists, deps.visibility, [definitionId]);
  return withProduction(definition, current).filter(({ id }) => id === "");
}

/** workflows.ops.v1.Deployment */
export function deploymentMessage(
  shown: ShownDeployment,
): MessageInitShape<typeof DeploymentSchema> {
  const { definitionId, environment, version } = shown;
  if (!("state" in shown)) return { definitionId, environment, version, state: WireState.ACTIVE };
  const { id, deployedBy, note, supersedes, at, decidedBy, decisionReason } = shown;
  const { activeAt, endedAt, simulatedAt, vars } = shown;
  return {
    ...{ id, definitionId, environment, version, deployedBy, note, supersedes },
    ...{ decidedBy, decisionReason, digest: shown.digest, at: timestampFromDate(at) },
    ...{ deployedVia: shown.deployedVia, decidedVia: shown.decidedVia },
    state: stateOf(shown),
    ...(vars === null ? {} : { vars }),
    ...(activeAt === null ? {} : { activeAt: timestampFromDate(activeAt) }),
    ...(endedAt === null ? {} : { endedAt: timestampFromDate(endedAt) }),
    ...(simulatedAt === null ? {} : { simulatedAt: timestampFromDate(simulatedAt) }),
  };
}

/** As deploymentMessage, without vars and texts. A list has many: a literal that begins with a spread takes 10 µs. */
export function deploymentHead(shown: ShownDeployment): MessageInitShape<typeof DeploymentSchema> {
  const { definitionId, environment, version } = shown;
  if (!("state" in shown)) return { definitionId, environment, version, state: WireState.ACTIVE };
  const { id, at, activeAt } = shown;
  const state = stateOf(shown);
  const head = { id, definitionId, environment, version, state, at: timestampFromDate(at) };
  return activeAt === null ? head : Object.assign(head, { activeAt: timestampFromDate(activeAt) });
}

function stateOf(row: { readonly state: string }): WireState {
  return WireState[DEPLOYMENT_STATES.find((state) => state === row.state) ?? "UNSPECIFIED"];
}

function checkEnvironment(field: string, name: string, faults: Faults): void {
  if (!isEnvironment(name)) faults.add(field, ENVIRONMENT_FORM);
}

/** What is deployed is named once: a version, another environment, or nothing where one ends. */
function checkSource(request: DeployRequest, environment: string, faults: Faults): void {
  const { version, fromEnvironment, retire, vars, simulation } = request;
  if (fromEnvironment !== "") {
    checkEnvironment("from_environment", fromEnvironment, faults);
    if (version !== 0) faults.add("version", "is given beside from_environment: leave one out");
    if (fromEnvironment === environment) faults.add("from_environment", "is environment itself");
  }
  if (!retire) return;
  const isSaid = version !== 0 || fromEnvironment !== "";
  if (isSaid || vars !== undefined || simulation !== undefined) {
    const others = "version, from_environment, vars and simulation";
    faults.add("retire", `deploys nothing: leave out ${others}`);
  }
}

function readStates({ states }: ListDeploymentsRequest, faults: Faults): DeploymentState[] {
  if (states.length > STATES_AT_MOST) faults.add("states", `has more than ${STATES_AT_MOST}`);
  const found = states.map((state) => DEPLOYMENT_STATES[state - 1]);
  if (found.includes(undefined)) faults.add("states", "has DEPLOYMENT_STATE_UNSPECIFIED");
  return found.flatMap((state) => state ?? []);
}

function placeOf([atMs, id]: readonly unknown[]): DeploymentPlace | undefined {
  const isTime = typeof atMs === "number" && atMs >= 0 && atMs <= LATEST_MS;
  return isTime && typeof id === "string" && ID.test(id) ? { atMs, id } : undefined;
}
