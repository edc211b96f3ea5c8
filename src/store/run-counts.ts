/**
 * What is counted of the runs of workflows: kinds of counters, days, and classes of durations.
 * Boundary: pure. What a move counts is egress/publish/counted-moves.ts; the statement that counts is mark-published.ts.
 */
import type { RunOutcome } from "./reads/search-outcomes.ts";

/** Kinds of counters as they are stored. A number never changes its meaning. */
export const COUNTER_KINDS = {
  /** No workflow's: since when runs are counted. */
  since: 0,
  started: 1,
  /** By outcome, with cost and duration. */
  ended: 2,
  /** By class of duration. */
  duration: 3,
  /** Runs that a step failed, by the step's id. */
  failedStep: 4,
  /** The day's failure rate was reported. */
  reported: 5,
} as const;

/** A counter of one batch of moves, to be added. */
export interface RunCount {
  readonly definitionId: string;
  readonly kind: number;
  readonly day: number;
  readonly name: string;
  /** Below 0 where an end is taken back: the run was opened again. */
  readonly runs: number;
  readonly costUsd: number;
  readonly durationMs: number;
  readonly lastAtMs: number | undefined;
}

/** In place of a day: all days. */
export const ALL_DAYS = 0;
/** Outcomes that count as failures. CANCELLED is neither a success nor a failure. */
export const FAILURES: readonly RunOutcome[] = [
  "FAILED",
  "TIMED_OUT",
  "COMPENSATED",
  "COMPENSATION_FAILED",
];

/** Today in UTC by the database's clock, in SQL. */
export const TODAY = "floor(extract(epoch from now()) / 86400)::integer";

const DAY_MS = 86_400_000;
const SHORTEST_MS = 10;
/** Each class of durations is a third longer than the one before. */
const CLASSES_A_DECADE = 8;
/** The last one begins at 31 days. */
const LAST_CLASS = 69;

/** The day of a time in UTC. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS);
}

/** When a day begins. */
export function startOfDay(day: number): Date {
  return new Date(day * DAY_MS);
}

/** The class of a duration. */
export function durationClass(ms: number): number {
  if (ms <= SHORTEST_MS) return 0;
  return Math.min(LAST_CLASS, Math.ceil(CLASSES_A_DECADE * Math.log10(ms / SHORTEST_MS)));
}

/** The longest duration of a class, in ms. */
export function classEndMs(number: number): number {
  return SHORTEST_MS * 10 ** (number / CLASSES_A_DECADE);
}

/** A duration that a share of the runs does not exceed, in ms, from runs by class; undefined without runs. */
export function quantileMs(
  byClass: ReadonlyMap<number, number>,
  share: number,
): number | undefined {
  const classes = [...byClass].filter(([, runs]) => runs > 0).sort(([a], [b]) => a - b);
  const total = classes.reduce((sum, [, runs]) => sum + runs, 0);
  let left = share * total;
  for (const [number, runs] of classes) {
    if (left <= runs) {
      const beginMs = number === 0 ? 0 : classEndMs(number - 1);
      return Math.round(beginMs + ((classEndMs(number) - beginMs) * left) / runs);
    }
    left -= runs;
  }
  return undefined;
}
