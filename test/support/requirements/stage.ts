/**
 * What a requirement is checked with: a client of a running service and a workspace that no other check uses.
 * Boundary: calls of the API alone, as any caller makes them.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import type { NatsConnection } from "nats";
import {
  DeploymentState,
  type InboxItem,
  ItemKind,
  StepRunState,
  type Verdict,
  type Workflow,
  type WorkflowRun,
  WorkflowState,
  type WorkflowsClient,
  WorkflowsError,
} from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";

/** A workflow file; `workflow` is "w" and `on` "manual" unless given. */
export interface WorkflowFile extends JsonObject {
  readonly steps: JsonObject;
}

/** A workflow of one task. */
export const PACK: WorkflowFile = { workflow: "orders", steps: { pack: { task: "Pack it" } } };

/** The text of a file. */
export function textOf(file: WorkflowFile): string {
  return JSON.stringify({ workflow: "w", on: "manual", ...file });
}

/** A text that came from the service. */
export interface Heard {
  /** The subject on the bus, or the path of a POST. */
  readonly to: string;
  readonly text: string;
}

/** The running service, and what it sends. */
export interface Surroundings {
  readonly client: WorkflowsClient;
  readonly nats: NatsConnection;
  /** Where the service listens. */
  readonly url: string;
  /** Every event below `workflows.changes.`, of all workspaces; it grows. */
  readonly events: readonly Heard[];
  /** Every notification that was posted; it grows. */
  readonly messages: readonly Heard[];
  /** Refuses each verb that it is asked about: "not on a friday". */
  readonly hookUrl: string;
}

/** See the file's head. */
export class Stage implements Surroundings {
  readonly client: WorkflowsClient;
  readonly nats: NatsConnection;
  readonly url: string;
  readonly events: readonly Heard[];
  readonly messages: readonly Heard[];
  readonly hookUrl: string;
  readonly workspaceId: string;

  constructor(surroundings: Surroundings, workspaceId = `ws_${randomUUID()}`) {
    this.client = surroundings.client;
    this.nats = surroundings.nats;
    this.url = surroundings.url;
    this.events = surroundings.events;
    this.messages = surroundings.messages;
    this.hookUrl = surroundings.hookUrl;
    this.workspaceId = workspaceId;
  }

  /** Publishes a workflow file, which is written as JSON; gives the id of its workflow. */
  async publish(file: WorkflowFile): Promise<string> {
    const { workspaceId } = this;
    const sourceText = textOf(file);
    const { definition } = await this.client.sources.publishSource({ workspaceId, sourceText });
    return definition?.id ?? "";
  }
  /** Starts a run, in production unless an environment is given; gives its id. */
  async start(
    definitionId: string,
    inputPayload: JsonObject = {},
    environment?: string,
  ): Promise<string> {
    const options = environment === undefined ? {} : inEnvironment(environment);
    const request = { definitionId, inputPayload };
    const { run } = await this.client.workflows.startRun(request, options);
    return run?.id ?? "";
  }
  /** Publishes a file and starts a run of it. */
  async startFile(file: WorkflowFile, input?: JsonObject): Promise<string> {
    return this.start(await this.publish(file), input);
  }
  async run(id: string): Promise<WorkflowRun> {
    const { run } = await this.client.workflows.getRun({ id });
    if (run === undefined) throw new Error(`no run ${id}`);
    return run;
  }
  /** The state of each step, in the short form. */
  async states(id: string): Promise<Record<string, string>> {
    const { steps } = await this.run(id);
    return Object.fromEntries(steps.map((step) => [step.stepId, nameOf(step.state)]));
  }
  /** The run once it has ended. */
  ended(id: string): Promise<WorkflowRun> {
    return until(async () => {
      const run = await this.run(id);
      return ENDED.has(run.state) ? run : undefined;
    });
  }
  /** Runs of the workspace, once there are so many. */
  runs(atLeast: number): Promise<WorkflowRun[]> {
    return until(async () => {
      const { runs } = await this.client.workflows.listRuns({ workspaceId: this.workspaceId });
      return runs.length >= atLeast ? runs : undefined;
    });
  }
  /** The open item of a step, once it is there: that of one person where several are asked. */
  item(runId: string, stepId: string, assignee?: string): Promise<InboxItem> {
    return until(async () => {
      const { items } = await this.client.inbox.list({ workspaceId: this.workspaceId });
      const found = items.find(
        (item) =>
          item.runId === runId &&
          item.stepId === stepId &&
          (assignee === undefined || item.assignee === assignee),
      );
      if (found === undefined) return undefined;
      return (await this.client.inbox.get({ id: found.id })).item;
    });
  }
  /** Approves or denies the gate, as `by`. */
  async decide(
    runId: string,
    stepId: string,
    verdict: Verdict,
    {
      by = "boss",
      comment = "",
      edits = {},
    }: { by?: string; comment?: string; edits?: JsonObject } = {},
  ): Promise<void> {
    const { id, digest } = await this.item(runId, stepId, by);
    const changed = Object.keys(edits).length === 0 ? {} : { edits };
    await this.client.inbox.decide({ id, digest, verdict, comment, ...changed }, as(by));
  }
  /** Completes a task with an output. */
  async complete(runId: string, stepId: string, output: JsonObject = {}): Promise<void> {
    const { id, kind } = await this.item(runId, stepId);
    if (kind !== ItemKind.TASK) throw new Error(`${stepId} is no task`);
    await this.client.inbox.completeTask({ id, output }, as("worker"));
  }
  /** Ends a step as FAILED, without an item of the inbox. */
  async fail(runId: string, stepId: string, errorMessage: string): Promise<void> {
    const state = StepRunState.FAILED;
    await this.client.workflows.transitionStep({ runId, stepId, state, errorMessage });
  }
  /** Publishes a CloudEvent of the workspace where the service listens, for production unless an environment is given. */
  async event(type: string, data: JsonObject = {}, environment?: string): Promise<void> {
    const { workspaceId } = this;
    const options = environment === undefined ? {} : inEnvironment(environment);
    await this.client.runs.publishEvent({ workspaceId, type, data }, options);
  }
  async workflow(id: string): Promise<Workflow> {
    const { workflow } = await this.client.sources.get({ id });
    if (workflow === undefined) throw new Error(`no workflow ${id}`);
    return workflow;
  }
  /** The version that is ACTIVE in each environment. */
  async deployed(id: string): Promise<Record<string, number>> {
    const { deployments } = await this.workflow(id);
    const active = deployments.filter(({ state }) => state === DeploymentState.ACTIVE);
    return Object.fromEntries(active.map(({ environment, version }) => [environment, version]));
  }
  /** The types of the events about a workflow or a run that were published until now, without `workflows.changes.`. */
  heard(about: string): string[] {
    const own = this.events.filter(({ text }) => text.includes(about));
    return own.map(({ to }) => to.replace("workflows.changes.", ""));
  }
  /** Returns when events of all these types were published about a workflow or a run. */
  async published(about: string, types: readonly string[]): Promise<void> {
    const missing = () => types.filter((type) => !this.heard(about).includes(type));
    await until(() => (missing().length === 0 ? true : undefined)).catch(() => {
      throw new Error(`nothing was published of ${missing().join(", ")}`);
    });
  }
  /** Posts to a webhook. */
  async post(path: string, body: string, headers: Record<string, string> = {}): Promise<Delivered> {
    const sent = { "content-type": "application/json", ...headers };
    const response = await fetch(`${this.url}${path}`, { method: "POST", body, headers: sent });
    return { status: response.status, answer: (await response.json()) as JsonObject };
  }
}

/** What a webhook answered. */
interface Delivered {
  readonly status: number;
  readonly answer: JsonObject;
}

/** The error that a call ends with. */
export async function refusal(call: Promise<unknown>): Promise<WorkflowsError> {
  const value = await call.then(
    () => undefined,
    (error: unknown) => WorkflowsError.from(error),
  );
  if (value === undefined) throw new Error("the call was not refused");
  return value;
}

/** Where a call starts what it starts. */
function inEnvironment(name: string) {
  return { headers: { "Workflows-Environment": name } };
}

const ENDED = new Set<WorkflowState>([
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
]);

/** Who calls, without authentication. */
export function as(actor: string) {
  return { headers: { "Workflows-Actor": actor } };
}

function nameOf(state: StepRunState): string {
  return Object.entries(StepRunState).find(([, number]) => number === state)?.[0] ?? "";
}
