/**
 * Calls with an Idempotency-Key are done once: in every protocol, beside each other, after failures and after crashes.
 * A crash is simulated by what it leaves: the key's row with an expired lease, marked or not.
 */
import { createClient } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Input } from "../../src/engine/values/input.ts";
import { createDefinition } from "../../src/runtime/definitions.ts";
import { dropOldKeys, type KeyClaim } from "../../src/store/caller-keys.ts";
import { until } from "../support/assertions/until.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

let service: RpcService;
let workspaceId = "";
let count = 0;
beforeAll(async () => {
  service = await startRpcService();
});
afterAll(() => service.stop());
beforeEach(() => {
  workspaceId = `ws_${++count}`;
});

const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });
const steps = [{ id: "a", name: "A", stepType: StepType.HUMAN_TASK }];

async function publish(more: object = {}, workspace = workspaceId): Promise<string> {
  const named = { workspaceId: workspace, name: `n${++count}` };
  const { definition } = await service.client.createDefinition(named);
  const definitionId = definition?.id ?? "";
  await service.client.publishVersion({ definitionId, steps, ...more });
  return definitionId;
}

async function runsOf(workspace = workspaceId): Promise<number> {
  return (await service.client.listRuns({ workspaceId: workspace })).total;
}

function sql<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
  const name = `test_${text.length}_${text.slice(0, 40)}`;
  return service.database.transaction(async (tx) => tx.query<Row & object>({ name, text }, values));
}

/**
 * Simulates a crash after the commit, with the lease expired. The answer is lost. So is the mark where it is stored with
 * the answer (`key_…`) and not by the commit.
 */
async function forgetAnswer(key: string): Promise<void> {
  const text = `update caller_keys set answer = null, lease_until = now() - interval '1 second',
      applied_to = case when applied_to like 'key\\_%' then null else applied_to end
    where workspace_id = $1 and key = $2 returning key`;
  expect(await sql(text, [workspaceId, key])).toHaveLength(1);
}

/** Simulates a crash before that commit: the row of a call like that of `key`, whose lease ends in so many seconds. */
async function reserveLike(key: string, reserved: string, leaseSeconds: number): Promise<void> {
  const text = `insert into caller_keys
      (workspace_id, method, key, holder, body_hash, created_at, lease_until)
    select workspace_id, method, $3, 'crashed', body_hash, now(),
      now() + make_interval(secs => $4)
    from caller_keys where workspace_id = $1 and key = $2 returning key`;
  expect(await sql(text, [workspaceId, key, reserved, leaseSeconds])).toHaveLength(1);
}

describe.each(TRANSPORTS)("%s", (_name, transportTo) => {
  test("every RPC that writes: the same key and request give the first answer, and do nothing", async () => {
    const client = createClient(WorkflowService, transportTo(service.baseUrl));
    const key = withKey("k");
    const named = { workspaceId, name: "orders" };
    const made = await client.createDefinition(named, key);
    expect(await client.createDefinition(named, key)).toEqual(made);
    const definitionId = made.definition?.id ?? "";
    const trigger = { triggerType: TriggerType.EVENT, eventType: "order.made" };
    const version = { definitionId, steps, trigger };
    const published = await client.publishVersion(version, key);
    expect(await client.publishVersion(version, key)).toEqual(published);
    expect((await client.listVersions({ definitionId })).versions).toHaveLength(1);

    const start = { definitionId, inputPayload: { a: 1, b: [null, "x"] } };
    const { run } = await client.startRun(start, key);
    const id = run?.id ?? "";
    const paused = await client.pauseRun({ id }, key);
    expect((await client.startRun(start, key)).run).toEqual(run);
    const resumed = await client.resumeRun({ id }, key);
    expect(await client.pauseRun({ id }, key)).toEqual(paused);
    expect(await client.resumeRun({ id }, key)).toEqual(resumed);
    const report = { runId: id, stepId: "a", state: StepRunState.RUNNING, costUsd: 0.5 };
    const moved = await client.transitionStep(report, key);
    const cancelled = await client.cancelRun({ id }, key);
    expect(await client.transitionStep(report, key)).toEqual(moved);
    expect(await client.cancelRun({ id }, key)).toEqual(cancelled);
    const compensated = await client.compensateRun({ id }, key);
    expect(await client.compensateRun({ id }, key)).toEqual(compensated);
    expect((await client.getRun({ id }, key)).run).toMatchObject({
      state: WorkflowState.CANCELLED,
      totalCostUsd: 0.5,
    });

    const event = { workspaceId, ...trigger, inputPayload: { n: 1 } };
    const first = await client.handleTrigger(event, key);
    expect(first.startedRuns).toHaveLength(1);
    expect(await client.handleTrigger(event, key)).toEqual(first);
    expect(await runsOf()).toBe(2);
    await client.handleTrigger(event);
    expect((await client.listRuns({ workspaceId }, key)).total).toBe(3);
  });

  test("a key of the contract is stored without its caller, as replicas of the release before read it", async () => {
    const definitionId = await publish();
    const by = (actor: string, key: string) =>
      service.client.startRun(
        { definitionId },
        { headers: { "Idempotency-Key": key, "Workflows-Actor": actor } },
      );
    const first = await by("ann", "k");
    expect(await by("bob", "k")).toEqual(first);
    expect(await service.client.startRun({ definitionId }, withKey("k"))).toEqual(first);
    await service.client.startRun({ definitionId }, withKey("unnamed"));
    const text =
      "select distinct body_hash from caller_keys where workspace_id = $1 and key = any($2)";
    expect(await sql(text, [workspaceId, ["k", "unnamed"]])).toHaveLength(1);
    expect(await runsOf()).toBe(2);
  });

  test("a key of the operations API is refused to another caller", async () => {
    const { run } = await service.client.startRun({ definitionId: await publish() });
    const client = createClient(Runs, transportTo(service.baseUrl));
    const order = { runId: run?.id ?? "", stepId: "a", reason: "no form" };
    const by = (actor: string) =>
      client.failStep(order, { headers: { "Idempotency-Key": "k", "Workflows-Actor": actor } });
    const first = await by("ann");
    expect(await by("ann")).toEqual(first);
    expect((await refusedBy(by("bob"))).code).toBe("AlreadyExists");
    expect((await refusedBy(client.failStep(order, withKey("k")))).code).toBe("AlreadyExists");
  });

  test("another request is refused, the same one in another encoding is not", async () => {
    const client = createClient(WorkflowService, transportTo(service.baseUrl));
    const definitionId = await publish();
    const { run } = await service.client.startRun(
      { definitionId, inputPayload: { a: 1, b: { c: 2, d: 3 } } },
      withKey("k"),
    );
    const same = { definitionId, inputPayload: { b: { d: 3, c: 2 }, a: 1 } };
    expect((await client.startRun(same, withKey("k"))).run).toEqual(run);
    const other = client.startRun({ definitionId, inputPayload: { a: 2 } }, withKey("k"));
    const refused = await refusedBy(other);
    expect(refused).toMatchObject({ code: "AlreadyExists", reason: "ALREADY_EXISTS" });
    expect(await runsOf()).toBe(1);
  });

  test("a float is the same number in every encoding, and in every answer", async () => {
    const client = createClient(WorkflowService, transportTo(service.baseUrl));
    const { definition } = await client.createDefinition({ workspaceId, name: "floats" });
    const retryPolicy = { maxRetries: 1, backoffMultiplier: 1.1 };
    const version = {
      ...{ definitionId: definition?.id ?? "", defaultRetryPolicy: retryPolicy },
      steps: steps.map((step) => ({ ...step, retryPolicy })),
    };
    const first = await client.publishVersion(version, withKey("k"));
    expect(await client.publishVersion(version, withKey("k"))).toEqual(first);
    const elsewhere = await service.client.publishVersion(version, withKey("k"));
    expect(elsewhere.version?.id).toBe(first.version?.id);
  });

  test.each(["x".repeat(256), "a b"])("a key that is none: %s", async (key) => {
    const client = createClient(WorkflowService, transportTo(service.baseUrl));
    const refused = await refusedBy(
      client.createDefinition({ workspaceId, name: "n" }, withKey(key)),
    );
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["Idempotency-Key"] });
  });
});

describe("beside each other", () => {
  test("of calls at once one is done, the others are its repeats or ABORTED", async () => {
    const definitionId = await publish();
    const calls = Array.from({ length: 8 }, () =>
      service.client.startRun({ definitionId }, withKey("k")),
    );
    const results = await Promise.allSettled(calls);
    const ids = results.flatMap((r) => (r.status === "fulfilled" ? [r.value.run?.id] : []));
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(1);
    for (const [at, result] of results.entries()) {
      const call = calls[at];
      if (result.status === "fulfilled" || call === undefined) continue;
      expect(await refusedBy(call)).toMatchObject({ code: "Aborted", reason: "LOST_RACE" });
    }
    expect(await runsOf()).toBe(1);
  });

  test("keys of other workspaces and methods are others", async () => {
    const other = `${workspaceId}_other`;
    const [one, two] = [await publish(), await publish({}, other)];
    const first = await service.client.startRun({ definitionId: one }, withKey("k"));
    const second = await service.client.startRun({ definitionId: two }, withKey("k"));
    expect(second.run?.workspaceId).toBe(other);
    expect([await runsOf(), await runsOf(other)]).toEqual([1, 1]);
    const { run } = await service.client.cancelRun({ id: first.run?.id ?? "" }, withKey("k"));
    expect(run?.state).toBe(WorkflowState.CANCELLED);
  });
});

describe("failures", () => {
  test("a call that failed leaves no key behind", async () => {
    const { definition } = await service.client.createDefinition({ workspaceId, name: "late" });
    const definitionId = definition?.id ?? "";
    const start = () => service.client.startRun({ definitionId }, withKey("k"));
    expect(await refusedBy(start())).toMatchObject({ code: "FailedPrecondition" });
    expect(await sql("select 1 from caller_keys where workspace_id = $1", [workspaceId])).toEqual(
      [],
    );
    await service.client.publishVersion({ definitionId, steps });
    const { run } = await start();
    expect((await start()).run).toEqual(run);
  });

  test("a refusal of the engine and an unknown object leave none either", async () => {
    const { run } = await service.client.startRun({ definitionId: await publish() });
    const id = run?.id ?? "";
    const resume = () => service.client.resumeRun({ id }, withKey("k"));
    await service.client.cancelRun({ id });
    expect(await refusedBy(resume())).toMatchObject({ code: "FailedPrecondition" });
    expect(await sql("select 1 from caller_keys where workspace_id = $1", [workspaceId])).toEqual(
      [],
    );
    const unknown = service.client.pauseRun({ id: "wfr_none" }, withKey("k"));
    expect(await refusedBy(unknown)).toMatchObject({ code: "NotFound" });
    const nul = service.client.pauseRun({ id: "a\u0000" }, withKey("k"));
    expect(await refusedBy(nul)).toMatchObject({ code: "InvalidArgument" });
    const unnamed = service.client.createDefinition({ name: "n" }, withKey("k"));
    expect(await refusedBy(unnamed)).toMatchObject({ fields: ["workspace_id"] });
  });
});

describe("crashes", () => {
  test("after the run is started and before the answer is kept: the repeat gives that run", async () => {
    const definitionId = await publish();
    const start = () => service.client.startRun({ definitionId }, withKey("k"));
    const { run } = await start();
    await forgetAnswer("k");
    expect((await start()).run?.id).toBe(run?.id);
    expect(await runsOf()).toBe(1);
    expect((await start()).run?.id).toBe(run?.id);
  });

  test("before anything is done: ABORTED until the lease is over, then done, once", async () => {
    const definitionId = await publish();
    const start = (key: string) => service.client.startRun({ definitionId }, withKey(key));
    const { run } = await start("k");
    await reserveLike("k", "young", 30);
    const refused = await refusedBy(start("young"));
    expect(refused).toMatchObject({ code: "Aborted", reason: "LOST_RACE" });
    expect(refused.error.findDetails(RetryInfoSchema)).toHaveLength(1);
    await reserveLike("k", "old", -1);
    const again = await start("old");
    expect(again.run?.id).not.toBe(run?.id);
    expect((await start("old")).run).toEqual(again.run);
    expect(await runsOf()).toBe(2);
  });

  test("while a slow call lives its lease is renewed, and a repeat is ABORTED", async () => {
    const { run } = await service.client.startRun({ definitionId: await publish() });
    const id = run?.id ?? "";
    const pause = () => service.client.pauseRun({ id }, withKey("slow"));
    const leases = () =>
      sql<{ seconds: number }>(
        `select extract(epoch from lease_until - created_at)::float8 as seconds from caller_keys
          where workspace_id = $1 and key = 'slow'`,
        [workspaceId],
      );
    const locker = new pg.Client({ connectionString: service.url });
    await locker.connect();
    try {
      // The processor leaves a run that is locked elsewhere for its next batch.
      await locker.query("begin");
      await locker.query("select 1 from workflow_runs where id = $1 for update", [id]);
      const first = pause();
      const [lease] = await until(async () => ((await leases()).length > 0 ? leases() : undefined));
      expect(lease?.seconds).toBeGreaterThan(3);
      expect(lease?.seconds).toBeLessThan(5);
      await until(async () => (Number((await leases())[0]?.seconds) > 5.5 ? true : undefined));
      expect(await refusedBy(pause())).toMatchObject({ code: "Aborted", reason: "LOST_RACE" });
      await locker.query("rollback");
      expect((await first).run?.state).toBe(WorkflowState.PAUSED);
      expect(await pause()).toEqual(await first);
    } finally {
      await locker.end();
    }
  });

  test("a call whose key was taken over commits nothing, and does not fail its batch", async () => {
    const definitionId = await publish();
    const { run } = await service.client.startRun({ definitionId }, withKey("k"));
    const runId = run?.id ?? "";
    const submit = (input: Input, callerKey?: KeyClaim) =>
      service.processor.submit({ kind: "input", runId, workspaceId, input, callerKey });
    const cause = { kind: "rpc" as const, id: "test" };
    const stale = { workspaceId, method: "StartRun", key: "k", holder: "taken over" };
    // While the first is committed, the other two gather in one batch.
    const [, late, last] = await Promise.allSettled([
      submit({ kind: "pause_requested", reason: "", cause }),
      submit({ kind: "cancel_requested", reason: "", cause }, stale),
      submit({ kind: "resume_requested", cause }),
    ]);
    expect(late).toMatchObject({ status: "rejected", reason: { reason: "lost_race" } });
    expect(last).toMatchObject({ status: "fulfilled", value: { reply: { kind: "applied" } } });
    expect((await service.client.getRun({ id: runId })).run?.state).toBe(WorkflowState.RUNNING);
    const callerKey = { workspaceId, method: "CreateDefinition", key: "gone", holder: "h" };
    const wanted = { workspaceId, name: "never", description: "", tags: [] };
    await expect(createDefinition({ ...service, callerKey }, wanted)).rejects.toMatchObject({
      reason: "lost_race",
    });
    expect((await service.client.listDefinitions({ workspaceId })).total).toBe(1);
  });

  test("a step's cost counts once, whatever happened to the step since", async () => {
    const { run } = await service.client.startRun({ definitionId: await publish() });
    const report = { runId: run?.id ?? "", stepId: "a", costUsd: 0.5 };
    const start = () =>
      service.client.transitionStep({ ...report, state: StepRunState.RUNNING }, withKey("k"));
    await start();
    await forgetAnswer("k");
    await service.client.transitionStep({ ...report, state: StepRunState.WAITING });
    expect(await start()).toMatchObject({
      step: { state: StepRunState.WAITING },
      run: { totalCostUsd: 1 },
    });
  });

  test("a run that was paused and resumed is not paused again", async () => {
    const { run } = await service.client.startRun({ definitionId: await publish() });
    const id = run?.id ?? "";
    const pause = () => service.client.pauseRun({ id }, withKey("k"));
    expect((await pause()).run?.state).toBe(WorkflowState.PAUSED);
    await forgetAnswer("k");
    await service.client.resumeRun({ id });
    expect((await pause()).run?.state).toBe(WorkflowState.RUNNING);
  });

  test("definitions and versions are made once", async () => {
    const named = { workspaceId, name: "orders" };
    const create = () => service.client.createDefinition(named, withKey("k"));
    const made = await create();
    await forgetAnswer("k");
    expect(await create()).toEqual(made);
    const definitionId = made.definition?.id ?? "";
    const publishOnce = () =>
      service.client.publishVersion({ definitionId, steps }, withKey("version"));
    const published = await publishOnce();
    await forgetAnswer("version");
    expect(await publishOnce()).toEqual(published);
    expect((await service.client.listVersions({ definitionId })).versions).toHaveLength(1);
  });

  test("a trigger that names no event is the same event again", async () => {
    const trigger = { triggerType: TriggerType.EVENT, eventType: "order.made" };
    await publish({ trigger });
    const handle = (key: string) =>
      service.client.handleTrigger({ workspaceId, ...trigger }, withKey(key));
    const first = await handle("k");
    await forgetAnswer("k");
    expect((await handle("k")).startedRuns.map(({ id }) => id)).toEqual(
      first.startedRuns.map(({ id }) => id),
    );
    expect((await handle("other")).startedRuns).toHaveLength(1);
    expect(await runsOf()).toBe(2);
  });
});

test("a key is free after seven days, and swept away", async () => {
  const definitionId = await publish();
  const start = (n: number) =>
    service.client.startRun({ definitionId, inputPayload: { n } }, withKey("k"));
  const age = (days: number) =>
    sql(
      `update caller_keys set created_at = now() - make_interval(days => $2, mins => 1)
      where workspace_id = $1`,
      [workspaceId, days],
    );
  const { run } = await start(1);
  await age(6);
  expect((await start(1)).run).toEqual(run);
  await age(7);
  const later = await start(2);
  expect(later.run?.id).not.toBe(run?.id);
  expect((await start(2)).run).toEqual(later.run);
  const drop = () => service.database.transaction((tx) => dropOldKeys(tx, 1_000));
  expect(await drop()).toBe(0);
  await age(7);
  expect(await drop()).toBe(1);
});
