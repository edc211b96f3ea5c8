/**
 * Inputs for runs that exist: an event ends a wait, or reports about an object that a step waits for.
 *
 * Boundary: finds steps by id and pattern. What came too early goes to early-reports.ts; whether a step takes an input
 * (filter, late, repeated) is decided by the engine.
 * Invariants:
 * 1. A report about an object that no step knows is early while its workspace has a call open that may bring the id.
 * 2. Other people's objects are ordinary traffic: ignored and counted.
 */

import {
  eventInput,
  governanceInput,
  originOf,
  reportInput,
} from "../../engine/matching/arrival.ts";
import { fitsPatterns } from "../../engine/matching/trigger-match.ts";
import type { BusEvent, ObjectReport } from "../../engine/values/event.ts";
import type { Input } from "../../engine/values/input.ts";
import { count } from "../../process/metrics.ts";
import type { Database } from "../../store/database.ts";
import {
  type FoundWaiting,
  findWaiting,
  type ObjectProbe,
  type WaitProbe,
} from "../../store/event-readers.ts";
import type { AimedSubmission } from "./route-submit.ts";

/** What a batch leads to. */
export interface FoundInputs {
  readonly inputs: readonly AimedSubmission[];
  /** Reports that came too early. */
  readonly early: readonly ObjectProbe[];
}

/** All inputs of the batch; `keys` say where waits for its events are filed. */
export async function findInputs(
  database: Database,
  events: readonly BusEvent[],
  keys: readonly WaitProbe[],
): Promise<FoundInputs> {
  const objects = objectProbesOf(events);
  const decided = events.flatMap(decisionOf);
  if (objects.length + keys.length === 0) return { inputs: decided, early: [] };
  const found = await findWaiting(database.read, objects, keys);
  const known = placesOf(found, "step");
  const expected = placesOf(found, "open_call");
  const early = objects.filter(({ place }) => !known.has(place) && expected.has(place));
  const foreign = objects.length - known.size - early.length;
  if (foreign > 0) count("workflows_events_ignored_total", { reason: "unknown_object" }, foreign);
  return {
    inputs: inOrder([...decided, ...found.flatMap((waiting) => inputOf(events, waiting))]),
    early,
  };
}

/** The database gives them in any order; reports about one object count in that of their events. */
export function inOrder(aimed: readonly AimedSubmission[]): AimedSubmission[] {
  return aimed.toSorted((a, b) => a.place - b.place);
}

function objectProbesOf(events: readonly BusEvent[]): ObjectProbe[] {
  return events.flatMap((event, place) => {
    const object = objectOf(objectReportOf(event));
    return object === undefined ? [] : [{ place, workspaceId: event.workspaceId, ...object }];
  });
}

function objectOf(
  report: ObjectReport | undefined,
): Pick<ObjectProbe, "kind" | "objectId"> | undefined {
  switch (report?.kind) {
    case "owner":
      return { kind: report.report.owner, objectId: report.report.id };
    case "approval":
      return { kind: "approval", objectId: report.report.requestId };
    case undefined:
      return undefined;
  }
}

function placesOf(found: readonly FoundWaiting[], what: FoundWaiting["what"]): Set<number> {
  return new Set(found.filter((waiting) => waiting.what === what).map(({ place }) => place));
}

/** The input that an event leads to by what was found. */
export function inputOf(events: readonly BusEvent[], waiting: FoundWaiting): AimedSubmission[] {
  const event = events[waiting.place];
  if (event === undefined) return [];
  switch (waiting.what) {
    case "open_call":
      return [];
    case "step": {
      const report = objectReportOf(event);
      if (report === undefined) return [];
      return [aim(waiting, event, reportInput(waiting.stepIndex, report, originOf(event)))];
    }
    case "wait":
      if (!fitsPatterns(waiting.typePattern, waiting.subjectPattern, event)) return [];
      return [aim(waiting, event, eventInput(waiting.stepIndex, event, event.actorAgentId))];
  }
}

// It names its run and step itself; a run that is not the workspace's is not found by the processor.
function decisionOf(event: BusEvent, place: number): AimedSubmission[] {
  const { report } = event;
  if (report?.kind !== "governance") return [];
  return [aim({ place, runId: report.runId }, event, governanceInput(report, originOf(event)))];
}

/** The report about an object that an event carries. */
export function objectReportOf({ report }: BusEvent): ObjectReport | undefined {
  return report?.kind === "governance" ? undefined : report;
}

function aim(
  { place, runId }: { readonly place: number; readonly runId: string },
  { workspaceId }: BusEvent,
  input: Input,
): AimedSubmission {
  return { place, submission: { kind: "input", runId, workspaceId, input } };
}
