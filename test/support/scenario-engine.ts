/** The pure engine as a stage for scenarios: rows in memory, a clock that moves when it is told to. */
import type { VersionSpec } from "../../src/engine/definition.ts";
import type { BusEvent } from "../../src/engine/event.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { JsonObject } from "../../src/engine/json.ts";
import { matchTrigger } from "../../src/engine/matching/trigger-match.ts";
import type { RunFacts } from "../../src/engine/new-run.ts";
import { EngineRun } from "./engine-run.ts";
import { SCRIPT_STARTS_AT_MS, type Stage } from "./scenario-play.ts";

const HOPS_AT_MOST = 16;

/** A stage for runs of this version. */
export function engineStage(spec: VersionSpec): Stage {
  let run = new EngineRun(spec);
  let movesTaken = 0;
  let callsTaken = new Set<string>();
  // As the runtime does: an event starts a definition once, and chains of events end.
  const heard = new Set<string>();
  const graph = compileGraph(spec);
  const start = (input: JsonObject, facts: Partial<RunFacts>) => {
    run = new EngineRun(spec, input, facts, SCRIPT_STARTS_AT_MS);
    movesTaken = 0;
    callsTaken = new Set();
    return run.put({ kind: "run_begun" });
  };
  return {
    graph,
    async start(input, facts) {
      return start(input, facts);
    },
    async arrive(event) {
      const { matches } = matchTrigger(spec.trigger, graph.triggerFilter, event);
      if (!matches || event.hops >= HOPS_AT_MOST || heard.has(event.id)) return false;
      heard.add(event.id);
      const { triggerType } = spec.trigger;
      start(event.data, { triggerType, triggerEventId: event.id, ...entityOf(event) });
      return true;
    },
    async put(input) {
      // As the runtime does: a call is answered once, whatever comes afterwards counts for nothing.
      const isRepeat = input.kind === "call_returned" && !run.effects.has(input.effectId);
      return isRepeat ? { kind: "unchanged" } : run.put(input);
    },
    async advance(ms) {
      run.now += ms;
    },
    async takeMoves() {
      const rows = run.history.slice(movesTaken);
      movesTaken = run.history.length;
      return rows.flatMap((row) => row.moves);
    },
    takeCalls() {
      const made = [...run.effects.values()].filter(({ id }) => !callsTaken.has(id));
      for (const { id } of made) callsTaken.add(id);
      return made;
    },
    async view() {
      return run.view();
    },
    async openCalls() {
      return [...run.effects.keys()];
    },
  };
}

/** As the runtime does where nobody knows canonical entities. */
function entityOf({ tap }: BusEvent): Partial<RunFacts> {
  return tap === undefined ? {} : { entityId: tap.entityId, entityType: tap.entityType };
}
