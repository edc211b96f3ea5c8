/** Calls from their commit to their committed result: same key and bytes, leases, absence, refusal. */
import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { AgentService, ListResponseSchema } from "../../../../gen/agents/v1/agents_pb.ts";
import { RequestApprovalResponseSchema } from "../../../../gen/approvals/v1/approvals_pb.ts";
import {
  CancelRequestSchema,
  CancelResponseSchema,
  CreateResponseSchema,
} from "../../../../gen/objectives/v1/objectives_pb.ts";
import { DiscoverResponseSchema } from "../../../../gen/registry/v1/registry_pb.ts";
import { CallFailure, NotSent } from "../../../../src/collaborators/call-failure.ts";
import { type ClientSettings, createClients } from "../../../../src/collaborators/clients.ts";
import { createLookupCache } from "../../../../src/collaborators/lookup-cache.ts";
import { createDispatcher, type Dispatcher } from "../../../../src/egress/dispatch/dispatcher.ts";
import { createPerformers } from "../../../../src/egress/performers/performers.ts";
import type { VersionSpec } from "../../../../src/engine/values/definition.ts";
import { createLog, type Log } from "../../../../src/process/log.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  type Answer,
  type AskedOnce,
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "../../../support/collaborators/collaborators.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../../support/services/processor.ts";

const ORIGIN = { callId: "x", workspaceId: "ws" };
const RPC = { kind: "rpc", id: "StartRun" } as const;
const NAMED = versionOf([stepOf("work", { name: "work" })]);
const GATE_STEP = stepOf("gate", { stepType: "APPROVAL_GATE", actionType: "buy" });
const DELEGATED_STEP = stepOf("work", { name: "work", config: { delegate: true } });
const NOTICE_STEP = stepOf("notice", {
  ...{ stepType: "NOTIFICATION", notificationChannel: "EMAIL", config: { blocking: true } },
});
const ROUTED = versionOf([
  stepOf("work", { name: "work", agentId: "", requiredCapability: "qualify" }),
]);

let at: TestProcessor;
let sql: pg.Client;
const started: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
});
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
  at.calls.length = 0;
  await sql.query("delete from effects");
});
afterAll(async () => {
  await sql.end();
  await at.stop();
});

/** Resolves once it is so; a busy machine needs longer than vitest waits by itself. */
function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 15_000 });
}

async function serve(
  answer: (asked: AskedOnce, n: number) => Answer | Promise<Answer>,
): Promise<TestCollaborator> {
  const server = await startCollaborator(answer);
  started.push(server);
  return server;
}

function dispatch(
  urls: ClientSettings["urls"],
  more: Partial<ClientSettings> & { replicaId?: string; renewEveryMs?: number; log?: Log } = {},
): Dispatcher {
  const { replicaId = "replica-a", renewEveryMs = 10_000, log = at.log, ...settings } = more;
  const clients = createClients(
    { urls, protocol: "connect", timeoutMs: 2_000, concurrency: 64, ...settings },
    log,
  );
  const lookups = createLookupCache({});
  const { database, processor } = at;
  const performers = createPerformers({ clients, lookups, log, database, processor });
  const dispatcher = createDispatcher({
    database,
    processor,
    performers,
    clients,
    log,
    replicaId,
    claimEveryMs: 50,
    renewEveryMs,
  });
  started.push(dispatcher);
  return dispatcher;
}

/** Starts a run; the look-up of a named agent is answered here, so that its objective is the call that is left. */
async function startRun(name: string, spec: VersionSpec): Promise<string> {
  const version = await publish(at.database, `${name} ${Math.random()}`, spec);
  const { runId } = await at.processor.submit({
    kind: "start",
    start: startOf(version),
    cause: RPC,
  });
  if (spec === NAMED) await answerLookUp(runId);
  return runId;
}

async function answerLookUp(runId: string): Promise<void> {
  const place = at.calls.findIndex((call) => call.runId === runId && call.kind === "look_up");
  const [lookUp] = at.calls.splice(place, 1);
  if (lookUp === undefined) throw new Error("no look-up was issued");
  const { callId, stepIndex, attempt } = lookUp;
  const resolution = { agentId: "a1", skillId: "" };
  await at.processor.submit({
    kind: "input",
    runId,
    workspaceId: "",
    input: {
      kind: "call_returned",
      cause: { kind: "call", id: callId },
      callId,
      call: "look_up",
      stepIndex,
      attempt,
      result: { ok: true, value: { kind: "look_up", resolution } },
    },
  });
}

/** Hands every committed call to the dispatcher, as the composition root does. */
function feed(dispatcher: Dispatcher): void {
  const given = at.calls.splice(0);
  dispatcher.take(given);
  at.calls.push = (...calls) => {
    dispatcher.take(calls);
    return 0;
  };
  started.push({
    async stop() {
      Reflect.deleteProperty(at.calls, "push");
    },
  });
}

async function stepOfRun(runId: string) {
  const found = await findRunRows(at.database.read, runId);
  return found?.steps.get(0);
}

/** Makes the calls of a run so old, and free to be claimed. */
async function age(runId: string, seconds: number): Promise<void> {
  await sql.query(
    `update effects set lease_until = now() - interval '1 ms', created_at = now() - $2::float8 * interval '1 s'
     where starts_with(id, $1 || '/')`,
    [runId, seconds],
  );
}

async function openEffects(): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>("select id from effects order by id");
  return rows.map(({ id }) => id);
}

const created = (id: string) => messageOf(CreateResponseSchema, { objective: { id } });

describe("a call", () => {
  it("is made under its key after the commit, and its result moves the run", async () => {
    const server = await serve(() => created("obj_1"));
    const runId = await startRun("plain", NAMED);
    const dispatcher = dispatch({ objectives: server.url }, { token: "secret" });
    feed(dispatcher);
    await eventually(async () => expect((await stepOfRun(runId))?.objectiveId).toBe("obj_1"));
    expect(await openEffects()).toEqual([]);
    const [asked] = server.asked;
    expect(asked?.path).toBe("/objectives.v1.ObjectiveService/Create");
    expect(asked?.headers).toMatchObject({
      "idempotency-key": `${runId}/work/1/create_objective`,
      authorization: "Bearer secret",
      "connect-protocol-version": "1",
    });
    expect(asked?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(asked?.headers["content-encoding"]).toBeUndefined();
  });

  it("is repeated with the same key and bytes while the collaborator is away", async () => {
    const answers: Answer[] = [
      "reset",
      "reset in body",
      { status: 503 },
      { status: 409 },
      { status: 500, json: { code: "internal", message: "x" } },
    ];
    const server = await serve((_, n) => answers[n - 1] ?? created("obj_2"));
    const runId = await startRun("away", NAMED);
    feed(dispatch({ objectives: server.url }));
    await eventually(async () => expect((await stepOfRun(runId))?.objectiveId).toBe("obj_2"));
    expect(server.asked).toHaveLength(6);
    expect(new Set(server.asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(new Set(server.asked.map(({ body }) => body.toString("hex"))).size).toBe(1);
  });

  it("that hangs is repeated after its deadline", async () => {
    const server = await serve((_, n) => (n === 1 ? "hang" : created("obj_3")));
    const runId = await startRun("hangs", NAMED);
    feed(dispatch({ objectives: server.url }, { timeoutMs: 100 }));
    await eventually(async () => expect((await stepOfRun(runId))?.objectiveId).toBe("obj_3"));
  });

  it.each([
    [
      "a refusal",
      { status: 400, json: { code: "invalid_argument", message: "no title" } },
      "create_objective was refused: INVALID_ARGUMENT: no title",
      1,
    ],
    [
      "a stored server failure",
      {
        status: 500,
        json: { code: "internal", message: "old" },
        headers: { "x-idempotent-replay": "true" },
      },
      "create_objective was refused: INTERNAL: old",
      1,
    ],
    ["an answer without an id", created(""), "the reply holds no usable id of the objective", 1],
    [
      "INTERNAL five times in a row",
      { status: 500, json: { code: "internal", message: "bug" } },
      "create_objective was refused: INTERNAL: bug",
      5,
    ],
    [
      "an answer that is too large",
      { body: new Uint8Array(2 * 1024 * 1024) },
      "create_objective was refused: OUT_OF_RANGE: the reply has more than 1048576 bytes",
      1,
    ],
  ])("fails the attempt by %s", async (_, answer: Answer, message, times) => {
    const server = await serve(() => answer);
    const runId = await startRun("refused", NAMED);
    feed(dispatch({ objectives: server.url }));
    await eventually(async () => expect((await stepOfRun(runId))?.errorMessage).toBe(message));
    expect(server.asked).toHaveLength(times);
  });

  it("to a collaborator that is not configured says which variable to set", async () => {
    const runId = await startRun("unset", NAMED);
    feed(dispatch({}));
    await eventually(async () =>
      expect((await stepOfRun(runId))?.errorMessage).toMatch(/^OBJECTIVES_URL is not set: /),
    );
  });

  it.each([
    ["create_objective", NAMED],
    ["request_approval", versionOf([GATE_STEP])],
    ["send_notification", versionOf([NOTICE_STEP])],
  ])("older than 23 h is not sent again: %s", async (kind, spec) => {
    const server = await serve(() => created("obj_late"));
    const runId = await startRun("old", spec);
    await age(runId, 24 * 60 * 60);
    dispatch({ objectives: server.url, approvals: server.url, notifications: server.url }).start();
    await eventually(async () =>
      expect((await stepOfRun(runId))?.errorMessage).toMatch(
        new RegExp(`^${kind} was refused: .*outcome unknown`),
      ),
    );
    expect(server.asked).toHaveLength(0);
  });

  it("that delegates is not sent again after 23 h", async () => {
    const runId = await startRun("old delegation", versionOf([DELEGATED_STEP]));
    await answerLookUp(runId);
    dispatch({ objectives: (await serve(() => created("obj_old"))).url }).take(at.calls.splice(0));
    await eventually(async () => expect(await openEffects()).toEqual([`${runId}/work/1/delegate`]));
    await age(runId, 24 * 60 * 60);
    const server = await serve(() => ({ status: 503 }));
    dispatch({ agents: server.url }, { replicaId: "replica-b" }).start();
    await eventually(async () =>
      expect((await stepOfRun(runId))?.errorMessage).toContain("outcome unknown"),
    );
    expect(server.asked).toEqual([]);
  });
});

describe("a call that its step no longer waits for", () => {
  const GATE = versionOf([GATE_STEP]);
  const cancel = (runId: string) => {
    const input = { kind: "cancel_requested", reason: "", cause: RPC } as const;
    return at.processor.submit({ kind: "input", runId, workspaceId: "", input });
  };

  it("is given up while its collaborator is away", async () => {
    const server = await serve(() => ({ status: 503 }));
    const runId = await startRun("given up", GATE);
    const dispatcher = dispatch({ approvals: server.url }, { renewEveryMs: 50 });
    dispatcher.start();
    feed(dispatcher);
    await eventually(() => expect(server.asked.length).toBeGreaterThan(0));
    expect(await openEffects()).toEqual([`${runId}/gate/1/request_approval`]);
    await cancel(runId);
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect((await stepOfRun(runId))?.state).toBe("CANCELLED");
  });

  it("is not sent by the replica that claims it later", async () => {
    const server = await serve(() => ({ status: 503 }));
    const runId = await startRun("left behind", GATE);
    await cancel(runId);
    await sql.query(
      "update effects set lease_until = now() - interval '1 ms' where starts_with(id, $1)",
      [runId],
    );
    dispatch({ approvals: server.url }).start();
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect(server.asked).toEqual([]);
  });

  it("is not sent by the replica that claims it later, also when its step succeeded", async () => {
    const server = await serve(() => ({ status: 503 }));
    const runId = await startRun("done before", versionOf([DELEGATED_STEP]));
    await answerLookUp(runId);
    dispatch({ objectives: (await serve(() => created("obj_done"))).url }).take(at.calls.splice(0));
    await eventually(async () => expect(await openEffects()).toEqual([`${runId}/work/1/delegate`]));
    const input = transitioned("work", "COMPLETED", { objectiveId: "obj_done" });
    await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
    await sql.query(
      "update effects set lease_until = now() - interval '1 ms' where starts_with(id, $1)",
      [runId],
    );
    dispatch({ agents: server.url }, { replicaId: "replica-b" }).start();
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect(server.asked).toEqual([]);
  });

  it("is sent all the same where it makes an objective, which could not be cancelled otherwise", async () => {
    let isAway = true;
    const server = await serve(() => (isAway ? { status: 503 } : created("obj_orphan")));
    const runId = await startRun("orphan", NAMED);
    const dispatcher = dispatch({ objectives: server.url }, { renewEveryMs: 50 });
    dispatcher.start();
    feed(dispatcher);
    await eventually(() => expect(server.asked.length).toBeGreaterThan(0));
    await cancel(runId);
    await eventually(() => expect(server.asked.length).toBeGreaterThan(2));
    isAway = false;
    const cancelled = () =>
      server.asked.find(({ path }) => path.endsWith("ObjectiveService/Cancel"));
    await eventually(() => expect(cancelled()).toBeDefined());
    // A failure that its owner stored under a key would leave the objective open.
    expect(cancelled()?.headers["idempotency-key"]).toBeUndefined();
  });
});

describe("a call that waits for its turn", () => {
  /** A call waits behind one that hangs; `meanwhile` happens, and then the owner answers. Gives what it was asked. */
  async function whileItWaits(name: string, meanwhile: (runId: string) => Promise<void>) {
    let goOn = () => {};
    const isFree = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const server = await serve(async () => {
      await isFree;
      return messageOf(RequestApprovalResponseSchema, { approvalRequest: { id: "apr" } });
    });
    const spec = versionOf([GATE_STEP]);
    const first = await startRun(`${name}, first`, spec);
    const settings = { concurrency: 1, renewEveryMs: 50, timeoutMs: 20_000 };
    const dispatcher = dispatch({ approvals: server.url }, settings);
    dispatcher.start();
    feed(dispatcher);
    await eventually(() => expect(server.asked).toHaveLength(1));
    const runId = await startRun(name, spec);
    await meanwhile(runId);
    goOn();
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect(server.asked[0]?.headers["idempotency-key"]).toContain(first);
    return { asked: server.asked.length, step: await stepOfRun(runId) };
  }

  it("is not sent where its run was cancelled meanwhile", async () => {
    const { asked, step } = await whileItWaits("cancelled", async (runId) => {
      const input = { kind: "cancel_requested", reason: "", cause: RPC } as const;
      await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
      await renewed(runId);
      await renewed(runId);
    });
    expect([asked, step?.state]).toEqual([1, "CANCELLED"]);
  });

  it("is not sent where its key has become too old meanwhile", async () => {
    const { asked, step } = await whileItWaits("aged", async (runId) => {
      const ageMs = 23 * 60 * 60 * 1_000 + 1;
      const nowMs = performance.now.bind(performance);
      vi.spyOn(performance, "now").mockImplementation(() => nowMs() + ageMs);
      await renewed(runId);
    });
    vi.restoreAllMocks();
    expect([asked, step?.state]).toEqual([1, "FAILED"]);
    expect(step?.errorMessage).toContain("outcome unknown");
  });

  /** Resolves once the lease of the run's call has been renewed. */
  async function renewed(runId: string): Promise<void> {
    const lease = async () =>
      (await sql.query("select lease_until from effects where starts_with(id, $1)", [runId])).rows;
    const before = await lease();
    await eventually(async () => expect(await lease()).not.toEqual(before));
  }
});

describe("an objective of a run that was cancelled", () => {
  const isCancel = ({ path }: AskedOnce) => path.endsWith("ObjectiveService/Cancel");
  const FAN = versionOf([stepOf("one", { name: "one" }), stepOf("two", { name: "two" })]);

  /** A run whose objectives exist, cancelled; the calls that cancel them are in the table, a replica's that is gone. */
  async function cancelWorking(name: string): Promise<string> {
    const runId = await startRun(name, FAN);
    for (const _ of FAN.steps) await answerLookUp(runId);
    let made = 0;
    const owner = await serve(() => created(`obj_${name}_${++made}`));
    const first = dispatch({ objectives: owner.url });
    first.take(at.calls.splice(0));
    await eventually(async () => expect(await openEffects()).toEqual([]));
    await first.stop();
    const input = { kind: "cancel_requested", reason: "", cause: RPC } as const;
    await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
    at.calls.length = 0;
    expect(await openEffects()).toHaveLength(FAN.steps.length);
    return runId;
  }

  it("is asked to cancel by one replica after another, until its owner has answered", async () => {
    let isAway = true;
    const owner = await serve(() =>
      isAway ? { status: 503 } : messageOf(CancelResponseSchema, {}),
    );
    const asked = () => owner.asked.filter(isCancel);
    const runId = await cancelWorking("asked");
    for (const replicaId of ["replica-b", "replica-c"]) {
      const before = asked().length;
      await age(runId, 22 * 60 * 60);
      const replica = dispatch({ objectives: owner.url }, { replicaId });
      replica.start();
      await eventually(() => expect(asked().length).toBeGreaterThan(before + 2));
      expect(await openEffects()).toHaveLength(FAN.steps.length);
      await replica.stop();
    }
    isAway = false;
    const before = asked().length;
    dispatch({ objectives: owner.url }, { replicaId: "replica-d" }).start();
    await eventually(async () => expect(await openEffects()).toEqual([]));
    const answered = asked().slice(before);
    const ids = answered.map(({ body }) => fromBinary(CancelRequestSchema, body).id);
    expect(ids.toSorted()).toEqual(["obj_asked_1", "obj_asked_2"]);
  });

  it("is asked no more once 23 h are over, and the run stays cancelled", async () => {
    const owner = await serve(() => ({ status: 500, json: { code: "internal", message: "bug" } }));
    const asked = () => owner.asked.filter(isCancel).length;
    const runId = await cancelWorking("given up");
    await age(runId, 22 * 60 * 60);
    const asking = dispatch({ objectives: owner.url }, { replicaId: "replica-b" });
    asking.start();
    await eventually(() => expect(asked()).toBeGreaterThan(FAN.steps.length));
    expect(await openEffects()).toHaveLength(FAN.steps.length);
    await asking.stop();
    await age(runId, 23 * 60 * 60);
    const before = asked();
    const lines: string[] = [];
    const log = createLog({ level: "warn", format: "json", write: (line) => lines.push(line) });
    dispatch({ objectives: owner.url }, { replicaId: "replica-c", log }).start();
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect(asked()).toBe(before);
    const found = await findRunRows(at.database.read, runId);
    const states = [...(found?.steps.values() ?? [])].map(({ state }) => state);
    expect([found?.run.state, ...states]).toEqual(["CANCELLED", "CANCELLED", "CANCELLED"]);
    const said = lines.filter((line) => line.includes("an objective could not be cancelled"));
    const places = said.map((line) => JSON.parse(line)).map((each) => [each.runId, each.stepIndex]);
    expect(places.toSorted((a, b) => a[1] - b[1])).toEqual([
      [runId, 0],
      [runId, 1],
    ]);
  });
});

describe("leases", () => {
  it("a call whose replica died is taken up by another, with the same key and bytes", async () => {
    const server = await serve(() => created("obj_5"));
    const runId = await startRun("dead", NAMED);
    const [call] = at.calls;
    dispatch({ objectives: server.url }, { replicaId: "replica-b" }).start();
    // Leased by the first replica: no other claims it before the lease expires.
    expect(server.asked).toHaveLength(0);
    await sql.query(
      "update effects set lease_until = now() - interval '1 ms' where starts_with(id, $1 || '/')",
      [runId],
    );
    await eventually(async () => expect((await stepOfRun(runId))?.objectiveId).toBe("obj_5"));
    expect(server.asked.map(({ body }) => body)).toEqual([Buffer.from(call?.request ?? [])]);
  });

  it("a stop releases unfinished calls, so that another replica goes on at once", async () => {
    const server = await serve((_, n) => (n === 1 ? "reset" : created("obj_6")));
    const gone = await serve(() => "hang");
    await gone.stop();
    const runId = await startRun("stopped", NAMED);
    const first = dispatch({ objectives: gone.url });
    feed(first);
    await first.stop();
    const second = dispatch({ objectives: server.url }, { replicaId: "replica-b" });
    Reflect.deleteProperty(at.calls, "push");
    feed(second);
    second.start();
    await eventually(async () => expect((await stepOfRun(runId))?.objectiveId).toBe("obj_6"));
  });

  it("two replicas that claim at once do not share a call", async () => {
    const server = await serve((_, n) => created(`obj_many_${n}`));
    const runIds = await Promise.all(Array.from({ length: 40 }, () => startRun("many", NAMED)));
    await sql.query("update effects set lease_until = now() - interval '1 ms'");
    for (const replicaId of ["replica-b", "replica-c"]) {
      dispatch({ objectives: server.url }, { replicaId }).start();
    }
    await eventually(async () => expect(await openEffects()).toEqual([]));
    expect(server.asked).toHaveLength(runIds.length);
  });
});

describe("collaborators", () => {
  it("one that hangs slows no other", async () => {
    const hanging = await serve(() => "hang");
    const server = await serve(() => created("obj_7"));
    const slow = await Promise.all(Array.from({ length: 10 }, () => startRun("slow", ROUTED)));
    const fast = await startRun("fast", NAMED);
    feed(
      dispatch(
        { registry: hanging.url, objectives: server.url },
        { concurrency: 2, timeoutMs: 500 },
      ),
    );
    await eventually(async () => expect((await stepOfRun(fast))?.objectiveId).toBe("obj_7"));
    expect(hanging.asked.length).toBeLessThanOrEqual(2);
    for (const runId of slow) expect((await stepOfRun(runId))?.objectiveId).toBe("");
  });

  it("one that hangs with 2,000 calls of 140 KB delays no other, and no child runs", async () => {
    const hanging = await serve(() => "hang");
    const approvals = await serve(() => ({ status: 400, json: { code: "invalid_argument" } }));
    const dispatcher = dispatch({ objectives: hanging.url, approvals: approvals.url });
    const request = new Uint8Array(140 * 1024);
    const crowd = Array.from({ length: 2_000 }, (_, n) => {
      const ids = { callId: `wfr_crowd${n}/s/1/create_objective`, runId: `wfr_crowd${n}` };
      const facts = { workspaceId: "ws", stepIndex: 0, attempt: 1, createdAtMs: Date.now() };
      return { ...ids, ...facts, kind: "create_objective", request } as const;
    });
    dispatcher.take(crowd);
    await eventually(() => expect(hanging.asked).toHaveLength(64));
    const name = `child ${Math.random()}`;
    const byWorkflow = { trigger: triggerOf({ triggerType: "WORKFLOW" }) };
    await publish(at.database, name, versionOf([GATE_STEP], [], byWorkflow));
    const parent = stepOf("child", { agentId: "", config: { workflow: { name } } });
    const asking = await startRun("asking", versionOf([GATE_STEP]));
    const starting = await startRun("starting", versionOf([parent]));
    feed(dispatcher);
    await eventually(async () => expect((await stepOfRun(asking))?.state).toBe("FAILED"));
    const children = "select 1 from workflow_runs where parent_run_id = $1";
    await eventually(async () => expect((await sql.query(children, [starting])).rowCount).toBe(1));
  });

  it("the least loaded healthy agent of the workspace is found", async () => {
    const now = { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 };
    const old = { seconds: now.seconds - 120n, nanos: 0 };
    const capacity = (current: number) => ({ current, max: 10 });
    const registry = await serve(() =>
      messageOf(DiscoverResponseSchema, {
        agents: [
          { id: "busy", status: "active", heartbeatAt: now, capacity: capacity(9) },
          { id: "away", status: "Offline", heartbeatAt: now, capacity: capacity(0) },
          { id: "silent", status: "active", heartbeatAt: old, capacity: capacity(0) },
          { id: "theirs", organizationId: "ws_other", status: "active", heartbeatAt: now },
          {
            id: "ours",
            organizationId: "ws_test",
            status: "active",
            heartbeatAt: now,
            capacity: capacity(1),
          },
        ],
      }),
    );
    const objectives = await serve(() => created("obj_8"));
    const runId = await startRun("routed", ROUTED);
    feed(dispatch({ registry: registry.url, objectives: objectives.url }));
    await eventually(async () => expect((await stepOfRun(runId))?.agentId).toBe("ours"));
  });

  it("without a registry the agents service is asked; no able agent is a refusal", async () => {
    const agents = await serve(({ path }) =>
      path.endsWith(`/${AgentService.method.list.name}`)
        ? messageOf(ListResponseSchema, { agents: [] })
        : { status: 404 },
    );
    const runId = await startRun("no able agent", ROUTED);
    feed(dispatch({ agents: agents.url }));
    await eventually(async () =>
      expect((await stepOfRun(runId))?.errorMessage).toBe(
        "no healthy agent with capability qualify",
      ),
    );
  });

  it("only a connection that ends before its answer begins is taken for one that was idle", async () => {
    const server = await serve((_, n) =>
      n === 2 ? "reset in body" : messageOf(ListResponseSchema, { agents: [] }),
    );
    const urls = { agents: server.url };
    const clients = createClients(
      { urls, protocol: "connect", timeoutMs: 1_000, concurrency: 1 },
      at.log,
    );
    const ask = () => clients.require("agents").ask(AgentService.method.list, {}, ORIGIN);
    await ask();
    await expect(ask()).rejects.toMatchObject({ kind: "broken", code: Code.Unavailable });
    expect(server.asked).toHaveLength(2);
    clients.disconnect();
  });

  it.each(["connect", "grpc", "grpc-web"] as const)(
    "%s: a collaborator that is not there is a broken connection",
    async (protocol) => {
      const gone = await serve(() => "hang");
      await gone.stop();
      const clients = createClients(
        { urls: { agents: gone.url }, protocol, timeoutMs: 1_000, concurrency: 1 },
        at.log,
      );
      const asked = clients.require("agents").ask(AgentService.method.list, {}, ORIGIN);
      await expect(asked).rejects.toSatisfy(
        (error) =>
          error instanceof CallFailure &&
          error.kind === "broken" &&
          error.code === Code.Unavailable,
      );
      clients.close();
      const late = clients.require("agents").ask(AgentService.method.list, {}, ORIGIN);
      await expect(late).rejects.toBeInstanceOf(NotSent);
      clients.disconnect();
    },
  );
});
