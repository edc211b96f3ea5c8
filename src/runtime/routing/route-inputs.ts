/**
 * Inputs for runs that exist: an event ends a wait, or reports about an object that a step waits for.
 *
 * Boundary: finds steps by id and pattern; whether they take the input (filter, late, repeated) is
 * decided by the engine.
 * Invariants:
 * 1. A report about an object that no step knows is kept while its workspace has a call open that
 *    may bring the id; after that is committed the steps are looked up once more. The call's result
 *    is committed before kept reports are looked up. So they meet in either order.
 * 2. Other people's objects are ordinary traffic: ignored and counted.
 */

import { fitsPatterns } from "../../engine/matching/trigger-match.ts";
import type { BusEvent, EventReport } from "../../engine/values/event.ts";
import type { ArrivedEvent, Cause, Input } from "../../engine/values/input.ts";
import { count } from "../../process/metrics.ts";
import type { Database } from "../../store/database.ts";
import {
  type FoundWaiting,
  findWaiting,
  type ObjectProbe,
  type WaitProbe,
} from "../../store/event-readers.ts";
import { type EarlyReport, insertEarlyReports } from "../../store/events.ts";
import type { AimedSubmission } from "./route-submit.ts";

/**
 * All inputs of the batch; `keys` say where waits for its events are filed. Reports that came too early are kept, and
 * that is committed.
 */
export async function findInputs(
  database: Database,
  events: readonly BusEvent[],
  keys: readonly WaitProbe[],
): Promise<AimedSubmission[]> {
  const objects = objectProbesOf(events);
  const decided = events.flatMap(governanceInput);
  if (objects.length + keys.length === 0) return decided;
  const found = await findWaiting(database.read, objects, keys);
  const known = placesOf(found, "step");
  const expected = placesOf(found, "open_call");
  const early = objects.filter(({ place }) => !known.has(place) && expected.has(place));
  const metEarly = early.length === 0 ? [] : await keepEarly(database, events, early);
  const foreign = objects.length - known.size - early.length;
  if (foreign > 0) count("workflows_events_ignored_total", { reason: "unknown_object" }, foreign);
  const aimed = [...found, ...metEarly].flatMap((waiting) => inputOf(events, waiting));
  // The database gives them in any order; reports about one object count in that of their events.
  return [...decided, ...aimed].sort((a, b) => a.place - b.place);
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
  if (event?.report === undefined) return [];
  return [{ workspaceId, objectId, eventId: event.id, report: event.report }];
}

function objectProbesOf(events: readonly BusEvent[]): ObjectProbe[] {
  return events.flatMap(({ report, workspaceId }, place) => {
    const object = objectOf(report);
    return object === undefined ? [] : [{ place, workspaceId, ...object }];
  });
}

function objectOf(
  report: EventReport | undefined,
): Pick<ObjectProbe, "kind" | "objectId"> | undefined {
  switch (report?.kind) {
    case "owner":
      return { kind: report.report.owner, objectId: report.report.id };
    case "approval":
      return { kind: "approval", objectId: report.report.requestId };
    case "governance":
    case undefined:
      return undefined;
  }
}

function placesOf(found: readonly FoundWaiting[], what: FoundWaiting["what"]): Set<number> {
  return new Set(found.filter((waiting) => waiting.what === what).map(({ place }) => place));
}

function inputOf(events: readonly BusEvent[], waiting: FoundWaiting): AimedSubmission[] {
  const event = events[waiting.place];
  if (event === undefined) return [];
  switch (waiting.what) {
    case "open_call":
      return [];
    case "step":
      return event.report === undefined ? [] : reportInput(event, event.report, waiting);
    case "wait":
      if (!fitsPatterns(waiting.typePattern, waiting.subjectPattern, event)) return [];
      return [
        aim(waiting, event, {
          kind: "event_arrived",
          cause: eventCause(event),
          stepIndex: waiting.stepIndex,
          event: arrivedEvent(event),
        }),
      ];
  }
}

function reportInput(
  event: BusEvent,
  report: EventReport,
  step: { readonly place: number; readonly runId: string; readonly stepIndex: number },
): AimedSubmission[] {
  const { stepIndex } = step;
  switch (report.kind) {
    case "owner":
      return [
        aim(step, event, {
          kind: "owner_reported",
          cause: eventCause(event),
          stepIndex,
          report: report.report,
        }),
      ];
    case "approval":
      return [
        aim(step, event, {
          kind: "approval_decided",
          cause: eventCause(event, report.report.decidedBy),
          stepIndex,
          report: report.report,
        }),
      ];
    case "governance":
      return [];
  }
}

// It names its run and step itself; a run that is not the workspace's is not found by the processor.
function governanceInput(event: BusEvent, place: number): AimedSubmission[] {
  const { report } = event;
  if (report?.kind !== "governance") return [];
  const input: Input = {
    kind: "governance_decided",
    cause: eventCause(event),
    report: report.report,
  };
  return [aim({ place, runId: report.runId }, event, input)];
}

function aim(
  { place, runId }: { readonly place: number; readonly runId: string },
  { workspaceId }: BusEvent,
  input: Input,
): AimedSubmission {
  return { place, submission: { kind: "input", runId, workspaceId, input } };
}

/** The event as the cause of a move; `by` is who did it, the acting agent unless given. */
export function eventCause(event: BusEvent, by = event.actorAgentId): Cause {
  return by === "" ? { kind: "event", id: event.id } : { kind: "event", id: event.id, by };
}

function arrivedEvent(event: BusEvent): ArrivedEvent {
  const { id, source, type, subject, time, data, extensions } = event;
  const facts = { id, source, type, subject, time, data };
  return extensions === undefined ? facts : { ...facts, extensions };
}
