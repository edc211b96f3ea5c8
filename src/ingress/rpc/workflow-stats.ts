/**
 * What is shown of the runs of workflows: GetStats, and the metrics that Get and List have.
 * Boundary: requests and answers; the counters are read by store/reads/workflow-stats.ts and workflow-metrics.ts.
 */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RunOutcome } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  type GetStatsRequest,
  GetStatsRequestSchema,
} from "../../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import { WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { type RunOutcome as Outcome, RUN_OUTCOMES } from "../../store/reads/search-outcomes.ts";
import type { WorkflowMetrics } from "../../store/reads/workflow-metrics.ts";
import { type DayCount, findWorkflowStats } from "../../store/reads/workflow-stats.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields } from "./fields.ts";
import type { ReadDeps } from "./service-deps.ts";

const DAYS = 30;
const NUMBERS: Readonly<Record<Outcome, RunOutcome>> = {
  SUCCEEDED: RunOutcome.SUCCEEDED,
  FAILED: RunOutcome.FAILED,
  TIMED_OUT: RunOutcome.TIMED_OUT,
  CANCELLED: RunOutcome.CANCELLED,
  COMPENSATED: RunOutcome.COMPENSATED,
  COMPENSATION_FAILED: RunOutcome.COMPENSATION_FAILED,
};
const DAYS_AT_MOST = 90;

/** GetStats. */
export async function answerGetStats(deps: ReadDeps, request: GetStatsRequest) {
  const { definitionId } = request;
  const faults = checkFields(GetStatsRequestSchema, request);
  faults.require("definition_id", definitionId);
  if (request.days < 0 || request.days > DAYS_AT_MOST) {
    faults.add(
      "days",
      `is ${request.days}; it must be 0 (the default of ${DAYS}) to ${DAYS_AT_MOST}`,
    );
  }
  faults.refuseIfAny();
  const window = request.days || DAYS;
  await requireDefinition(deps, definitionId);
  const { callers } = deps.database;
  const stats = await findWorkflowStats(callers, deps.visibility, definitionId, window);
  const { days, p50Ms, p95Ms, failingSteps, since, countedSince } = stats;
  const ends = days.filter(({ kind }) => kind === "ended");
  const ended = sumOf(ends, "runs");
  const succeeded = sumOf(
    ends.filter(({ outcome }) => outcome === "SUCCEEDED"),
    "runs",
  );
  return {
    started: BigInt(startedOf(days)),
    ended: outcomeCounts(ends),
    ...(ended > 0
      ? { successRate: succeeded / ended, meanSeconds: sumOf(ends, "durationMs") / ended / 1_000 }
      : {}),
    ...(p50Ms === undefined ? {} : { p50Seconds: p50Ms / 1_000 }),
    ...(p95Ms === undefined ? {} : { p95Seconds: p95Ms / 1_000 }),
    costUsd: sumOf(ends, "costUsd"),
    days: dayMessages(days),
    failingSteps: failingSteps.map(({ stepId, runs }) => ({ stepId, runs: BigInt(runs) })),
    since: timestampFromDate(since),
    ...(countedSince === undefined ? {} : { countedSince: timestampFromDate(countedSince) }),
  };
}

/** workflows.ops.v1.Metrics; unset where nothing is known. */
export function metricsMessage(metrics: WorkflowMetrics | undefined) {
  if (metrics === undefined) return {};
  const { lastRunAt, lastRunOutcome, successRate30d } = metrics;
  return {
    metrics: {
      ...(lastRunAt === null ? {} : { lastRunAt: timestampFromDate(lastRunAt) }),
      lastRunOutcome: numberOf(lastRunOutcome),
      runs7d: BigInt(metrics.runs7d),
      ...(successRate30d === null ? {} : { successRate30d }),
      runCount: BigInt(metrics.runCount),
      successCount: BigInt(metrics.successCount),
      failureCount: BigInt(metrics.failureCount),
      openRuns: BigInt(metrics.openRuns),
      costUsd30d: metrics.costUsd30d,
      recentRuns: metrics.recentRuns.map(({ id, state, createdAtMs }) => ({
        runId: id,
        state: WorkflowState[state],
        createdAt: timestampFromMs(createdAtMs),
      })),
    },
  };
}

function dayMessages(counts: readonly DayCount[]) {
  const days = [...new Set(counts.map(({ day }) => day.getTime()))].sort((a, b) => a - b);
  return days
    .map((dayMs) => {
      const ofDay = counts.filter(({ day }) => day.getTime() === dayMs);
      const ends = ofDay.filter(({ kind }) => kind === "ended");
      return {
        day: timestampFromMs(dayMs),
        started: BigInt(startedOf(ofDay)),
        ended: outcomeCounts(ends),
        costUsd: sumOf(ends, "costUsd"),
      };
    })
    .filter(({ started, ended }) => started > 0n || ended.length > 0);
}

function startedOf(counts: readonly DayCount[]): number {
  return sumOf(
    counts.filter(({ kind }) => kind === "started"),
    "runs",
  );
}

function outcomeCounts(ends: readonly DayCount[]) {
  return RUN_OUTCOMES.flatMap((wanted) => {
    const runs = sumOf(
      ends.filter(({ outcome }) => outcome === wanted),
      "runs",
    );
    return runs > 0 ? [{ outcome: numberOf(wanted), runs: BigInt(runs) }] : [];
  });
}

function sumOf(counts: readonly DayCount[], of: "runs" | "costUsd" | "durationMs"): number {
  return counts.reduce((sum, count) => sum + count[of], 0);
}

function numberOf(outcome: Outcome | null): RunOutcome {
  return outcome === null ? RunOutcome.UNSPECIFIED : NUMBERS[outcome];
}
