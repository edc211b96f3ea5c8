/**
 * What a simulated run did, put together from its history: attempts, edges, and how it ended.
 * Boundary: reads folds; changes nothing. Payloads are kept until there is no room for more in the result.
 */
import {
  hasOutput,
  inputOf,
  outputOf,
  type PayloadSource,
  sourceOfRows,
} from "../draft/payloads.ts";
import type { GraphEdge } from "../graph/graph.ts";
import { payloadBytes } from "../values/budget.ts";
import type { JsonObject } from "../values/json.ts";
import type { Move } from "../values/move.ts";
import { EDGE_OPEN, EDGE_TAKEN, isFinalStep, type StepState } from "../values/run.ts";
import { outcomeOfRow, reasonOfEdge } from "./edge-reasons.ts";
import { partyOfStep } from "./mocks.ts";
import type { SimulatedAttempt, SimulatedEdge, SimulatedOutcome } from "./simulation.ts";
import type { Folded, VirtualRun } from "./virtual-run.ts";

type StepMove = Extract<Move, { of: "step" }>;
type RunMove = Extract<Move, { of: "run" }>;
type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };
type OpenAttempt = Writable<Omit<SimulatedAttempt, "assumed">> & { readonly assumed: string[] };

/** See the file's head. */
export class Recorder {
  readonly #run: VirtualRun;
  readonly #path: OpenAttempt[] = [];
  /** The latest attempt of each step. */
  readonly #latest = new Map<number, OpenAttempt>();
  readonly #attempts = new Map<number, number>();
  /** What earlier attempts of each step cost. */
  readonly #costs = new Map<number, number>();
  readonly #edges = new Map<number, Pick<SimulatedEdge, "atMs" | "why">>();
  readonly #problems = new Set<string>();
  #roomBytes: number;
  #leftOut = 0;
  #outcome: SimulatedOutcome | undefined;
  #failed = "";

  constructor(run: VirtualRun, payloadBytesAtMost: number) {
    this.#run = run;
    this.#roomBytes = payloadBytesAtMost;
  }

  get path(): readonly SimulatedAttempt[] {
    return this.#path;
  }
  get problems(): readonly string[] {
    return [...this.#problems];
  }
  get payloadsLeftOut(): number {
    return this.#leftOut;
  }
  /** How the run ended; unset: it has not. */
  get outcome(): SimulatedOutcome | undefined {
    return this.#outcome;
  }
  /** What made it fail, in words; "" for none. */
  get failed(): string {
    return this.#failed;
  }

  /** Adds what a fold did. */
  add({ draft }: Folded): void {
    for (const problem of draft.failedExpressions.keys()) this.addProblem(problem);
    const { run, graph, input, rows } = this.#run;
    const source = sourceOfRows(graph, run, input, rows);
    for (const { moves } of draft.history) {
      for (const move of moves) {
        if (move.of === "run") this.#runMoved(move);
        else this.#stepMoved(move, source);
      }
    }
    for (const edge of graph.edges) {
      const mark = run.edgeMarks[edge.index] ?? EDGE_OPEN;
      if (mark === EDGE_OPEN || this.#edges.has(edge.index)) continue;
      const why = reasonOfEdge(draft, edge, mark === EDGE_TAKEN);
      this.#edges.set(edge.index, { atMs: this.#run.nowMs, why });
    }
  }

  /** Says of the attempt under way what no mock said. */
  assume(index: number, sentence: string): void {
    const attempt = this.#latest.get(index);
    const shown = shorten(sentence);
    if (attempt !== undefined && !attempt.assumed.includes(shown)) attempt.assumed.push(shown);
  }

  addProblem(problem: string): void {
    if (this.#problems.size < PROBLEMS_AT_MOST) this.#problems.add(problem);
  }

  /** Every edge of the version, as it stands. */
  edges(): SimulatedEdge[] {
    const { graph } = this.#run;
    return graph.edges.map((edge) => ({
      ...{ from: graph.steps[edge.from]?.def.id ?? "", to: graph.steps[edge.to]?.def.id ?? "" },
      ...{ label: edge.label, when: edge.condition?.source ?? "" },
      ...{ state: this.#stateOf(edge), why: "" },
      ...this.#edges.get(edge.index),
    }));
  }

  /** A payload as the result has it; undefined: there is no room for it. */
  fit(payload: JsonObject): JsonObject | undefined {
    const bytes = payloadBytes(payload);
    if (bytes > this.#roomBytes) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#roomBytes -= bytes;
    return payload;
  }

  #stateOf({ index }: GraphEdge): SimulatedEdge["state"] {
    const mark = this.#run.run.edgeMarks[index] ?? EDGE_OPEN;
    if (mark === EDGE_OPEN) return "open";
    return mark === EDGE_TAKEN ? "taken" : "dead";
  }

  #runMoved({ from, to, op, reason = "" }: RunMove): void {
    if (to === "COMPLETED") this.#outcome = "SUCCEEDED";
    else if (to === "CANCELLED") this.#outcome = "CANCELLED";
    else if (to === "COMPENSATING") this.#outcome = undefined;
    else if (to === "FAILED") {
      const undone = op === "compensated" ? "COMPENSATED" : "COMPENSATION_FAILED";
      const plain = reason === "deadline" ? "TIMED_OUT" : "FAILED";
      this.#outcome = from === "COMPENSATING" ? undone : plain;
    }
  }

  #stepMoved(move: StepMove, source: PayloadSource): void {
    const { step: index, op } = move;
    if (op === "started") this.#begin(move, source);
    const attempt = this.#latest.get(index);
    if (attempt === undefined) return;
    if (attempt.endMs !== undefined) {
      // What was undone keeps its own end.
      return;
    }
    const before = this.#costs.get(index) ?? 0;
    attempt.costUsd = Math.max(0, (move.cost ?? 0) - before);
    attempt.state = move.to;
    if (op === "retrying" || move.note === "held")
      this.#endAttempt(move, attempt, "FAILED", source);
    else if (isFinalStep(move.to)) this.#endAttempt(move, attempt, move.to, source);
  }

  #begin({ step: index }: StepMove, source: PayloadSource): void {
    const step = this.#run.graph.steps[index];
    const number = (this.#attempts.get(index) ?? 0) + 1;
    if (step === undefined) return;
    this.#attempts.set(index, number);
    const attempt: OpenAttempt = {
      stepId: step.def.id,
      attempt: number,
      isUndo: step.isCompensation,
      party: partyOfStep(step),
      startMs: this.#run.nowMs,
      state: "RUNNING",
      outcome: "",
      errorMessage: "",
      costUsd: 0,
      assumed: [],
    };
    const input = this.#fitting(() => inputOf(source, index));
    if (input !== undefined) attempt.input = input;
    this.#latest.set(index, attempt);
    this.#path.push(attempt);
  }

  #endAttempt(move: StepMove, attempt: OpenAttempt, state: StepState, source: PayloadSource): void {
    const { step: index } = move;
    const row = source.peek(index);
    attempt.endMs = this.#run.nowMs;
    attempt.state = state;
    attempt.errorMessage = shorten(move.error ?? "");
    this.#costs.set(index, move.cost ?? 0);
    if (state === "FAILED") this.#failed = `${attempt.stepId}: ${attempt.errorMessage}`;
    const isLast = move.op !== "retrying" && move.note !== "held";
    attempt.outcome = isLast ? outcomeOfRow(row) : "error";
    if (!isLast || row.completedAtMs === undefined || !hasOutput(row)) return;
    const output = this.#fitting(() => outputOf(source, index));
    if (output !== undefined) attempt.output = output;
  }

  /** Not put together at all when there is no room left. */
  #fitting(make: () => JsonObject): JsonObject | undefined {
    if (this.#roomBytes > 0) return this.fit(make());
    this.#leftOut += 1;
    return undefined;
  }
}

const PROBLEMS_AT_MOST = 100;
const TEXT_CHARS = 500;

function shorten(text: string): string {
  return text.length <= TEXT_CHARS ? text : `${text.slice(0, TEXT_CHARS - 1).toWellFormed()}…`;
}
