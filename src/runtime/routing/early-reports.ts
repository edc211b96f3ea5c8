/**
 * Reports that came before any step knows their object's id.
 *
 * Boundary: submits them, or keeps them. Which reports are early is decided before (route-inputs.ts).
 * Invariant: where this replica takes the reply in the next moment, report and reply meet in memory (learned-ids.ts). What is
 * not applied by that is kept; after that is committed the steps are looked up once more. The call's result is committed
 * before kept reports are looked up. So they meet in either order.
 */

import type { BusEvent } from "../../engine/values/event.ts";
import { count } from "../../process/metrics.ts";
import type { Database } from "../../store/database.ts";
import { type FoundWaiting, findWaiting, type ObjectProbe } from "../../store/event-readers.ts";
import { type EarlyReport, insertEarlyReports } from "../../store/events.ts";
import type { Processor } from "../processor.ts";
import { inOrder, inputOf, objectReportOf } from "./route-inputs.ts";
import { type AimedSubmission, type EventOutcome, joinOutcomes } from "./route-submit.ts";

/** What submitting early reports needs. */
export interface EarlyDeps {
  readonly database: Database;
  readonly processor: Pick<Processor, "awaitSteps">;
}

/**
 * Submits reports that came too early: at once where the reply comes in a moment. What is not applied by that is kept, and
 * that is committed.
 */
export async function submitEarly(
  { database, processor }: EarlyDeps,
  events: readonly BusEvent[],
  early: readonly ObjectProbe[],
  submit: (aimed: readonly AimedSubmission[]) => Promise<EventOutcome[]>,
): Promise<EventOutcome[]> {
  if (early.length === 0) return [];
  const steps = await processor.awaitSteps(early);
  const met = early.flatMap(({ place }, index): FoundWaiting[] => {
    const step = steps[index];
    return step === undefined ? [] : [{ what: "step", place, ...step }];
  });
  const outcomes = await submit(inOrder(met.flatMap((waiting) => inputOf(events, waiting))));
  const left = early.filter(({ place }) => isOpen(outcomes[place]));
  if (left.length === 0) return outcomes;
  const found = await keepEarly(database, events, left);
  const kept = await submit(inOrder(found.flatMap((waiting) => inputOf(events, waiting))));
  return joinOutcomes(outcomes, kept);
}

/** Whether an event has neither moved a run nor failed. */
function isOpen(outcome: EventOutcome | undefined): boolean {
  return outcome === undefined || outcome.updatedRunIds.length + outcome.errors.length === 0;
}

async function keepEarly(
  database: Database,
  events: readonly BusEvent[],
  early: readonly ObjectProbe[],
): Promise<FoundWaiting[]> {
  const reports = early.flatMap((probe) => earlyReportOf(probe, events[probe.place]));
  await database.transaction((tx) => insertEarlyReports(tx, reports));
  count("workflows_reports_early_total", {}, reports.length);
  return findWaiting(database.read, early, []);
}

function earlyReportOf(
  { workspaceId, objectId }: ObjectProbe,
  event: BusEvent | undefined,
): EarlyReport[] {
  const report = event === undefined ? undefined : objectReportOf(event);
  if (event === undefined || report === undefined) return [];
  const { id: eventId, actorAgentId } = event;
  const kept = actorAgentId === "" ? report : { ...report, actorAgentId };
  return [{ workspaceId, objectId, eventId, report: kept }];
}
