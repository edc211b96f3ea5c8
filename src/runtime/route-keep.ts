/**
 * Keeps the events that a wait may want later.
 *
 * Boundary: the patterns of versions decide (see store/event-readers.ts for which versions count);
 * filters are not asked, they read what a run will know only then.
 */
import type { BusEvent } from "../engine/event.ts";
import { eventKeysOf } from "../engine/matching/keys.ts";
import { fitsPatterns } from "../engine/matching/trigger-match.ts";
import type { Database } from "../store/database.ts";
import { findWaitPatterns, type WaitProbe } from "../store/event-readers.ts";
import { type EventToKeep, keepEvents } from "../store/events.ts";
import { count } from "./metrics.ts";

/** Keeps those of the events that fit a wait pattern, and commits that. */
export async function keepFittingEvents(
  database: Database,
  events: readonly BusEvent[],
): Promise<void> {
  const probes = waitProbesOf(events);
  if (probes.length === 0) return;
  const patterns = await findWaitPatterns(database.read, probes);
  const places = new Set<number>();
  for (const { place, typePattern, subjectPattern } of patterns) {
    const event = events[place];
    if (event !== undefined && fitsPatterns(typePattern, subjectPattern, event)) places.add(place);
  }
  if (places.size === 0) return;
  const fitting = events.filter((_event, place) => places.has(place)).map(toKeep);
  await database.transaction((tx) => keepEvents(tx, fitting));
  count("workflows_events_kept_total", {}, fitting.length);
}

/** Where waits for these events are filed. An event without a type (HandleTrigger's) ends no wait. */
export function waitProbesOf(events: readonly BusEvent[]): WaitProbe[] {
  return events.flatMap(({ id: eventId, source, type, subject, workspaceId }, place) => {
    const keys = type === "" ? [] : eventKeysOf(type, subject);
    return keys.map((key) => ({ place, workspaceId, key, eventId, source }));
  });
}

function toKeep({ workspaceId, id, source, type, subject, time, data }: BusEvent): EventToKeep {
  return { workspaceId, id, source, type, subject, time, data };
}
