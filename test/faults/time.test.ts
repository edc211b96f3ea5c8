/**
 * Time with several replicas, real processes all: timers, schedules, leases and keys go by the database's clock, whatever
 * the machines' clocks say, and survive a kill. Two schedules of every second run in the same minute as all
 * other tests.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. The tests stand in the order of that minute.
 */
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type PublishVersionRequestSchema,
  StepRunState,
  StepType,
  TriggerType,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

type Version = Omit<
  MessageInitShape<typeof PublishVersionRequestSchema>,
  "definitionId" | "$typeName"
>;

const DAY_MS = 86_400_000;
const SLOTS = 60;
const HALF_WAY_MS = (SLOTS * 1_000) / 2;
const SLOTS_MISSED_AT_MOST = 6;
const TIMERS_A_KIND = 80;
const FALL_DUE_AFTER_MS = 10_000;
const LATE_AT_MOST_MS = 2_000;
const HOPS_AT_MOST = 16;
const PATIENCE_MS = 90_000;
const CAUSED_BY_TIMER = "(m.cause ->> 0)::int = 4";

const task = { id: "task", name: "Task", stepType: StepType.HUMAN_TASK };
const pause = (config: Record<string, string | number>): Version => ({
  steps: [{ id: "pause", stepType: StepType.WAIT_FOR_EVENT, config }],
});
const seconds = FALL_DUE_AFTER_MS / 1_000;

/** Every kind of timer, all due at about the same time. */
const TIMERS: Readonly<Record<string, Version>> = {
  delay: pause({ delay_seconds: seconds }),
  until: pause({ until: "{{ input.at }}" }),
  timeout: { steps: [{ ...task, timeoutSeconds: seconds }] },
  deadline: { steps: [task], timeoutSeconds: seconds },
  retry: { steps: [{ ...task, retryPolicy: { maxRetries: 1, backoffSeconds: seconds } }] },
};
const EACH_SECOND: Version = {
  steps: [task],
  trigger: { triggerType: TriggerType.SCHEDULE, cronExpr: "@every 1s" },
};

interface Schedule {
  readonly definitionId: string;
  readonly anchorMs: number;
}

/** Replicas whose clocks are wrong, and replicas of which one dies. */
let wrong: { cluster: Cluster; ahead: Replica; behind: Replica; schedule: Schedule };
let dying: { cluster: Cluster; first: Replica; second: Replica; schedule: Schedule };

/** Runs whose timers have fired. */
const fired: string[] = [];

beforeAll(async () => {
  [wrong, dying] = await Promise.all([startWrong(), startDying()]);
});
afterAll(async () => {
  await Promise.all([wrong?.cluster.stop(), dying?.cluster.stop()]);
});

async function startWrong(): Promise<typeof wrong> {
  const cluster = await startCluster();
  const offBy = (ms: number) => ({
    NODE_OPTIONS: `--import=${new URL("../support/services/wrong-clock.mjs", import.meta.url).href}`,
    CLOCK_OFF_BY_MS: String(ms),
    CLOCK_JUMPS_TO_MS: String(-ms),
  });
  const behind = await cluster.start(offBy(-DAY_MS));
  const ahead = await cluster.start(offBy(30 * DAY_MS));
  return { cluster, ahead, behind, schedule: await schedule(cluster, ahead) };
}

async function startDying(): Promise<typeof dying> {
  const cluster = await startCluster();
  const first = await cluster.start();
  const second = await cluster.start();
  return { cluster, first, second, schedule: await schedule(cluster, first) };
}

async function define({ workflows }: Replica, version: Version, workspaceId = "ws") {
  const { definition } = await workflows.createDefinition({ workspaceId, name: randomUUID() });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, ...version });
  return definitionId;
}

async function schedule(cluster: Cluster, replica: Replica): Promise<Schedule> {
  const definitionId = await define(replica, EACH_SECOND);
  const [row] = await cluster.rows<{ anchor_at: Date }>(
    "select anchor_at from schedules where definition_id = $1",
    [definitionId],
  );
  return { definitionId, anchorMs: row?.anchor_at.getTime() ?? Number.NaN };
}

function untilTime({ nowMs }: Cluster, timeMs: number): Promise<true> {
  return until(async () => ((await nowMs()) >= timeMs ? true : undefined), PATIENCE_MS);
}

/** The slots that ran, as whole seconds since the publish, in the order of their starts. */
async function slotsOf({ rows }: Cluster, { definitionId, anchorMs }: Schedule) {
  const runs = await rows<{ slot: Date; created_at: Date }>(
    `select (input_payload ->> 'scheduled_at')::timestamptz as slot, created_at from workflow_runs
      where definition_id = $1 order by created_at, id`,
    [definitionId],
  );
  for (const { slot, created_at } of runs) {
    expect(created_at.getTime()).toBeGreaterThanOrEqual(slot.getTime());
  }
  return runs.map(({ slot }) => (slot.getTime() - anchorMs) / 1_000);
}

/** Resolves when the replicas have said that they skipped as many slots, which they do after the run is there. */
function untilSkipped(slots: number, ...replicas: readonly Replica[]): Promise<true> {
  return until(() => {
    const counts = replicas.flatMap(({ logged }) => logged).map(({ skipped }) => skipped);
    const skipped = counts.reduce<number>((sum, n) => sum + (typeof n === "number" ? n : 0), 0);
    return skipped >= slots ? true : undefined;
  });
}

/** Every second of the minute has exactly one run, but for the slots that a stalled machine logged as skipped. */
async function expectMinute(slots: readonly number[], ...replicas: readonly Replica[]) {
  const wanted = Array.from({ length: SLOTS }, (_, n) => n + 1);
  const missing = wanted.filter((slot) => !slots.includes(slot));
  console.log(`${slots.length} runs, missing slots: ${missing.join(", ") || "none"}`);
  expect(new Set(slots).size).toBe(slots.length);
  expect(missing.length).toBeLessThanOrEqual(SLOTS_MISSED_AT_MOST);
  await untilSkipped(missing.length, ...replicas);
}

/** When the timers of a definition's runs are due by their rows. */
async function duesOf({ rows }: Cluster, definitionId: string) {
  const found = await rows<{ id: string; due: Date }>(
    `select r.id, coalesce(s.due_at, r.deadline_at) as due
      from workflow_runs r join step_runs s on s.run_id = r.id
      where r.definition_id = $1 and coalesce(s.due_at, r.deadline_at) is not null`,
    [definitionId],
  );
  return new Map(found.map(({ id, due }) => [id, due.getTime()]));
}

/** Every firing of these runs' timers by the history, with its run; waits until all are there. */
function firingsOf({ rows }: Cluster, runIds: readonly string[]) {
  return until(async () => {
    const found = await rows<{ run_id: string; recorded_at: Date }>(
      `select m.run_id, m.recorded_at from run_moves m
        where m.run_id = any($1) and ${CAUSED_BY_TIMER} order by m.recorded_at`,
      [runIds],
    );
    return found.length < runIds.length ? undefined : found;
  }, PATIENCE_MS);
}

/** Starts runs of every kind, and gives when their timers are due; of each kind before it falls due. */
async function startTimers({ cluster, ahead, behind }: typeof wrong): Promise<Map<string, number>> {
  const dues = new Map<string, number>();
  for (const [kind, version] of Object.entries(TIMERS)) {
    const at = new Date((await cluster.nowMs()) + FALL_DUE_AFTER_MS).toISOString();
    const definitionId = await define(ahead, version);
    const begin = async (_: unknown, n: number) => {
      const { workflows } = n % 2 === 0 ? ahead : behind;
      const { run } = await workflows.startRun({ definitionId, inputPayload: { at } });
      if (kind !== "retry") return;
      const state = StepRunState.FAILED;
      await workflows.transitionStep({ runId: run?.id ?? "", stepId: "task", state });
    };
    await Promise.all(Array.from({ length: TIMERS_A_KIND }, begin));
    for (const [runId, dueMs] of await duesOf(cluster, definitionId)) dues.set(runId, dueMs);
  }
  return dues;
}

describe("two replicas, one 30 days ahead and one a day behind", () => {
  it("fire each timer once, never early, and soon", async () => {
    const { cluster } = wrong;
    const dues = await startTimers(wrong);
    expect(dues.size).toBe(TIMERS_A_KIND * Object.keys(TIMERS).length);
    const firings = await firingsOf(cluster, [...dues.keys()]);
    expect(new Set(firings.map(({ run_id }) => run_id)).size).toBe(firings.length);
    const lateMs = firings
      .map(({ run_id, recorded_at }) => recorded_at.getTime() - (dues.get(run_id) ?? Number.NaN))
      .sort((a, b) => a - b);
    const p99 = lateMs[Math.ceil(lateMs.length * 0.99) - 1] ?? Number.NaN;
    console.log(`${lateMs.length} timers: ${lateMs[0]} to ${lateMs.at(-1)} ms late, p99 ${p99} ms`);
    expect(lateMs[0]).toBeGreaterThanOrEqual(0);
    expect(p99).toBeLessThan(LATE_AT_MOST_MS);
    fired.push(...dues.keys());
  });

  it("receive their own events, and a chain of runs ends after 16 hops and is counted", async () => {
    const { cluster, ahead, behind } = wrong;
    const workspaceId = "ws_chain";
    const again = { ...pause({ delay_seconds: 0 }) };
    const eventType = "workflows.changes.run.completed";
    const definitionId = await define(
      ahead,
      { ...again, trigger: { triggerType: TriggerType.EVENT, eventType } },
      workspaceId,
    );
    await behind.workflows.startRun({ definitionId });
    const name = 'workflows_events_ignored_total{reason="too_many_hops"}';
    const ignored = await until(async () => {
      const sum = (await ahead.metric(name)) + (await behind.metric(name));
      return sum === 0 ? undefined : sum;
    });
    const hops = await cluster.rows<{ hops: number }>(
      "select hops from workflow_runs where definition_id = $1 order by hops",
      [definitionId],
    );
    expect(ignored).toBe(1);
    expect(hops.map((row) => row.hops)).toEqual(
      Array.from({ length: HOPS_AT_MOST + 1 }, (_, n) => n),
    );
  });

  it("share keys, respect each other's leases, and date nothing by their own clocks", async () => {
    const { cluster, ahead, behind } = wrong;
    const headers = { "Idempotency-Key": randomUUID() };
    const request = { workspaceId: "ws", name: "by key" };
    const first = await ahead.workflows.createDefinition(request, { headers });
    const second = await behind.workflows.createDefinition(request, { headers });
    expect(second.definition?.id).toBe(first.definition?.id);
    process.kill(ahead.pid, "SIGUSR2");
    await untilTime(cluster, wrong.schedule.anchorMs + HALF_WAY_MS);
    expect(await firingsOf(cluster, fired)).toHaveLength(fired.length);
    // Each holds half of the leases, and renews them.
    const shares = await cluster.rows(
      `select count(*)::int as partitions from partition_leases
        where partition < 8 and lease_until > clock_timestamp() group by holder`,
    );
    expect(shares).toEqual([{ partitions: 4 }, { partitions: 4 }]);
    const dated = await cluster.rows(
      `select 1 from workflow_runs where abs(extract(epoch from created_at - now())) > 3600
        union all select 1 from run_moves where abs(extract(epoch from recorded_at - now())) > 3600
        union all select 1 from step_runs where abs(extract(epoch from started_at - now())) > 3600
        union all select 1 from caller_keys where abs(extract(epoch from lease_until - now())) > 3600
        union all select 1 from partition_leases
          where abs(extract(epoch from lease_until - now())) > 3600
        union all select 1 from effects where abs(extract(epoch from lease_until - now())) > 3600`,
    );
    expect(dated).toEqual([]);
  });
});

describe("@every 1s for a minute", () => {
  it("starts one run a second after one of two replicas is killed", async () => {
    const { cluster, first, second, schedule } = dying;
    await untilTime(cluster, schedule.anchorMs + HALF_WAY_MS);
    await first.kill();
    await untilTime(cluster, schedule.anchorMs + (SLOTS + 1) * 1_000);
    await expectMinute(await slotsOf(cluster, schedule), first, second);
  });

  it("starts one run a second with two replicas whose clocks are wrong and jump", async () => {
    const { cluster, ahead, behind, schedule } = wrong;
    await untilTime(cluster, schedule.anchorMs + (SLOTS + 1) * 1_000);
    await expectMinute(await slotsOf(cluster, schedule), ahead, behind);
  });
});

describe("a time without a replica", () => {
  it("ends with every timer once, and the latest of the slots that were missed", async () => {
    const { cluster, second, schedule } = dying;
    const definitionId = await define(second, pause({ delay_seconds: 3 }));
    const { workflows } = second;
    await Promise.all(
      Array.from({ length: TIMERS_A_KIND }, () => workflows.startRun({ definitionId })),
    );
    const dues = await duesOf(cluster, definitionId);
    await second.kill();
    const last = (await slotsOf(cluster, schedule)).at(-1) ?? 0;
    await untilTime(cluster, Math.max(...dues.values()) + 1_000);
    const third = await cluster.start();
    const readyMs = await cluster.nowMs();
    const firings = await firingsOf(cluster, [...dues.keys()]);
    expect(new Set(firings.map(({ run_id }) => run_id)).size).toBe(dues.size);
    expect(firings).toHaveLength(TIMERS_A_KIND);
    expect(firings.at(-1)?.recorded_at.getTime()).toBeLessThan(readyMs + LATE_AT_MOST_MS);
    const slots = await until(async () => {
      const found = await slotsOf(cluster, schedule);
      return (found.at(-1) ?? 0) > last + 5 ? found : undefined;
    });
    const caughtUp = slots.filter((slot) => slot > last);
    const [latest = 0] = caughtUp;
    console.log(`after slot ${last} no replica ran until slot ${latest}`);
    expect(latest).toBeGreaterThan(last + 2);
    expect(new Set(slots).size).toBe(slots.length);
    await untilSkipped(latest - last - 1, third);
  });
});
