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
import { type FoundReported, findReported, type ObjectProbe } from "../../store/event-readers.ts";
import { type EarlyReport, insertEarlyReports } from "../../store/events.ts";
import type { Processor } from "../processor.ts";
import { findReports, objectReportOf, reportInputsOf } from "./route-inputs.ts";
import {
  type AimedSubmission,
  type EventOutcome,
  emptyOutcome,
  joinOutcomes,
} from "./route-submit.ts";

/** What submitting early reports needs. */
export interface EarlyDeps {
  readonly database: Database;
  readonly processor: Pick<Processor, "isAwaited" | "awaitStep">;
}

/** Submits inputs of a batch of so many events, and gives what became of each event. */
export type Submit = (
  aimed: readonly AimedSubmission[],
  eventCount: number,
) => Promise<EventOutcome[]>;

/**
 * The reply to a call and the event about its object are made at the same time, and come over two connections. Then the database is
 * asked whether another replica took the reply, and the reply has some more time.
 */
const PATIENCE_MS = { first: 10, second: 40 };

/**
 * Submits reports that came too early: at once where the reply comes in a moment. What is not applied by that is kept, and that
 * is committed.
 */
export async function submitEarly(
  deps: EarlyDeps,
  events: readonly BusEvent[],
  early: readonly ObjectProbe[],
  submit: Submit,
): Promise<EventOutcome[]> {
  const { database, processor } = deps;
  let outcomes = events.map(emptyOutcome);
  const take = (further: readonly EventOutcome[]) => {
    outcomes = joinOutcomes(outcomes, further);
  };
  const openOf = (objects: readonly ObjectProbe[]) =>
    objects.filter(({ place }) => isOpen(outcomes[place]));
  const awaited = early.filter((object) => processor.isAwaited(object));
  const first = await submitAwaited(deps, events, awaited, { withinMs: PATIENCE_MS.first, submit });
  take(first.outcomes);
  if (first.unnamed.length > 0) {
    const found = await findReports(database, events, first.unnamed);
    take(await submit(found.inputs, events.length));
    const withinMs = PATIENCE_MS.second;
    take((await submitAwaited(deps, events, found.early, { withinMs, submit })).outcomes);
  }
  const left = openOf(early);
  if (left.length === 0) return outcomes;
  const found = await keepEarly(database, events, left);
  take(await submit(reportInputsOf(events, found), events.length));
  return outcomes;
}

/** Submits each report as soon as this replica takes the reply that names its object; `unnamed` are those without one. */
async function submitAwaited(
  { processor }: EarlyDeps,
  events: readonly BusEvent[],
  objects: readonly ObjectProbe[],
  { withinMs, submit }: { readonly withinMs: number; readonly submit: Submit },
): Promise<{ readonly outcomes: EventOutcome[]; readonly unnamed: ObjectProbe[] }> {
  const outcomes = events.map(emptyOutcome);
  const unnamed: ObjectProbe[] = [];
  await Promise.all(
    objects.map(async (object) => {
      const { place } = object;
      const step = await processor.awaitStep(object, withinMs);
      if (step === undefined) {
        unnamed.push(object);
        return;
      }
      const aimed = reportInputsOf(events, [{ what: "step", place, ...step }]);
      const [outcome] = await submit(
        aimed.map((each) => ({ ...each, place: 0 })),
        1,
      );
      if (outcome !== undefined) outcomes[place] = outcome;
    }),
  );
  return { outcomes, unnamed };
}

/** Whether an event has neither moved a run nor failed. */
export function isOpen(outcome: EventOutcome | undefined): boolean {
  return outcome === undefined || outcome.updatedRunIds.length + outcome.errors.length === 0;
}

async function keepEarly(
  database: Database,
  events: readonly BusEvent[],
  early: readonly ObjectProbe[],
): Promise<readonly FoundReported[]> {
  const reports = early.flatMap((probe) => earlyReportOf(probe, events[probe.place]));
  await insertEarlyReports(database.write, reports);
  count("workflows_reports_early_total", {}, reports.length);
  return (await findReported(database.read, early)).found;
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
