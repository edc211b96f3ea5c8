/**
 * When timers of steps fire, by the history: never before their time, and within 2 s of it where nothing goes wrong.
 * Boundary: delays, time-outs and pauses between attempts as the versions have them.
 */
import type { StepDefinition } from "../../../src/engine/values/definition.ts";
import type { Cause } from "../../../src/engine/values/input.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import type { RunRow } from "./model/rows.ts";
import { PUBLISHED } from "./versions.ts";
import type { World } from "./world.ts";

/** A row of a run's history. */
interface TimedRow {
  readonly recordedAt: Date;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

/** What a step waits for since a time. */
interface Waiting {
  readonly sinceMs: number;
  readonly shortestMs: number;
  readonly longestMs: number;
}

const SPECS = new Map([...PUBLISHED.values()].map(({ versionId, spec }) => [versionId, spec]));
const LATE_MS = 2_000;
const JITTER = 0.1;

/** Adds what fired early or late to the world's faults. */
export function judgeTimers(world: World, run: RunRow, history: readonly TimedRow[]): void {
  const steps = SPECS.get(run.versionId)?.steps ?? [];
  const waiting = new Map<number, Waiting>();
  // What falls due while a run is paused is done when it is resumed.
  const isPaused = history.some(({ moves }) => moves.some(({ to }) => to === "PAUSED"));
  for (const { cause, moves, recordedAt } of history) {
    const nowMs = recordedAt.getTime();
    for (const move of moves) {
      if (move.of !== "step") continue;
      const since = waiting.get(move.step);
      if (cause.kind === "timer" && since !== undefined) {
        world.witness.count("timer of a known time");
        const afterMs = nowMs - since.sinceMs;
        const isLate = afterMs > since.longestMs + LATE_MS && !world.hasTrouble && !isPaused;
        if (afterMs < since.shortestMs || isLate) {
          world.broken(`a timer of ${run.id} step ${move.step} fired after ${afterMs} ms`);
        }
      }
      const next = waitOf(steps[move.step], move);
      if (next === undefined) waiting.delete(move.step);
      else waiting.set(move.step, { sinceMs: nowMs, ...next });
    }
  }
}

function waitOf(
  step: StepDefinition | undefined,
  move: Extract<Move, { of: "step" }>,
): Omit<Waiting, "sinceMs"> | undefined {
  if (step === undefined) return undefined;
  if (move.op === "retrying") {
    const { backoffSeconds = 0, backoffMultiplier = 1 } = step.retryPolicy ?? {};
    const ms = 1_000 * backoffSeconds * backoffMultiplier ** ((move.retry ?? 1) - 1);
    return { shortestMs: ms * (1 - JITTER) - 1, longestMs: ms * (1 + JITTER) };
  }
  const delaySeconds = Number(step.config.delay_seconds ?? 0) || step.timeoutSeconds;
  const isBegun = move.op === "started" || move.to === "WAITING";
  if (!isBegun || delaySeconds === 0) return undefined;
  return { shortestMs: 1_000 * delaySeconds, longestMs: 1_000 * delaySeconds };
}
