/**
 * RPCs that start and read runs.
 * Boundary: a run is changed by the processor alone; how runs are read and shown is run-answers.ts.
 */
import {
  type GetRunRequest,
  GetRunRequestSchema,
  type ListRunsRequest,
  ListRunsRequestSchema,
  type StartRunRequest,
  StartRunRequestSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { TriggerType } from "../../engine/values/definition.ts";
import { PRODUCTION, startKeyOf } from "../../engine/values/environment.ts";
import { Refusal } from "../../process/refusal.ts";
import { closedRefusal, unpublishedRefusal } from "../../runtime/closed-refusals.ts";
import { pausedRefusal } from "../../runtime/pauses.ts";
import { type DefinitionHead, findDefinitionHead } from "../../store/reads/definition-heads.ts";
import { findVersion } from "../../store/reads/definitions.ts";
import {
  environmentsInWords,
  findCurrentDeployments,
  findDeployedVersion,
} from "../../store/reads/deployments.ts";
import { findRunHead, type RunHead } from "../../store/reads/run-heads.ts";
import { listRuns } from "../../store/reads/runs.ts";
import { hasStartedRun } from "../../store/reads/started-runs.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { findTriggerType } from "../../wire/definitions.ts";
import { findRunState } from "../../wire/runs.ts";
import { startedByOf } from "./actor.ts";
import { unknownDefinition } from "./definitions.ts";
import { checkFields, type Faults, invalidFields, readPage } from "./fields.ts";
import { findInputFaults } from "./input-schema.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import { causeOf } from "./lifecycle.ts";
import { bareRuns, readRunMessage, startedRunMessage, unknownRun } from "./run-answers.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

/** StartRun: the run after its first move; with a trigger_event_id that started one before, that one. */
export async function answerStartRun(deps: WriteDeps, request: StartRunRequest) {
  const faults = checkFields(StartRunRequestSchema, request);
  faults.require("definition_id", request.definitionId);
  if (request.definitionVersion < 0) {
    faults.add("definition_version", `is ${request.definitionVersion}; 0 takes the latest`);
  }
  checkTriggerType(request, faults);
  faults.refuseIfAny();
  const definition = await requireHead(deps, request);
  const [{ version, hops, environment }] = await Promise.all([
    placeStart(deps, definition, request),
    requireEntity(deps, request.entityId, definition.workspaceId),
  ]);
  const wrong = findInputFaults(
    { workspaceId: definition.workspaceId, versionId: version.id },
    version.inputSchemaJson,
    request.inputPayload ?? {},
    "input_payload",
  );
  if (wrong.length > 0) throw invalidFields(wrong);
  const startedBy = startedByOf(deps, request.initiatorAgentId);
  const settled = await deps.write.start(
    {
      definitionId: definition.id,
      versionId: version.id,
      definitionVersion: version.number,
      workspaceId: definition.workspaceId,
      triggerType: triggerTypeOf(request),
      triggerEventId: request.triggerEventId,
      triggerSource: "",
      initiatorAgentId: request.initiatorAgentId,
      initiatorUserId: request.initiatorUserId,
      parentRunId: request.parentRunId,
      entityId: request.entityId,
      entityType: request.entityType,
      hops,
      ...(environment === undefined ? {} : { environment }),
      ...(startedBy === undefined ? {} : { startedBy }),
      ...(request.definitionVersion === 0 ? {} : { versionNamed: true }),
      input: request.inputPayload ?? {},
      ...(request.inputPayload === undefined ? { inputUnset: true } : {}),
    },
    causeOf(deps, "StartRun", request.initiatorAgentId || request.initiatorUserId),
  );
  return { run: await startedRunMessage(deps, settled) };
}

/** GetRun. */
export async function answerGetRun(deps: ReadDeps, request: GetRunRequest) {
  const faults = checkFields(GetRunRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  return { run: await readRunMessage(deps, request.id) };
}

/** ListRuns: newest first, without payloads; the last ones without steps, where the answer would be too large. */
export async function answerListRuns(deps: ReadDeps, request: ListRunsRequest) {
  const { workspaceId, definitionId, entityId, initiatorAgentId } = request;
  const faults = checkFields(ListRunsRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  const page = readPage(request, faults);
  faults.refuseIfAny();
  const { runs, total } = await listRuns(deps.database.lists, deps.visibility, {
    workspaceId,
    definitionId,
    entityId,
    initiatorAgentId,
    state: findRunState(request.state),
    ...page,
  });
  const graphs = await deps.graphs.require(runs.map((run) => run.versionId));
  const { messages, withoutSteps } = bareRuns(runs, graphs, ANSWER_BYTES);
  nameLeftOut(deps, withoutSteps);
  return { runs: messages, total };
}

/** The version to start, and what a child has of its parent: the hop count and the environment. */
async function placeStart(deps: WriteDeps, definition: DefinitionHead, request: StartRunRequest) {
  const { parentRunId, definitionVersion: wanted } = request;
  const parent = await findParent(deps, parentRunId, definition.workspaceId);
  const environment = environmentOfStart(deps, parent);
  const isChild = parent !== undefined;
  if (definition.pauseReason !== null) await refusePaused(deps, definition, request, environment);
  const version =
    environment === undefined
      ? await requireVersion(deps, definition, wanted)
      : await requireDeployed(deps, definition, { wanted, environment, isChild });
  return { version, environment, hops: parent?.hops ?? 0 };
}

async function requireHead(
  { database, visibility }: ReadDeps,
  { definitionId, workspaceId, triggerEventId }: StartRunRequest,
): Promise<DefinitionHead> {
  const head = await findDefinitionHead(database.callers, visibility, definitionId);
  if (head === undefined || !["", head.workspaceId].includes(workspaceId)) {
    throw unknownDefinition(definitionId);
  }
  // The commit looks as well, and gives the run that an event has started before.
  if (head.isArchived && triggerEventId === "") throw closedRefusal(definitionId, "archived");
  return head;
}

/**
 * The version to start in an environment: the one that is named, else the one that is deployed there. Refuses illegal_move where the
 * workflow is not deployed there; a child takes the latest version then, as children of steps do.
 */
async function requireDeployed(
  deps: ReadDeps,
  definition: DefinitionHead,
  { wanted, environment, isChild }: { wanted: number; environment: string; isChild: boolean },
) {
  const { callers } = deps.database;
  const { id, latestVersionId } = definition;
  const deployed = await findDeployedVersion(callers, deps.visibility, id, environment);
  if (deployed !== undefined) return requireVersion(deps, definition, wanted || deployed.version);
  if (isChild) return requireVersion(deps, definition, wanted);
  const current = await findCurrentDeployments(callers, deps.visibility, [id]);
  const where = environmentsInWords({ latestVersionId }, current);
  const message = `the workflow is not deployed in ${environment}${where}; Deploy deploys it`;
  throw new Refusal("illegal_move", message, { resource: { type: "definition", name: id } });
}

/** Of a paused workflow nothing starts; what the event has started is found. */
async function refusePaused(
  { database, visibility }: ReadDeps,
  { id, pauseReason }: DefinitionHead,
  { triggerEventId }: StartRunRequest,
  environment: string | undefined,
): Promise<void> {
  const startKey = startKeyOf(environment, triggerEventId);
  const isKnown =
    triggerEventId !== "" && (await hasStartedRun(database.callers, visibility, id, startKey));
  if (!isKnown) throw pausedRefusal(id, pauseReason ?? "");
}

async function requireVersion(
  { database, visibility }: ReadDeps,
  definition: DefinitionHead,
  wanted: number,
): Promise<{ id: string; number: number; inputSchemaJson: string | null }> {
  const { latestVersion, latestVersionId, inputSchemaJson } = definition;
  if (latestVersionId !== null && (wanted === 0 || wanted === latestVersion)) {
    return { id: latestVersionId, number: latestVersion, inputSchemaJson };
  }
  // A version that is named may be deployed elsewhere alone.
  const row =
    wanted === 0
      ? undefined
      : await findVersion(database.callers, visibility, definition.id, wanted);
  if (row === undefined && latestVersionId === null) {
    throw unpublishedRefusal(definition.id, "the definition has no published version yet");
  }
  if (row === undefined) {
    const resource = { type: "version", name: `${definition.id}@${wanted}` };
    const message = `definition ${definition.id} has no version ${wanted}; its latest is ${latestVersion}`;
    throw new Refusal("not_found", message, { resource });
  }
  const source = await findVersionSource(database.callers, visibility, row.id);
  return {
    ...{ id: row.id, number: row.version },
    inputSchemaJson: source?.inputSchemaJson ?? null,
  };
}

/** Refuses an entity that the workspace does not have; one that cannot be checked passes. */
async function requireEntity(
  { entities }: WriteDeps,
  entityId: string,
  workspaceId: string,
): Promise<void> {
  if (entityId === "" || entities === undefined) return;
  if ((await entities.check(workspaceId, entityId)) !== "unknown") return;
  throw invalidFields([{ field: "entity_id", description: "names no entity of the workspace" }]);
}

/** What a child has of its parent; undefined without one. */
async function findParent(
  { database, visibility }: ReadDeps,
  parentRunId: string,
  workspaceId: string,
): Promise<RunHead | undefined> {
  if (parentRunId === "") return undefined;
  const parent = await findRunHead(database.callers, visibility, parentRunId);
  if (parent?.workspaceId !== workspaceId) throw unknownRun(parentRunId);
  return parent;
}

/** A child is where its parent is; a call that names another environment is refused. */
function environmentOfStart(
  { environment }: Pick<WriteDeps, "environment">,
  parent: RunHead | undefined,
): string | undefined {
  const ofParent = parent?.environment ?? undefined;
  if (parent === undefined || environment === undefined) return environment ?? ofParent;
  if (environment === ofParent) return environment;
  const description = `is of a run in ${ofParent ?? PRODUCTION}, where its children start too`;
  throw invalidFields([{ field: "parent_run_id", description }]);
}

/** What the contract means by a type of trigger must be named: a slot is an event id, a WORKFLOW run has a parent. */
function checkTriggerType(request: StartRunRequest, faults: Faults): void {
  const type = findTriggerType(request.triggerType);
  if (type === "WORKFLOW" && request.parentRunId === "") {
    faults.add("parent_run_id", "is required where trigger_type is WORKFLOW");
  }
  if (type === "SCHEDULE" && request.triggerEventId === "") {
    faults.add("trigger_event_id", "is required where trigger_type is SCHEDULE: it names the slot");
  }
}

function triggerTypeOf({ triggerType, parentRunId }: StartRunRequest): TriggerType {
  return findTriggerType(triggerType) ?? (parentRunId === "" ? "MANUAL" : "WORKFLOW");
}
