/** Schedules: every slot one run, whatever the number of replicas, restarts and versions. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTimers, type Timers } from "../../../../src/ingress/timers/timers.ts";
import { readMetric } from "../../../../src/process/metrics.ts";
import { publishVersion } from "../../../../src/runtime/definitions.ts";
import { fireSchedules } from "../../../../src/runtime/fire-schedules.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  publish,
  startProcessor,
  type TestProcessor,
} from "../../../support/services/processor.ts";

interface StartedRun {
  readonly eventId: string;
  readonly input: { readonly scheduled_at: string };
  readonly type: string;
  readonly version: number;
  readonly late: number;
}

interface Schedule {
  readonly anchorAt: Date;
  readonly nextAt: Date;
  readonly version: number;
  readonly cronLine: string;
}

const SKIPPED = "workflows_schedule_slots_skipped_total";
const runsOf = (definitionId: string) =>
  at.database.read.query<{ [Key in keyof StartedRun]: StartedRun[Key] }>(
    {
      name: "test_runs",
      text: `select trigger_event_id as "eventId", input_payload as input, trigger_type as type,
          definition_version as version,
          extract(epoch from created_at - (input_payload ->> 'scheduled_at')::timestamptz)::float8 as late
        from workflow_runs where definition_id = $1 order by created_at, id`,
    },
    [definitionId],
  );
const scheduleOf = async (definitionId: string) => {
  const rows = await at.database.read.query<{ [Key in keyof Schedule]: Schedule[Key] }>(
    {
      name: "test_schedule",
      text: `select anchor_at as "anchorAt", next_at as "nextAt", version, cron_line as "cronLine"
        from schedules where definition_id = $1`,
    },
    [definitionId],
  );
  return rows[0];
};
/** As if no replica had run since. */
const sleepSince = (definitionId: string, seconds: number) =>
  at.database.transaction((tx) =>
    tx.query(
      {
        name: "test_oversleep",
        text: `update schedules set anchor_at = anchor_at - $2::float8 * interval '1 second',
          next_at = next_at - $2::float8 * interval '1 second' where definition_id = $1`,
      },
      [definitionId, seconds],
    ),
  );
const scheduled = (cronExpr: string) =>
  versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })], [], {
    trigger: triggerOf({ triggerType: "SCHEDULE", cronExpr }),
  });
const manual = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);

let at: TestProcessor;
let running: Timers[] = [];

beforeAll(async () => {
  at = await startProcessor();
});
afterEach(async () => {
  await Promise.all(running.map((timers) => timers.stop()));
  running = [];
});
afterAll(() => at.stop());

describe("a schedule", () => {
  it("starts one run a slot with two replicas asking, never early", async () => {
    const skippedBefore = readMetric(SKIPPED);
    const { definitionId } = await publish(at.database, "each second", scheduled("@every 1s"));
    const schedule = await scheduleOf(definitionId);
    running = [startTimers(at), startTimers(at)];
    const runs = await until(async () => {
      const found = await runsOf(definitionId);
      return found.length >= 6 ? found : undefined;
    });
    const slots = runs.map(({ input }) => Date.parse(input.scheduled_at));
    const first = slots[0] ?? 0;
    const last = slots.at(-1) ?? 0;
    expect(new Set(slots).size).toBe(slots.length);
    expect(first).toBe((schedule?.anchorAt.getTime() ?? 0) + 1_000);
    // A machine that stands still for a second misses a slot, and says so.
    const missing = (last - first) / 1_000 + 1 - slots.length;
    expect(missing).toBeLessThanOrEqual(readMetric(SKIPPED) - skippedBefore);
    for (const { input, eventId, type, late } of runs) {
      expect(type).toBe("SCHEDULE");
      expect(eventId).toBe(`schedule:${definitionId}:${input.scheduled_at}`);
      expect(late).toBeGreaterThanOrEqual(0);
    }
    await publishVersion(at, { definitionId, spec: manual });
  });

  it("runs the latest of the slots it missed, and counts the others", async () => {
    const before = readMetric(SKIPPED);
    const { definitionId } = await publish(at.database, "asleep", scheduled("@every 1h"));
    const published = (await scheduleOf(definitionId))?.anchorAt.getTime() ?? 0;
    await sleepSince(definitionId, 5 * 3_600 + 60);
    const rounds = await Promise.all([fireSchedules(at, 10, []), fireSchedules(at, 10, [])]);
    expect(rounds.flatMap(({ refusals, failed }) => [...refusals, ...failed])).toEqual([]);
    const slot = new Date(published - 60_000).toISOString().replace(".000Z", "Z");
    expect(await runsOf(definitionId)).toMatchObject([{ input: { scheduled_at: slot } }]);
    expect((await scheduleOf(definitionId))?.nextAt.getTime()).toBe(published + 3_540_000);
    expect(readMetric(SKIPPED) - before).toBe(4);
  });

  it("doubles nothing when the process died before the schedule moved on", async () => {
    const { definitionId } = await publish(at.database, "died", scheduled("@every 1h"));
    await sleepSince(definitionId, 3_601);
    const dying = {
      ...at,
      database: { ...at.database, transaction: () => Promise.reject(new Error("died")) },
    };
    await expect(fireSchedules(dying, 10, [])).rejects.toThrow("died");
    const due = (await scheduleOf(definitionId))?.nextAt;
    expect(await runsOf(definitionId)).toHaveLength(1);
    expect(await fireSchedules(at, 10, [])).toMatchObject({ due: 1, failed: [] });
    expect(await runsOf(definitionId)).toHaveLength(1);
    expect((await scheduleOf(definitionId))?.nextAt.getTime()).toBe(
      (due?.getTime() ?? 0) + 3_600_000,
    );
  });

  it("keeps its slots in a new version with the same line, which runs from then on", async () => {
    const { definitionId } = await publish(at.database, "kept", scheduled("@every 1h"));
    await sleepSince(definitionId, 3_601);
    const before = await scheduleOf(definitionId);
    await publishVersion(at, { definitionId, spec: scheduled("  @every 1h ") });
    expect(await scheduleOf(definitionId)).toEqual({ ...before, version: 2 });
    await fireSchedules(at, 10, []);
    expect(await runsOf(definitionId)).toMatchObject([{ version: 2 }]);
  });

  it("is replaced by another line, and ends with another trigger", async () => {
    const { definitionId } = await publish(at.database, "replaced", scheduled("@every 1h"));
    await sleepSince(definitionId, 3_601);
    await publishVersion(at, { definitionId, spec: scheduled("@every 2h") });
    const replaced = await scheduleOf(definitionId);
    expect(replaced).toMatchObject({ cronLine: "@every 2h", version: 2 });
    const { anchorAt, nextAt } = replaced ?? {};
    expect((nextAt?.getTime() ?? 0) - (anchorAt?.getTime() ?? 0)).toBe(7_200_000);
    expect(await fireSchedules(at, 10, [])).toMatchObject({ due: 0 });
    await publishVersion(at, { definitionId, spec: manual });
    expect(await scheduleOf(definitionId)).toBeUndefined();
    expect(await runsOf(definitionId)).toEqual([]);
  });
});
