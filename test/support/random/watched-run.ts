/**
 * A run in memory whose rules are checked after every input.
 * Boundary: the rules are those of watch-moves, watch-calls and watch-rows; this file takes inputs as the shell does.
 */
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { beginReplay } from "../../../src/engine/replay.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import { isFinalRun, type StepRun } from "../../../src/engine/values/run.ts";
import { type BareInput, EngineRun } from "../engine/engine-run.ts";
import { RUN_INPUT } from "./random-version.ts";
import { type Before, broken, type Seen } from "./watch.ts";
import { watchCalls } from "./watch-calls.ts";
import { watchMoves } from "./watch-moves.ts";
import { watchCosts, watchRows, watchShape } from "./watch-rows.ts";

/** See the file's head. */
export class WatchedRun {
  readonly at: EngineRun;
  /** Every input with the time at which it came. */
  readonly log: { readonly now: number; readonly input: BareInput }[] = [];
  readonly seen: Seen = {
    replay: beginReplay(),
    callIds: new Set(),
    touched: new Set(),
    reported: new Set(),
  };

  constructor(graph: Graph, costsFromMeter: boolean) {
    this.at = new EngineRun(graph.spec, RUN_INPUT, {}, { graph });
    this.at.lookups = { ...this.at.lookups, costsFromMeter };
  }

  /** Takes an input and checks every rule. The result of a call counts once, as the shell sees to it. */
  put(input: BareInput): Reply {
    if (input.kind === "call_returned" && !this.at.openCalls.has(input.callId)) {
      return { kind: "unchanged" };
    }
    const before = this.#before();
    this.log.push({ now: this.at.now, input });
    const reply = this.at.put(input);
    this.#look(before, input, reply);
    return reply;
  }

  /** The same input again changes nothing, but for a note in the history at most. */
  repeat(input: BareInput): void {
    const before = this.#before();
    const { stepMarks, edgeMarks, totalCostUsd, unsettled } = this.at.run;
    this.put(input);
    const { run } = this.at;
    const isSame =
      run.state === before.state &&
      run.totalCostUsd === totalCostUsd &&
      run.unsettled.length === unsettled.length &&
      equalBytes(run.stepMarks, stepMarks) &&
      equalBytes(run.edgeMarks, edgeMarks) &&
      this.at.wanted.length === before.wanted;
    if (!isSame) broken(`a repeated ${input.kind} changed the run`);
    for (const [index, row] of this.at.rows) {
      if (!equalRows(row, before.rows.get(index)))
        broken(`a repeated ${input.kind}: step ${index}`);
    }
    if (JSON.stringify(this.at.children) !== JSON.stringify(before.children)) {
      broken(`a repeated ${input.kind} changed the children`);
    }
    for (const { moves } of this.at.history.slice(before.moves)) {
      for (const { from, to, op } of moves) {
        if (from !== to || op !== undefined)
          broken(`a repeated ${input.kind} moved ${from} to ${to}`);
      }
    }
  }

  #before(): Before {
    const { run, rows, children, history, wanted } = this.at;
    return {
      state: run.state,
      rows: new Map(rows),
      children,
      moves: history.length,
      wanted: wanted.length,
    };
  }

  #look(before: Before, input: BareInput, reply: Reply): void {
    const { at, seen } = this;
    watchCalls(at, seen, before, input);
    watchMoves(at, seen, before, input);
    watchCosts(at, seen, before, input);
    watchRows(at, before, input);
    watchShape(at);
    if (reply.kind === "refused" && at.history.length > before.moves) {
      broken(`a refused ${input.kind} left a row in the history`);
    }
    const reopens = input.kind === "compensate_requested" && before.state !== "COMPLETED";
    if (isFinalRun(before.state) && at.run.state !== before.state && !reopens) {
      broken(`${before.state} became ${at.run.state} by ${input.kind}`);
    }
  }
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function equalRows(row: StepRun, before: StepRun | undefined): boolean {
  if (row === before) return true;
  return JSON.stringify(row) === JSON.stringify(before);
}
