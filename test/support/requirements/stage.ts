/**
 * What a requirement is checked with: a client of a running service and a workspace that no other check uses.
 * Boundary: calls of the API alone, as any caller makes them.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import type { NatsConnection } from "nats";
import {
  type InboxItem,
  ItemKind,
  StepRunState,
  type Verdict,
  type WorkflowRun,
  WorkflowState,
  type WorkflowsClient,
} from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";

/** A workflow file; `workflow` is "w" and `on` "manual" unless given. */
export interface WorkflowFile extends JsonObject {
  readonly steps: JsonObject;
}

/** The text of a file. */
export function textOf(file: WorkflowFile): string {
  return JSON.stringify({ workflow: "w", on: "manual", ...file });
}

/** See the file's head. */
export class Stage {
  readonly client: WorkflowsClient;
  readonly nats: NatsConnection;
  /** Where the service listens. */
  readonly url: string;
  readonly workspaceId: string;

  constructor(
    { client, nats, url }: Pick<Stage, "client" | "nats" | "url">,
    workspaceId = `ws_${randomUUID()}`,
  ) {
    this.client = client;
    this.nats = nats;
    this.url = url;
    this.workspaceId = workspaceId;
  }

  /** Publishes a workflow file, which is written as JSON; gives the id of its workflow. */
  async publish(file: WorkflowFile): Promise<string> {
    const { workspaceId } = this;
    const sourceText = textOf(file);
    const { definition } = await this.client.sources.publishSource({ workspaceId, sourceText });
    return definition?.id ?? "";
  }
  /** Starts a run; gives its id. */
  async start(definitionId: string, inputPayload: JsonObject = {}): Promise<string> {
    const { run } = await this.client.workflows.startRun({ definitionId, inputPayload });
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
  /** Publishes a CloudEvent of the workspace where the service listens. */
  async event(type: string, data: JsonObject, more: JsonObject = {}): Promise<void> {
    const { workspaceId } = this;
    await this.client.runs.publishEvent({ workspaceId, type, data, ...more });
  }
}

const ENDED = new Set<WorkflowState>([
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
]);

/** Who calls, without authentication. */
function as(actor: string) {
  return { headers: { "Workflows-Actor": actor } };
}

function nameOf(state: StepRunState): string {
  return Object.entries(StepRunState).find(([, number]) => number === state)?.[0] ?? "";
}
