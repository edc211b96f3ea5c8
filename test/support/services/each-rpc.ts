/**
 * A sound request of each RPC about what a workspace has, and what it needs: the rows of tables over all RPCs.
 * Boundary: requests; who calls and what is answered is the test's.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  createClient,
  type Transport,
} from "@connectrpc/connect";
import { Endpoints, EndpointVerification } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { HookVerb } from "../../../gen/workflows/ops/v1/hooks_pb.ts";
import { Inbox, Verdict } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { PayloadKind, Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Scope } from "../../../src/collaborators/identity/callers.ts";
import { putAside } from "../../../src/runtime/dead-letters.ts";
import type { Database } from "../../../src/store/database.ts";

type Rpc =
  | keyof typeof WorkflowService.method
  | keyof typeof Runs.method
  | Exclude<keyof typeof Inbox.method, "watch">
  | "inbox.watch"
  | `system.${keyof typeof System.method}`
  | `sources.${keyof typeof Workflows.method}`
  | `endpoints.${keyof typeof Endpoints.method}`
  | `schedules.${keyof typeof Schedules.method}`
  | `templates.${keyof typeof Templates.method}`;
/** Clients of all services as one; an RPC whose name two services have is by its service. */
export type Clients = Client<typeof WorkflowService> &
  Omit<Client<typeof Inbox>, "watch"> &
  Client<typeof Runs> & {
    readonly inbox: Client<typeof Inbox>;
    readonly system: Client<typeof System>;
    readonly sources: Client<typeof Workflows>;
    readonly endpoints: Client<typeof Endpoints>;
    readonly schedules: Client<typeof Schedules>;
    readonly templates: Client<typeof Templates>;
  };

/** The services of the server, in its order. */
export const SERVICES = [
  ...([WorkflowService, Runs, Inbox, System, Workflows] as const),
  ...([Endpoints, Schedules, Templates] as const),
] as const;

/** Clients over one transport. */
export function createClientsOf(transport: Transport): Clients {
  const inbox = createClient(Inbox, transport);
  return {
    ...inbox,
    ...createClient(WorkflowService, transport),
    ...createClient(Runs, transport),
    inbox,
    system: createClient(System, transport),
    sources: createClient(Workflows, transport),
    endpoints: createClient(Endpoints, transport),
    schedules: createClient(Schedules, transport),
    templates: createClient(Templates, transport),
  };
}

/** The name of an RPC in tables over all of them. */
export function nameOfRpc({ parent, localName }: DescMethod): string {
  if (parent.typeName === System.typeName) return `system.${localName}`;
  if (parent.typeName === Workflows.typeName) return `sources.${localName}`;
  if (parent.typeName === Endpoints.typeName) return `endpoints.${localName}`;
  if (parent.typeName === Schedules.typeName) return `schedules.${localName}`;
  if (parent.typeName === Templates.typeName) return `templates.${localName}`;
  return parent === Inbox && localName === "watch" ? "inbox.watch" : localName;
}

/** What a workspace has. */
export interface Place {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly runId: string;
}

/** A call, and who may make it. */
export interface Row {
  readonly needs: Scope;
  /**
   * The refusal of a caller of another workspace that names the workspace: PERMISSION_DENIED, or NOT_FOUND; unset: the
   * request names nothing of a workspace.
   */
  readonly foreign?: "PermissionDenied" | "NotFound";
  /** The refusal of an agent, whatever its scopes; unset: an agent with the scope is answered. */
  readonly agent?: "PermissionDenied";
  /** The request about this place; one that can name a workspace does so. */
  call(client: Clients, at: Place, options: CallOptions): Promise<unknown>;
  /** The same without naming the workspace, for a request that names an object too. */
  callByIdAlone?: Row["call"];
}

/** What the trigger of a furnished definition takes. */
export const EVENT = { triggerType: TriggerType.EVENT, eventType: "order.made" };
const GATE = { id: "gate", name: "Gate", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
/** Steps of a furnished definition. */
export const STEPS = [
  { id: "work", name: "Work", stepType: StepType.HUMAN_TASK },
  // Who starts the run may decide it: the tables are about scopes and workspaces.
  { ...GATE, config: { allow_self_approval: true } },
  { id: "check", name: "Check", stepType: StepType.GOVERNANCE_CHECK, actionType: "pay" },
];
/** The end of its first step. */
export const DONE = { stepId: "work", state: StepRunState.COMPLETED };
/** A workflow file. */
export const SOURCE = "workflow: sourced\nsteps:\n  work: { task: Work }\n";
/** The thread of the tests compiles its sources. */
const THREAD_MS = 60_000;
let names = 0;

const ROWS: Record<Rpc, Row> = {
  createDefinition: {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) =>
      client.createDefinition({ workspaceId, name: `name_${++names}` }, options),
  },
  getDefinition: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { definitionId: id }, options) => client.getDefinition({ id }, options),
  },
  listDefinitions: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.listDefinitions({ workspaceId }, options),
  },
  publishVersion: {
    needs: "workflows:author",
    foreign: "NotFound",
    call: (client, { definitionId }, options) =>
      client.publishVersion({ definitionId, steps: STEPS }, options),
  },
  listVersions: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { definitionId }, options) => client.listVersions({ definitionId }, options),
  },
  startRun: {
    needs: "workflows:run",
    foreign: "PermissionDenied",
    call: (client, { workspaceId, definitionId }, options) =>
      client.startRun({ workspaceId, definitionId }, options),
    callByIdAlone: (client, { definitionId }, options) =>
      client.startRun({ definitionId }, options),
  },
  handleTrigger: {
    needs: "workflows:run",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) =>
      client.handleTrigger({ workspaceId, ...EVENT }, options),
  },
  getRun: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId: id }, options) => client.getRun({ id }, options),
  },
  listRuns: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.listRuns({ workspaceId }, options),
  },
  transitionStep: {
    needs: "workflows:transition",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.transitionStep({ runId, ...DONE }, options),
  },
  pauseRun: {
    needs: "workflows:run",
    foreign: "NotFound",
    call: (client, { runId: id }, options) => client.pauseRun({ id }, options),
  },
  resumeRun: {
    needs: "workflows:run",
    foreign: "NotFound",
    call: (client, { runId: id }, options) => client.resumeRun({ id }, options),
  },
  cancelRun: {
    needs: "workflows:run",
    foreign: "NotFound",
    call: (client, { runId: id }, options) => client.cancelRun({ id }, options),
  },
  compensateRun: {
    needs: "workflows:run",
    foreign: "NotFound",
    call: (client, { runId: id }, options) => client.compensateRun({ id }, options),
  },
  search: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.search({ workspaceId }, options),
  },
  explain: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.explain({ runId }, options),
  },
  previewCancel: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.previewCancel({ runId }, options),
  },
  previewCompensation: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.previewCompensation({ runId }, options),
  },
  planRerun: {
    needs: "workflows:run",
    foreign: "NotFound",
    // The run has not ended.
    call: (client, { runId }, options) => passed(client.planRerun({ runId }, options)),
  },
  rerun: {
    needs: "workflows:run",
    foreign: "NotFound",
    call: (client, { runId }, options) =>
      passed(client.rerun({ runId, planId: "p", reason: "why" }, options)),
  },
  getHistory: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.getHistory({ runId }, options),
  },
  getAttempts: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.getAttempts({ runId, stepId: "work" }, options),
  },
  getTree: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.getTree({ runId }, options),
  },
  watch: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => firstOf(options, (left) => client.watch({ runId }, left)),
  },
  watchMany: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) =>
      firstOf(options, (left) => client.watchMany({ runIds: [runId] }, left)),
  },
  getPayload: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) =>
      client.getPayload({ runId, stepId: "work", kind: PayloadKind.INPUT }, options),
  },
  retryStep: order((client, ids, options) => client.retryStep(ids, options)),
  skipStep: order((client, ids, options) => client.skipStep(ids, options)),
  completeStep: order((client, ids, options) => client.completeStep(ids, options)),
  failStep: order((client, ids, options) => client.failStep(ids, options)),
  resumeWith: {
    needs: "workflows:transition",
    foreign: "NotFound",
    agent: "PermissionDenied",
    // The run is not paused.
    call: (client, { runId }, options) =>
      passed(client.resumeWith({ runId, reason: "why", inputs: { check: { n: 1 } } }, options)),
  },
  publishEvent: {
    needs: "workflows:admin",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    call: (client, { workspaceId }, options) =>
      client.publishEvent({ workspaceId, type: "order.made" }, options),
  },
  tailEvents: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) =>
      firstOf(options, (left) => client.tailEvents({ workspaceId }, left)),
  },
  listDeadLetters: {
    needs: "workflows:transition",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.listDeadLetters({ workspaceId }, options),
  },
  retryDeadLetters: {
    needs: "workflows:transition",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, at, options) => client.retryDeadLetters({ ids: [letterOf(at)] }, options),
  },
  discardDeadLetters: {
    needs: "workflows:transition",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, at, options) => client.discardDeadLetters({ ids: [letterOf(at)] }, options),
  },
  simulate: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { definitionId }, options) =>
      client.simulate({ definitionId }, { ...options, timeoutMs: THREAD_MS }),
  },
  list: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.list({ workspaceId }, options),
  },
  count: {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) => client.count({ workspaceId }, options),
  },
  get: {
    needs: "workflows:read",
    foreign: "NotFound",
    call: (client, { runId }, options) => client.get({ id: `${runId}/work/1` }, options),
  },
  decide: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId }, options) =>
      passed(
        client.decide(
          { id: `${runId}/gate/1`, verdict: Verdict.DENY, digest: "of another request" },
          options,
        ),
      ),
  },
  completeTask: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId }, options) =>
      passed(client.completeTask({ id: `${runId}/work/1` }, options)),
  },
  "inbox.watch": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: (client, { workspaceId }, options) =>
      firstOf(options, (left) => client.inbox.watch({ workspaceId }, left)),
  },
  claim: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId: at }, options) => passed(client.claim({ id: `${at}/work/1` }, options)),
  },
  release: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId: at }, options) =>
      passed(client.release({ id: `${at}/work/1` }, options)),
  },
  delegate: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId: at }, options) =>
      passed(client.delegate({ id: `${at}/gate/1`, to: "user_other" }, options)),
  },
  comment: {
    needs: "workflows:inbox",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId: at }, options) =>
      passed(client.comment({ id: `${at}/work/1`, comment: "so" }, options)),
  },
  "system.get": {
    needs: "workflows:read",
    call: ({ system }, _at, options) => system.get({}, options),
  },
  "system.whoAmI": {
    needs: "workflows:read",
    call: ({ system }, _at, options) => system.whoAmI({}, options),
  },
  "system.listQueues": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ system }, { workspaceId }, options) => system.listQueues({ workspaceId }, options),
  },
  "system.listWorkers": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ system }, { workspaceId }, options) => system.listWorkers({ workspaceId }, options),
  },
  "system.doctor": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ system }, { workspaceId }, options) => system.doctor({ workspaceId }, options),
  },
  "sources.get": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId: id }, options) => sources.get({ id }, options),
  },
  "sources.list": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) => sources.list({ workspaceId }, options),
  },
  "sources.checkVersion": {
    needs: "workflows:author",
    call: ({ sources }, _at, options) => sources.checkVersion({ version: {} }, options),
  },
  "sources.publishSource": {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) =>
      sources.publishSource({ workspaceId, sourceText: SOURCE }, options),
  },
  "sources.getVersion": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => sources.getVersion({ definitionId }, options),
  },
  "sources.listVersionHeads": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      sources.listVersionHeads({ definitionId }, options),
  },
  "sources.deploy": {
    needs: "workflows:deploy",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: ({ sources }, { definitionId }, options) =>
      sources.deploy({ definitionId, environment: "staging" }, options),
  },
  "sources.withdrawDeployment": {
    needs: "workflows:deploy",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: ({ sources }, { definitionId }, options) =>
      sources.withdrawDeployment({ id: `dep_of_${definitionId}`, reason: "why" }, options),
  },
  "sources.listDeployments": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      sources.listDeployments({ definitionId }, options),
  },
  "sources.getDeployPolicy": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) =>
      sources.getDeployPolicy({ workspaceId }, options),
  },
  "sources.putDeployPolicy": {
    needs: "workflows:admin",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    async call({ sources }, { workspaceId }, options) {
      const { policy } = await sources.getDeployPolicy({ workspaceId }, options);
      return sources.putDeployPolicy({ workspaceId, etag: policy?.etag ?? "" }, options);
    },
  },
  "sources.getStats": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => sources.getStats({ definitionId }, options),
  },
  "sources.pause": {
    needs: "workflows:run",
    foreign: "NotFound",
    // The other rows start runs.
    call: async ({ sources }, { definitionId }, options) => {
      const answer = await sources.pause({ definitionId, reason: "why" }, options);
      await sources.resume({ definitionId }, options);
      return answer;
    },
  },
  "sources.resume": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => sources.resume({ definitionId }, options),
  },
  "sources.listMissedTriggers": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      sources.listMissedTriggers({ definitionId }, options),
  },
  "sources.replayMissedTriggers": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      sources.replayMissedTriggers({ definitionId, ids: ["1"] }, options),
  },
  "endpoints.create": {
    needs: "workflows:author",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: makeEndpoint,
  },
  "endpoints.rotate": {
    needs: "workflows:author",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: async (client, at, options) => {
      const { endpoint } = await makeEndpoint(client, at, options);
      return client.endpoints.rotate({ id: endpoint?.id ?? "" }, options);
    },
  },
  "endpoints.list": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ endpoints }, { workspaceId }, options) => endpoints.list({ workspaceId }, options),
  },
  "endpoints.delete": {
    needs: "workflows:author",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: async (client, at, options) => {
      const { endpoint } = await makeEndpoint(client, at, options);
      return client.endpoints.delete({ id: endpoint?.id ?? "" }, options);
    },
  },
  "schedules.create": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: makeSchedule,
  },
  "schedules.update": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: async ({ schedules }, at, options) => {
      const id = await scheduleOf({ schedules }, at, options);
      return schedules.update({ id, updateMask: ["name"], spec: { name: "n" } }, options);
    },
  },
  "schedules.delete": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: async (client, at, options) => {
      const { schedule } = await makeSchedule(client, at, options);
      return client.schedules.delete({ id: schedule?.id ?? "" }, options);
    },
  },
  "schedules.get": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ schedules }, at, options) => schedules.get({ id: scheduleIdOf(at) }, options),
  },
  "schedules.list": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ schedules }, { workspaceId }, options) => schedules.list({ workspaceId }, options),
  },
  "schedules.pause": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ schedules }, at, options) => schedules.pause({ id: scheduleIdOf(at) }, options),
  },
  "schedules.resume": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ schedules }, at, options) => schedules.resume({ id: scheduleIdOf(at) }, options),
  },
  "schedules.runNow": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ schedules }, at, options) => schedules.runNow({ id: scheduleIdOf(at) }, options),
  },
  "schedules.backfill": {
    needs: "workflows:run",
    foreign: "NotFound",
    call: ({ schedules }, at, options) => {
      const range = { from: timestampFromMs(0), to: timestampFromMs(1) };
      return schedules.backfill({ id: scheduleIdOf(at), ...range }, options);
    },
  },
  "schedules.preview": {
    needs: "workflows:read",
    call: ({ schedules }, _at, options) => schedules.preview({ line: "hourly" }, options),
  },
  "sources.getDraft": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => sources.getDraft({ definitionId }, options),
  },
  "sources.saveDraft": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      passed(sources.saveDraft({ definitionId, etag: "none" }, options)),
  },
  "sources.discardDraft": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      passed(sources.discardDraft({ definitionId, etag: "none" }, options)),
  },
  "sources.publishDraft": {
    needs: "workflows:author",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: ({ sources }, { definitionId }, options) =>
      passed(sources.publishDraft({ definitionId, etag: "none" }, options)),
  },
  "sources.create": {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) =>
      sources.create({ workspaceId, name: `name_${++names}` }, options),
  },
  "sources.update": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => {
      const updateMask = ["owner"];
      return passed(
        sources.update({ definitionId, etag: "none", owner: "ann", updateMask }, options),
      );
    },
  },
  "sources.archive": {
    needs: "workflows:author",
    foreign: "NotFound",
    // It has open runs.
    call: ({ sources }, { definitionId }, options) =>
      passed(sources.archive({ definitionId }, options)),
  },
  "sources.unarchive": {
    needs: "workflows:author",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) => sources.unarchive({ definitionId }, options),
  },
  "sources.delete": {
    needs: "workflows:author",
    foreign: "NotFound",
    // It has runs.
    call: ({ sources }, { definitionId }, options) =>
      passed(sources.delete({ definitionId }, options)),
  },
  "sources.diffVersions": {
    needs: "workflows:read",
    foreign: "NotFound",
    call: ({ sources }, { definitionId }, options) =>
      sources.diffVersions({ definitionId }, options),
  },
  "sources.putHook": {
    needs: "workflows:admin",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    call: putAndDeleteHook,
  },
  "sources.listHooks": {
    needs: "workflows:admin",
    foreign: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) => sources.listHooks({ workspaceId }, options),
  },
  "sources.deleteHook": {
    needs: "workflows:admin",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    call: putAndDeleteHook,
  },
  "sources.watchWorkflows": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ sources }, { workspaceId }, options) =>
      firstOf(options, (left) => sources.watchWorkflows({ workspaceId }, left)),
  },
  "templates.list": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ templates }, { workspaceId }, options) => templates.list({ workspaceId }, options),
  },
  "templates.get": {
    needs: "workflows:read",
    foreign: "PermissionDenied",
    call: ({ templates }, { workspaceId }, options) =>
      templates.get({ id: "data-sync", workspaceId }, options),
  },
  "templates.install": {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    agent: "PermissionDenied",
    call: ({ templates }, { workspaceId }, options) =>
      templates.install(
        { workspaceId, templateId: "data-sync", name: `installed_${++names}` },
        { ...options, timeoutMs: THREAD_MS },
      ),
  },
  "templates.save": {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    call: ({ templates }, { workspaceId }, options) =>
      templates.save(
        { workspaceId, id: `kept-${++names}`, title: "Kept", sourceText: SOURCE },
        { ...options, timeoutMs: THREAD_MS },
      ),
  },
  "templates.delete": {
    needs: "workflows:author",
    foreign: "PermissionDenied",
    call: async ({ templates }, { workspaceId }, options) => {
      const id = `gone-${++names}`;
      const thread = { ...options, timeoutMs: THREAD_MS };
      await templates.save({ workspaceId, id, title: "Gone", sourceText: SOURCE }, thread);
      await templates.delete({ workspaceId, id }, options);
    },
  },
};
/** A row of each RPC. */
export const TABLE = SERVICES.flatMap(({ methods }) => [...methods]).map((method) => ({
  rpc: nameOfRpc(method),
  ...rowOf(nameOfRpc(method)),
}));

/** The id of the schedule that putSchedule stores. */
function scheduleIdOf({ definitionId }: Place): string {
  return `wsc_of_${definitionId}`;
}

/** Stores a schedule of a place that is paused, which the calls of the table are about. */
export async function putSchedule(
  { database }: { readonly database: Pick<Database, "write"> },
  { workspaceId, definitionId }: Place,
): Promise<void> {
  await database.write.query(
    {
      name: "test_put_schedule",
      text: `insert into workflow_schedules (anchor_at, created_at, revision, jitter_seconds, overlap, run_as,
          is_paused, id, workspace_id, definition_id, name, line, zone, run_as_subject, changed_by, change_reason,
          input_json, last_json)
        values (now(), now(), 1, 0, 0, 1, true, 'wsc_of_' || $1, $2, $1, '', '@daily', '', '', '', '', '{}', '[]')`,
    },
    [definitionId, workspaceId],
  );
}

/** A deployment that waits for an approval, made by `subject`. */
export async function putDeployment(
  { database }: { readonly database: Pick<Database, "write"> },
  { workspaceId, definitionId }: Place,
  subject = `user_of_${workspaceId}`,
): Promise<void> {
  await database.write.query(
    {
      name: "test_put_deployment",
      text: `insert into workflow_deployments (at, version, id, workspace_id, definition_id, version_id, environment, state,
          deployed_by, note, supersedes)
        select now(), 1, 'dep_of_' || d.id, d.workspace_id, d.id, d.latest_version_id, 'qa', 'PENDING_APPROVAL', $2, '', ''
        from workflow_definitions d where d.id = $1`,
    },
    [definitionId, subject],
  );
}

function makeSchedule(
  { schedules }: Pick<Clients, "schedules">,
  { definitionId }: Place,
  options: CallOptions,
) {
  return schedules.create({ definitionId, spec: { line: "monthly" }, paused: true }, options);
}

async function scheduleOf(
  client: Pick<Clients, "schedules">,
  at: Place,
  options: CallOptions,
): Promise<string> {
  const { schedule } = await makeSchedule(client, at, options);
  return schedule?.id ?? "";
}

function makeEndpoint({ endpoints }: Clients, { definitionId }: Place, options: CallOptions) {
  return endpoints.create({ definitionId, verification: EndpointVerification.NONE }, options);
}

/** The id of the message of a place that was put aside. */
function letterOf({ definitionId }: Place): string {
  return `${definitionId}/1`;
}

/** Puts a message of a place aside, which the calls of the table are about. */
export function putLetterAside(
  deps: Parameters<typeof putAside>[0],
  { workspaceId, definitionId }: Place,
): Promise<void> {
  const fault = { reason: "not_json", problem: "the body is not JSON" };
  const place = { stream: definitionId, streamSeq: 1, subject: "objectives.changes.x" };
  return putAside(deps, [{ ...fault, ...place, workspaceId, headers: {}, data: Buffer.from("x") }]);
}

/** The row of an order for a step. */
function order(
  call: (
    client: Clients,
    ids: { runId: string; stepId: string; reason: string },
    options: CallOptions,
  ) => Promise<unknown>,
): Row {
  return {
    needs: "workflows:transition",
    foreign: "NotFound",
    agent: "PermissionDenied",
    call: (client, { runId }, options) =>
      passed(call(client, { runId, stepId: "work", reason: "why" }, options)),
  };
}

const STATES = [Code.FailedPrecondition, Code.Aborted];

/** Other rows delete workflows, which the hook would refuse. */
async function putAndDeleteHook(
  { sources }: Clients,
  { workspaceId }: Place,
  options: CallOptions,
): Promise<unknown> {
  const name = "policy";
  const hook = { workspaceId, name, verbs: [HookVerb.DELETE], governance: true };
  await sources.putHook(hook, options);
  return sources.deleteHook({ workspaceId, name }, options);
}

/** A caller that is refused for the state of the object alone may make the call. */
async function passed(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ConnectError && STATES.includes(error.code)) return error;
    throw error;
  }
}

/** The first message of a stream, which is left then: to stop iterating alone leaves it open. */
export async function firstOf<T>(
  options: CallOptions,
  open: (options: CallOptions) => AsyncIterable<T>,
): Promise<T> {
  const leaving = new AbortController();
  try {
    for await (const message of open({ ...options, signal: leaving.signal })) return message;
  } finally {
    leaving.abort();
  }
  throw new Error("the stream ended without a message");
}

function rowOf(name: string): Row {
  const row = new Map(Object.entries(ROWS)).get(name);
  if (row === undefined) throw new Error(`no row of ${name}`);
  return row;
}
