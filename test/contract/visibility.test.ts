/**
 * What a caller sees of another workspace: nothing. Every RPC and every read of src/store/reads/ is asked as another
 * workspace for what ws_a has.
 * Boundary: RPCs are those of the server's own descriptors and reads those of the folder's text, so that a new one fails
 * here until it has a line. Tokens and scopes are rpc-auth.test.ts.
 */
import { MethodOptions_IdempotencyLevel, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { EndpointVerification } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { PayloadKind } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { SCOPES } from "../../src/collaborators/identity/callers.ts";
import {
  createEventFeed,
  type EventFeed,
  type EventListener,
} from "../../src/runtime/event-feed.ts";
import { WorkersSeen } from "../../src/runtime/workers-seen.ts";
import type { Queries } from "../../src/store/database.ts";
import {
  countDeadLetters,
  countOpenLetters,
  findDeadLetter,
  findLetterHeads,
  listDeadLetters,
} from "../../src/store/reads/dead-letters.ts";
import { findDefinitionHead } from "../../src/store/reads/definition-heads.ts";
import {
  findDefinition,
  findVersion,
  findVersions,
  listDefinitions,
} from "../../src/store/reads/definitions.ts";
import { findDeployPolicy } from "../../src/store/reads/deploy-policies.ts";
import {
  countDeployments,
  findCurrentDeployments,
  findDeployedVersion,
  findDeployment,
  listDeployments,
  listWaitingDeployments,
} from "../../src/store/reads/deployments.ts";
import { findDraft } from "../../src/store/reads/drafts.ts";
import {
  countListedEndpoints,
  findEndpoint,
  findSealedTokens,
  listEndpoints,
} from "../../src/store/reads/endpoints.ts";
import { findErrorText } from "../../src/store/reads/error-texts.ts";
import { listHooks } from "../../src/store/reads/hooks.ts";
import { countInbox, findAskingStep, listInbox } from "../../src/store/reads/inbox.ts";
import { findItemNotes } from "../../src/store/reads/inbox-notes.ts";
import { findManyRunRows, findRunOutline, findRunWith } from "../../src/store/reads/many-runs.ts";
import { findOverdueRuns } from "../../src/store/reads/overdue-runs.ts";
import { countMissedTriggers, findPauses, listMissed } from "../../src/store/reads/pauses.ts";
import { findRerunId } from "../../src/store/reads/reruns.ts";
import { findRunHead } from "../../src/store/reads/run-heads.ts";
import { findHistory, findHistoryOfStep } from "../../src/store/reads/run-history.ts";
import { findLimits, findRunTurn } from "../../src/store/reads/run-limits.ts";
import { findStarters } from "../../src/store/reads/run-starters.ts";
import { findAncestors, findChildrenOfRuns } from "../../src/store/reads/run-trees.ts";
import {
  findCallsOfRun,
  findItemAssignees,
  findNamingLetters,
  findOpenChildren,
  findRunNotes,
} from "../../src/store/reads/run-waits.ts";
import { findRunRows, findRuns, listRuns } from "../../src/store/reads/runs.ts";
import { countFoundRuns } from "../../src/store/reads/search-facets.ts";
import { searchRuns } from "../../src/store/reads/search-runs.ts";
import { findStartedRuns, hasStartedRun } from "../../src/store/reads/started-runs.ts";
import { findStarterHeads } from "../../src/store/reads/starter-heads.ts";
import { findTemplate, listTemplates } from "../../src/store/reads/templates.ts";
import { wasWorkflowTried } from "../../src/store/reads/tried-workflows.ts";
import { listVersions } from "../../src/store/reads/version-lists.ts";
import {
  findNewestNumber,
  findVersionHead,
  findVersionSource,
  listVersionHeads,
} from "../../src/store/reads/version-sources.ts";
import {
  EVERY_WORKSPACE,
  onlyWorkspace,
  type Visibility,
} from "../../src/store/reads/visibility.ts";
import { findChangePlaces, listChangesAfter } from "../../src/store/reads/workflow-changes.ts";
import { everyWorkflow } from "../../src/store/reads/workflow-filters.ts";
import { findWorkflowHealth } from "../../src/store/reads/workflow-health.ts";
import {
  countWorkflows,
  findIdOfName,
  findWorkflow,
  listWorkflows,
} from "../../src/store/reads/workflow-lists.ts";
import { findWorkflowMetrics } from "../../src/store/reads/workflow-metrics.ts";
import {
  countSchedules,
  findTriggerSchedule,
  findWorkflowSchedule,
  listTriggerSchedules,
  listWorkflowSchedules,
} from "../../src/store/reads/workflow-schedules.ts";
import { findWorkflowStats } from "../../src/store/reads/workflow-stats.ts";
import { COUNTER_KINDS, dayOf } from "../../src/store/run-counts.ts";
import { readSourceFiles } from "../../tools/check-imports.ts";
import { callersReads } from "../../tools/check-reads.ts";
import { ANY_RUN } from "../support/builders/run-search.ts";
import {
  type Clients,
  createClientsOf,
  firstOf,
  nameOfRpc,
  SERVICES,
  SOURCE,
} from "../support/services/each-rpc.ts";
import { ownView } from "../support/services/own-view.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** What a workspace has. */
interface Place {
  readonly workspaceId: string;
  readonly definitionId: string;
  /** The latest of two. */
  readonly versionId: string;
  /** Started by an event; its first step has failed. */
  readonly runId: string;
  readonly childId: string;
}

/** Reads or changes objects of this workspace, by its ids and names. */
type Call = (client: Clients, at: Place, options: CallOptions) => Promise<unknown>;
/** The rows that a read gives of this place. */
type Read = (db: Queries, visibility: Visibility, at: Place) => Promise<readonly unknown[]>;

/** The thread of the tests compiles its sources. */
const THREAD_MS = 60_000;
/** The template that the first workspace keeps. */
const KEPT = "kept";
const METHODS = SERVICES.flatMap(({ methods }) => [...methods]);
const EVENT = { triggerType: TriggerType.EVENT, eventType: "order.made" };
const WORK = { id: "work", name: "Work", stepType: StepType.HUMAN_TASK };
const DONE = { stepId: "work", state: StepRunState.COMPLETED };

/**
 * A list is empty, or of the caller's own workspace; a read by id is not_found. What names no object is of the caller, or of
 * no workspace.
 */
const READ_CALLS: Record<
  string,
  { readonly gives: "not_found" | "empty" | "own" | "callers" | "nothing"; readonly call: Call }
> = {
  getDefinition: {
    gives: "not_found",
    call: (client, { definitionId: id }, options) => client.getDefinition({ id }, options),
  },
  listDefinitions: {
    gives: "empty",
    call: (client, { workspaceId: tag }, options) => client.listDefinitions({ tag }, options),
  },
  listVersions: {
    gives: "not_found",
    call: (client, { definitionId }, options) => client.listVersions({ definitionId }, options),
  },
  getRun: {
    gives: "not_found",
    call: (client, { childId: id }, options) => client.getRun({ id }, options),
  },
  listRuns: {
    gives: "empty",
    call: (client, { definitionId }, options) => client.listRuns({ definitionId }, options),
  },
  explain: {
    gives: "not_found",
    call: (client, { runId }, options) => client.explain({ runId }, options),
  },
  previewCancel: {
    gives: "not_found",
    call: (client, { childId: runId }, options) => client.previewCancel({ runId }, options),
  },
  previewCompensation: {
    gives: "not_found",
    call: (client, { childId: runId }, options) => client.previewCompensation({ runId }, options),
  },
  planRerun: {
    gives: "not_found",
    call: (client, { runId }, options) => client.planRerun({ runId }, options),
  },
  getHistory: {
    gives: "not_found",
    call: (client, { runId }, options) => client.getHistory({ runId }, options),
  },
  getAttempts: {
    gives: "not_found",
    call: (client, { runId }, options) => client.getAttempts({ runId, stepId: "work" }, options),
  },
  search: {
    gives: "callers",
    call: (client, { definitionId }, options) => client.search({ definitionId }, options),
  },
  getTree: {
    gives: "not_found",
    call: (client, { runId }, options) => client.getTree({ runId }, options),
  },
  watch: {
    gives: "not_found",
    call: async (client, { runId }, options) => {
      const { cursor } = await firstOf(options, (left) => client.watch({ runId }, left));
      return Buffer.from(cursor, "base64url").toString();
    },
  },
  watchMany: {
    gives: "not_found",
    call: async (client, { runId }, options) => {
      const { cursor } = await firstOf(options, (left) =>
        client.watchMany({ runIds: [runId] }, left),
      );
      return Buffer.from(cursor, "base64url").toString();
    },
  },
  tailEvents: {
    gives: "callers",
    call: async (client, _at, options) => {
      for await (const { event } of client.tailEvents({}, options)) {
        if (event !== undefined) return event;
      }
      throw new Error("the stream ended without an event");
    },
  },
  getPayload: {
    gives: "not_found",
    call: (client, { runId }, options) =>
      client.getPayload({ runId, stepId: "work", kind: PayloadKind.INPUT }, options),
  },
  listDeadLetters: {
    gives: "callers",
    call: (client, _at, options) => client.listDeadLetters({}, options),
  },
  list: { gives: "own", call: (client, _at, options) => client.list({}, options) },
  count: { gives: "own", call: (client, _at, options) => client.count({}, options) },
  get: {
    gives: "not_found",
    call: (client, { childId }, options) => client.get({ id: `${childId}/work/1` }, options),
  },
  "inbox.watch": {
    gives: "own",
    call: async (client, _at, options) => {
      const items: unknown[] = [];
      for await (const { cursor, item } of client.inbox.watch({}, options)) {
        if (item !== undefined) items.push(item);
        if (cursor !== "") break;
      }
      return { totalSize: items.length, items };
    },
  },
  "system.get": { gives: "nothing", call: ({ system }, _at, options) => system.get({}, options) },
  "system.whoAmI": {
    gives: "callers",
    call: ({ system }, _at, options) => system.whoAmI({}, options),
  },
  "system.listQueues": {
    gives: "own",
    call: ({ system }, _at, options) => system.listQueues({}, options),
  },
  "system.listWorkers": {
    gives: "own",
    call: ({ system }, _at, options) => system.listWorkers({}, options),
  },
  "sources.get": {
    gives: "not_found",
    call: ({ sources }, { definitionId: id }, options) => sources.get({ id }, options),
  },
  "sources.list": {
    gives: "callers",
    call: ({ sources }, _at, options) => sources.list({ nameContains: "order" }, options),
  },
  "sources.checkVersion": {
    gives: "nothing",
    call: ({ sources }, _at, options) => sources.checkVersion({ version: {} }, options),
  },
  "sources.getVersion": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) => sources.getVersion({ definitionId }, options),
  },
  "sources.listVersionHeads": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) =>
      sources.listVersionHeads({ definitionId }, options),
  },
  "sources.listDeployments": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) =>
      sources.listDeployments({ definitionId }, options),
  },
  "sources.getDeployPolicy": {
    gives: "callers",
    call: ({ sources }, _at, options) => sources.getDeployPolicy({}, options),
  },
  "sources.getStats": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) => sources.getStats({ definitionId }, options),
  },
  "sources.listMissedTriggers": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) =>
      sources.listMissedTriggers({ definitionId }, options),
  },
  "endpoints.list": {
    gives: "callers",
    call: ({ endpoints }, _at, options) => endpoints.list({}, options),
  },
  "schedules.get": {
    gives: "not_found",
    call: ({ schedules }, at, options) => schedules.get({ id: scheduleOf(at) }, options),
  },
  "schedules.list": {
    gives: "callers",
    call: ({ schedules }, _at, options) => schedules.list({}, options),
  },
  "schedules.preview": {
    gives: "nothing",
    call: ({ schedules }, _at, options) => schedules.preview({ line: "hourly" }, options),
  },
  "sources.getDraft": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) => sources.getDraft({ definitionId }, options),
  },
  "sources.diffVersions": {
    gives: "not_found",
    call: ({ sources }, { definitionId }, options) =>
      sources.diffVersions({ definitionId }, options),
  },
  "sources.listHooks": {
    gives: "callers",
    call: ({ sources }, _at, options) => sources.listHooks({}, options),
  },
  "sources.watchWorkflows": {
    gives: "callers",
    call: async ({ sources }, _at, options) => {
      for await (const { change } of sources.watchWorkflows({ fromOldest: true }, options)) {
        if (change !== undefined) return change;
      }
      throw new Error("the stream ended without a change");
    },
  },
  simulate: {
    gives: "not_found",
    call: (client, { definitionId, runId: mocksFromRun }, options) =>
      client.simulate(
        { definitionId, mocksFromRun, input: { of: definitionId } },
        { ...options, timeoutMs: THREAD_MS },
      ),
  },
  "templates.list": {
    gives: "callers",
    call: ({ templates }, _at, options) => templates.list({}, options),
  },
  "templates.get": {
    gives: "not_found",
    call: ({ templates }, _at, options) => templates.get({ id: KEPT }, options),
  },
  "system.doctor": {
    gives: "callers",
    call: ({ system }, _at, options) => system.doctor({}, options),
  },
};

const WRITE_CALLS: Record<string, Call> = {
  createDefinition: (client, { workspaceId }, options) =>
    client.createDefinition({ workspaceId, name: "intruder" }, options),
  "sources.publishSource": ({ sources }, { workspaceId }, options) =>
    sources.publishSource({ workspaceId, sourceText: SOURCE }, options),
  "sources.deploy": ({ sources }, { definitionId }, options) =>
    sources.deploy({ definitionId, environment: "production", version: 1 }, options),
  "sources.withdrawDeployment": ({ sources }, _at, options) =>
    sources.withdrawDeployment({ id: "dep_waits" }, options),
  "sources.putDeployPolicy": ({ sources }, { workspaceId }, options) =>
    sources.putDeployPolicy({ workspaceId }, options),
  "sources.pause": ({ sources }, { definitionId }, options) =>
    sources.pause({ definitionId }, options),
  "sources.resume": ({ sources }, { definitionId }, options) =>
    sources.resume({ definitionId }, options),
  "sources.replayMissedTriggers": ({ sources }, { definitionId }, options) =>
    sources.replayMissedTriggers({ definitionId, ids: ["1"] }, options),
  "sources.create": ({ sources }, { workspaceId }, options) =>
    sources.create({ workspaceId, name: "intruder" }, options),
  "sources.update": ({ sources }, { definitionId }, options) => {
    const updateMask = ["owner"];
    return sources.update({ definitionId, etag: "0", owner: "intruder", updateMask }, options);
  },
  "sources.putHook": ({ sources }, { workspaceId }, options) =>
    sources.putHook({ workspaceId, name: "policy", verbs: [8], governance: true }, options),
  "sources.deleteHook": ({ sources }, { workspaceId }, options) =>
    sources.deleteHook({ workspaceId, name: "policy" }, options),
  "sources.archive": ({ sources }, { definitionId }, options) =>
    sources.archive({ definitionId }, options),
  "sources.unarchive": ({ sources }, { definitionId }, options) =>
    sources.unarchive({ definitionId }, options),
  "sources.delete": ({ sources }, { definitionId }, options) =>
    sources.delete({ definitionId }, options),
  "sources.saveDraft": ({ sources }, { definitionId }, options) =>
    sources.saveDraft({ definitionId, sourceText: SOURCE }, options),
  "sources.discardDraft": ({ sources }, { definitionId }, options) =>
    sources.discardDraft({ definitionId, etag: "e" }, options),
  "sources.publishDraft": ({ sources }, { definitionId }, options) =>
    sources.publishDraft({ definitionId, etag: "e" }, options),
  "templates.install": ({ templates }, { workspaceId }, options) =>
    templates.install({ workspaceId, templateId: "data-sync" }, options),
  "templates.save": ({ templates }, { workspaceId }, options) =>
    templates.save({ workspaceId, id: KEPT, title: "Kept", sourceText: SOURCE }, options),
  "templates.delete": ({ templates }, { workspaceId }, options) =>
    templates.delete({ workspaceId, id: KEPT }, options),
  publishVersion: (client, { definitionId }, options) =>
    client.publishVersion({ definitionId, steps: [WORK] }, options),
  "endpoints.create": ({ endpoints }, { definitionId }, options) =>
    endpoints.create({ definitionId, verification: EndpointVerification.NONE }, options),
  "schedules.create": ({ schedules }, { definitionId }, options) =>
    schedules.create({ definitionId, spec: { line: "hourly" } }, options),
  "schedules.update": ({ schedules }, at, options) =>
    schedules.update({ id: scheduleOf(at), updateMask: ["name"] }, options),
  "schedules.delete": ({ schedules }, at, options) =>
    schedules.delete({ id: scheduleOf(at) }, options),
  "schedules.pause": ({ schedules }, at, options) =>
    schedules.pause({ id: scheduleOf(at) }, options),
  "schedules.resume": ({ schedules }, at, options) =>
    schedules.resume({ id: scheduleOf(at) }, options),
  "schedules.runNow": ({ schedules }, at, options) =>
    schedules.runNow({ id: scheduleOf(at) }, options),
  "schedules.backfill": ({ schedules }, at, options) => {
    const range = { from: timestampFromMs(0), to: timestampFromMs(1) };
    return schedules.backfill({ id: scheduleOf(at), ...range }, options);
  },
  "endpoints.rotate": ({ endpoints }, at, options) =>
    endpoints.rotate({ id: endpointOf(at) }, options),
  "endpoints.delete": ({ endpoints }, at, options) =>
    endpoints.delete({ id: endpointOf(at) }, options),
  startRun: (client, { definitionId }, options) => client.startRun({ definitionId }, options),
  handleTrigger: (client, { workspaceId }, options) =>
    client.handleTrigger({ workspaceId, ...EVENT }, options),
  transitionStep: (client, { runId }, options) =>
    client.transitionStep({ runId, ...DONE }, options),
  pauseRun: (client, { childId: id }, options) => client.pauseRun({ id }, options),
  resumeRun: (client, { childId: id }, options) => client.resumeRun({ id }, options),
  cancelRun: (client, { childId: id }, options) => client.cancelRun({ id }, options),
  compensateRun: (client, { childId: id }, options) => client.compensateRun({ id }, options),
  retryStep: (client, at, options) => client.retryStep(orderOf(at), options),
  skipStep: (client, at, options) => client.skipStep(orderOf(at), options),
  completeStep: (client, at, options) => client.completeStep(orderOf(at), options),
  failStep: (client, at, options) => client.failStep(orderOf(at), options),
  resumeWith: (client, { runId }, options) =>
    client.resumeWith({ runId, reason: "why", inputs: { work: { n: 1 } } }, options),
  rerun: (client, { runId }, options) =>
    client.rerun({ runId, planId: "p", reason: "why" }, options),
  publishEvent: (client, { workspaceId }, options) =>
    client.publishEvent({ workspaceId, type: "order.made" }, options),
  retryDeadLetters: (client, _at, options) =>
    client.retryDeadLetters({ ids: ["OBJECTIVES/1"] }, options),
  discardDeadLetters: (client, _at, options) =>
    client.discardDeadLetters({ ids: ["OBJECTIVES/1"] }, options),
  decide: (client, { childId }, options) =>
    client.decide({ id: `${childId}/work/1`, verdict: Verdict.DENY, digest: "d" }, options),
  completeTask: (client, { childId }, options) =>
    client.completeTask({ id: `${childId}/work/1` }, options),
  claim: (client, { childId }, options) => client.claim({ id: `${childId}/work/1` }, options),
  release: (client, { childId }, options) => client.release({ id: `${childId}/work/1` }, options),
  delegate: (client, { childId }, options) =>
    client.delegate({ id: `${childId}/work/1`, to: "user_other" }, options),
  comment: (client, { childId }, options) =>
    client.comment({ id: `${childId}/work/1`, comment: "so" }, options),
};
const endpointOf = ({ definitionId }: { definitionId: string }) => `whk_${definitionId}`;
const scheduleOf = ({ definitionId }: { definitionId: string }) => `wsc_${definitionId}`;
const orderOf = ({ childId: runId }: { childId: string }) => ({
  ...{ runId, stepId: "work", reason: "why" },
});
/** Writes that name no object but a workspace. */
const BY_WORKSPACE = [
  ...["createDefinition", "handleTrigger", "publishEvent"],
  ...["sources.publishSource", "sources.create", "sources.putDeployPolicy"],
  ...["templates.install", "templates.save", "templates.delete"],
  ...["sources.putHook", "sources.deleteHook"],
];

const PAGE = { limit: 50, offset: 0 };
const INBOX = { assignee: undefined, kinds: ["approval", "task", "held"] } as const;
const deploymentsOf = ({ definitionId }: Place) => ({ definitionId, environment: "", states: [] });
const READS: Record<string, Read> = {
  findDefinition: (db, seen, at) => one(findDefinition(db, seen, at.definitionId)),
  findDefinitionHead: (db, seen, at) => one(findDefinitionHead(db, seen, at.definitionId)),
  findVersion: (db, seen, at) => one(findVersion(db, seen, at.definitionId, 1)),
  findVersions: (db, seen, at) => findVersions(db, seen, [at.versionId]),
  listDefinitions: async (db, seen, { workspaceId }) =>
    (await listDefinitions(db, seen, { workspaceId, tag: "", ...PAGE })).rows,
  listVersions: (db, seen, at) =>
    listVersions(db, seen, at.definitionId, { limit: 50, bytesAtMost: 1_000_000 }),
  findWorkflow: (db, seen, at) => one(findWorkflow(db, seen, at.definitionId)),
  findIdOfName: (db, seen, { workspaceId }) =>
    one(findIdOfName(db, seen, { workspaceId, name: "orders" })),
  listWorkflows: async (db, seen, { workspaceId }) => {
    const filters = { ...everyWorkflow(workspaceId), nameContains: "ORD" };
    const page = { order: "newest", size: 50, after: undefined } as const;
    return (await listWorkflows(db, seen, filters, page)).rows;
  },
  countWorkflows: async (db, seen, { workspaceId }) =>
    [await countWorkflows(db, seen, everyWorkflow(workspaceId))].filter((n) => n > 0),
  findTemplate: (db, seen, { workspaceId }) =>
    one(findTemplate(db, seen, { workspaceId, id: KEPT })),
  listTemplates: (db, seen, { workspaceId }) => listTemplates(db, seen, workspaceId),
  listHooks: (db, seen, { workspaceId }) => listHooks(db, seen, { workspaceId }),
  findChangePlaces: async (db, seen, { workspaceId }) =>
    [await findChangePlaces(db, seen, workspaceId)].filter(({ head }) => head > 0),
  listChangesAfter: (db, seen, { workspaceId }) =>
    listChangesAfter(db, seen, { workspaceId, after: 0, limit: 50 }),
  findDraft: (db, seen, at) => one(findDraft(db, seen, at.definitionId)),
  findEndpoint: (db, seen, at) => one(findEndpoint(db, seen, endpointOf(at))),
  findSealedTokens: async (db, seen, at) => [
    ...(await findSealedTokens(db, seen, [endpointOf(at)])).values(),
  ],
  listEndpoints: (db, seen, { workspaceId }) =>
    listEndpoints(db, seen, { workspaceId, definitionId: "" }, { after: "", limit: 50 }),
  countListedEndpoints: async (db, seen, { workspaceId, definitionId }) =>
    [await countListedEndpoints(db, seen, { workspaceId, definitionId })].filter((n) => n > 0),
  findStarterHeads: async (db, seen, at) => [
    ...(await findStarterHeads(db, seen, [at.definitionId])).values(),
  ],
  findWorkflowSchedule: (db, seen, at) => one(findWorkflowSchedule(db, seen, scheduleOf(at))),
  findTriggerSchedule: (db, seen, at) => one(findTriggerSchedule(db, seen, at.definitionId)),
  listWorkflowSchedules: (db, seen, { workspaceId }) =>
    listWorkflowSchedules(db, seen, { workspaceId, definitionId: "" }, { after: "", limit: 50 }),
  listTriggerSchedules: (db, seen, { workspaceId }) =>
    listTriggerSchedules(db, seen, { workspaceId, definitionId: "" }, { after: "", limit: 50 }),
  countSchedules: async (db, seen, { workspaceId, definitionId }) =>
    [await countSchedules(db, seen, { workspaceId, definitionId })].filter((n) => n > 0),
  findVersionHead: (db, seen, at) => one(findVersionHead(db, seen, at.versionId)),
  findVersionSource: (db, seen, at) => one(findVersionSource(db, seen, at.versionId)),
  listVersionHeads: (db, seen, at) =>
    listVersionHeads(db, seen, at.definitionId, { before: undefined, limit: 50 }),
  findNewestNumber: async (db, seen, at) =>
    [await findNewestNumber(db, seen, at.definitionId)].filter((n) => n > 0),
  findCurrentDeployments: (db, seen, at) => findCurrentDeployments(db, seen, [at.definitionId]),
  findDeployedVersion: (db, seen, at) =>
    one(findDeployedVersion(db, seen, at.definitionId, "production")),
  findDeployment: async (db, seen, at) => {
    const [row] = await findCurrentDeployments(db, EVERY_WORKSPACE, [at.definitionId]);
    return one(findDeployment(db, seen, row?.id ?? ""));
  },
  listDeployments: (db, seen, at) =>
    listDeployments(db, seen, deploymentsOf(at), { size: 50, after: undefined }),
  countDeployments: async (db, seen, at) =>
    [await countDeployments(db, seen, deploymentsOf(at))].filter((n) => n > 0),
  findDeployPolicy: (db, seen, { workspaceId }) => one(findDeployPolicy(db, seen, workspaceId)),
  listWaitingDeployments: (db, seen, { workspaceId }) =>
    listWaitingDeployments(db, seen, workspaceId, 10),
  findRunHead: (db, seen, at) => one(findRunHead(db, seen, at.runId)),
  findRuns: (db, seen, at) => findRuns(db, seen, [at.runId, at.childId]),
  findRunRows: (db, seen, at) => one(findRunRows(db, seen, at.runId)),
  findManyRunRows: async (db, seen, at) => [
    ...(await findManyRunRows(db, seen, [at.runId, at.childId])).values(),
  ],
  findRerunId: (db, seen, at) => one(findRerunId(db, seen, at.childId)),
  findRunOutline: (db, seen, at) => one(findRunOutline(db, seen, at.runId)),
  findRunWith: (db, seen, at) =>
    one(findRunWith(db, seen, at.runId, { inputs: [0], outputs: [0] }, 1_000_000)),
  findErrorText: async (db, seen, at) =>
    [await findErrorText(db, seen, at.runId, 0)].filter((text) => text !== ""),
  listRuns: async (db, seen, { workspaceId, definitionId }) => {
    const filters = { workspaceId, definitionId, entityId: "", initiatorAgentId: "", ...PAGE };
    return (await listRuns(db, seen, filters)).runs;
  },
  searchRuns: async (db, seen, { workspaceId, definitionId }) => [
    ...(await searchRuns(db, seen, { ...ANY_RUN, workspaceId, definitionId }, 50)).ids,
  ],
  countFoundRuns: async (db, seen, { workspaceId, definitionId }) =>
    [await countFoundRuns(db, seen, { ...ANY_RUN, workspaceId, definitionId })].filter(
      ({ total }) => total > 0,
    ),
  listInbox: (db, seen, { workspaceId }) =>
    timeless(listInbox(db, seen, { ...INBOX, workspaceId }, 50).then(({ items }) => items)),
  countInbox: async (db, seen, { workspaceId }) =>
    [await countInbox(db, seen, { ...INBOX, workspaceId })].filter((total) => total > 0),
  findAskingStep: (db, seen, at) => timeless(one(findAskingStep(db, seen, at.childId, 0, 1))),
  findItemNotes: (db, seen, at) =>
    findItemNotes(db, seen, { runId: at.childId, stepIndex: 0, place: 1 }),
  listDeadLetters: (db, seen, { workspaceId }) =>
    listDeadLetters(db, seen, { workspaceId, settled: false }, 50),
  countDeadLetters: async (db, seen, { workspaceId }) =>
    [await countDeadLetters(db, seen, { workspaceId, settled: false })].filter((n) => n > 0),
  countOpenLetters: async (db, seen) => [await countOpenLetters(db, seen, "")].filter((n) => n > 0),
  findLetterHeads: (db, seen) =>
    findLetterHeads(db, seen, [{ stream: "OBJECTIVES", streamSeq: 1 }], false),
  findDeadLetter: (db, seen) =>
    one(findDeadLetter(db, seen, { stream: "OBJECTIVES", streamSeq: 1 }, false)),
  findOverdueRuns: (db, seen, { workspaceId }) =>
    findOverdueRuns(db, seen, workspaceId, { overSeconds: 30, limit: 10 }),
  findCallsOfRun: async (db, seen, at) => (await findCallsOfRun(db, seen, at.runId)).calls,
  findOpenChildren: (db, seen, at) => findOpenChildren(db, seen, at.runId),
  wasWorkflowTried: async (db, seen, { definitionId }) =>
    [await wasWorkflowTried(db, seen, definitionId)].filter((isTried) => isTried),
  findItemAssignees: (db, seen, at) => findItemAssignees(db, seen, at.childId),
  findRunNotes: (db, seen, at) => findRunNotes(db, seen, at.runId, []),
  findNamingLetters: (db, seen, at) =>
    findNamingLetters(db, seen, at.runId, new Date(0), [at.runId]),
  findHistory: (db, seen, at) =>
    findHistory(db, seen, at.runId, { seq: 0, isDescending: false, limit: 50 }),
  findHistoryOfStep: (db, seen, at) => findHistoryOfStep(db, seen, at.runId, 0),
  findStarters: async (db, seen, at) => [...(await findStarters(db, seen, at.runId))],
  findAncestors: (db, seen, at) => findAncestors(db, seen, at.childId, 16),
  findChildrenOfRuns: (db, seen, at) => findChildrenOfRuns(db, seen, [at.runId], 10),
  findStartedRuns: (db, seen, { workspaceId }) =>
    findStartedRuns(db, seen, { workspaceId, id: "order_1" }, "EVENT"),
  hasStartedRun: async (db, seen, at) =>
    [await hasStartedRun(db, seen, at.definitionId, "order_1")].filter(Boolean),
  findWorkflowMetrics: async (db, seen, at) => [
    ...(await findWorkflowMetrics(db, seen, [at.definitionId])).values(),
  ],
  findWorkflowStats: async (db, seen, at) => {
    const { days, failingSteps } = await findWorkflowStats(db, seen, at.definitionId, 7);
    return [...days, ...failingSteps];
  },
  findPauses: async (db, seen, at) => [...(await findPauses(db, seen, [at.definitionId])).values()],
  findWorkflowHealth: async (db, seen, at) => [
    ...(await findWorkflowHealth(db, seen, [at.definitionId])).values(),
  ],
  findLimits: async (db, seen, at) => [...(await findLimits(db, seen, [at.definitionId])).values()],
  findRunTurn: (db, seen, at) => one(findRunTurn(db, seen, at.runId)),
  listMissed: (db, seen, { definitionId }) =>
    listMissed(db, seen, { definitionId, state: 0 }, { before: undefined, limit: 50 }),
  countMissedTriggers: async (db, seen, { definitionId }) =>
    [await countMissedTriggers(db, seen, { definitionId, state: 0 })].filter((n) => n > 0),
};

let service: RpcService;
let client: Clients;
let mine: Place;
let others: Place;

beforeAll(async () => {
  const scopes = new Set(SCOPES);
  const find = async (workspaceId: string) => ({
    ...{ subject: "caller", workspaceId, scopes, isAgent: false },
  });
  const workers = new WorkersSeen(() => 0);
  for (const workspaceId of ["ws_a", "ws_b"]) {
    const worker = { worker: `worker_of_${workspaceId}`, running: 0, concurrency: 1 };
    workers.note({ workspaceId, queue: `queue_of_${workspaceId}` }, worker);
  }
  const replica = ownView(workers);
  service = await startRpcService({ callers: { find }, replica, eventFeed: createBusyFeed() });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  client = createClientsOf(transport);
  mine = await furnish("ws_a");
  await waitFor(mine);
  others = await furnish("ws_b");
});
afterAll(() => service.stop());

function as(workspaceId: string, more: Readonly<Record<string, string>> = {}): CallOptions {
  return { headers: { authorization: `Bearer ${workspaceId}`, ...more } };
}

async function furnish(workspaceId: string): Promise<Place> {
  const who = as(workspaceId);
  const made = await client.createDefinition({ name: "orders", tags: [workspaceId] }, who);
  const definitionId = made.definition?.id ?? "";
  const published = { definitionId, steps: [WORK], trigger: EVENT };
  await client.publishVersion(published, who);
  const { version } = await client.publishVersion(published, who);
  const inputPayload = { secret: `secret of ${workspaceId}` };
  const event = { ...EVENT, triggerEventId: "order_1", inputPayload };
  const runId = (await client.handleTrigger(event, who)).startedRuns[0]?.id ?? "";
  const failed = { stepId: "work", state: StepRunState.FAILED, errorMessage: workspaceId };
  await client.transitionStep({ runId, ...failed }, who);
  const child = { definitionId, parentRunId: runId, inputPayload };
  const childId = (await client.startRun(child, who)).run?.id ?? "";
  return { workspaceId, definitionId, versionId: version?.id ?? "", runId, childId };
}

/** What the run of a place could wait for: a call, a child run, a message that was put aside; a child that is overdue. */
async function waitFor(place: Place): Promise<void> {
  const { workspaceId, definitionId, versionId, runId, childId } = place;
  const { write } = service.database;
  const insert = (name: string, text: string, values: readonly unknown[]) =>
    write.query({ name, text }, values);
  await insert(
    "furnish_call",
    `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
      values (now(), now() + interval '1 day', 0, 1, $1 || '/work/1/look_up', $2, 'look_up', 'another', '')`,
    [runId, workspaceId],
  );
  await insert(
    "furnish_child",
    `insert into child_runs (run_id, step_index, attempt, child_index, child_run_id, seq, cost_usd, state)
      values ($1, 0, 1, 0, $2, 0, 0, 'open')`,
    [runId, childId],
  );
  await insert(
    "furnish_note",
    `insert into inbox_notes (made_at, step_index, place, kind, run_id, id, made_by, passed_to, text)
      values (now(), 0, 1, 4, $1, 'note', 'ann', '', 'so')`,
    [childId],
  );
  await insert(
    "furnish_letter",
    `insert into dead_letters (stream, subject, stream_seq, reason, problem, headers, data, workspace_id)
      values ('OBJECTIVES', 'objectives.changes.x', 1, 'not_json', 'no JSON', '{}', convert_to($1, 'UTF8'), $2)`,
    [runId, workspaceId],
  );
  await insert(
    "furnish_pause",
    `insert into workflow_pauses (paused_at, missed, queued, kept_bytes, queue_seconds, definition_id, workspace_id,
        paused_by, reason) values (now(), 1, 0, 0, 0, $1, $2, 'ann', '')`,
    [definitionId, workspaceId],
  );
  await insert(
    "furnish_health",
    `insert into workflow_health (failed_since, definition_id, workspace_id, version_id, reasons_json)
      values (now(), $1, $2, $3, '["secret"]')`,
    [definitionId, workspaceId, versionId],
  );
  await insert(
    "furnish_limit",
    `insert into workflow_limits (max_open_runs, when_full, definition_id, workspace_id, concurrency_key)
      values (1000, 0, $1, $2, '')`,
    [definitionId, workspaceId],
  );
  await insert(
    "furnish_missed",
    `insert into missed_triggers (missed_at, start_bytes, state, definition_id, event_id, source, trigger_type, pause_reason)
      values (now(), 0, 1, $1, 'secret of ' || $2, 's', 'EVENT', '')`,
    [definitionId, workspaceId],
  );
  for (const kind of [COUNTER_KINDS.started, COUNTER_KINDS.failedStep]) {
    await insert(
      "furnish_counter",
      `insert into workflow_counters (runs, duration_ms, cost_usd, day, kind, shard, definition_id, name)
        values (1, 0, 0, $3, $4, 0, $1, 'secret of ' || $2)`,
      [definitionId, workspaceId, dayOf(Date.now()), kind],
    );
  }
  await insert(
    "furnish_source",
    `insert into version_sources (published_at, version_id, published_by, note, source_text)
      values (now(), $1, 'ann', '', 'workflow: orders')`,
    [versionId],
  );
  await insert(
    "furnish_deployment",
    `insert into workflow_deployments (at, version, id, workspace_id, definition_id, version_id, environment, state,
        deployed_by, note, supersedes)
      values (now(), 1, 'dep_waits', $1, $2, $3, 'staging', 'PENDING_APPROVAL', 'ann', '', '')`,
    [workspaceId, definitionId, versionId],
  );
  await insert(
    "furnish_policy",
    `insert into deploy_policies (updated_at, workspace_id, rules, updated_by, reason)
      values (now(), $1, '[]', 'ann', '')`,
    [workspaceId],
  );
  await insert(
    "furnish_hook",
    `insert into workflow_hooks (created_at, updated_at, governance, id, workspace_id, name, verbs, url, changed_by,
        change_reason, etag)
      values (now(), now(), true, 'hok_' || $1, $1, 'policy', '{unarchive}', '', '', 'secret of ' || $1, 'e')`,
    [workspaceId],
  );
  await insert(
    "furnish_endpoint",
    `insert into workflow_endpoints (created_at, verification, id, workspace_id, definition_id, name,
        signature_header, changed_by, change_reason, token_hash, sealed_token)
      values (now(), 1, 'whk_' || $1, $2, $1, '', '', '', '', sha256(convert_to($1, 'UTF8')), 'sealed')`,
    [definitionId, workspaceId],
  );
  await insert(
    "furnish_schedule",
    `insert into workflow_schedules (anchor_at, created_at, revision, jitter_seconds, overlap, run_as, is_paused,
        id, workspace_id, definition_id, name, line, zone, run_as_subject, changed_by, change_reason,
        input_json, last_json)
      values (now(), now(), 1, 0, 0, 1, true, 'wsc_' || $1, $2, $1, '', '@daily', '', '', '', '', '{}', '[]')`,
    [definitionId, workspaceId],
  );
  await insert(
    "furnish_trigger",
    `insert into schedules (anchor_at, version, definition_id, workspace_id, version_id, cron_line)
      values (now(), 1, $1, $2, $3, '@daily')`,
    [definitionId, workspaceId, versionId],
  );
  await insert(
    "furnish_draft",
    `insert into workflow_drafts
        (saved_at, fault_count, base_version, definition_id, etag, saved_by, format, source_text)
      values (now(), 0, 1, $1, 'e', 'ann', 'yaml', 'workflow: orders')`,
    [definitionId],
  );
  await insert(
    "furnish_template",
    `insert into workspace_templates (saved_at, revision, workspace_id, id, title, summary, category, saved_by, reason,
        parameters_json, needs_json, etag, source_text)
      values (now(), 1, $1, $2, 'secret of ' || $1, '', '', 'ann', '', '{}', '[]', 'e', 'workflow: kept')`,
    [workspaceId, KEPT],
  );
  await insert(
    "furnish_overdue",
    `update workflow_runs set deadline_at = now() - interval '1 hour',
      rerun = json_build_object('call', 'a rerun', 'of', id) where id = $1`,
    [childId],
  );
  await insert(
    "furnish_rerun",
    `insert into run_starts (workspace_id, definition_id, event_id, source, run_id, created_at)
      values ($1, $2, 'a rerun', 'workflows', $3, now())`,
    [workspaceId, definitionId, childId],
  );
}

/** All that ws_a sees of its own. */
function everything() {
  const { definitionId, runId, childId } = mine;
  const who = as("ws_a");
  return Promise.all([
    client.listDefinitions({}, who),
    client.listVersions({ definitionId }, who),
    client.listRuns({}, who),
    client.getRun({ id: runId }, who),
    client.getRun({ id: childId }, who),
  ]);
}

/** Rows without the time at which they were read. */
async function timeless(rows: Promise<readonly unknown[]>): Promise<unknown[]> {
  return (await rows).map((row) => ({ ...Object(row), readAt: undefined }));
}

async function one(found: Promise<unknown>): Promise<unknown[]> {
  const row = await found;
  return row === undefined ? [] : [row];
}

/** What of ws_a is in an answer: its ids, its name and its payloads. */
/** Of a bus on which each workspace publishes an event whenever somebody begins to tail. */
function createBusyFeed(): EventFeed {
  const type = "workflows.changes.run.started";
  const publish = (listener: EventListener, { workspaceId, definitionId, runId }: Place) =>
    listener.take(type, () => ({
      ...{ id: runId, source: "workflows", type, subject: type, timeMs: 0, dataSchema: "" },
      ...{ extensions: {}, data: {}, workspaceId, runId, definitionId, bytes: 1 },
    }));
  let bus: EventListener | undefined;
  const feed = createEventFeed(async (listener) => {
    bus = listener;
    return () => {};
  });
  return {
    ...feed,
    async tail(filters) {
      const tail = await feed.tail(filters);
      for (const place of [mine, others]) if (bus !== undefined) publish(bus, place);
      return tail;
    },
  };
}

function traces(answer: unknown): string[] {
  const text = JSON.stringify(answer, (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return [...Object.values(mine), "secret of ws_a"].filter((value) => text.includes(value));
}

function namesOf(reads: boolean): string[] {
  return METHODS.filter(
    ({ idempotency }) => reads === (idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS),
  ).map(nameOfRpc);
}

test("each RPC of the server has a line", async () => {
  const transport = createGrpcTransport({ baseUrl: service.baseUrl });
  const asked = { messageRequest: { case: "listServices", value: "" } } as const;
  async function* requests() {
    yield asked;
  }
  const served: string[] = [];
  const reflection = createClient(ServerReflection, transport);
  for await (const { messageResponse } of reflection.serverReflectionInfo(requests())) {
    if (messageResponse.case !== "listServicesResponse") continue;
    served.push(...messageResponse.value.service.map(({ name }) => name));
  }
  // Health and reflection name no object.
  const own = served.filter((name) => !name.startsWith("grpc."));
  expect(own).toEqual(SERVICES.map(({ typeName }) => typeName));
  expect(Object.keys(READ_CALLS).sort()).toEqual(namesOf(true).sort());
  expect(Object.keys(WRITE_CALLS).sort()).toEqual(namesOf(false).sort());
});

test("each read for callers has a line", async () => {
  const names = callersReads(await readSourceFiles()).map(({ name }) => name);
  expect(Object.keys(READS).sort()).toEqual(names.sort());
});

describe("an RPC that reads shows nothing of another workspace", () => {
  test.each(Object.entries(READ_CALLS))("%s", async (_name, { gives, call }) => {
    if (gives === "own") {
      const shown = await call(client, mine, as("ws_b"));
      expect(shown).toMatchObject({ totalSize: 1 });
      expect(traces(shown)).toEqual([]);
      return;
    }
    if (gives === "nothing") {
      for (const who of ["ws_a", "ws_b"]) {
        expect(traces(await call(client, mine, as(who)))).toEqual([]);
      }
      return;
    }
    expect(traces(await call(client, mine, as("ws_a")))).not.toEqual([]);
    if (gives === "callers") {
      expect(traces(await call(client, mine, as("ws_b")))).toEqual([]);
      return;
    }
    if (gives === "empty") {
      const answer = await call(client, mine, as("ws_b"));
      expect(answer).toMatchObject({ total: 0 });
      expect(traces(answer)).toEqual([]);
      expect(traces(await call(client, others, as("ws_b")))).toEqual([]);
      return;
    }
    const { code, error } = await refusedBy(call(client, mine, as("ws_b")));
    expect(code).toBe("NotFound");
    expect(JSON.stringify(error)).not.toContain("secret");
  });
});

describe("an RPC that writes changes nothing of another workspace", () => {
  test.each(Object.entries(WRITE_CALLS))("%s", async (name, call) => {
    const before = await everything();
    const key = { "Idempotency-Key": `key-of-${name}` };
    for (const options of [as("ws_b"), as("ws_b", key)]) {
      const { code } = await refusedBy(call(client, mine, options));
      expect(code).toBe(BY_WORKSPACE.includes(name) ? "PermissionDenied" : "NotFound");
    }
    expect(await everything()).toEqual(before);
  });

  test("another's run is no parent", async () => {
    const { definitionId } = others;
    const start = { definitionId, parentRunId: mine.runId };
    expect((await refusedBy(client.startRun(start, as("ws_b")))).code).toBe("NotFound");
  });

  test("an event of ws_b starts runs of ws_b alone", async () => {
    const before = await everything();
    const answer = await client.handleTrigger(EVENT, as("ws_b"));
    expect(answer.startedRuns).toHaveLength(1);
    expect(traces(answer)).toEqual([]);
    expect(await everything()).toEqual(before);
  });
});

describe("a read gives no row of another workspace", () => {
  test.each(Object.entries(READS))("%s", async (_name, read) => {
    const db = service.database.callers;
    const own = await read(db, onlyWorkspace("ws_a"), mine);
    expect(own).not.toEqual([]);
    expect(own).toEqual(await read(db, EVERY_WORKSPACE, mine));
    expect(await read(db, onlyWorkspace("ws_b"), mine)).toEqual([]);
  });
});
