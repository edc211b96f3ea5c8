/** `workflows stats`: how the runs of a workflow went, with a bar for each day. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { RunOutcome } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  type DayStats,
  type GetStatsResponse,
  GetStatsResponseSchema,
  type OutcomeCount,
} from "../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Call } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

const BAR_CHARS = 40;

/** The argument is the workflow's name or id. */
export async function run(call: Call): Promise<number> {
  const { args, out } = call;
  const service = connectService(await readSettings(call.options));
  const { id, name } = await requireDefinition(service, args[0] ?? "");
  const stats = await service.sources.getStats({
    definitionId: id,
    days: readCount(call, "days") ?? 0,
  });
  if (out.json) {
    out.object(toJson(GetStatsResponseSchema, stats, { useProtoFieldName: true }) as Json);
    return EXIT.done;
  }
  if (out.quiet) {
    out.line(id);
    return EXIT.done;
  }
  out.talk(summaryOf(name, stats));
  const most = Math.max(1, ...stats.days.map(({ started }) => Number(started)));
  out.table(
    ["DAY", "STARTED", "ENDED", "FAILED", "COST", ""],
    stats.days.map((day) => rowOf(day, most)),
  );
  if (stats.failingSteps.length > 0) {
    out.table(
      ["FAILS AT", "RUNS"],
      stats.failingSteps.map(({ stepId, runs }) => [stepId, String(runs)]),
    );
  }
  return EXIT.done;
}

function summaryOf(name: string, stats: GetStatsResponse): string {
  const { started, ended, successRate, p50Seconds, p95Seconds, costUsd, countedSince } = stats;
  const outcomes = ended.map(({ outcome, runs }) => `${runs} ${nameOf(RunOutcome, outcome)}`);
  const parts = [
    `${name}: ${started} started${outcomes.length === 0 ? "" : `, ${outcomes.join(", ")}`}`,
    ...(successRate === undefined ? [] : [`${(successRate * 100).toFixed(1)} % succeeded`]),
    ...(p50Seconds === undefined || p95Seconds === undefined
      ? []
      : [`half within ${secondsText(p50Seconds)}, 95 % within ${secondsText(p95Seconds)}`]),
    `${costUsd.toFixed(2)} USD`,
    ...(countedSince === undefined
      ? []
      : [`counted since ${timestampDate(countedSince).toISOString().slice(0, 10)}`]),
  ];
  return parts.join("; ");
}

function rowOf({ day, started, ended, costUsd }: DayStats, most: number): string[] {
  const failed = ended.filter(({ outcome }) => isFailure(outcome));
  return [
    day === undefined ? "" : timestampDate(day).toISOString().slice(0, 10),
    String(started),
    String(sumOf(ended)),
    String(sumOf(failed)),
    costUsd.toFixed(2),
    "#".repeat(Math.ceil((Number(started) * BAR_CHARS) / most)),
  ];
}

function isFailure(outcome: RunOutcome): boolean {
  return outcome !== RunOutcome.SUCCEEDED && outcome !== RunOutcome.CANCELLED;
}

function sumOf(counts: readonly OutcomeCount[]): bigint {
  return counts.reduce((sum, { runs }) => sum + runs, 0n);
}

function secondsText(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(2)} s` : `${Math.round(seconds)} s`;
}
