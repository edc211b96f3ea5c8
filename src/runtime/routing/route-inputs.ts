/**
 * Inputs for runs that exist: an event ends a wait, or reports about an object that a step waits for.
 *
 * Boundary: finds steps by id and pattern. What came too early goes to early-reports.ts; whether a step takes an input
 * (filter, late, repeated) is decided by the engine.
 * Invariants:
 * 1. A report about an object that no step knows is early while its workspace has a call open that may bring the id.
 * 2. The end of an object that a step left open is recorded with the step. Its other states are not: its run is not loaded for them.
 * 3. Other people's objects are ordinary traffic: ignored and counted.
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
import { isResult } from "../../engine/values/owner-states.ts";
import { count } from "../../process/metrics.ts";
import type { Database } from "../../store/database.ts";
import {
  type FoundReported,
  type FoundWait,
  findReported,
  findWaits,
  type ObjectProbe,
  type WaitProbe,
} from "../../store/event-readers.ts";
import type { EventToKeep } from "../../store/events.ts";
import type { FittingEvents } from "./route-keep.ts";
import type { AimedSubmission } from "./route-submit.ts";

/** As much of an event as a report is made of. */
export type ReportingEvent = Pick<BusEvent, "id" | "workspaceId" | "actorAgentId" | "report">;

/** What reports of a batch lead to. */
export interface FoundInputs {
  readonly inputs: readonly AimedSubmission[];
  /** Reports that came too early. */
  readonly early: readonly ObjectProbe[];
}

/** The inputs of reports about these objects, and the edition of the catalogue at the time of the look. */
export async function findReports(
  { read }: Pick<Database, "read">,
  events: readonly BusEvent[],
  objects: readonly ObjectProbe[],
): Promise<FoundInputs & { readonly edition: string | undefined }> {
  const { found, edition } = await findReported(read, objects);
  const known = new Set([...placesOf(found, "step"), ...placesOf(found, "ended_step")]);
  const expected = placesOf(found, "open_call");
  const early = objects.filter(({ place }) => !known.has(place) && expected.has(place));
  const foreign = objects.length - known.size - early.length;
  if (foreign > 0) count("workflows_events_ignored_total", { reason: "unknown_object" }, foreign);
  return { inputs: reportInputsOf(events, found), early, edition };
}

/** The waits whose patterns the events fit; `probes` say where waits for the events are filed. */
export async function findFittingWaits(
  { read }: Pick<Database, "read">,
  events: readonly BusEvent[],
  probes: readonly WaitProbe[],
): Promise<FoundWait[]> {
  if (probes.length === 0) return [];
  const found = await findWaits(read, probes);
  return found.filter(({ place, typePattern, subjectPattern }) => {
    const event = events[place];
    return event !== undefined && fitsPatterns(typePattern, subjectPattern, event);
  });
}

/** The inputs of waits; an event among `keeping` is kept where it is applied. */
export function waitInputsOf(
  events: readonly BusEvent[],
  waits: readonly FoundWait[],
  keeping: FittingEvents = new Map(),
): AimedSubmission[] {
  return waits.flatMap((wait) => {
    const event = events[wait.place];
    if (event === undefined) return [];
    const input = eventInput(wait.stepIndex, event, event.actorAgentId);
    return [aim(wait, event, input, keeping.get(wait.place))];
  });
}

/** It names its run and step itself; a run that is not the workspace's is not found by the processor. */
export function decisionsOf(events: readonly BusEvent[]): AimedSubmission[] {
  return events.flatMap((event, place) => {
    const { report } = event;
    if (report?.kind !== "governance") return [];
    return [aim({ place, runId: report.runId }, event, governanceInput(report, originOf(event)))];
  });
}

/** The database gives them in any order; reports about one object count in that of their events. */
export function inOrder(aimed: readonly AimedSubmission[]): AimedSubmission[] {
  return aimed.toSorted((a, b) => a.place - b.place);
}

/** The objects that events report about. */
export function objectProbesOf(events: readonly ReportingEvent[]): ObjectProbe[] {
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

function placesOf(found: readonly FoundReported[], what: FoundReported["what"]): Set<number> {
  return new Set(found.filter((each) => each.what === what).map(({ place }) => place));
}

/** The inputs of steps that wait for the objects of their events, in the order of the events. */
export function reportInputsOf(
  events: readonly ReportingEvent[],
  found: readonly (FoundReported & { readonly ifCurrent?: true })[],
): AimedSubmission[] {
  const aimed = found.flatMap((step) => {
    const event = events[step.place];
    if (event === undefined || step.what === "open_call") return [];
    const report = objectReportOf(event);
    if (report === undefined || (step.what === "ended_step" && !isLateResult(report))) return [];
    return [aim(step, event, reportInput(step.stepIndex, report, originOf(event), step.ifCurrent))];
  });
  return inOrder(aimed);
}

function isLateResult(report: ObjectReport): boolean {
  return report.kind === "approval" || isResult(report.report.state);
}

/** The report about an object that an event carries. */
export function objectReportOf({ report }: Pick<BusEvent, "report">): ObjectReport | undefined {
  return report?.kind === "governance" ? undefined : report;
}

function aim(
  { place, runId }: { readonly place: number; readonly runId: string },
  { workspaceId }: Pick<BusEvent, "workspaceId">,
  input: Input,
  keep?: EventToKeep,
): AimedSubmission {
  return { place, submission: { kind: "input", runId, workspaceId, input, keep } };
}
