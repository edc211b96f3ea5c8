/** The axis of the timeline: places of attempts, breaks, and labels. */
import { expect, it } from "vitest";
import {
  type Attempt,
  NO_MOVES,
  type RunPicture,
  type StepPicture,
} from "../../../console/src/pages/run/run-picture.ts";
import { timelineOf } from "../../../console/src/pages/run/timeline-model.ts";
import { StepRunState, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";

const { COMPLETED, FAILED, WAITING } = StepRunState;
const HOUR = 3_600_000;

function attempt(startedAtMs: number, endedAtMs: number | undefined, number = 1): Attempt {
  return {
    ...{ attempt: number, startedAtMs, endedAtMs, waitsFromMs: undefined },
    ...{ state: endedAtMs === undefined ? WAITING : COMPLETED, errorMessage: "", costUsd: 0 },
    endedBy: undefined,
  };
}

function runOf(
  steps: Readonly<Record<string, readonly Attempt[]>>,
  endedAtMs?: number,
): RunPicture {
  const pictures = Object.entries(steps).map(([id, attempts]): [string, StepPicture] => [
    id,
    {
      ...{ id, isHeld: false, isReused: false, attempts, retryCount: 0, costUsd: 0, ids: {} },
      state: attempts.at(-1)?.state ?? StepRunState.PENDING,
      errorMessage: "",
      startedAtMs: attempts[0]?.startedAtMs,
      endedAtMs: attempts.at(-1)?.endedAtMs,
    },
  ]);
  const state = endedAtMs === undefined ? WorkflowState.RUNNING : WorkflowState.COMPLETED;
  return { ...NO_MOVES, state, startedAtMs: 0, endedAtMs, steps: new Map(pictures) };
}

it("places attempts by their times, in the order in which the steps began", () => {
  const run = runOf({ b: [attempt(4_000, 10_000)], a: [attempt(0, 4_000)], none: [] }, 10_000);
  const { rows, breaks } = timelineOf(run, 99_000);
  expect(breaks).toEqual([]);
  expect(rows.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(rows[0]?.bars[0]).toMatchObject({ from: 0, to: 0.4 });
  expect(rows[1]?.bars[0]).toMatchObject({ from: 0.4, to: 1 });
});

it("shows every attempt and the idle time between two of them", () => {
  const run = runOf({ a: [attempt(0, 2_000), attempt(5_000, 10_000, 2)] }, 10_000);
  const [row] = timelineOf(run, 10_000).rows;
  expect(row?.bars).toHaveLength(2);
  expect(row?.bars[1]).toMatchObject({ idle: { from: 0.2, to: 0.5 }, idleMs: 3_000, from: 0.5 });
  expect(row?.rest).toBeUndefined();
});

it("lets what is open go on to now, and a held step rest since its last attempt", () => {
  const held = { ...attempt(0, 5_000), state: FAILED };
  const run = runOf({ open: [attempt(5_000, undefined)], held: [held] });
  const waiting = run.steps.get("held");
  if (waiting === undefined) throw new Error("there is no such step");
  const steps = new Map(run.steps).set("held", { ...waiting, state: WAITING, isHeld: true });
  const { rows } = timelineOf({ ...run, steps }, 10_000);
  expect(rows.find(({ id }) => id === "open")?.bars[0]).toMatchObject({ from: 0.5, to: 1 });
  expect(rows.find(({ id }) => id === "held")?.rest).toEqual({ from: 0.5, to: 1 });
});

it("draws a long wait shorter than it was, and says how long it was", () => {
  const day = 24 * HOUR;
  const run = runOf(
    { a: [attempt(0, 2_000)], b: [attempt(2_000, day)], c: [attempt(day, day + 2_000)] },
    day + 2_000,
  );
  const { rows, breaks } = timelineOf(run, 0);
  expect(breaks).toHaveLength(1);
  expect(breaks[0]).toMatchObject({ fromMs: 2_000, ms: day - 2_000 });
  const [a, b, c] = rows.map(({ bars }) => bars[0]);
  expect(a?.to).toBeCloseTo(0.47);
  expect((b?.to ?? 0) - (b?.from ?? 0)).toBeCloseTo(0.06);
  expect(c?.to).toBeCloseTo(1);
});

it("cuts no wait of less than a minute, and none that is like the others", () => {
  const short = runOf({ a: [attempt(0, 100)], b: [attempt(59_000, 59_100)] }, 59_100);
  expect(timelineOf(short, 0).breaks).toEqual([]);
  const alike = runOf({ a: [attempt(0, HOUR)], b: [attempt(HOUR, 2 * HOUR)] }, 2 * HOUR);
  expect(timelineOf(alike, 0).breaks).toEqual([]);
});

it("keeps more than half of the axis for what was done, however many waits are cut", () => {
  const attempts = Array.from({ length: 30 }, (_, n) => attempt(n * HOUR, n * HOUR + 1_000, n + 1));
  const { rows, breaks } = timelineOf(runOf({ a: attempts }, 29 * HOUR + 1_000), 0);
  expect(breaks).toHaveLength(29);
  const drawn = rows[0]?.bars.reduce((sum, { from, to }) => sum + to - from, 0);
  expect(drawn).toBeCloseTo(0.6);
});

it("labels the axis at round times that do not touch", () => {
  const { ticks } = timelineOf(runOf({ a: [attempt(0, 97_000)] }, 97_000), 0);
  expect(ticks.map(({ ms }) => ms)).toEqual([0, 30_000, 60_000, 90_000]);
  const many = timelineOf(runOf({ a: [attempt(0, 1)] }, 1), 0).ticks;
  expect(many.length).toBeGreaterThan(0);
});
