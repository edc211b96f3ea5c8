/**
 * The tool `fetch`: one thing by its id, as text that a person would read, with its facts beside it.
 * Boundary: one function a type over the Get calls. What others wrote stands between marks (data.ts).
 */
import { DeploymentState } from "../../gen/workflows/ops/v1/deployments_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json, JsonObject } from "../engine/values/json.ts";
import { createMarks, cutText, lastLines, type MarkData, NOTICE } from "./data.ts";
import {
  type Found,
  itemFound,
  runFound,
  scheduleFound,
  stepFound,
  templateFound,
  withoutUnset,
  workflowFound,
} from "./found.ts";
import { explanationText, timelineLines } from "./run-text.ts";
import { findType } from "./search.ts";
import { TYPES, type TypeName } from "./search-types.ts";
import { findName, requireObject, wordOf } from "./shapes.ts";
import { type McpWorld, ToolFault } from "./world.ts";

const ARGUMENTS = ["type", "id"];
/** Moves of a timeline: the newest. */
const MOVES = 100;

/** What `fetch` is given, as JSON Schema. */
export const FETCH_INPUT = {
  type: "object",
  properties: {
    type: { type: "string", enum: [...TYPES], description: "May be left out: ids tell it" },
    id: { type: "string", description: "An id of search; a workflow also by its name" },
  },
  required: ["id"],
};

/** What `fetch` answers, as JSON Schema. */
export const FETCH_OUTPUT = {
  type: "object",
  properties: {
    ...{ id: { type: "string" }, title: { type: "string" }, text: { type: "string" } },
    ...{ url: { type: "string" }, metadata: { type: "object" } },
  },
  required: ["id", "title", "text", "url"],
};

interface Fetched {
  readonly found: Found;
  readonly text: readonly string[];
  readonly metadata?: JsonObject;
}

type Fetch = (world: McpWorld, id: string, mark: MarkData) => Promise<Fetched>;

const FETCHES: Readonly<Record<TypeName, Fetch>> = {
  Workflow: fetchWorkflow,
  Run: fetchRun,
  Step: fetchStep,
  InboxItem: fetchItem,
  Template: fetchTemplate,
  Schedule: fetchSchedule,
};

/** fetch. Throws a ToolFault for arguments that it does not know. */
export async function fetchOne(world: McpWorld, given: Json): Promise<JsonObject> {
  const args: JsonObject = {};
  for (const [name, value] of Object.entries(requireObject("arguments", given))) {
    args[findName(name, ARGUMENTS, "fetch")] = value;
  }
  const { id } = args;
  if (typeof id !== "string" || id === "") throw new ToolFault("id is required");
  const type = args.type === undefined ? typeOf(id) : findType(args.type);
  const { found, text, metadata } = await FETCHES[type](world, id, createMarks());
  const { id: foundId, title, url, ...facts } = found;
  return {
    ...{ id: foundId, title, text: [title, NOTICE, ...text].join("\n\n"), url },
    metadata: { ...withoutUnset(facts), ...metadata },
  };
}

/** The workflow of an id or a name. */
export async function getWorkflow(world: McpWorld, id: string): Promise<Workflow> {
  const { workspaceId } = world;
  const asked = id.startsWith("wf_") ? { id } : { workspaceId, name: id };
  const { workflow } = await world.clients.sources.get(asked);
  if (workflow === undefined) throw new ToolFault(`there is no workflow ${id}`);
  return workflow;
}

/** The run and the step of the id of a step. */
export function stepOf(id: string): { runId: string; stepId: string } {
  const [runId = "", stepId = "", ...more] = id.split("/");
  if (runId !== "" && stepId !== "" && more.length === 0) return { runId, stepId };
  throw new ToolFault(`${id} is no id of a step: it is <run>/<step>, such as wfr_1/review`);
}

/** Ids tell their type: `wf_…`, `wfr_…`, `<run>/<step>`, `<run>/<step>/<n>` and `dep_…` of the inbox, `wsc_…`. */
function typeOf(id: string): TypeName {
  if (id.startsWith("wf_")) return "Workflow";
  if (id.startsWith("wfr_"))
    return (["Run", "Step"] as const)[id.split("/").length - 1] ?? "InboxItem";
  if (id.startsWith("wsc_")) return "Schedule";
  if (id.startsWith("dep_")) return "InboxItem";
  throw new ToolFault(`type is required for the id ${id}: one of ${TYPES.join(", ")}`);
}

async function fetchWorkflow(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const workflow = await getWorkflow(world, id);
  const { definition, status, statusReasons } = workflow;
  const { environment } = world;
  const definitionId = definition?.id ?? "";
  const head = versionIn(environment, workflow);
  const where = environment === "" ? "" : ` in ${environment}`;
  const version =
    head === 0
      ? undefined
      : await world.clients.sources.getVersion({ definitionId, version: head });
  const steps = (version?.version?.steps ?? []).map(({ id: step, name }) =>
    `${step} ${name}`.trim(),
  );
  const inputSchema = version?.inputSchema ?? null;
  return {
    found: workflowFound(world, workflow),
    text: [
      `Status ${wordOf(WorkflowStatus, status)}.`,
      ...(statusReasons.length === 0 ? [] : [mark("reasons", statusReasons.join("\n"))]),
      head === 0
        ? `Nothing is published${where}.`
        : `Version ${head}${where} with ${steps.length === 1 ? "1 step" : `${steps.length} steps`}.`,
      mark("description", definition?.description ?? ""),
      ...(steps.length === 0 ? [] : [mark("steps", steps.join("\n"))]),
      ...(inputSchema === null ? [] : [mark("input schema", inputSchema)]),
    ],
    metadata: {
      ...(environment === "" ? {} : { environment, version: head }),
      inputSchema: cutJson(inputSchema),
    },
  };
}

/** The version that a start takes; 0: none. */
function versionIn(environment: string, { latest, deployments }: Workflow): number {
  if (environment === "") return latest?.version ?? 0;
  const deployed = deployments.find(
    (each) => each.environment === environment && each.state === DeploymentState.ACTIVE,
  );
  return deployed?.version ?? 0;
}

/** The answer's header that names whose payloads were too large for it: ids of steps, and `$run`. */
const LEFT_OUT = "workflows-payloads-omitted-steps";

/** A run, and whose payloads are left out of it. */
async function getRun({ clients }: McpWorld, id: string) {
  let header = "";
  const { run } = await clients.workflows.getRun(
    { id },
    {
      onHeader(headers) {
        header = headers.get(LEFT_OUT) ?? "";
      },
    },
  );
  const names = header.split(",");
  // A list that is too long for a header ends so.
  const lacks = (name: string) => names.includes(name) || names.includes("...");
  return { run, lacks };
}

async function fetchRun(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const { runs } = world.clients;
  const [{ run, lacks }, { explanation }, history] = await Promise.all([
    getRun(world, id),
    runs.explain({ runId: id }),
    runs.getHistory({ runId: id, pageSize: MOVES, newestFirst: true }),
  ]);
  if (run === undefined) throw new ToolFault(`there is no run ${id}`);
  const steps = run.steps.map(({ stepId, state }) => `${stepId}: ${wordOf(StepRunState, state)}`);
  const changes = timelineLines(history.moves.toReversed());
  const last = lastLines(changes);
  const isCut = history.totalSize > history.moves.length || last.length < changes.length;
  return {
    found: runFound(world, run),
    text: [
      `The run is ${wordOf(WorkflowState, run.state)}.`,
      ...(explanation === undefined ? [] : [mark("explanation", explanationText(explanation))]),
      mark("steps", steps.join("\n")),
      mark(isCut ? `timeline, the last ${last.length} changes` : "timeline", last.join("\n")),
      ...payloadsOf(run, mark, lacks("$run")),
    ],
    ...(explanation === undefined ? {} : { metadata: { environment: explanation.environment } }),
  };
}

async function fetchStep(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const { runId, stepId } = stepOf(id);
  const { runs } = world.clients;
  const [{ run, lacks }, { attempts }] = await Promise.all([
    getRun(world, runId),
    runs.getAttempts({ runId, stepId }),
  ]);
  const step = run?.steps.find((each) => each.stepId === stepId);
  if (step === undefined) throw new ToolFault(`run ${runId} has no step ${stepId}`);
  const { errorMessage } = step;
  return {
    found: stepFound(world, runId, step),
    text: [
      `The step is ${wordOf(StepRunState, step.state)} after ${attempts.length} attempts.`,
      ...(errorMessage === "" ? [] : [mark("error", errorMessage)]),
      ...payloadsOf(step, mark, lacks(stepId)),
    ],
  };
}

async function fetchItem(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const { item } = await world.clients.inbox.get({ id });
  if (item === undefined) throw new ToolFault(`there is no item ${id}`);
  const { instructions, payload, digest, editable, outputSchema, lastError } = item;
  const comments = item.notes
    .map(({ by, text }) => `${by}: ${text}`)
    .filter((text) => text !== ": ");
  return {
    found: itemFound(world, item),
    text: [
      "A person decides it: an agent reads it and does not.",
      ...(instructions === "" ? [] : [mark("instructions for the person", instructions)]),
      mark("payload", payload ?? null),
      ...(lastError === "" ? [] : [mark("last error", lastError)]),
      ...(comments.length === 0 ? [] : [mark("comments", comments.join("\n"))]),
    ],
    metadata: { digest, editable, outputSchema: cutJson(outputSchema ?? null) },
  };
}

async function fetchTemplate(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const { workspaceId } = world;
  const { template } = await world.clients.templates.get({ id, workspaceId });
  if (template === undefined) throw new ToolFault(`there is no template ${id}`);
  const { summary, parameters, needs, sourceText } = template;
  return {
    found: templateFound(world, template),
    text: [
      mark("summary", summary),
      mark("parameters", parameters ?? null),
      mark("needs", needs.map(({ name, purpose }) => `${name}: ${purpose}`).join("\n")),
      mark("source", sourceText),
    ],
    metadata: { parameters: cutJson(parameters ?? null) },
  };
}

async function fetchSchedule(world: McpWorld, id: string, mark: MarkData): Promise<Fetched> {
  const { schedule } = await world.clients.schedules.get({ id });
  if (schedule === undefined) throw new ToolFault(`there is no schedule ${id}`);
  return {
    found: scheduleFound(world, schedule),
    text: [
      `It starts runs ${schedule.words}${schedule.paused ? "; it is paused" : ""}.`,
      mark("input", schedule.spec?.input ?? null),
    ],
  };
}

/** What was put in and came out. */
interface Payloads {
  readonly inputPayload?: JsonObject | undefined;
  readonly outputPayload?: JsonObject | undefined;
}

/** `isCut`: what is not there may have been left out. */
function payloadsOf(
  { inputPayload, outputPayload }: Payloads,
  mark: MarkData,
  isCut: boolean,
): string[] {
  return [
    ...(isCut ? ["Payloads are left out here: they are too large. The console shows them."] : []),
    ...(inputPayload === undefined ? [] : [mark("input", inputPayload)]),
    ...(outputPayload === undefined ? [] : [mark("output", outputPayload)]),
  ];
}

/** A value as it is, or where it is too large its beginning as text. */
function cutJson(value: Json): Json {
  const text = JSON.stringify(value);
  const cut = cutText(text);
  return cut === text ? value : cut;
}
