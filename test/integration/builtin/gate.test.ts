/**
 * A gate of the real service with APPROVALS_URL=builtin and nothing else configured: replicas share the requests.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. The decision is made by a third process of the same tables,
 * the test.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  ApprovalService,
  DecisionType,
  ResolveApprovalRequestSchema,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import { StepRunState, StepType } from "../../../gen/workflows/v1/workflows_pb.ts";
import { startBuiltInApprovals } from "../../../src/builtin/approvals/approvals.ts";
import { createClients } from "../../../src/collaborators/clients.ts";
import { createLog } from "../../../src/process/log.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { until } from "../../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";

const STEPS = [
  { id: "gate", name: "Gate", stepType: StepType.APPROVAL_GATE, actionType: "pay" },
  { id: "paid", name: "Paid", stepType: StepType.HUMAN_TASK },
];
const EDGES = [{ fromStepId: "gate", toStepId: "paid", label: "approved" }];
// Only the source of approvals, and no stream is made for it by the bus consumers.
const SETTINGS = {
  APPROVALS_URL: "builtin",
  BUS_CREATE_STREAMS: "false",
  BUS_SOURCES: "APPROVALS=approvals.changes.>",
};
let cluster: Cluster;
let one: Replica;

beforeAll(async () => {
  cluster = await startCluster();
  one = await cluster.start(SETTINGS);
  await cluster.start(SETTINGS);
});
afterAll(() => cluster.stop());

it("ends by the event of a decision that another replica records", async () => {
  const { definition } = await one.workflows.createDefinition({ workspaceId: "ws", name: "pay" });
  const definitionId = definition?.id ?? "";
  await one.workflows.publishVersion({ definitionId, steps: STEPS, edges: EDGES });
  const { run } = await one.workflows.startRun({ definitionId });
  const steps = async () => (await one.workflows.getRun({ id: run?.id ?? "" })).run?.steps ?? [];
  const id = await until(async () => {
    const [gate] = await steps();
    return gate?.state === StepRunState.WAITING ? gate.approvalRequestId : undefined;
  });
  await decideElsewhere(id);
  const [gate, paid] = await until(async () => {
    const now = await steps();
    return now[0]?.state === StepRunState.COMPLETED ? now : undefined;
  });
  expect(gate?.outputPayload).toMatchObject({
    approvals: [{ approval_request_id: id, decision: "approved", decided_by: "user_ann" }],
  });
  expect(paid?.state).toBe(StepRunState.WAITING);
  expect(await cluster.rows("select 1 from effects")).toEqual([]);
});

async function decideElsewhere(approvalRequestId: string): Promise<void> {
  const log = createLog({ level: "error", format: "json", write: () => undefined });
  const database = openDatabase({ url: cluster.databaseUrl, log });
  const limits = { max_age: 0, max_bytes: -1, num_replicas: 1 };
  // It has no bus: one of the replicas publishes what it records.
  const stream = { name: "APPROVALS", subjects: [], limits };
  const owner = startBuiltInApprovals({ database, log, stream });
  const settings = { urls: {}, protocol: "connect", timeoutMs: 5_000, concurrency: 1 } as const;
  const local = { approvals: owner.routes };
  const clients = createClients({ ...settings, local }, log);
  const request = { approvalRequestId, decision: DecisionType.APPROVED, decidedBy: "user_ann" };
  await clients
    .require("approvals")
    .create(
      ApprovalService.method.resolveApproval,
      toBinary(ResolveApprovalRequestSchema, create(ResolveApprovalRequestSchema, request)),
      { callId: "decide", workspaceId: "ws" },
    );
  await owner.stop();
  await database.close();
}
