/**
 * Which events a wait may want later, keeping them, and under which keys waits for an event are filed.
 *
 * Boundary: the patterns of versions decide (see store/event-readers.ts for which versions count);
 * filters are not asked, they read what a run will know only then.
 */

import { equalityOfEvent } from "../../engine/matching/equality.ts";
import { keysOfEvent } from "../../engine/matching/keys.ts";
import { fitsPatterns } from "../../engine/matching/trigger-match.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import type { Database } from "../../store/database.ts";
import {
  ANY_EQUALS,
  type FoundWaitPatterns,
  findWaitPatterns,
  type KeyProbe,
  type WaitProbe,
} from "../../store/event-readers.ts";
import { type EventToKeep, keepEvents } from "../../store/events.ts";
import type { KeysOfEdition } from "./listened-keys.ts";

interface KeepDeps {
  readonly database: Database;
  readonly log: Log;
}

/** More of them in one workspace, and an event is offered to all waits whose patterns it fits. */
const EQUALITIES_AT_MOST = 16;

/** Events that a wait may want later, as they are kept, by their place in the batch. */
export type FittingEvents = ReadonlyMap<number, EventToKeep>;

/** Wait patterns that may take the events; `keys` say which keys patterns have, where that is known. */
export async function findEventPatterns(
  { read }: Pick<Database, "read">,
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
): Promise<FoundWaitPatterns[]> {
  const probes = patternProbesOf(events, keys);
  return probes.length === 0 ? [] : findWaitPatterns(read, probes);
}

/** The keys of events that a wait pattern may have. */
export function patternProbesOf(
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
): KeyProbe[] {
  const probes = keyProbesOf(events, keys);
  return keys === undefined ? probes : probes.filter(keys.isPatterns);
}

/** Those of the events that fit a wait pattern, by the patterns that were found for them. */
export function fittingEvents(
  { log }: Pick<KeepDeps, "log">,
  events: readonly BusEvent[],
  patterns: readonly FoundWaitPatterns[],
): FittingEvents {
  const paths = new Map<number, Set<string>>();
  for (const found of patterns) {
    const event = events[found.place];
    if (event === undefined || !fitsPatterns(found.typePattern, found.subjectPattern, event))
      continue;
    const known = paths.get(found.place) ?? new Set();
    paths.set(found.place, known);
    if (found.eventPaths !== null) known.add(found.eventPaths);
  }
  const askedAtMs = Math.min(...patterns.map((found) => found.askedAtMs));
  const fitting = new Map<number, EventToKeep>();
  for (const [place, wanted] of paths) {
    const event = events[place];
    if (event === undefined) continue;
    fitting.set(place, toKeep(event, askedAtMs, equalitiesOf(log, event, wanted)));
  }
  return fitting;
}

/** Keeps events that fit, and commits that. */
export async function keepFittingEvents(
  { database }: Pick<KeepDeps, "database">,
  fitting: readonly EventToKeep[],
): Promise<void> {
  if (fitting.length === 0) return;
  await keepEvents(database.write, fitting);
  await reached("bus.event.kept");
  noteKept(fitting.length);
}

/** Counts events that are kept, whichever transaction kept them. */
export function noteKept(events: number): void {
  count("workflows_events_kept_total", {}, events);
}

/**
 * Where waits for the events are filed: an event that has no pattern's key ends no wait (listened-keys.ts, L3). Without
 * `fitting`, only waits of which no equality is known.
 */
export function waitProbesOf(
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
  fitting: FittingEvents = new Map(),
): WaitProbe[] {
  const probes = keyProbesOf(events, keys);
  const wanted =
    keys && new Set(probes.filter((probe) => keys.isPatterns(probe)).map(({ place }) => place));
  return probes
    .filter(({ place }) => wanted === undefined || wanted.has(place))
    .flatMap((probe) => probesOfKey(probe, events[probe.place], fitting.get(probe.place)));
}

function equalitiesOf(log: Log, event: BusEvent, wanted: ReadonlySet<string>): readonly string[] {
  if (wanted.size > EQUALITIES_AT_MOST) return [ANY_EQUALS];
  return [...wanted].flatMap((paths) => {
    const { text, missing } = equalityOfEvent(paths, event);
    if (missing !== undefined) noteMissing(log, event, missing);
    return text === undefined ? [] : [text];
  });
}

/** The filter would fail in every run that waits, and counts as false in all of them. */
function noteMissing(log: Log, { workspaceId, id, type }: BusEvent, path: string): void {
  count("workflows_filters_failed_total", { of: "wait" });
  log.warn("the filters of waits read a field that the event does not have, and count as false", {
    path,
    workspaceId,
    eventId: id,
    type,
  });
}

/** An event without a type (HandleTrigger's) ends no wait, nor does one of a type that nothing listens to. */
function keyProbesOf(events: readonly BusEvent[], keys: KeysOfEdition | undefined): KeyProbe[] {
  return events.flatMap((event, place) => {
    const { type, workspaceId } = event;
    if (type === "" || keys?.mayListen(event) === false) return [];
    return keysOfEvent(event).map((key) => ({ place, workspaceId, key }));
  });
}

function probesOfKey(
  probe: KeyProbe,
  event: BusEvent | undefined,
  kept: EventToKeep | undefined,
): WaitProbe[] {
  if (event === undefined) return [];
  const { id: eventId, source } = event;
  const known = kept === undefined ? [] : (kept.equals ?? [ANY_EQUALS]);
  return ["", ...known].map((equals) => ({ ...probe, eventId, source, equals }));
}

function toKeep(event: BusEvent, arrivedAtMs: number, equals: readonly string[]): EventToKeep {
  const { workspaceId, id, source, type, subject, time, data, extensions } = event;
  return {
    ...{ workspaceId, id, source, type, subject, time, arrivedAtMs, data },
    ...(extensions === undefined ? {} : { extensions }),
    ...(equals.includes(ANY_EQUALS) ? {} : { equals }),
  };
}
