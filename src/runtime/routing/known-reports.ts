/**
 * Reports about objects whose step this replica remembers.
 *
 * Boundary: aims them by memory (learned-ids.ts), without a look-up. What that does not settle goes the way of all reports
 * (route-inputs.ts, early-reports.ts).
 * Invariants:
 * 1. A remembered step is a guess: the reply may not have been taken, or the step has ended or begun another attempt. A guess
 *    is submitted with `ifCurrent`: it is applied exactly where a look-up finds the step and the step takes the report, or it
 *    leaves nothing. Then the step is looked up. So a report leaves what it leaves without the memory.
 * 2. Inputs of a run keep the order of their events. So several reports about one object in a batch are looked up, for a guess
 *    that is repeated later would change their order, and so is a report about a run that the batch has other inputs for.
 */

import type { BusEvent } from "../../engine/values/event.ts";
import { keyOf } from "../../process/short-memory.ts";
import type { ObjectProbe } from "../../store/event-readers.ts";
import type { Processor } from "../processor.ts";
import { type EarlyDeps, isOpen, type Submit, submitEarly } from "./early-reports.ts";
import type { LearnedStep } from "./learned-ids.ts";
import {
  type FoundInputs,
  findReports,
  type ReportingEvent,
  reportInputsOf,
} from "./route-inputs.ts";
import { type AimedSubmission, type EventOutcome, joinOutcomes, runIdsOf } from "./route-submit.ts";

/** An object, and the step that is remembered for it. */
export interface KnownObject {
  readonly object: ObjectProbe;
  readonly step: LearnedStep;
}

/** The objects of a batch whose step is remembered, and the others. */
export interface DividedObjects {
  readonly known: readonly KnownObject[];
  readonly asked: readonly ObjectProbe[];
}

/** Divides the objects of a batch. */
export function divideKnown(
  processor: Pick<Processor, "findStep">,
  objects: readonly ObjectProbe[],
): DividedObjects {
  const alone = new Set(reportedOnce(objects));
  const known: KnownObject[] = [];
  const asked: ObjectProbe[] = [];
  for (const object of objects) {
    const step = alone.has(object) ? processor.findStep(object) : undefined;
    if (step === undefined) asked.push(object);
    else known.push({ object, step });
  }
  return { known, asked };
}

/** The objects that there is one report about. */
export function reportedOnce(objects: readonly ObjectProbe[]): ObjectProbe[] {
  const reports = new Map<string, number>();
  for (const object of objects) {
    const name = nameOf(object);
    reports.set(name, (reports.get(name) ?? 0) + 1);
  }
  return objects.filter((object) => reports.get(nameOf(object)) === 1);
}

/** Reports about runs that the batch has no other input for, and those beside one. */
export function divideBeside(
  known: readonly KnownObject[],
  others: readonly AimedSubmission[],
): { alone: KnownObject[]; beside: KnownObject[] } {
  const runIds = new Set(runIdsOf(others));
  return {
    alone: known.filter(({ step }) => !runIds.has(step.runId)),
    beside: known.filter(({ step }) => runIds.has(step.runId)),
  };
}

/** What reports lead to that are looked up although their step is remembered. */
export async function findReportsOf(
  { database }: Pick<EarlyDeps, "database">,
  events: readonly BusEvent[],
  known: readonly KnownObject[],
): Promise<FoundInputs> {
  if (known.length === 0) return { inputs: [], early: [] };
  const objects = known.map(({ object }) => object);
  return findReports(database, events, objects);
}

/** Submits reports whose step is remembered; looks those up that were not applied. */
export async function submitKnown(
  deps: EarlyDeps,
  events: readonly BusEvent[],
  known: readonly KnownObject[],
  submit: Submit,
): Promise<EventOutcome[]> {
  const outcomes = await submit(guessesOf(events, known), events.length);
  const left = known.map(({ object }) => object).filter(({ place }) => isOpen(outcomes[place]));
  if (left.length === 0) return outcomes;
  const reports = await findReports(deps.database, events, left);
  return joinOutcomes(outcomes, await submitFound(deps, events, reports, submit));
}

/** The inputs of reports whose step is remembered. */
export function guessesOf(
  events: readonly ReportingEvent[],
  known: readonly KnownObject[],
): AimedSubmission[] {
  const found = known.map(({ object: { place }, step }) => ({
    ...({ what: "step", place, ...step } as const),
    ifCurrent: true as const,
  }));
  return reportInputsOf(events, found);
}

/** Submits what was found for reports, the early ones among them. */
export async function submitFound(
  deps: EarlyDeps,
  events: readonly BusEvent[],
  { inputs, early }: FoundInputs,
  submit: Submit,
): Promise<EventOutcome[]> {
  const [first, second] = await Promise.all([
    submit(inputs, events.length),
    submitEarly(deps, events, early, submit),
  ]);
  return joinOutcomes(first, second);
}

function nameOf({ workspaceId, kind, objectId }: ObjectProbe): string {
  return keyOf(workspaceId, kind, objectId);
}
