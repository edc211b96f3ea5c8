/** Days of statistics as a chart needs them: each day of the window once, in groups that have a colour. Boundary: pure. */
import { RunOutcome } from "../../../../../gen/workflows/ops/v1/runs_pb.ts";
import type {
  DayStats,
  OutcomeCount,
} from "../../../../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import { dateOf } from "../../../api/times.ts";

const MS_A_DAY = 86_400_000;

/** One day, in UTC. */
export interface ChartDay {
  /** When it begins, in ms since 1970. */
  readonly atMs: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Cancelled, or undone as it was asked for. */
  readonly other: number;
  readonly costUsd: number;
}

/** From the first day to that of `nowMs`; days on which nothing was have zeros. */
export function chartDays(days: readonly DayStats[], sinceMs: number, nowMs: number): ChartDay[] {
  const known = new Map(days.map((day) => [dayOf(dateOf(day.day)?.getTime() ?? 0), day]));
  const result: ChartDay[] = [];
  for (let atMs = dayOf(sinceMs); atMs <= nowMs; atMs += MS_A_DAY) {
    const day = known.get(atMs);
    result.push({
      ...{ atMs, started: Number(day?.started ?? 0), costUsd: day?.costUsd ?? 0 },
      ...groupsOf(day?.ended ?? []),
    });
  }
  return result;
}

/** Ended runs in groups. */
function groupsOf(ended: readonly OutcomeCount[]) {
  const groups = { succeeded: 0, failed: 0, other: 0 };
  for (const { outcome, runs } of ended) groups[groupOf(outcome)] += Number(runs);
  return groups;
}

function groupOf(outcome: RunOutcome): "succeeded" | "failed" | "other" {
  switch (outcome) {
    case RunOutcome.SUCCEEDED:
      return "succeeded";
    case RunOutcome.FAILED:
    case RunOutcome.TIMED_OUT:
    case RunOutcome.COMPENSATION_FAILED:
      return "failed";
    default:
      return "other";
  }
}

function dayOf(ms: number): number {
  return Math.floor(ms / MS_A_DAY) * MS_A_DAY;
}
