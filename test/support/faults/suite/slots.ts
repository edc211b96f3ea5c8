/**
 * F8: three replicas claim the same thousand slots of schedules and the same thousand timers, and one of them dies now and
 * then.
 * Boundary: each slot has one run, each timer fires once and never early; the histories are judged as everywhere.
 */
import { setTimeout as delay } from "node:timers/promises";
import { StepType, TriggerType } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { judge } from "../schedule/play.ts";
import { openWorkload, type Workload } from "../workload/workload.ts";
import { startWorld, type World } from "../world/world.ts";
import type { FaultLine } from "./fault-line.ts";
import type { Playing } from "./play-plans.ts";

const DEFINITIONS = 100;
const SLOTS = 1_000;
const TIMERS_A_RUN = 10;
const TIMER_RUNS = 100;
const TIMERS = TIMERS_A_RUN * TIMER_RUNS;
// A kill waits until its replica is ready again, which takes seconds on a busy machine.
const KILL_EVERY_MS = 1_500;
/** A thousand slots of a hundred definitions take ten seconds. */
const KILLS_AT_LEAST = 2;
const WITHIN_MS = 120_000;
const LOOK_MS = 200;

/** Plays it. */
export async function raceForSlots(playing: Playing): Promise<FaultLine> {
  const began = performance.now();
  const world = await startWorld({ compiled: playing.compiled, seed: 8, replicas: 3 });
  try {
    const workload = await openWorkload(world);
    const definitions = await publishSchedules(workload);
    const violations: string[] = [];
    const [injected] = await Promise.all([
      killUntil(world, async () => {
        if (!(await untilSlots(world))) violations.push(`${SLOTS} slots did not come in time`);
        await Promise.all(definitions.map((id) => publish(workload, id, "end")));
      }),
      startTimers(workload),
    ]);
    if (injected < KILLS_AT_LEAST) violations.push(`only ${injected} replicas were killed`);
    violations.push(...(await judge(world, workload)), ...(await judgeSlots(world)));
    const seconds = (performance.now() - began) / 1000;
    const fault = `F8 replicas killed in a race for ${await countSlots(world)} slots, ${TIMERS} timers`;
    return { fault, injected, violations, seconds };
  } finally {
    for (const point of world.reports.reached) playing.reached.add(point);
    await world.stop();
  }
}

/** Kills a replica now and then while this is done; gives how many. */
async function killUntil({ replicas }: World, doing: () => Promise<void>): Promise<number> {
  let ended = false;
  const done = doing().finally(() => {
    ended = true;
  });
  let killed = 0;
  const killing = (async () => {
    for (let turn = 0; !ended; turn += 1) {
      await delay(KILL_EVERY_MS);
      if (await replicas[turn % replicas.length]?.kill()) killed += 1;
    }
  })();
  await Promise.all([done, killing]);
  return killed;
}

const SCHEDULED = {
  triggerType: TriggerType.SCHEDULE,
  cronExpr: "* * * * * *",
};
const INSTANT = {
  id: "instant",
  stepType: StepType.WAIT_FOR_EVENT,
  config: { until: "2000-01-01T00:00:00Z" },
};

async function publishSchedules(workload: Workload): Promise<string[]> {
  return Promise.all(
    Array.from({ length: DEFINITIONS }, async (_, index) => {
      const made = await workload.client.call(`slots-${index}`, (workflows, options) =>
        workflows.createDefinition({ workspaceId: "north", name: `slots-${index}` }, options),
      );
      const id = made.definition?.id ?? "";
      await publish(workload, id, "begin");
      return id;
    }),
  );
}

async function publish({ client }: Workload, definitionId: string, when: "begin" | "end") {
  const trigger = when === "begin" ? SCHEDULED : { triggerType: TriggerType.MANUAL };
  await client.call(`${definitionId}-${when}`, (workflows, options) =>
    workflows.publishVersion({ definitionId, steps: [INSTANT], trigger }, options),
  );
}

/** All of them due at about the same time. */
async function startTimers({ client }: Workload): Promise<void> {
  const made = await client.call("timers", (workflows, options) =>
    workflows.createDefinition({ workspaceId: "south", name: "timers" }, options),
  );
  const definitionId = made.definition?.id ?? "";
  const steps = Array.from({ length: TIMERS_A_RUN }, (_, index) => ({
    id: `timer-${index}`,
    stepType: StepType.WAIT_FOR_EVENT,
    config: { delay_seconds: 2 },
  }));
  await client.call("timers-publish", (workflows, options) =>
    workflows.publishVersion({ definitionId, steps }, options),
  );
  await Promise.all(
    Array.from({ length: TIMER_RUNS }, (_, index) =>
      client.call(`timers-${index}`, (workflows, options) =>
        workflows.startRun({ definitionId, triggerEventId: `timers-${index}` }, options),
      ),
    ),
  );
}

async function countSlots(world: World): Promise<number> {
  const [row] = await world.rows<{ slots: number }>(
    "select count(*)::int as slots from workflow_runs where trigger_event_id like 'schedule:%'",
  );
  return row?.slots ?? 0;
}

async function untilSlots(world: World): Promise<boolean> {
  const until = performance.now() + WITHIN_MS;
  while ((await countSlots(world)) < SLOTS) {
    if (performance.now() > until) return false;
    await delay(LOOK_MS);
  }
  return true;
}

async function judgeSlots(world: World): Promise<string[]> {
  const doubled = await world.rows<{ slot: string; runs: number }>(
    `select trigger_event_id as slot, count(*)::int as runs from workflow_runs
      where trigger_event_id like 'schedule:%' group by 1 having count(*) > 1`,
  );
  const early = await world.rows<{ id: string; slot: string }>(
    `select id, trigger_event_id as slot from workflow_runs
      where trigger_event_id like 'schedule:%' and created_at < (input_payload->>'scheduled_at')::timestamptz`,
  );
  return [
    ...doubled.map(({ slot, runs }) => `${slot} started ${runs} runs`),
    ...early.map(({ id, slot }) => `${id} began before its slot ${slot}`),
  ];
}
