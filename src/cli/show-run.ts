/** A run for people and programs. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  StepRunState,
  type WorkflowRun,
  WorkflowRunSchema,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Output, timeText, tookText } from "./output.ts";

/** The name of an enum's value without its prefix, as in RUNNING. */
export function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(values).find(([, number]) => number === value)?.[0] ?? String(value);
}

/** The run by the names of the contract. */
export function runJson(run: WorkflowRun): Json {
  return toJson(WorkflowRunSchema, run, { useProtoFieldName: true }) as Json;
}

/** One run in a line: its id and state. */
export function printRun(run: WorkflowRun, out: Output): void {
  if (out.json) out.object(runJson(run));
  else if (out.quiet) out.line(run.id);
  else out.line(`${run.id} ${nameOf(WorkflowState, run.state)}`);
}

/** The steps of a run as rows. */
export function printSteps(run: WorkflowRun, out: Output): void {
  const rows = run.steps.map((step) => [
    step.stepId,
    nameOf(StepRunState, step.state),
    took(step),
    costText(step.costUsd),
    step.errorMessage,
  ]);
  out.table(["STEP", "STATE", "TOOK", "COST", "ERROR"], rows);
}

/** When a run started, how long it took, and what it cost. */
export function timesOf(run: WorkflowRun): [started: string, took: string, cost: string] {
  const started = run.startedAt === undefined ? undefined : timestampDate(run.startedAt);
  return [timeText(started), took(run), costText(run.totalCostUsd)];
}

function took({ startedAt, completedAt }: Pick<WorkflowRun, "startedAt" | "completedAt">): string {
  if (startedAt === undefined || completedAt === undefined) return "";
  return tookText(timestampDate(completedAt).getTime() - timestampDate(startedAt).getTime());
}

function costText(usd: number): string {
  return usd === 0 ? "" : `${usd} USD`;
}
