/**
 * Paused workflows and statistics of workflows.ops.v1, over the RPCs.
 * Boundary: missed triggers are started by the round of the timers' loop, called here; counters are written by a mark of publishing.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunOutcome } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  MissedTriggerState,
  OnMissedTrigger,
} from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType, TriggerType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { fireSchedules } from "../../src/runtime/fire-schedules.ts";
import { keepMissed, startDueTriggers } from "../../src/runtime/missed-triggers.ts";
import { PARTITIONS } from "../../src/runtime/partition.ts";
import { findDeployedTriggers } from "../../src/store/deployed-triggers.ts";
import { markPublished } from "../../src/store/mark-published.ts";
import { takePartitions } from "../../src/store/outbox.ts";
import { COUNTER_KINDS, dayOf, durationClass } from "../../src/store/run-counts.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws";
const WORK = { id: "work", name: "Work", stepType: StepType.HUMAN_TASK };
let service: RpcService;
let sources: Client<typeof Workflows>;
let sql: pg.Client;
let made = 0;

beforeAll(async () => {
  service = await startRpcService();
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  sources = createClient(Workflows, transport);
  sql = new pg.Client({ connectionString: service.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await service.stop();
});

/** A workflow that an event of its own type starts. */
async function define(trigger: object = {}) {
  made += 1;
  const eventType = `order.made${made}`;
  const { definition } = await service.client.createDefinition({
    ...{ workspaceId: WORKSPACE, name: `flow ${made}` },
  });
  const definitionId = definition?.id ?? "";
  const event = { triggerType: TriggerType.EVENT, eventType, ...trigger };
  await service.client.publishVersion({
    ...{ definitionId, steps: [WORK], trigger: event },
  });
  return { definitionId, eventType };
}

const send = async (eventType: string, triggerEventId: string) => {
  const { startedRuns } = await service.client.handleTrigger({
    ...{ workspaceId: WORKSPACE, triggerType: TriggerType.EVENT, triggerEventId, eventType },
    inputPayload: { order: triggerEventId },
  });
  return startedRuns.map(({ id }) => id);
};
const missedOf = async (definitionId: string) =>
  (await sources.listMissedTriggers({ definitionId })).triggers;
const runsOf = async (definitionId: string) => {
  const { runs } = await service.client.listRuns({ workspaceId: WORKSPACE, definitionId });
  return runs.map(({ triggerEventId }) => triggerEventId).sort();
};
const startDue = () => startDueTriggers(service, 100, []);
const showPause = async (id: string) => (await sources.get({ id })).workflow?.pause;

describe("a paused workflow", () => {
  it("starts nothing by events, lists them, and starts again after Resume", async () => {
    const { definitionId, eventType } = await define();
    expect(await send(eventType, "before")).toHaveLength(1);
    const { pause } = await sources.pause({ definitionId, reason: "the bank is closed" });
    expect(pause).toMatchObject({
      ...{ reason: "the bank is closed", onMissed: OnMissedTrigger.DROP, missedCount: 0n },
    });
    expect(await send(eventType, "a")).toEqual([]);
    expect(await send(eventType, "a")).toEqual([]);
    expect(await showPause(definitionId)).toMatchObject({ missedCount: 1n, queuedCount: 0n });
    const { workflows } = await sources.list({ workspaceId: WORKSPACE });
    const listed = workflows.find(({ definition }) => definition?.id === definitionId);
    expect(listed?.pause?.reason).toBe("the bank is closed");
    expect(await sources.resume({ definitionId })).toMatchObject({ starting: 0n });
    expect(await showPause(definitionId)).toBe(undefined);
    await startDue();
    expect(await runsOf(definitionId)).toEqual(["before"]);
    expect(await send(eventType, "after")).toHaveLength(1);
    expect(await missedOf(definitionId)).toMatchObject([
      {
        ...{ triggerEventId: "a", state: MissedTriggerState.DROPPED, canStart: true },
        ...{ triggerType: TriggerType.EVENT, pauseReason: "the bank is closed", runId: "" },
      },
    ]);
  });

  it("refuses StartRun in words that name Resume, but for a run that is there", async () => {
    const { definitionId } = await define();
    const { run } = await service.client.startRun({ definitionId, triggerEventId: "known" });
    await sources.pause({ definitionId, reason: "maintenance" });
    const refused = await refusedBy(service.client.startRun({ definitionId }));
    expect(refused).toMatchObject({ code: "FailedPrecondition", reason: "WORKFLOW_PAUSED" });
    expect(refused.error.rawMessage).toContain("maintenance");
    expect(refused.error.rawMessage).toContain("Workflows.Resume");
    const again = await service.client.startRun({ definitionId, triggerEventId: "known" });
    expect(again.run?.id).toBe(run?.id);
    const headers = { "Workflows-Environment": "staging" };
    const known = { definitionId, triggerEventId: "known" };
    const elsewhere = await refusedBy(service.client.startRun(known, { headers }));
    expect(elsewhere).toMatchObject({ reason: "WORKFLOW_PAUSED" });
  });

  it("lets runs under way go on", async () => {
    const { definitionId } = await define();
    const { run } = await service.client.startRun({ definitionId });
    await sources.pause({ definitionId });
    const runId = run?.id ?? "";
    const ended = await service.client.transitionStep({ runId, stepId: "work", state: 4 });
    expect(ended.run?.completedAt).toBeDefined();
  });

  it("has Resume start what was queued, in its order, each once, by the latest version", async () => {
    const { definitionId, eventType } = await define();
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE, queueSeconds: 3_600 });
    const ids = ["q1", "q2", "q3"];
    for (const id of ids) await send(eventType, id);
    expect(await showPause(definitionId)).toMatchObject({ missedCount: 3n, queuedCount: 3n });
    await service.client.publishVersion({
      ...{ definitionId, steps: [WORK, { ...WORK, id: "more" }] },
      trigger: { triggerType: TriggerType.EVENT, eventType },
    });
    await startDue();
    expect(await runsOf(definitionId)).toEqual([]);
    expect(await sources.resume({ definitionId })).toMatchObject({ starting: 3n });
    expect(await sources.resume({ definitionId })).toMatchObject({ starting: 0n });
    // Two replicas find the same.
    await Promise.all([startDue(), startDue()]);
    expect(await runsOf(definitionId)).toEqual(ids);
    const { runs } = await service.client.listRuns({
      ...{ workspaceId: WORKSPACE, definitionId },
    });
    expect(new Set(runs.map(({ definitionVersion }) => definitionVersion))).toEqual(new Set([2]));
    const missed = await missedOf(definitionId);
    expect(missed.map(({ state }) => state)).toEqual(ids.map(() => MissedTriggerState.STARTED));
    expect(missed.every(({ runId }) => runId.startsWith("wfr_"))).toBe(true);
  });

  it("drops what was queued for too long", async () => {
    const { definitionId, eventType } = await define();
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE, queueSeconds: 60 });
    await send(eventType, "late");
    await sql.query(
      "update missed_triggers set queued_until = now() - interval '1 second' where definition_id = $1",
      [definitionId],
    );
    expect(await sources.resume({ definitionId })).toMatchObject({ starting: 0n });
    expect(await missedOf(definitionId)).toMatchObject([{ state: MissedTriggerState.DROPPED }]);
  });

  it("misses the slots of its schedule, and starts them where they are queued", async () => {
    const schedule = { triggerType: TriggerType.SCHEDULE, cronExpr: "@daily", eventType: "" };
    const { definitionId } = await define(schedule);
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    await sql.query(
      "update schedules set next_at = date_trunc('day', now()) where definition_id = $1",
      [definitionId],
    );
    const round = await fireSchedules(service, 10, []);
    expect(round).toMatchObject({ due: 1, failed: [], refusals: [] });
    expect(await runsOf(definitionId)).toEqual([]);
    // The schedule has moved on.
    expect(await fireSchedules(service, 10, [])).toMatchObject({ due: 0 });
    const [missed] = await missedOf(definitionId);
    expect(missed).toMatchObject({ triggerType: TriggerType.SCHEDULE });
    await sources.resume({ definitionId });
    await startDue();
    expect(await runsOf(definitionId)).toEqual([missed?.triggerEventId]);
  });

  it("misses events of an environment, and starts what is deployed there then", async () => {
    const { definitionId, eventType } = await define();
    const headers = { "Workflows-Environment": "staging" };
    await sources.deploy({ definitionId, environment: "staging", version: 1 });
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    const trigger = {
      ...{ workspaceId: WORKSPACE, triggerType: TriggerType.EVENT, eventType },
      triggerEventId: "of both",
    };
    expect((await service.client.handleTrigger(trigger, { headers })).startedRuns).toEqual([]);
    expect((await service.client.handleTrigger(trigger)).startedRuns).toEqual([]);
    const ids = (await missedOf(definitionId)).map(({ triggerEventId }) => triggerEventId);
    expect(ids).toEqual(["of both", "of both"]);
    await service.client.publishVersion({
      ...{ definitionId, steps: [WORK, { ...WORK, id: "more" }] },
      trigger: { triggerType: TriggerType.EVENT, eventType },
    });
    await sources.resume({ definitionId });
    await startDue();
    const { runs } = await service.client.listRuns({
      ...{ workspaceId: WORKSPACE, definitionId },
    });
    expect(runs.map(({ definitionVersion }) => definitionVersion).sort()).toEqual([1, 2]);
  });

  it("fails what was queued of a workflow that is archived meanwhile, and starts none of its environments", async () => {
    const { definitionId, eventType } = await define();
    await sources.deploy({ definitionId, environment: "staging", version: 1 });
    const { rows } = await sql.query<{ key: string }>(
      "select translate(trigger_key, '/', '.') as key from workflow_deployments where definition_id = $1",
      [definitionId],
    );
    const key = rows.find((row) => row.key !== null)?.key ?? "";
    const probe = { place: 0, workspaceId: WORKSPACE, environment: "staging", key };
    const listening = () => findDeployedTriggers(service.database.read, [probe]);
    expect(await listening()).toMatchObject([{ definitionId }]);
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    await send(eventType, "queued");
    await sources.archive({ definitionId });
    await sources.resume({ definitionId });
    expect(await startDue()).toEqual({ due: 1, refused: [] });
    expect(await missedOf(definitionId)).toMatchObject([
      { state: MissedTriggerState.FAILED, problem: "the workflow is archived", canStart: true },
    ]);
    expect(await listening()).toEqual([]);
  });

  it("holds what was about to start when it is paused again", async () => {
    const { definitionId, eventType } = await define();
    await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    await send(eventType, "held");
    await sources.resume({ definitionId });
    const { pause } = await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    // It counts in the pause that holds it: what is queued has a limit.
    expect(pause).toMatchObject({ missedCount: 1n, queuedCount: 1n });
    expect(await showPause(definitionId)).toMatchObject({ missedCount: 1n, queuedCount: 1n });
    await startDue();
    expect(await runsOf(definitionId)).toEqual([]);
    expect(await missedOf(definitionId)).toMatchObject([{ state: MissedTriggerState.QUEUED }]);
    await sources.resume({ definitionId });
    await startDue();
    expect(await runsOf(definitionId)).toEqual(["held"]);
  });

  it("counts the bytes of what was trimmed no more", async () => {
    const { definitionId, eventType } = await define();
    await sources.pause({ definitionId });
    await sql.query(
      `insert into missed_triggers (definition_id, event_id, source, trigger_type, pause_reason, start, start_bytes, missed_at, state)
        select $1, 'old ' || n, 's', 'EVENT', '', '{}', 1000, now(), 1 from generate_series(1, 10004) as n`,
      [definitionId],
    );
    await sql.query(
      "update workflow_pauses set missed = 999, kept_bytes = 10004000 where definition_id = $1",
      [definitionId],
    );
    await send(eventType, "one more");
    const { rows } = await sql.query(
      `select kept_bytes::int as counted, (select sum(start_bytes)::int from missed_triggers m
          where m.definition_id = p.definition_id) as stored from workflow_pauses p where definition_id = $1`,
      [definitionId],
    );
    expect(rows[0].stored).toBeLessThan(10_000_000 + 1_000);
    expect(rows[0].counted).toBe(rows[0].stored);
  });
});

describe("a trigger that was looked up during the pause", () => {
  const startOf = (definitionId: string, triggerEventId: string) => ({
    cause: { kind: "event", id: triggerEventId } as const,
    start: {
      ...{ definitionId, versionId: "v", definitionVersion: 1, workspaceId: WORKSPACE, hops: 0 },
      ...{ triggerType: "EVENT" as const, triggerEventId, triggerSource: "s", input: {} },
      ...{ initiatorAgentId: "", initiatorUserId: "", parentRunId: "" },
      ...{ entityId: "", entityType: "" },
    },
  });

  it("is submitted where the pause has ended by then", async () => {
    const { definitionId } = await define();
    await sources.pause({ definitionId });
    await sources.resume({ definitionId });
    expect((await keepMissed(service, [startOf(definitionId, "e")])).size).toBe(0);
    expect(await missedOf(definitionId)).toEqual([]);
  });

  it("is started by a Resume that waits for it, or finds no pause: never neither", async () => {
    const { definitionId } = await define();
    for (let n = 0; n < 10; n += 1) {
      await sources.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
      const [missed, { starting }] = await Promise.all([
        keepMissed(service, [startOf(definitionId, `r${n}`)]),
        sources.resume({ definitionId }),
      ]);
      expect(Number(starting)).toBe(missed.size);
      // What is left due would be queued again by the next pause.
      await startDue();
    }
  });
});

describe("ReplayMissedTriggers", () => {
  it("starts what was dropped, by ids or by time, each once", async () => {
    const { definitionId, eventType } = await define();
    await sources.pause({ definitionId });
    for (const id of ["d1", "d2", "d3"]) await send(eventType, id);
    const [third, second, first] = await missedOf(definitionId);
    const ids = [first?.id ?? "", "999999"];
    const paused = await refusedBy(sources.replayMissedTriggers({ definitionId, ids }));
    expect(paused).toMatchObject({ code: "FailedPrecondition", reason: "WORKFLOW_PAUSED" });
    await sources.resume({ definitionId });
    const answer = await sources.replayMissedTriggers({ definitionId, ids });
    expect(answer).toMatchObject({ starting: 1, skipped: 1, more: false });
    await startDue();
    expect(await runsOf(definitionId)).toEqual(["d1"]);
    const missedFrom = second?.missedAt;
    if (missedFrom === undefined) throw new Error("no time");
    expect(await sources.replayMissedTriggers({ definitionId, missedFrom })).toMatchObject({
      ...{ starting: 2, skipped: 0, more: false },
    });
    await startDue();
    expect(
      await sources.replayMissedTriggers({ definitionId, ids: [third?.id ?? ""] }),
    ).toMatchObject({
      ...{ starting: 0, skipped: 1 },
    });
    expect(await runsOf(definitionId)).toEqual(["d1", "d2", "d3"]);
  });

  it("refuses what names nothing, or both", async () => {
    const { definitionId } = await define();
    const missedFrom = { seconds: 1n, nanos: 0 };
    for (const wanted of [{}, { ids: ["1"], missedFrom }, { ids: ["x"] }, { ids: ["1", "1"] }]) {
      const refused = await refusedBy(sources.replayMissedTriggers({ definitionId, ...wanted }));
      expect(refused).toMatchObject({ code: "InvalidArgument" });
    }
  });
});

it("missed triggers come page by page, newest first, and by state", async () => {
  const { definitionId, eventType } = await define();
  await sources.pause({ definitionId });
  for (const id of ["p1", "p2", "p3"]) await send(eventType, id);
  const first = await sources.listMissedTriggers({ definitionId, pageSize: 2 });
  expect(first.triggers.map(({ triggerEventId }) => triggerEventId)).toEqual(["p3", "p2"]);
  expect(first.totalSize).toBe(3);
  const { nextPageToken: pageToken } = first;
  const rest = await sources.listMissedTriggers({ definitionId, pageSize: 2, pageToken });
  expect(rest.triggers.map(({ triggerEventId }) => triggerEventId)).toEqual(["p1"]);
  expect(rest.nextPageToken).toBe("");
  const state = MissedTriggerState.STARTED;
  expect(await sources.listMissedTriggers({ definitionId, state })).toMatchObject({ totalSize: 0 });
  const otherFilter = sources.listMissedTriggers({ definitionId, state, pageToken });
  expect(await refusedBy(otherFilter)).toMatchObject({ fields: ["page_token"] });
});

it("Pause refuses a time to live that is not for it", async () => {
  const { definitionId } = await define();
  const dropped = sources.pause({ definitionId, queueSeconds: 60 });
  expect(await refusedBy(dropped)).toMatchObject({ fields: ["queue_seconds"] });
  const onMissed = OnMissedTrigger.QUEUE;
  const long = sources.pause({ definitionId, onMissed, queueSeconds: 8 * 86_400 });
  expect(await refusedBy(long)).toMatchObject({ fields: ["queue_seconds"] });
});

describe("statistics", () => {
  it("are empty without runs, and shares are unset", async () => {
    const { definitionId } = await define();
    const stats = await sources.getStats({ definitionId });
    expect(stats).toMatchObject({ started: 0n, ended: [], days: [], failingSteps: [] });
    expect(stats.successRate).toBe(undefined);
    expect(stats.p50Seconds).toBe(undefined);
    expect(stats.countedSince).toBeDefined();
    const { workflow } = await sources.get({ id: definitionId });
    expect(workflow?.metrics).toMatchObject({ runCount: 0n, openRuns: 0n });
    expect(workflow?.metrics?.successRate30d).toBe(undefined);
  });

  it("sum up what replicas counted, by day, outcome and step", async () => {
    const { definitionId } = await define();
    const { run: begun } = await service.client.startRun({ definitionId });
    const today = dayOf(Date.now());
    const at = (kind: number, name: string, day: number, more: object = {}) => ({
      ...{ definitionId, kind, name, day, runs: 1, costUsd: 0, durationMs: 0 },
      ...{ lastAtMs: undefined, ...more },
    });
    const { started, ended, duration, failedStep } = COUNTER_KINDS;
    const end = (name: string, day: number) =>
      at(ended, name, day, { costUsd: 0.5, durationMs: 2_000, lastAtMs: day * 86_400_000 });
    const seconds = String(durationClass(2_000));
    const counts = [
      at(started, "", today, { runs: 3, lastAtMs: Date.now() }),
      at(started, "", today - 8),
      end("SUCCEEDED", today - 8),
      end("SUCCEEDED", today - 1),
      end("FAILED", today),
      at(duration, seconds, today, { runs: 3 }),
      at(failedStep, "work", today),
    ];
    for (const replica of ["one", "two"]) {
      const { rows } = await sql.query<{ id: number }>(
        "insert into move_batches (partition) values (3) returning id::float8 as id",
      );
      await sql.query("delete from partition_leases");
      await takePartitions(service.database, replica, PARTITIONS);
      const batch = { id: rows[0]?.id ?? 0, partition: 3, counts };
      await markPublished(service.database, replica, [batch], { stream: "S", seq: 0 });
    }
    const stats = await sources.getStats({ definitionId, days: 7 });
    expect(stats).toMatchObject({
      ...{ started: 6n, costUsd: 2, successRate: 0.5, meanSeconds: 2 },
      ended: [
        { outcome: RunOutcome.SUCCEEDED, runs: 2n },
        { outcome: RunOutcome.FAILED, runs: 2n },
      ],
      days: [
        { started: 0n, ended: [{ outcome: RunOutcome.SUCCEEDED, runs: 2n }], costUsd: 1 },
        { started: 6n, ended: [{ outcome: RunOutcome.FAILED, runs: 2n }], costUsd: 1 },
      ],
      failingSteps: [{ stepId: "work", runs: 2n }],
    });
    expect(stats.p50Seconds).toBeGreaterThan(1.3);
    expect(stats.p95Seconds).toBeLessThan(2.7);
    const { workflow } = await sources.get({ id: definitionId });
    expect(workflow?.metrics).toMatchObject({
      ...{ runs7d: 6n, runCount: 8n, successCount: 4n, failureCount: 2n, openRuns: 1n },
      ...{ costUsd30d: 3, lastRunOutcome: RunOutcome.FAILED },
    });
    expect(workflow?.metrics?.successRate30d).toBeCloseTo(2 / 3);
    expect(workflow?.metrics?.lastRunAt).toBeDefined();
    expect(workflow?.metrics?.recentRuns).toMatchObject([
      { runId: begun?.id, state: WorkflowState.RUNNING },
    ]);
    const { workflows } = await sources.list({ workspaceId: WORKSPACE });
    const listed = workflows.find(({ definition }) => definition?.id === definitionId);
    expect(listed?.metrics).toEqual(workflow?.metrics);
  });

  it("refuse more than 90 days", async () => {
    const { definitionId } = await define();
    const wide = sources.getStats({ definitionId, days: 91 });
    expect(await refusedBy(wide)).toMatchObject({ fields: ["days"] });
  });
});
