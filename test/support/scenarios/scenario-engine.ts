/** The pure engine as a stage for scenarios: rows in memory, a clock that moves only when the script says so. */

import { compileGraph } from "../../../src/engine/graph/compile.ts";
import { matchTrigger } from "../../../src/engine/matching/trigger-match.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { BusEvent } from "../../../src/engine/values/event.ts";
import type { RunFacts } from "../../../src/engine/values/new-run.ts";
import { EngineRun } from "../engine/engine-run.ts";
import { EngineRuns } from "../engine/engine-runs.ts";
import type { OtherVersions } from "./scenario-file.ts";
import { SCRIPT_STARTS_AT_MS, type Stage } from "./scenario-play.ts";

const HOPS_AT_MOST = 16;

/** A stage for runs of this version, which finds the others by their names. */
export function engineStage(spec: VersionSpec, others: OtherVersions = new Map()): Stage {
  let runs = new EngineRuns(others);
  // As the runtime does: an event starts a definition once, and chains of events end.
  const received = new Set<string>();
  const graph = compileGraph(spec);
  const begin: Stage["start"] = async (input, facts) => {
    runs = new EngineRuns(others);
    const run = new EngineRun(spec, input, facts, { now: SCRIPT_STARTS_AT_MS });
    return { runId: run.run.id, reply: runs.begin(run) };
  };
  return {
    graph,
    graphOf: (runId) => runs.get(runId).graph,
    start: begin,
    async arrive(event) {
      const { matches } = matchTrigger(spec.trigger, graph.triggerFilter, event);
      if (!matches || event.hops >= HOPS_AT_MOST || received.has(event.id)) return undefined;
      received.add(event.id);
      const { triggerType } = spec.trigger;
      const hops = event.hops > 0 ? event.hops + 1 : 0;
      const facts = { triggerType, triggerEventId: event.id, hops, ...entityOf(event) };
      return begin(event.data, facts);
    },
    async put(runId, input) {
      const run = runs.get(runId);
      // As the runtime does: a call is answered once, whatever comes afterwards counts for nothing.
      const isRepeat = input.kind === "call_returned" && !run.openCalls.has(input.callId);
      return isRepeat ? { kind: "unchanged" } : run.put(input);
    },
    carryOut: async (own) => runs.carryOut(own),
    async advance(ms) {
      runs.advance(ms);
    },
    takeMoves: async (runId) => runs.takeMoves(runId),
    takeCalls: () => runs.takeCalls(),
    view: async (runId) => runs.get(runId).view(),
    openCalls: async (runId) => [...runs.get(runId).openCalls.keys()],
  };
}

/** As the runtime does where entities are not configured. */
function entityOf({ tap }: BusEvent): Partial<RunFacts> {
  return tap === undefined ? {} : { entityId: tap.entityId, entityType: tap.entityType };
}
