/**
 * The built-in owner of approvals, as performers and the bus see it: keys, decisions, expiry, events, two replicas.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the stream is on a server of the test's own.
 */
import { randomUUID } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ApprovalService,
  DecisionType,
  EscalateRequestSchema,
  RequestApprovalRequestSchema,
  ResolveApprovalRequestSchema,
  RiskLevel,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import {
  type BuiltInApprovals,
  startBuiltInApprovals,
} from "../../../src/builtin/approvals/approvals.ts";
import { CallFailure } from "../../../src/collaborators/call-failure.ts";
import { type Clients, createClients } from "../../../src/collaborators/clients.ts";
import { createLog } from "../../../src/process/log.ts";
import { readMetric } from "../../../src/process/metrics.ts";
import {
  dropAbandonedApprovals,
  FIRST_OPEN,
  type OpenPlace,
} from "../../../src/store/abandoned-approvals.ts";
import { decideApproval, dropOldApprovals } from "../../../src/store/approval-requests.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { readApprovalAnswer } from "../../../src/wire/calls/owner-answers.ts";
import { until } from "../../support/assertions/until.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";
import { type OwnNats, startOwnNats } from "../../support/servers/own-nats.ts";

const { method } = ApprovalService;
const STREAM = "APPROVALS";
const LIMITS = { max_age: 0, max_bytes: -1, num_replicas: 1 };
const DIGEST = "d".repeat(64);
const log = createLog({ level: "error", format: "json", write: () => undefined });

interface Replica {
  readonly owner: BuiltInApprovals;
  readonly clients: Clients;
}

let fresh: TestDatabase;
let database: Database;
let nats: OwnNats;
let connection: NatsConnection;
let one: Replica;
let two: Replica;

function startReplica(expireAfterMs?: number): Replica {
  const stream = { name: STREAM, subjects: ["approvals.changes.>"], limits: LIMITS };
  const owner = startBuiltInApprovals({ database, log, stream, expireAfterMs });
  const local = { approvals: owner.routes };
  const settings = { urls: {}, protocol: "connect", timeoutMs: 5_000, concurrency: 8 } as const;
  return { owner, clients: createClients({ ...settings, local }, log) };
}

beforeAll(async () => {
  [fresh, nats] = await Promise.all([freshDatabase(), startOwnNats()]);
  database = openDatabase({ url: fresh.url, log });
  connection = await connect({ servers: nats.url });
  one = startReplica();
  two = startReplica();
  one.owner.publishOn(connection);
  two.owner.publishOn(connection);
});
afterAll(async () => {
  await Promise.all([one.owner.stop(), two.owner.stop()]);
  await connection.close();
  await database.close();
  await Promise.all([fresh.drop(), nats.stop()]);
});

type Asked = MessageInitShape<typeof RequestApprovalRequestSchema>;

async function ask({ clients }: Replica, key: string, more: Asked = {}): Promise<string> {
  const request = create(RequestApprovalRequestSchema, {
    workspaceId: "ws",
    surface: "workflows",
    actionType: "buy",
    actionPayload: Buffer.from('{"n":1}'),
    riskLevel: RiskLevel.HIGH,
    contextJson: JSON.stringify({ run_id: "wfr_1", step_id: "gate", digest: DIGEST }),
    approverUserId: "user_ann",
    ...more,
  });
  const bytes = toBinary(RequestApprovalRequestSchema, request);
  const origin = { callId: key, workspaceId: "ws" };
  const reply = await clients.require("approvals").create(method.requestApproval, bytes, origin);
  return reply.approvalRequest?.id ?? "";
}

function decide(
  { clients }: Replica,
  id: string,
  decision: DecisionType,
  decidedBy = "user_ann",
  key: string = randomUUID(),
) {
  const request = { approvalRequestId: id, decision, decidedBy, reason: "why" };
  const bytes = toBinary(
    ResolveApprovalRequestSchema,
    create(ResolveApprovalRequestSchema, request),
  );
  const origin = { callId: key, workspaceId: "ws" };
  return clients.require("approvals").create(method.resolveApproval, bytes, origin);
}

function escalate({ clients }: Replica, id: string, key: string) {
  const request = create(EscalateRequestSchema, { approvalRequestId: id, reason: "late" });
  const bytes = toBinary(EscalateRequestSchema, request);
  const origin = { callId: key, workspaceId: "ws" };
  return clients.require("approvals").create(method.escalate, bytes, origin);
}

function read({ clients }: Replica, id: string, workspaceId = "ws") {
  const request = { approvalRequestId: id, workspaceId };
  const origin = { callId: "read", workspaceId: "ws" };
  return clients.require("approvals").ask(method.getApproval, request, origin);
}

/** The code of a refused call. */
async function codeOf(call: Promise<unknown>): Promise<Code> {
  const error: unknown = await call.then(
    () => new Error("the call was answered"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof CallFailure) return error.code;
  throw error;
}

/** The events about a request that the stream has, once all are published. */
async function eventsOf(id: string) {
  await until(async () => {
    const left = await database.read.query(
      {
        name: "test_unpublished",
        text: "select 1 from approval_decisions where published_at is null",
      },
      [],
    );
    return left.length === 0 || undefined;
  });
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  const events: { subject: string; id: string; data: { payload: Record<string, unknown> } }[] = [];
  for (let seq = 1; seq <= state.last_seq; seq += 1) {
    const { data, subject } = await manager.streams.getMessage(STREAM, { seq });
    const body = JSON.parse(Buffer.from(data).toString("utf8"));
    if (body.data.aggregate_id === id) events.push({ ...body, subject });
  }
  return events;
}

describe("a request", () => {
  it("is made once for a key, on whichever replica", async () => {
    const key = randomUUID();
    const ids = await Promise.all([ask(one, key), ask(two, key), ask(one, key)]);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^apr_[0-9a-z]{26}$/);
    expect(await ask(one, randomUUID())).not.toBe(ids[0]);
    expect(await codeOf(ask(one, key, { actionType: "sell" }))).toBe(Code.AlreadyExists);
  });

  it("is read by its workspace alone, and listed while it is open", async () => {
    const id = await ask(one, randomUUID(), { workspaceId: "listed" });
    expect(await read(two, id, "listed")).toMatchObject({
      state: "pending",
      decisions: [],
      approvalRequest: { actionType: "buy", riskLevel: RiskLevel.HIGH, approverUserId: "user_ann" },
    });
    expect(await codeOf(read(two, id, "other"))).toBe(Code.NotFound);
    const list = () =>
      one.clients
        .require("approvals")
        .ask(method.listPending, { workspaceId: "listed" }, { callId: "list", workspaceId: "" });
    expect(await list()).toMatchObject({ total: 1, requests: [{ id }] });
    await decide(one, id, DecisionType.DENIED);
    expect(await list()).toMatchObject({ total: 0, requests: [] });
  });

  it("is refused without a workspace or an action type", async () => {
    expect(await codeOf(ask(one, randomUUID(), { workspaceId: "" }))).toBe(Code.InvalidArgument);
    expect(await codeOf(ask(one, randomUUID(), { actionType: "" }))).toBe(Code.InvalidArgument);
  });
});

describe("a decision", () => {
  it("is published once, with the digest of what was asked, and is what a poll finds", async () => {
    const id = await ask(one, randomUUID());
    const { decision } = await decide(two, id, DecisionType.APPROVED);
    expect(await eventsOf(id)).toMatchObject([
      {
        subject: "approvals.changes.approval.resolve",
        id: decision?.id,
        tenantid: "ws",
        data: {
          payload: {
            approval_request_id: id,
            decision: "DECISION_TYPE_APPROVED",
            decided_by: "user_ann",
            reason: "why",
            digest: DIGEST,
          },
        },
      },
    ]);
    expect(readApprovalAnswer(await read(one, id), { id, workspaceId: "ws" })).toMatchObject({
      decision: "APPROVED",
      digest: DIGEST,
    });
  });

  it("is made once, also when both replicas decide at the same time", async () => {
    const id = await ask(one, randomUUID());
    const tries = await Promise.allSettled([
      decide(one, id, DecisionType.APPROVED, "user_ann"),
      decide(two, id, DecisionType.DENIED, "user_bob"),
    ]);
    expect(tries.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await eventsOf(id)).toHaveLength(1);
    expect((await read(one, id)).decisions).toHaveLength(1);
  });

  it("again under the same key gives the first; another one is refused", async () => {
    const [id, key] = [await ask(one, randomUUID()), randomUUID()];
    const first = await decide(one, id, DecisionType.DENIED, "user_ann", key);
    expect(await decide(two, id, DecisionType.DENIED, "user_ann", key)).toEqual(first);
    for (const again of [DecisionType.DENIED, DecisionType.APPROVED]) {
      expect(await codeOf(decide(one, id, again))).toBe(Code.FailedPrecondition);
    }
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it("names a request, a person and a kind that people decide by", async () => {
    const id = await ask(one, randomUUID());
    expect(await codeOf(decide(one, "apr_none", DecisionType.APPROVED))).toBe(Code.NotFound);
    expect(await codeOf(decide(one, id, DecisionType.UNSPECIFIED))).toBe(Code.InvalidArgument);
    expect(await codeOf(decide(one, id, DecisionType.AUTO_APPROVED))).toBe(Code.InvalidArgument);
    expect(await codeOf(decide(one, id, DecisionType.APPROVED, ""))).toBe(Code.InvalidArgument);
  });

  it("waits for NATS", async () => {
    const away = startReplica();
    const id = await ask(away, randomUUID());
    await Promise.all([one.owner.stop(), two.owner.stop()]);
    await decide(away, id, DecisionType.APPROVED);
    expect((await read(away, id)).state).toBe("approved");
    away.owner.publishOn(connection);
    expect(await eventsOf(id)).toHaveLength(1);
    await away.owner.stop();
    one = startReplica();
    two = startReplica();
    one.owner.publishOn(connection);
    two.owner.publishOn(connection);
  });
});

it("a decision that cannot be published keeps no other one from it, and is tried again", async () => {
  await Promise.all([one.owner.stop(), two.owner.stop()]);
  const [large, small] = [await ask(one, randomUUID()), await ask(one, randomUUID())];
  // Over the largest message of the server.
  const reason = "x".repeat(2_000_000);
  const made = { requestId: large, id: "apd_large", decidedBy: "ann", reason, via: "" };
  await decideApproval(database, { ...made, decision: DecisionType.APPROVED });
  await decide(one, small, DecisionType.APPROVED);
  const before = readMetric("workflows_decisions_unpublished_total");
  one = startReplica();
  one.owner.publishOn(connection);
  const unpublished = {
    name: "test_left",
    text: "select id from approval_decisions where published_at is null and request_id = any($1)",
  };
  const left = await until(async () => {
    const rows = await database.read.query(unpublished, [[large, small]]);
    return rows.length < 2 ? rows : undefined;
  });
  expect(left).toEqual([{ id: "apd_large" }]);
  expect(readMetric("workflows_decisions_unpublished_total")).toBe(before + 1);
  const shorten = "update approval_decisions set reason = 'so', lease_until = now() where id = $1";
  await database.write.query({ name: "test_shorten", text: shorten }, ["apd_large"]);
  expect(await eventsOf(large)).toHaveLength(1);
  expect(await eventsOf(small)).toHaveLength(1);
  two = startReplica();
  two.owner.publishOn(connection);
});

it("an escalation leaves the request open and is recorded once for its key", async () => {
  const [id, key] = [await ask(one, randomUUID()), randomUUID()];
  await escalate(one, id, key);
  await escalate(two, id, key);
  expect(await read(one, id)).toMatchObject({
    state: "pending",
    decisions: [{ decision: DecisionType.ESCALATED, reason: "late" }],
  });
  await decide(one, id, DecisionType.APPROVED);
  expect((await eventsOf(id)).map(({ subject }) => subject)).toEqual([
    "approvals.changes.approval.escalate",
    "approvals.changes.approval.resolve",
  ]);
  expect(await codeOf(escalate(one, id, randomUUID()))).toBe(Code.FailedPrecondition);
});

it("a request expires by the database's clock, once among replicas, and is then decided", async () => {
  const brief = startReplica(50);
  brief.owner.publishOn(connection);
  const id = await ask(brief, randomUUID());
  const lasting = await ask(one, randomUUID());
  const events = await until(async () => {
    const found = await eventsOf(id);
    return found.length > 0 ? found : undefined;
  });
  expect(events).toMatchObject([
    {
      subject: "approvals.changes.approval.expire",
      data: { payload: { decision: "DECISION_TYPE_EXPIRED", digest: DIGEST } },
    },
  ]);
  expect((await read(one, id)).state).toBe("expired");
  expect(await codeOf(decide(one, id, DecisionType.APPROVED))).toBe(Code.FailedPrecondition);
  expect((await read(one, lasting)).state).toBe("pending");
  await brief.owner.stop();
});

it("decided requests go with their decisions after some days, open ones stay", async () => {
  const [decided, open] = [await ask(one, randomUUID()), await ask(one, randomUUID())];
  await decide(one, decided, DecisionType.APPROVED);
  await eventsOf(decided);
  const drop = (days: number) => database.transaction((tx) => dropOldApprovals(tx, days, 1_000));
  expect(await drop(1)).toBe(0);
  expect(await drop(0)).toBeGreaterThan(0);
  expect(await codeOf(read(one, decided))).toBe(Code.NotFound);
  expect((await read(one, open)).state).toBe("pending");
});

it("open requests of runs that ended long ago, or are gone, go with their escalations; others stay", async () => {
  const rows = (text: string, values: unknown[]) =>
    database.write.query({ name: `test_${text.length}`, text }, values);
  const askOf = async (runId: string) => {
    const contextJson = JSON.stringify({ run_id: runId, step_id: "gate", digest: DIGEST });
    return ask(one, randomUUID(), { contextJson, workspaceId: `ws_${runId}` });
  };
  const insertRun = `insert into workflow_runs (created_at, id, workspace_id, definition_id, version_id,
      definition_version, hops, trigger_type, trigger_event_id, trigger_source, initiator_agent_id, initiator_user_id,
      parent_run_id, entity_id, entity_type, input_payload, state, total_cost_usd, seq, step_marks, edge_marks, completed_at)
    values (now(), $1, 'ws', 'd', 'v', 1, 0, 'MANUAL', '', '', '', '', '', '', '', '{}', $2, 0, 1, '', '',
      now() - make_interval(days => $3::integer))`;
  await rows(insertRun, ["wfr_open", "RUNNING", null]);
  await rows(insertRun, ["wfr_cancelled", "CANCELLED", 10]);
  await rows(insertRun, ["wfr_young", "CANCELLED", 8]);
  const [open, cancelled, young, gone, named] = [
    await askOf("wfr_open"),
    await askOf("wfr_cancelled"),
    await askOf("wfr_young"),
    await askOf("wfr_gone"),
    await ask(one, randomUUID(), { contextJson: "any text" }),
  ];
  await escalate(one, cancelled, randomUUID());
  await eventsOf(cancelled);
  const older =
    "update approval_requests set created_at = now() - interval '20 days' where id = any($1)";
  const all = [open, cancelled, young, gone, named];
  const drop = async () => {
    let after: OpenPlace | undefined = FIRST_OPEN;
    while (after !== undefined) {
      const from: OpenPlace = after;
      const { next } = await database.transaction((tx) => dropAbandonedApprovals(tx, 9, from));
      after = next;
    }
    const found = await Promise.allSettled(all.map((id) => read(one, id, "")));
    return found.map(({ status }) => status === "fulfilled");
  };
  expect(await drop()).toEqual([true, true, true, true, true]);
  await rows(older, [all]);
  expect(await drop()).toEqual([true, false, true, false, true]);
  const left = "select 1 from approval_decisions where request_id = $1";
  expect(await rows(left, [cancelled])).toEqual([]);
});
