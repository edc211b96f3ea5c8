/** The pure engine as a stage for scenarios: rows in memory, a clock that moves when it is told to. */
import type { VersionSpec } from "../../src/engine/definition.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import { EngineRun } from "./engine-run.ts";
import type { Stage } from "./scenario-play.ts";

/** A stage for runs of this version. */
export function engineStage(spec: VersionSpec): Stage {
  let run = new EngineRun(spec);
  let movesTaken = 0;
  let callsTaken = new Set<string>();
  return {
    graph: compileGraph(spec),
    async start(input, facts) {
      run = new EngineRun(spec, input, facts);
      movesTaken = 0;
      callsTaken = new Set();
      return run.put({ kind: "run_begun" });
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
