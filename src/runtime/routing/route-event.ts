/**
 * Events on their way to runs: who waits for them, which triggers match, and the inputs that follow.
 *
 * Boundary: knows events, not the bus: HandleTrigger comes the same way. Runs are changed by the
 * processor alone.
 * Invariants:
 * 1. An event that a wait may want later is kept, and that is committed, before open waits are
 *    looked up; a wait is committed before it looks for kept events. So they meet in either order.
 *    A lone event is offered before that to the waits that are open (route-waits.ts).
 * 2. An event is settled when everything it does is committed. Doing it again changes nothing.
 * 3. One event's failure is its own: a batch that fails is tried again in halves.
 * 4. What no trigger and no wait pattern wants is known in memory (listened-keys.ts), and so is the step of an object that this
 *    replica has just learned (known-reports.ts). Such a batch reads the edition of the catalogue, and nothing else. A batch of
 *    such reports alone reads not even that: their commit does. Where the edition is another one, all is looked up. So a version
 *    counts that was committed before.
 * 5. Reports about objects that this replica does not know are offered to the others first, where nothing listens to their events
 *    (shared-reports.ts). What nobody took is looked up.
 */

import type { Entities } from "../../engine/values/entities.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { Log } from "../../process/log.ts";
import { Refusal } from "../../process/refusal.ts";
import type { Database } from "../../store/database.ts";
import type { ObjectProbe } from "../../store/event-readers.ts";
import type { GraphCache } from "../graphs.ts";
import type { Processor } from "../processor.ts";
import { isTemporary } from "../temporary.ts";
import { isOpen, type Submit } from "./early-reports.ts";
import {
  type DividedObjects,
  divideBeside,
  divideKnown,
  findReportsOf,
  submitFound,
  submitKnown,
} from "./known-reports.ts";
import type { KeysOfEdition } from "./listened-keys.ts";
import { isAboutRecord, resolveEntities } from "./route-entities.ts";
import {
  decisionsOf,
  findFittingWaits,
  findReports,
  inOrder,
  objectProbesOf,
  waitInputsOf,
} from "./route-inputs.ts";
import {
  findEventPatterns,
  fittingEvents,
  keepFittingEvents,
  patternProbesOf,
  waitProbesOf,
} from "./route-keep.ts";
import { withoutMissed } from "./route-missed.ts";
import { deployedProbesOf, findEventTriggers, startsOf, triggerProbesOf } from "./route-starts.ts";
import { type EventOutcome, joinOutcomes, runIdsOf, submitAll } from "./route-submit.ts";
import { findPlainWaits, offerAtOnce } from "./route-waits.ts";
import type { SharedReports } from "./shared-reports.ts";

/** What routing needs. */
export interface RouteDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly graphs: GraphCache;
  readonly log: Log;
  /** Takes reports to the replicas that made their calls; unset: all are looked up. */
  readonly sharedReports?: SharedReports | undefined;
  /** The lookup of canonical entities; unset: no entity is known. */
  readonly entities?: Entities | undefined;
}

/**
 * Why an event was not (wholly) applied. `away`: something is away or full, the event may succeed
 * as it is; `refused`: a limit or rule says no, for good; `failed`: a fault, of ours or the event's.
 */
type FailureKind = "away" | "refused" | "failed";

/** What became of an event. */
export type RoutedEvent =
  | {
      readonly ok: true;
      readonly startedRunIds: string[];
      readonly updatedRunIds: string[];
      /** Runs that the same event had started before. */
      readonly alreadyStartedRunIds: string[];
    }
  | { readonly ok: false; readonly error: unknown; readonly kind: FailureKind };

/**
 * Applies one event, and names every run that took it, also one whose wait found the event among the kept ones first.
 */
export async function routeEvent(deps: RouteDeps, event: BusEvent): Promise<RoutedEvent> {
  const watch = deps.processor.watchEvent(event.workspaceId, event.id);
  const [routed] = await routeEvents(deps, [event]);
  const takers = await watch.takers();
  if (routed === undefined) throw new Error("an event was routed without an outcome");
  if (!routed.ok) return routed;
  return { ...routed, updatedRunIds: [...new Set([...routed.updatedRunIds, ...takers])] };
}

/**
 * Applies a batch of events and gives the outcome of each, in the order given. Never rejects: a
 * failure is part of its event's outcome.
 */
export async function routeEvents(
  deps: RouteDeps,
  events: readonly BusEvent[],
): Promise<RoutedEvent[]> {
  if (events.length === 0) return [];
  try {
    return await routeBatch(deps, events);
  } catch (error) {
    if (events.length === 1 || kindOf(error) === "away") {
      return events.map(() => ({ ok: false, error, kind: kindOf(error) }));
    }
    const half = Math.ceil(events.length / 2);
    const first = await routeEvents(deps, events.slice(0, half));
    return [...first, ...(await routeEvents(deps, events.slice(half)))];
  }
}

async function routeBatch(deps: RouteDeps, events: readonly BusEvent[]): Promise<RoutedEvent[]> {
  const objects = divideKnown(deps.processor, objectProbesOf(events));
  const submit: Submit = async (aimed, eventCount) => {
    const wanted = await withoutMissed(deps, aimed);
    return submitAll(deps.processor, wanted, eventCount, (error) => kindOf(error) === "away");
  };
  const keys = deps.processor.listenedKeys.latest;
  const isKnown = objects.known.length === events.length || mayShare(deps, events, objects);
  if (!isKnown || keys === undefined || isListened(events, keys)) {
    return (await routeLooked(deps, events, objects, submit)).map(toRouted);
  }
  const moment = deps.processor.listenedKeys.moment();
  const outcomes = await submitRemembered(deps, events, objects, submit);
  const asked = objects.asked.filter(({ place }) => isOpen(outcomes[place]));
  const { listenedKeys } = deps.processor;
  if (asked.length === 0 && listenedKeys.areCurrentSince(keys, moment)) {
    return outcomes.map(toRouted);
  }
  // The other reports are done with: who else wants the events is looked up by another edition.
  const looked = await routeLooked(deps, events, { known: [], asked }, submit);
  return joinOutcomes(outcomes, looked).map(toRouted);
}

/** Whether reports of the batch may be offered to other replicas. A decision names its run itself and is looked up. */
function mayShare(
  { sharedReports }: RouteDeps,
  events: readonly BusEvent[],
  { asked }: DividedObjects,
): boolean {
  if (asked.length === 0 || sharedReports?.isOpen !== true) return false;
  return events.every(({ report }) => report?.kind !== "governance");
}

/** Submits reports whose step this replica remembers, beside those that another one may know. */
async function submitRemembered(
  deps: RouteDeps,
  events: readonly BusEvent[],
  { known, asked }: DividedObjects,
  submit: Submit,
): Promise<EventOutcome[]> {
  const { sharedReports } = deps;
  const own = submitKnown(deps, events, known, submit);
  if (asked.length === 0 || sharedReports === undefined) return own;
  const shared = sharedReports.submit(events, asked, submit);
  return joinOutcomes(await own, await shared);
}

/** Whether a trigger, or a wait, may want one of the events. */
function isListened(events: readonly BusEvent[], keys: KeysOfEdition): boolean {
  if (deployedProbesOf(events).length > 0) return true;
  return triggerProbesOf(events, keys).length > 0 || patternProbesOf(events, keys).length > 0;
}

/** Looks up who may want the events, beside the objects whose step is remembered. */
async function routeLooked(
  deps: RouteDeps,
  events: readonly BusEvent[],
  { known, asked }: DividedObjects,
  submit: Submit,
): Promise<readonly EventOutcome[]> {
  const { reports, triggers, ...looked } = await lookUp(deps, events, asked);
  const first = { ...looked, fitting: fittingEvents(deps, events, looked.patterns) };
  const sure = [...decisionsOf(events), ...reports.inputs];
  const busy = new Set([...runIdsOf(sure), ...known.map(({ step }) => step.runId)]);
  const { outcomes, toKeep, isOffered } = await offerAtOnce(deps, events, first, busy, submit);
  await keepFittingEvents(deps, toKeep);
  const probes = waitProbesOf(events, first.keys, first.fitting);
  const [starts, waits] = await Promise.all([
    startsOf(deps, events, triggers),
    findFittingWaits(deps.database, events, probes),
  ]);
  const { entities } = deps;
  const aboutRecords = entities === undefined ? [] : starts.filter(isAboutRecord);
  // What needs no entity, and is not early, does not wait for those that are.
  const others = starts.filter((start) => entities === undefined || !isAboutRecord(start));
  const left = waits.filter((wait) => !isOffered(wait));
  const aimed = [...sure, ...waitInputsOf(events, left)];
  const { alone, beside } = divideBeside(known, aimed);
  const late = await findReportsOf(deps, events, beside);
  const inputs = inOrder([...aimed, ...late.inputs]);
  const early = [...reports.early, ...late.early];
  const further = await Promise.all([
    submitKnown(deps, events, alone, submit),
    submitFound(deps, events, { inputs: [...others, ...inputs], early }, submit),
    entities === undefined || aboutRecords.length === 0
      ? submit([], events.length)
      : resolveEntities(entities, events, aboutRecords).then((each) => submit(each, events.length)),
  ]);
  return [outcomes, ...further].reduce(joinOutcomes);
}

/**
 * Looks up who may want the events, with what no one wants left out. What is remembered may be of another edition than the one
 * that is read beside it; then all events are looked up.
 */
async function lookUp(
  { database, processor: { listenedKeys } }: RouteDeps,
  events: readonly BusEvent[],
  objects: readonly ObjectProbe[],
) {
  const listeners = async (keys: KeysOfEdition | undefined) => {
    const [patterns, triggers, plain] = await Promise.all([
      findEventPatterns(database, events, keys),
      findEventTriggers(database, events, keys),
      findPlainWaits(database, events, keys),
    ]);
    return { patterns, triggers, plain };
  };
  const guess = listenedKeys.latest;
  const [reports, found] = await Promise.all([
    findReports(database, events, objects),
    listeners(guess),
  ]);
  const keys = listenedKeys.at(reports.edition);
  const isWhole = guess === undefined || guess === keys;
  return { reports, keys, ...(isWhole ? found : await listeners(keys)) };
}

function toRouted(outcome: EventOutcome): RoutedEvent {
  const { errors, startedRunIds, updatedRunIds, alreadyStartedRunIds } = outcome;
  if (errors.length === 0) {
    return { ok: true, startedRunIds, updatedRunIds, alreadyStartedRunIds };
  }
  // What may pass by itself comes first: the event is tried again, whatever else was wrong.
  const order: readonly FailureKind[] = ["away", "failed", "refused"];
  const kind = order.find((wanted) => errors.some((error) => kindOf(error) === wanted)) ?? "failed";
  const error = errors.find((candidate) => kindOf(candidate) === kind);
  return { ok: false, error, kind };
}

function kindOf(error: unknown): FailureKind {
  if (isTemporary(error)) return "away";
  if (!(error instanceof Refusal)) return "failed";
  if (error.reason === "timed_out") return "away";
  // The event itself is too much for the database: its deliveries are counted, and the last one puts it aside.
  return error.reason === "too_costly" ? "failed" : "refused";
}
