/**
 * A service that performs its calls to itself: runs start child runs, and get their reports.
 * Boundary: the real processor, dispatcher and store on a database of their own; no collaborator, no bus. A test ends
 * human tasks by hand. Several services, one after the other, may work on one database.
 */
import { createClients } from "../../../src/collaborators/clients.ts";
import { createLookupCache } from "../../../src/collaborators/lookup-cache.ts";
import { createDispatcher } from "../../../src/egress/dispatch/dispatcher.ts";
import { createPerformers } from "../../../src/egress/performers/performers.ts";
import { viewRun } from "../../../src/engine/draft/payloads.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { Input, StepReport } from "../../../src/engine/values/input.ts";
import type { Run } from "../../../src/engine/values/run.ts";
import type { RunView, StepView } from "../../../src/engine/values/view.ts";
import { createLog, type Log } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createProcessor, type Processor, type RunStart } from "../../../src/runtime/processor.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { until } from "../assertions/until.ts";
import { stepReport } from "../builders/step-reports.ts";
import { findRunRows } from "../histories/stored-run.ts";
import { publish, startOf, WORKSPACE } from "./processor.ts";

/** An input without its cause. */
type Bare = Input extends infer I ? (I extends Input ? Omit<I, "cause"> : never) : never;

/** A service at work. */
export interface ParentService {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
  publish(name: string, spec: VersionSpec): Promise<VersionRow>;
  /** Starts a run; gives its id. */
  start(version: VersionRow, more?: Partial<RunStart>): Promise<string>;
  put(runId: string, input: Bare): Promise<string>;
  /** TransitionStep. */
  report(runId: string, stepId: string, more?: Partial<StepReport>): Promise<string>;
  view(runId: string): Promise<RunView>;
  step(runId: string, stepId: string): Promise<StepView>;
  /** Waits until the run is in this state. */
  reaches(runId: string, state: Run["state"]): Promise<RunView>;
  /** Waits until the run has so many children, and gives them in order of their start. */
  children(runId: string, count: number): Promise<Run[]>;
  /** Waits until no call is open. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

const CAUSE = { kind: "engine", id: "test" } as const;
const CHILDREN = {
  name: "test_children",
  text: "select id from workflow_runs where parent_run_id = $1 order by created_at, id",
};
const CALLS = { name: "test_calls", text: "select id from effects" };

/** Starts a service on a database. With `idle` it commits and performs nothing, as one that is killed after a commit. */
export function startParentService(url: string, idle = false): ParentService {
  const log = createLog({ level: "error", format: "pretty" });
  const database = openDatabase({ url, log });
  const graphs = createGraphCache(database);
  const clients = createClients(
    { urls: {}, protocol: "connect", timeoutMs: 2_000, concurrency: 64 },
    log,
  );
  const replicaId = `parent-${idle ? "idle" : "busy"}`;
  const lookups = createLookupCache({});
  const processor = createProcessor({
    ...{ database, graphs, lookups, encodeCall, replicaId, log },
    onCommitted: ({ calls }) => {
      if (!idle) dispatcher.take(calls);
    },
  });
  const performers = createPerformers({ clients, lookups, log, database, processor });
  const dispatcher = createDispatcher({
    ...{ database, processor, performers, clients, log, replicaId, claimEveryMs: 50 },
  });
  if (!idle) dispatcher.start();

  async function view(runId: string): Promise<RunView> {
    const found = await findRunRows(database.read, runId);
    if (found === undefined) throw new Error(`run ${runId} is not stored`);
    const graph = (await graphs.require([found.run.versionId])).get(found.run.versionId);
    if (graph === undefined) throw new Error("its version is not stored");
    const run = { ...found.run, edgeMarks: found.run.edgeMarks.slice(0, graph.edges.length) };
    return viewRun(graph, run, found.input, found.steps, found.childIds);
  }
  async function put(runId: string, bare: Bare): Promise<string> {
    const input = { ...bare, cause: CAUSE } as Input;
    const submission = { kind: "input", runId, workspaceId: WORKSPACE, input } as const;
    return (await processor.submit(submission)).reply.kind;
  }
  return {
    database,
    processor,
    log,
    publish: (name, spec) => publish(database, name, spec),
    async start(version, more = {}) {
      const start = startOf(version, more);
      return (await processor.submit({ kind: "start", start, cause: CAUSE })).runId;
    },
    put,
    report: (runId, stepId, more = {}) =>
      put(runId, { kind: "step_reported", report: stepReport(stepId, "COMPLETED", more) }),
    view,
    async step(runId, stepId) {
      const found = (await view(runId)).steps.find(({ step }) => step.def.id === stepId);
      if (found === undefined) throw new Error(`no step ${stepId}`);
      return found;
    },
    reaches: (runId, state) =>
      until(async () => {
        const found = await view(runId);
        return found.run.state === state ? found : undefined;
      }),
    async children(runId, count) {
      const ids = await until(async () => {
        const rows = await database.read.query<{ id: string }>(CHILDREN, [runId]);
        return rows.length >= count ? rows.map(({ id }) => id) : undefined;
      });
      return Promise.all(ids.map(async (id) => (await view(id)).run));
    },
    async quiet() {
      await until(async () => (await database.read.query(CALLS, [])).length === 0 || undefined);
    },
    async stop() {
      await dispatcher.stop();
      await processor.stop();
      await database.close();
    },
  };
}
