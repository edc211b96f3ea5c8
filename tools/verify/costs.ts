/**
 * I8: a run costs what its steps cost, a step never costs less than before, and a step whose cost the meter gave costs
 * what was recorded there.
 * Boundary: judges one run. What reports of owners said is in no ledger; a step that they priced is judged by its
 * history alone.
 */
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { readKey } from "./ledgers.ts";
import type { Findings } from "./report.ts";
import type { StoredStep, WholeRun } from "./stored-runs.ts";

/** What the meter has of each step, by `run/step`, in USD. */
export type RecordedUsage = ReadonlyMap<string, number>;

const STEP_KEY = "workflow_step";
/** Costs are rounded to 1e-9, each of them. */
const ROUNDED_USD = 1e-9;

/** The usage that was recorded for steps; undefined without ledgers. */
export function usageBySteps(ledgers: Readonly<Ledgers> | undefined): RecordedUsage | undefined {
  if (ledgers === undefined) return undefined;
  const usage = new Map<string, number>();
  for (const { request } of ledgers.usage) {
    const step = request.metadata?.[STEP_KEY];
    if (typeof step !== "string") continue;
    usage.set(step, (usage.get(step) ?? 0) + request.totalCostUsd);
  }
  return usage;
}

/** Compares the costs of a run with one another and with the meter. */
export function checkCosts(
  findings: Findings,
  whole: WholeRun,
  usage: RecordedUsage | undefined,
): void {
  const { run, steps, rows } = whole;
  const violate = (what: string) => findings.violate(`${run.id}: ${what}`);
  findings.count("steps", steps.length);
  const sum = steps.reduce((total, { costUsd }) => total + costUsd, 0);
  if (differ(sum, run.totalCostUsd, steps.length)) {
    violate(`costs ${run.totalCostUsd} USD, its steps cost ${sum}`);
  }
  const costs = new Map<number, number>();
  for (const { seq, moves } of rows) {
    for (const move of moves) {
      if (move.of !== "step") continue;
      const [before, after] = [costs.get(move.step) ?? 0, move.cost ?? 0];
      if (after < before)
        violate(`row ${seq}: step ${move.step} goes from ${before} to ${after} USD`);
      costs.set(move.step, after);
    }
  }
  for (const step of steps) compareWithMeter(findings, whole, step, usage);
}

/** The last answer of the meter counts the usage of all attempts. */
function compareWithMeter(
  findings: Findings,
  { run, rows, version }: WholeRun,
  { index, costUsd, retryCount }: StoredStep,
  usage: RecordedUsage | undefined,
): void {
  const stepId = version[index]?.id ?? "";
  const recorded = usage?.get(`${run.id}/${stepId}`);
  if (recorded === undefined) return;
  const isMetered = rows.some(({ cause }) => {
    const parts = cause.kind === "call" ? readKey(cause.id) : undefined;
    return (
      parts?.call === "query_usage" && parts.stepId === stepId && parts.attempt === retryCount + 1
    );
  });
  if (!isMetered) return;
  findings.count("metered steps");
  if (differ(recorded, costUsd, 1)) {
    findings.violate(`${run.id}: step ${index} costs ${costUsd} USD, the meter has ${recorded}`);
  }
}

function differ(a: number, b: number, roundings: number): boolean {
  return Math.abs(a - b) > ROUNDED_USD * (roundings + 1);
}
