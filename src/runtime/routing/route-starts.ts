/**
 * Runs that events start: the triggers of latest versions that match, or of an event of an environment those that are deployed there.
 *
 * Boundary: finds and asks triggers; that an event starts one run a definition is the processor's.
 * Invariant: a chain of runs that start each other by their events ends after HOPS_AT_MOST.
 */

import type { Graph } from "../../engine/graph/graph.ts";
import { eventCause } from "../../engine/matching/arrival.ts";
import { triggerKeysOfEvent } from "../../engine/matching/keys.ts";
import { fitsTrigger, matchTrigger } from "../../engine/matching/trigger-match.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { beginTurn } from "../../process/shared-turn.ts";
import type { Database } from "../../store/database.ts";
import { type DeployedProbe, findDeployedTriggers } from "../../store/deployed-triggers.ts";
import { type FoundTrigger, findTriggers, type KeyProbe } from "../../store/event-readers.ts";
import type { GraphCache } from "../graphs.ts";
import type { RunStart } from "../submission.ts";
import type { KeysOfEdition } from "./listened-keys.ts";
import type { AimedSubmission } from "./route-submit.ts";

const HOPS_AT_MOST = 16;
const OWN_SOURCE = "workflows";

interface StartDeps {
  readonly graphs: GraphCache;
  readonly log: Log;
}

interface Candidate {
  readonly event: BusEvent;
  readonly found: FoundTrigger;
}

/** Triggers that may take the events; `keys` say which keys triggers have, where that is known. */
export async function findEventTriggers(
  { read }: Pick<Database, "read">,
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
): Promise<FoundTrigger[]> {
  const probes = triggerProbesOf(events, keys);
  const deployed = deployedProbesOf(events);
  const found = await Promise.all([
    probes.length === 0 ? [] : findTriggers(read, probes),
    deployed.length === 0 ? [] : findDeployedTriggers(read, deployed),
  ]);
  return found.flat();
}

/** The keys of events of production that a trigger may have. */
export function triggerProbesOf(
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
): KeyProbe[] {
  return events.flatMap((event, place) => {
    if (event.environment !== undefined || keys?.mayListen(event) === false) return [];
    const probes = probesOf(event, place);
    return keys === undefined ? probes : probes.filter(keys.isTriggers);
  });
}

/** The keys of events of other environments; which keys are deployed there is not remembered. */
export function deployedProbesOf(events: readonly BusEvent[]): DeployedProbe[] {
  return events.flatMap((event, place) => {
    const { environment } = event;
    if (environment === undefined) return [];
    return probesOf(event, place).map((probe) => ({ ...probe, environment }));
  });
}

function probesOf(event: BusEvent, place: number): KeyProbe[] {
  const { workspaceId } = event;
  return triggerKeysOfEvent(event).map((key) => ({ place, workspaceId, key }));
}

/** The starts that the events of a batch lead to, by the triggers that were found for them. */
export async function startsOf(
  deps: StartDeps,
  events: readonly BusEvent[],
  found: readonly FoundTrigger[],
): Promise<AimedSubmission[]> {
  const candidates = found
    .flatMap((trigger): Candidate[] => {
      const event = events[trigger.place];
      return event === undefined ? [] : [{ event, found: trigger }];
    })
    .filter(({ event, found: { trigger } }) => fitsTrigger(trigger, event))
    .filter(({ event }) => mayHop(event));
  if (candidates.length === 0) return [];
  const graphs = await deps.graphs.require(filteringVersions(candidates));
  return await filterCandidates(deps, candidates, graphs);
}

function filteringVersions(candidates: readonly Candidate[]): string[] {
  const filtering = candidates.filter(({ found }) => found.trigger.filterExpr !== "");
  return [...new Set(filtering.map(({ found }) => found.versionId))];
}

async function filterCandidates(
  deps: StartDeps,
  candidates: readonly Candidate[],
  graphs: ReadonlyMap<string, Graph>,
): Promise<AimedSubmission[]> {
  const aimed: AimedSubmission[] = [];
  const share = beginTurn();
  for (const candidate of candidates) {
    // A filter takes up to 15 ms.
    await share();
    if (passesFilter(deps, candidate, graphs)) aimed.push(aimStart(candidate));
  }
  return aimed;
}

function passesFilter(
  { log }: StartDeps,
  { event, found }: Candidate,
  graphs: ReadonlyMap<string, Graph>,
): boolean {
  const { trigger, versionId, definitionId } = found;
  const filter = graphs.get(versionId)?.triggerFilter;
  if (trigger.filterExpr !== "" && filter === undefined) {
    throw new Error(`version ${versionId} has a filter that is not compiled`);
  }
  const { matches, problem } = matchTrigger(trigger, filter, event);
  if (problem !== undefined) {
    count("workflows_filters_failed_total", { of: "trigger" });
    log.warn("a trigger's filter could not be evaluated and counts as false", {
      definitionId,
      versionId,
      eventId: event.id,
      problem,
    });
  }
  return matches;
}

function aimStart({ event, found }: Candidate): AimedSubmission {
  const { place, definitionId, versionId, version, trigger } = found;
  const tap = trigger.triggerType === "WEBHOOK" ? event.tap : undefined;
  const { caller } = event;
  const start: RunStart = {
    definitionId,
    versionId,
    definitionVersion: version,
    workspaceId: event.workspaceId,
    triggerType: trigger.triggerType,
    triggerEventId: event.id,
    triggerSource: event.source,
    initiatorAgentId: event.actorAgentId,
    initiatorUserId: caller?.initiatorUserId ?? "",
    parentRunId: "",
    entityId: caller?.entityId || (tap?.entityId ?? ""),
    entityType: caller?.entityType || (tap?.entityType ?? ""),
    hops: hopsAfter(event),
    ...(event.environment === undefined ? {} : { environment: event.environment }),
    input: event.data,
    ...(event.dataUnset === true ? { inputUnset: true } : {}),
  };
  return {
    ...{ place, submission: { kind: "start", start, cause: eventCause(event) } },
    ...(found.isPaused ? { isPaused: true } : {}),
  };
}

function mayHop(event: BusEvent): boolean {
  if (hopsAfter(event) <= HOPS_AT_MOST) return true;
  count("workflows_events_ignored_total", { reason: "too_many_hops" });
  return false;
}

// Another service that hands the extension on keeps the chain visible.
function hopsAfter({ source, hops }: BusEvent): number {
  return source === OWN_SOURCE || hops > 0 ? hops + 1 : 0;
}
