/**
 * Limits of open runs, over the RPCs and at two replicas.
 * Boundary: runs that wait are begun by the round of the timers' loop, called here; collaborators' calls are not performed.
 */

import { setImmediate } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WhenFull } from "../../gen/workflows/ops/v1/run_limits_pb.ts";
import { ReasonCode, Runs, RunVerdict } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { beginWaiting } from "../../src/runtime/begin-waiting.ts";
import { fireSchedules } from "../../src/runtime/fire-schedules.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { LeftOutRuns } from "../../src/runtime/left-out-runs.ts";
import { startChildRun } from "../../src/runtime/own-submissions.ts";
import { createProcessor, type Processor, type RunStart } from "../../src/runtime/processor.ts";
import { performRerun } from "../../src/runtime/start-rerun.ts";
import { findNextDue } from "../../src/store/service-reads/next-due.ts";
import { decodeStartRerun } from "../../src/wire/calls/own-calls.ts";
import { encodeCall } from "../../src/wire/calls/requests.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws";
const WORK = { id: "work", name: "Work", stepType: StepType.HUMAN_TASK };
const { QUEUE, DROP, REPLACE } = WhenFull;
const { PENDING, RUNNING, COMPLETED, CANCELLED } = WorkflowState;
let service: RpcService;
let sources: Client<typeof Workflows>;
let runs: Client<typeof Runs>;
let other: Processor;
let sql: pg.Client;
let made = 0;

beforeAll(async () => {
  service = await startRpcService();
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  sources = createClient(Workflows, transport);
  runs = createClient(Runs, transport);
  const { database, log } = service;
  other = createProcessor({
    ...{ database, log, encodeCall, graphs: createGraphCache(database) },
    lookups: { choose: () => undefined },
    replicaId: "replica-b",
    onCommitted: () => {},
  });
  sql = new pg.Client({ connectionString: service.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await other.stop();
  await service.stop();
});

interface Limit {
  readonly maxOpenRuns?: number;
  readonly concurrencyKey?: string;
  readonly whenFull?: WhenFull;
}

/** A workflow of one task with a limit. */
async function limited(runLimit: Limit, trigger: object = {}): Promise<string> {
  made += 1;
  const { workflow } = await sources.create({
    ...{ workspaceId: WORKSPACE, name: `flow ${made}` },
    runLimit: { maxOpenRuns: 1, ...runLimit },
  });
  const definitionId = workflow?.definition?.id ?? "";
  await service.client.publishVersion({ definitionId, steps: [WORK], trigger });
  return definitionId;
}

async function start(definitionId: string, input: object = {}, headers = {}): Promise<string> {
  const request = { definitionId, inputPayload: { ...input } };
  const { run } = await service.client.startRun(request, { headers });
  return run?.id ?? "";
}
async function stateOf(id: string): Promise<WorkflowState | undefined> {
  return (await service.client.getRun({ id })).run?.state;
}
const statesOf = (ids: readonly string[]) => Promise.all(ids.map(stateOf));
const finish = (runId: string) =>
  service.client.transitionStep({
    ...{ runId, stepId: "work", state: StepRunState.COMPLETED },
  });
const cancel = (id: string) => service.client.cancelRun({ id });
/** What begins runs that wait, at a replica that could begin each one so far. */
const waitingDeps = () => ({ ...service, leftOut: new LeftOutRuns() });
const round = () => beginWaiting(waitingDeps(), undefined);
async function update(definitionId: string, runLimit: Limit | undefined) {
  const { workflow } = await sources.get({ id: definitionId });
  const etag = workflow?.etag ?? "";
  const request = { definitionId, etag, updateMask: ["run_limit"] };
  return (await sources.update({ ...request, ...(runLimit && { runLimit }) })).workflow;
}

/** Has so many runs wait like this one, it included. */
async function alsoWait(runId: string, runs: number): Promise<void> {
  const text = `insert into workflow_runs
    select (jsonb_populate_record(r, jsonb_build_object('id', r.id || '-' || n))).*
    from workflow_runs r cross join generate_series(2, $2::integer) as n where r.id = $1`;
  await sql.query(text, [runId, runs]);
}

describe("a workflow whose places are taken", () => {
  it("lets further runs wait, and begins them in their order", async () => {
    const definitionId = await limited({ maxOpenRuns: 2 });
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await start(definitionId, { n }));
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, PENDING, PENDING, PENDING]);
    await round();
    expect(await statesOf(ids.slice(2))).toEqual([PENDING, PENDING, PENDING]);
    await finish(ids[1] ?? "");
    // One that comes now stands behind those that wait.
    ids.push(await start(definitionId));
    expect(await stateOf(ids[5] ?? "")).toBe(PENDING);
    await round();
    expect(await statesOf(ids)).toEqual([RUNNING, COMPLETED, RUNNING, PENDING, PENDING, PENDING]);
    await cancel(ids[3] ?? "");
    await finish(ids[0] ?? "");
    await finish(ids[2] ?? "");
    await round();
    expect(await statesOf(ids.slice(3))).toEqual([CANCELLED, RUNNING, RUNNING]);
    const { steps, startedAt } = (await service.client.getRun({ id: ids[4] ?? "" })).run ?? {};
    expect(steps?.[0]?.state).toBe(StepRunState.WAITING);
    expect(startedAt).toBeDefined();
    expect((await service.client.getRun({ id: ids[4] ?? "" })).run?.inputPayload).toEqual({ n: 4 });
  });

  it.each([QUEUE, REPLACE])(
    "gives the next run the turn of one that cannot be begun (%i)",
    async (whenFull) => {
      const definitionId = await limited({ concurrencyKey: "k", whenFull: QUEUE });
      const ids = [];
      for (let n = 0; n < 4; n += 1) ids.push(await start(definitionId));
      const [open = "", broken = "", third = "", fourth = ""] = ids;
      await finish(open);
      await update(definitionId, { maxOpenRuns: 1, concurrencyKey: "k", whenFull });
      let tries = 0;
      const submit: Processor["submit"] = async (submission) => {
        if (submission.kind !== "input" || submission.runId !== broken) {
          return service.processor.submit(submission);
        }
        tries += 1;
        throw new Error("what it begins with cannot be read");
      };
      const deps = { ...waitingDeps(), processor: { submit } };
      await beginWaiting(deps, undefined);
      expect(tries).toBe(1);
      await beginWaiting(deps, undefined);
      expect(tries).toBe(1);
      const next = whenFull === QUEUE ? [RUNNING, PENDING] : [CANCELLED, RUNNING];
      expect(await statesOf([broken, third, fourth])).toEqual([PENDING, ...next]);
      if (whenFull === REPLACE) {
        // Another replica that can end it does, and leaves the newer one alone.
        await round();
        expect(await statesOf([broken, third, fourth])).toEqual([CANCELLED, CANCELLED, RUNNING]);
        await cancel(fourth);
        return;
      }
      // Another replica may be able to.
      await cancel(third);
      await round();
      expect(await stateOf(broken)).toBe(RUNNING);
      await cancel(broken);
    },
  );

  it("drops further starts in words, but gives the run that an event has started", async () => {
    const definitionId = await limited({ whenFull: DROP });
    const known = { definitionId, triggerEventId: "known" };
    const { run } = await service.client.startRun(known);
    const refused = await refusedBy(start(definitionId));
    expect(refused).toMatchObject({ code: "FailedPrecondition", reason: "TOO_MANY_OPEN_RUNS" });
    expect(refused.error.rawMessage).toContain("Workflows.Update");
    expect((await service.client.startRun(known)).run?.id).toBe(run?.id);
    await cancel(run?.id ?? "");
    expect(await stateOf(await start(definitionId))).toBe(RUNNING);
  });

  it("gives the run that an event has started also where no further run may wait", async () => {
    const definitionId = await limited({});
    const known = { definitionId, triggerEventId: "known" };
    const { run } = await service.client.startRun(known);
    const waiting = await start(definitionId);
    await alsoWait(waiting, 1_000);
    expect((await refusedBy(start(definitionId))).reason).toBe("TOO_MANY_OPEN_RUNS");
    expect((await service.client.startRun(known)).run?.id).toBe(run?.id);
    await sql.query("delete from workflow_runs where id like $1", [`${waiting}-%`]);
  });

  it("has a place for a start beside repeats of an earlier one", async () => {
    const definitionId = await limited({ whenFull: DROP });
    const { workflow } = await sources.get({ id: definitionId });
    const submit = (triggerEventId: string) =>
      service.processor.submit({
        kind: "start",
        cause: { kind: "rpc", id: "test" },
        start: {
          ...{ definitionId, versionId: workflow?.latest?.id ?? "", definitionVersion: 1 },
          ...{ workspaceId: WORKSPACE, triggerType: "MANUAL", triggerEventId, triggerSource: "" },
          ...{ initiatorAgentId: "", initiatorUserId: "", parentRunId: "", entityId: "" },
          ...{ entityType: "", hops: 0, input: {} },
        },
      });
    const { runId } = await submit("known");
    await cancel(runId);
    // Half of the pairs are of one batch.
    for (let n = 0; n < 12; n += 1) {
      const [repeat, fresh] = await Promise.all([submit("known"), submit("")]);
      expect([repeat.runId, fresh.created]).toEqual([runId, true]);
      await cancel(fresh.runId);
    }
  });

  it("replaces the oldest runs by the newest", async () => {
    const definitionId = await limited({ maxOpenRuns: 2, whenFull: REPLACE });
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await start(definitionId));
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, PENDING, PENDING, PENDING]);
    await round();
    expect(await statesOf(ids)).toEqual([CANCELLED, CANCELLED, CANCELLED, RUNNING, RUNNING]);
    const { moves } = await runs.getHistory({ runId: ids[0] ?? "", newestFirst: true });
    const reason = moves[0]?.changes.find(({ operation }) => operation === "cancel")?.reason;
    expect(reason).toContain(`replaced by run ${ids[4]}`);
  });

  it("counts by key, and what has none together", async () => {
    const definitionId = await limited({ concurrencyKey: "customer.id" });
    const input = (id: unknown) => ({ customer: { id } });
    const began = async (more: object) =>
      (await stateOf(await start(definitionId, more))) === RUNNING;
    expect(await began(input("a"))).toBe(true);
    expect(await began(input("b"))).toBe(true);
    expect(await began(input("a"))).toBe(false);
    expect(await began({})).toBe(true);
    expect(await began({ customer: 7 })).toBe(false);
    expect(await began(input("x".repeat(4_000)))).toBe(true);
    expect(await began(input("x".repeat(4_000)))).toBe(false);
    expect(await began(input({ nested: 1 }))).toBe(true);
  });

  it("counts each environment by itself", async () => {
    const definitionId = await limited({});
    await sources.deploy({ definitionId, environment: "staging" });
    const headers = { "Workflows-Environment": "staging" };
    const ids = [await start(definitionId), await start(definitionId, {}, headers)];
    ids.push(await start(definitionId), await start(definitionId, {}, headers));
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, PENDING, PENDING]);
    await cancel(ids[1] ?? "");
    await round();
    expect(await statesOf(ids)).toEqual([RUNNING, CANCELLED, PENDING, RUNNING]);
  });

  it("says why a run waits, and shows who started it", async () => {
    const definitionId = await limited({ concurrencyKey: "customer" });
    const ids: string[] = [];
    const headers = { "Workflows-Actor": "ann" };
    for (let n = 0; n < 3; n += 1)
      ids.push(await start(definitionId, { customer: "acme" }, headers));
    const runId = ids[2] ?? "";
    const { explanation } = await runs.explain({ runId });
    expect(explanation).toMatchObject({
      verdict: RunVerdict.WAITING,
      waits: [{ code: ReasonCode.RUN_LIMIT }],
    });
    expect(explanation?.sentence).toContain('one open run of the key "acme" at most');
    expect(explanation?.sentence).toContain("1 wait before it");
    const { moves } = await runs.getHistory({ runId });
    expect(moves[0]?.cause).toMatchObject({ id: "StartRun", actor: "unverified:ann" });
    expect(moves).toHaveLength(1);
  });
});

describe("every starter", () => {
  it("of events starts nothing where the workflow drops, and waits where it queues", async () => {
    const send = async (eventType: string, triggerEventId: string) =>
      (
        await service.client.handleTrigger({
          ...{ workspaceId: WORKSPACE, triggerType: TriggerType.EVENT, triggerEventId, eventType },
        })
      ).startedRuns.map(({ id }) => id);
    const trigger = (eventType: string) => ({ triggerType: TriggerType.EVENT, eventType });
    await limited({ whenFull: DROP }, trigger("drop.made"));
    expect(await send("drop.made", "a")).toHaveLength(1);
    expect(await send("drop.made", "b")).toEqual([]);
    await limited({ whenFull: QUEUE }, trigger("queue.made"));
    const [first] = await send("queue.made", "a");
    const [second] = await send("queue.made", "b");
    expect(await send("queue.made", "b")).toEqual([second]);
    expect(await statesOf([first ?? "", second ?? ""])).toEqual([RUNNING, PENDING]);
  });

  it("of slots moves on where the workflow drops", async () => {
    const cron = { triggerType: TriggerType.SCHEDULE, cronExpr: "@every 1s" };
    const definitionId = await limited({ whenFull: DROP }, cron);
    await start(definitionId);
    const past =
      "update schedules set next_at = next_at - interval '3 seconds' where definition_id = $1";
    await sql.query(past, [definitionId]);
    const round = await fireSchedules(service, 10, []);
    expect(round).toMatchObject({ refusals: [], failed: [] });
    const { rows } = await sql.query(
      "select next_at > now() - interval '1 second' as moved from schedules where definition_id = $1",
      [definitionId],
    );
    expect(rows).toEqual([{ moved: true }]);
    expect((await service.client.listRuns({ workspaceId: WORKSPACE, definitionId })).total).toBe(1);
  });

  it("of steps fails its step where the workflow drops, and has a run that waits where it queues", async () => {
    const child = async (definitionId: string, n: number) => {
      const parentRunId = `wfr_parent${made}`;
      const callId = `${parentRunId}/call/1/start_run.${n}`;
      return startChildRun(
        service,
        { callId, workspaceId: WORKSPACE },
        {
          ...{ kind: "start_run", workspaceId: WORKSPACE, definitionId, name: "", version: 0 },
          ...{ parentRunId, parentDefinitionId: "wf_parent", hops: 0, input: {} },
          parentStep: { index: 0, attempt: 1, child: n, depth: 1 },
          ...{ initiatorAgentId: "", initiatorUserId: "", entityId: "", entityType: "" },
        },
      );
    };
    const queues = await limited({ whenFull: QUEUE }, { triggerType: TriggerType.WORKFLOW });
    const results = [await child(queues, 0), await child(queues, 1)];
    const ids = results.map((each) => (each.ok && "runId" in each.value ? each.value.runId : ""));
    expect(await statesOf(ids)).toEqual([RUNNING, PENDING]);
    const drops = await limited({ whenFull: DROP }, { triggerType: TriggerType.WORKFLOW });
    expect((await child(drops, 0)).ok).toBe(true);
    const refused = await child(drops, 1);
    expect(refused).toMatchObject({ ok: false });
    expect(JSON.stringify(refused)).toContain("as many open runs as it may");
  });
});

describe("a rerun", () => {
  const RERUNS: [whenFull: WhenFull, reason: string][] = [
    [DROP, "TOO_MANY_OPEN_RUNS"],
    [QUEUE, "UNAVAILABLE"],
  ];
  it.each(RERUNS)("is held to the limit as well: %i", async (whenFull, reason) => {
    const definitionId = await limited({ whenFull });
    const runId = await start(definitionId);
    const failed = { runId, stepId: "work", state: StepRunState.FAILED, errorMessage: "no" };
    await service.client.transitionStep(failed);
    const open = await start(definitionId);
    const { plan } = await runs.planRerun({ runId });
    const request = { runId, planId: plan?.id ?? "", reason: "again" };
    expect((await refusedBy(runs.rerun(request))).reason).toBe(reason);
    await cancel(open);
    const call = service.calls.find((each) => each.runId === runId && each.kind === "start_rerun");
    const own = { callId: call?.callId ?? "", workspaceId: WORKSPACE };
    const order = decodeStartRerun(call?.request ?? new Uint8Array());
    const result = await performRerun(service, own, order);
    expect(result.ok).toBe(true);
    const made = result.ok && result.value.kind === "start_rerun" ? result.value.runId : "";
    expect(await stateOf(made)).toBe(RUNNING);
  });
});

describe("at two replicas", () => {
  it("one of two starts gets the last place of a key, for each of many keys at once", async () => {
    const definitionId = await limited({ concurrencyKey: "k" });
    const { workflow } = await sources.get({ id: definitionId });
    const submit = (by: Processor, k: number) =>
      by.submit({
        kind: "start",
        cause: { kind: "rpc", id: "test" },
        start: {
          ...{ definitionId, versionId: workflow?.latest?.id ?? "", definitionVersion: 1 },
          ...{ workspaceId: WORKSPACE, triggerType: "MANUAL", triggerEventId: "" },
          ...{ triggerSource: "", initiatorAgentId: "", initiatorUserId: "", parentRunId: "" },
          ...{ entityId: "", entityType: "", hops: 0, input: { k } },
        },
      });
    const both = [service.processor, other];
    // Each of them has learned that there is a limit.
    await Promise.all(both.map((by) => submit(by, -1)));
    const keys = Array.from({ length: 40 }, (_, k) => k);
    await Promise.all(keys.flatMap((k) => both.map((by) => submit(by, k))));
    const { rows } = await sql.query(
      `select count(*)::integer as n, count(distinct concurrency_key)::integer as keys from workflow_runs
       where definition_id = $1 and state = 'RUNNING'`,
      [definitionId],
    );
    expect(rows).toEqual([{ n: 41, keys: 41 }]);
  });

  it("no more runs are open than may be, none is lost, and each begins once", async () => {
    const definitionId = await limited({ maxOpenRuns: 3 });
    const { workflow } = await sources.get({ id: definitionId });
    const startOf = (triggerEventId: string): RunStart => ({
      ...{ definitionId, versionId: workflow?.latest?.id ?? "", definitionVersion: 1 },
      ...{ workspaceId: WORKSPACE, triggerType: "EVENT", triggerEventId, triggerSource: "t" },
      ...{ initiatorAgentId: "", initiatorUserId: "", parentRunId: "", entityId: "" },
      ...{ entityType: "", hops: 0, input: {} },
    });
    const cause = { kind: "event", id: "e" } as const;
    // Each event comes to both replicas.
    const settled = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        [service.processor, other][n % 2]?.submit({
          ...{ kind: "start", start: startOf(`e${n >> 1}`), cause },
        }),
      ),
    );
    const ids = [...new Set(settled.map((each) => each?.runId ?? ""))];
    expect(ids).toHaveLength(15);
    const open = async () => {
      const { rows } = await sql.query<{ state: string; n: number }>(
        "select state, count(*)::integer as n from workflow_runs where definition_id = $1 group by 1",
        [definitionId],
      );
      return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
    };
    // What came while others waited stands behind them, also where a place was free.
    expect((await open()).RUNNING ?? 0).toBeLessThanOrEqual(3);
    await round();
    expect(await open()).toEqual({ RUNNING: 3, PENDING: 12 });
    for (let ended = 0; ended < 15; ended += 3) {
      const running = (await statesOf(ids)).flatMap((state, at) =>
        state === RUNNING ? [ids[at] ?? ""] : [],
      );
      await Promise.all(running.map(finish));
      const rounds = [waitingDeps(), { ...waitingDeps(), processor: other }];
      await Promise.all(rounds.map((deps) => beginWaiting(deps, undefined)));
      await Promise.all(rounds.map((deps) => beginWaiting(deps, undefined)));
      expect((await open()).RUNNING ?? 0).toBe(Math.min(3, 12 - ended));
    }
    expect(await open()).toEqual({ COMPLETED: 15 });
    const { rows } = await sql.query(
      `select count(*)::integer as n from run_moves m join workflow_runs r on r.id = m.run_id
       where r.definition_id = $1 and m.moves::text like '[[-1,1,2,1%'`,
      [definitionId],
    );
    expect(rows).toEqual([{ n: 15 }]);
  });
});

describe("the limit of a workflow", () => {
  it("is shown, changed and taken away, and then what waits begins", async () => {
    const definitionId = await limited({ concurrencyKey: " input.customer ", whenFull: QUEUE });
    const { workflow } = await sources.get({ id: definitionId });
    const runLimit = { maxOpenRuns: 1, concurrencyKey: "input.customer", whenFull: QUEUE };
    expect(workflow?.runLimit).toMatchObject(runLimit);
    const { workflows } = await sources.list({ workspaceId: WORKSPACE });
    expect(
      workflows.find(({ definition }) => definition?.id === definitionId)?.runLimit,
    ).toMatchObject(runLimit);
    const ids = [await start(definitionId), await start(definitionId), await start(definitionId)];
    expect(
      (await update(definitionId, { ...runLimit, maxOpenRuns: 2 }))?.runLimit?.maxOpenRuns,
    ).toBe(2);
    await round();
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, PENDING]);
    expect((await update(definitionId, undefined))?.runLimit).toBe(undefined);
    expect((await findNextDue(service.database.read, 1_000)).waiting).toBe(0);
    await round();
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, RUNNING]);
    expect(await stateOf(await start(definitionId))).toBe(RUNNING);
  });

  it("taken away begins what waits a few at a time, so that no lane is filled", async () => {
    const definitionId = await limited({});
    await start(definitionId);
    const waiting = await start(definitionId);
    await alsoWait(waiting, 60);
    await update(definitionId, undefined);
    const counts = { all: 0, now: 0, most: 0 };
    const submit: Processor["submit"] = async (submission) => {
      const runId = submission.kind === "input" ? submission.runId : "";
      const isOwn = runId.startsWith(waiting);
      if (isOwn) counts.all += 1;
      if (isOwn) counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
      await setImmediate();
      if (isOwn) counts.now -= 1;
      return { runId, created: false, reply: { kind: "unchanged" } };
    };
    await beginWaiting({ ...waitingDeps(), processor: { submit } }, undefined);
    expect(counts).toEqual({ all: 60, now: 0, most: 20 });
    await sql.query("delete from workflow_runs where id like $1", [`${waiting}-%`]);
  });

  it("counts runs that were open before it", async () => {
    const definitionId = await limited({ maxOpenRuns: 0 });
    const ids = [await start(definitionId), await start(definitionId)];
    await update(definitionId, { maxOpenRuns: 2 });
    ids.push(await start(definitionId));
    expect(await statesOf(ids)).toEqual([RUNNING, RUNNING, PENDING]);
  });

  const WRONG: [name: string, limit: Limit, field: string][] = [
    ["a negative number", { maxOpenRuns: -1 }, "run_limit.max_open_runs"],
    ["more than 1,000", { maxOpenRuns: 1_001 }, "run_limit.max_open_runs"],
    ["an expression with a fault", { concurrencyKey: "customer +" }, "run_limit.concurrency_key"],
    ["an unknown function", { concurrencyKey: "now()" }, "run_limit.concurrency_key"],
  ];
  it.each(WRONG)("is refused with %s", async (_, limit, field) => {
    const definitionId = await limited({});
    const refused = await refusedBy(update(definitionId, { maxOpenRuns: 1, ...limit }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [field] });
    expect((await refusedBy(limited(limit))).fields).toEqual([field]);
  });
});
