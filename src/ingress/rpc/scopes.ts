/**
 * Which scope each RPC needs.
 * Boundary: a table; who has which scope is collaborators/identity/callers.ts. An RPC without a line here does not compile.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
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
  explain: "workflows:read",
  getHistory: "workflows:read",
  getAttempts: "workflows:read",
  getTree: "workflows:read",
  watch: "workflows:read",
  getPayload: "workflows:read",
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

const NEEDED: ReadonlyMap<string, ReadonlyMap<string, Scope>> = new Map([
  [WorkflowService.typeName, new Map(Object.entries(WORKFLOWS))],
  [Runs.typeName, new Map(Object.entries(RUNS))],
  [Inbox.typeName, new Map(Object.entries(INBOX))],
]);

/** The scope that a caller of this RPC needs; undefined for an RPC of another service. */
export function scopeOf({ parent, localName }: DescMethod): Scope | undefined {
  return NEEDED.get(parent.typeName)?.get(localName);
}
