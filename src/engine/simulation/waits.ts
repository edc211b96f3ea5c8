/** What the open steps of a simulated run wait for: the next timer, and words. Boundary: reads rows. */
import type { Party } from "../steps/party.ts";
import type { StepRun } from "../values/run.ts";
import { partyOfStep } from "./mocks.ts";
import type { SimulatedWait } from "./simulation.ts";
import type { VirtualRun } from "./virtual-run.ts";

const WAITED_FOR: Readonly<Record<Party, string>> = {
  agent: "an agent",
  worker: "a worker",
  child: "a child run",
  approver: "an approval",
  governance: "a decision of governance",
  event: "an event",
  person: "a person: no mock says what is handed in, and no empty output fits the task",
  notifier: "a notification",
  clock: "a time",
  none: "other steps",
};

/** The next timer of a step, or without an index the run's deadline; undefined: nothing is due ever. `spent`: timers that changed nothing. */
export function findTimer(
  { run, rows }: VirtualRun,
  spent: ReadonlyMap<number, number>,
): { readonly atMs: number; readonly index: number | undefined } | undefined {
  let atMs = run.state === "RUNNING" ? (run.deadlineAtMs ?? Infinity) : Infinity;
  let index: number | undefined;
  for (const row of rows.values()) {
    if (!isOpenRow(row)) continue;
    const dueAtMs = Math.min(row.timeoutAtMs ?? Infinity, row.wakeAtMs ?? Infinity);
    if (dueAtMs >= atMs || spent.get(row.index) === dueAtMs) continue;
    [atMs, index] = [dueAtMs, row.index];
  }
  return atMs === Infinity ? undefined : { atMs, index };
}

/** The steps that are open, in the order of the version. */
export function waitsOf({ graph, rows }: VirtualRun): SimulatedWait[] {
  return graph.steps.flatMap((step) => {
    const row = rows.get(step.index);
    if (!isOpenRow(row)) return [];
    const party = partyOfStep(step);
    const sinceMs = row.detail.held?.sinceMs ?? row.startedAtMs;
    return [{ stepId: step.def.id, party, sinceMs, sentence: sentenceOf(row, party) }];
  });
}

function sentenceOf(row: StepRun, party: Party): string {
  if (row.detail.held !== undefined) return "it is held after a failure, for an order of a person";
  return `it waits for ${WAITED_FOR[party]}`;
}

/** Whether a step has begun and not ended. */
export function isOpenRow(row: StepRun | undefined): row is StepRun {
  return row?.state === "RUNNING" || row?.state === "WAITING";
}
