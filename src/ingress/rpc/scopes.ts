/**
 * Which scope each RPC needs.
 * Boundary: a table; who has which scope is collaborators/identity/callers.ts. An RPC without a line here does not compile.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Endpoints } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Scope } from "../../collaborators/identity/callers.ts";

type Needed<Service extends DescService> = Readonly<Record<keyof Service["method"], Scope>>;

const WORKFLOWS: Needed<typeof WorkflowService> = {
  createDefinition: "workflows:author",
  getDefinition: "workflows:read",
  listDefinitions: "workflows:read",
  publishVersion: "workflows:author",
  listVersions: "workflows:read",
  startRun: "workflows:run",
  handleTrigger: "workflows:run",
  getRun: "workflows:read",
  listRuns: "workflows:read",
  // Gates and governance checks need more (steps.ts).
  transitionStep: "workflows:transition",
  pauseRun: "workflows:run",
  resumeRun: "workflows:run",
  cancelRun: "workflows:run",
  compensateRun: "workflows:run",
};

const RUNS: Needed<typeof Runs> = {
  search: "workflows:read",
  explain: "workflows:read",
  getHistory: "workflows:read",
  getAttempts: "workflows:read",
  getTree: "workflows:read",
  watch: "workflows:read",
  watchMany: "workflows:read",
  getPayload: "workflows:read",
  previewCancel: "workflows:read",
  previewCompensation: "workflows:read",
  planRerun: "workflows:run",
  rerun: "workflows:run",
  // An agent gives no orders. Gates and governance checks need more (step-orders.ts).
  retryStep: "workflows:transition",
  skipStep: "workflows:transition",
  completeStep: "workflows:transition",
  failStep: "workflows:transition",
  // An agent changes no input. What is behind a gate or a governance check needs more (resume-with.ts).
  resumeWith: "workflows:transition",
  // The publisher does not count as the initiator of the runs that its event starts.
  publishEvent: "workflows:admin",
  tailEvents: "workflows:read",
  // Messages of no known workspace need more (dead-letters.ts).
  listDeadLetters: "workflows:transition",
  retryDeadLetters: "workflows:transition",
  discardDeadLetters: "workflows:transition",
  simulate: "workflows:read",
};

// An approver is asked by name; a gate that names no person is for each caller with the scope (inbox-rights.ts).
const INBOX: Needed<typeof Inbox> = {
  list: "workflows:read",
  count: "workflows:read",
  get: "workflows:read",
  decide: "workflows:inbox",
  completeTask: "workflows:inbox",
  watch: "workflows:read",
  claim: "workflows:inbox",
  release: "workflows:inbox",
  delegate: "workflows:inbox",
  comment: "workflows:inbox",
};

const SYSTEM: Needed<typeof System> = {
  get: "workflows:read",
  whoAmI: "workflows:read",
  listQueues: "workflows:read",
  listWorkers: "workflows:read",
  doctor: "workflows:read",
};

const SOURCES: Needed<typeof Workflows> = {
  get: "workflows:read",
  list: "workflows:read",
  // Reading a text takes seconds of a thread.
  checkVersion: "workflows:author",
  // An agent deploys nothing.
  publishSource: "workflows:author",
  getVersion: "workflows:read",
  listVersionHeads: "workflows:read",
  // As above.
  deploy: "workflows:deploy",
  // What others made needs more (deployments.ts).
  withdrawDeployment: "workflows:deploy",
  listDeployments: "workflows:read",
  getDeployPolicy: "workflows:read",
  putDeployPolicy: "workflows:admin",
  getStats: "workflows:read",
  pause: "workflows:run",
  resume: "workflows:run",
  listMissedTriggers: "workflows:read",
  replayMissedTriggers: "workflows:run",
  // A draft is for those who work on it.
  getDraft: "workflows:author",
  saveDraft: "workflows:author",
  discardDraft: "workflows:author",
  // To another environment than production needs more (workflow-drafts.ts).
  publishDraft: "workflows:author",
  create: "workflows:author",
  update: "workflows:author",
  archive: "workflows:author",
  unarchive: "workflows:author",
  delete: "workflows:author",
  diffVersions: "workflows:read",
  // An agent puts no hooks. URLs may be known to admins alone.
  putHook: "workflows:admin",
  listHooks: "workflows:admin",
  deleteHook: "workflows:admin",
  watchWorkflows: "workflows:read",
};

// An agent makes no endpoints (endpoints.ts).
const ENDPOINTS: Needed<typeof Endpoints> = {
  create: "workflows:author",
  rotate: "workflows:author",
  list: "workflows:read",
  delete: "workflows:author",
};

// A schedule that acts for another one than the caller needs more (schedule-specs.ts).
const SCHEDULES: Needed<typeof Schedules> = {
  create: "workflows:author",
  update: "workflows:author",
  delete: "workflows:author",
  get: "workflows:read",
  list: "workflows:read",
  pause: "workflows:run",
  resume: "workflows:run",
  runNow: "workflows:run",
  backfill: "workflows:run",
  preview: "workflows:read",
};

const TEMPLATES: Needed<typeof Templates> = {
  list: "workflows:read",
  get: "workflows:read",
  // An agent deploys nothing.
  install: "workflows:author",
  save: "workflows:author",
  delete: "workflows:author",
};

const NEEDED: ReadonlyMap<string, ReadonlyMap<string, Scope>> = new Map([
  [WorkflowService.typeName, new Map(Object.entries(WORKFLOWS))],
  [Runs.typeName, new Map(Object.entries(RUNS))],
  [Inbox.typeName, new Map(Object.entries(INBOX))],
  [System.typeName, new Map(Object.entries(SYSTEM))],
  [Workflows.typeName, new Map(Object.entries(SOURCES))],
  [Endpoints.typeName, new Map(Object.entries(ENDPOINTS))],
  [Schedules.typeName, new Map(Object.entries(SCHEDULES))],
  [Templates.typeName, new Map(Object.entries(TEMPLATES))],
]);

/** The scope that a caller of this RPC needs; undefined for an RPC of another service. */
export function scopeOf({ parent, localName }: DescMethod): Scope | undefined {
  return NEEDED.get(parent.typeName)?.get(localName);
}

/** The RPCs that these scopes allow, such as `workflows.v1.WorkflowService/GetRun`. */
export function rpcsOf(scopes: ReadonlySet<Scope>): string[] {
  const services: readonly DescService[] = [
    ...[WorkflowService, Runs, Inbox, System, Workflows],
    ...[Endpoints, Schedules, Templates],
  ];
  return services
    .flatMap(({ methods }) => methods)
    .filter((method) => {
      const needed = scopeOf(method);
      return needed !== undefined && scopes.has(needed);
    })
    .map(({ parent, name }) => `${parent.typeName}/${name}`);
}
