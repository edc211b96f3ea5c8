/**
 * Plays a run on a virtual clock: the next answer or timer comes when everything before it is done.
 * Boundary: nothing is called and nothing is stored. Which answers there are is answers.ts; what they do is the engine's.
 * Invariants:
 * 1. Answers and timers come in the order of their times; of one time first what only records, then ends, then timers.
 * 2. Each turn puts one input in, and inputs are bounded: a simulation ends, whatever the version does.
 */
import type { Draft } from "../draft/draft.ts";
import { runOutput, sourceOfRows } from "../draft/payloads.ts";
import type { Graph } from "../graph/graph.ts";
import type { Pieces } from "../graph/parse-texts.ts";
import { HAS_ROW, isFinalRun, stateOfMark } from "../values/run.ts";
import {
  type Answer,
  answerOfPerson,
  answersToCall,
  answerToTask,
  arrivingEvent,
} from "./answers.ts";
import { partyOfStep } from "./mocks.ts";
import { AnswerQueue } from "./queue.ts";
import { Recorder } from "./recorder.ts";
import type { Simulation, SimulationLimits, SimulationRequest } from "./simulation.ts";
import { type BareInput, VirtualRun } from "./virtual-run.ts";
import { findTimer, isOpenRow, waitsOf } from "./waits.ts";

const YEAR_MS = 366 * 86_400_000;

/** How far a simulation goes unless a request says otherwise. */
const SIMULATION_LIMITS: SimulationLimits = {
  attempts: 2_000,
  inputs: 40_000,
  units: 200_000_000,
  timeMs: 1_000 * YEAR_MS,
  payloadBytes: 524_288,
};

/** Plays a run until it ends, waits for what nobody brings, or reaches a limit; one piece a transition. */
export function* simulateInPieces(graph: Graph, request: SimulationRequest): Pieces<Simulation> {
  const player = new Player(graph, request);
  player.begin();
  for (;;) {
    yield;
    const stopped = player.goOn();
    if (stopped !== undefined) return stopped;
  }
}

class Player {
  readonly #run: VirtualRun;
  readonly #request: SimulationRequest;
  readonly #limits: SimulationLimits;
  readonly #recorder: Recorder;
  readonly #answers = new AnswerQueue();
  readonly #usedMocks = new Set<string>();
  /** Timers that fired and changed nothing, by step. */
  readonly #spentTimers = new Map<number, number>();
  #inputs = 0;

  constructor(graph: Graph, request: SimulationRequest) {
    this.#request = request;
    this.#limits = { ...SIMULATION_LIMITS, ...request.limits };
    this.#run = new VirtualRun(graph, request.input, request.facts ?? {}, request.startMs);
    this.#recorder = new Recorder(this.#run, this.#limits.payloadBytes);
  }

  begin(): void {
    this.#put({ kind: "run_begun" });
  }

  /** Puts the next input in; the result when there is none, or no more may be. */
  goOn(): Simulation | undefined {
    const { run } = this.#run;
    if (isFinalRun(run.state)) return this.#result("ended", this.#endSentence());
    const limit = this.#limitReached();
    if (limit !== undefined) return this.#result("limit", limit);
    if (run.pending.length > 0) {
      this.#put({ kind: "run_continued" });
      return undefined;
    }
    const timer = findTimer(this.#run, this.#spentTimers);
    const next = this.#answers.nextAtMs;
    if (next === undefined && timer === undefined) {
      return this.#result("waits", "nothing happens any more: it waits for what nobody brings");
    }
    if (next !== undefined && next <= (timer?.atMs ?? Number.POSITIVE_INFINITY)) this.#answer();
    else if (timer !== undefined) this.#fire(timer);
    return undefined;
  }

  #answer(): void {
    const { atMs, index, answer } = this.#answers.take();
    this.#run.nowMs = Math.max(this.#run.nowMs, atMs);
    if (answer.isOfOpen === true && !isOpenRow(this.#run.rows.get(index))) return;
    if (answer.assumed !== undefined) this.#recorder.assume(index, answer.assumed);
    const { reply } = this.#put(answer.input);
    if (answer.input.kind === "event_arrived" && reply.kind === "unchanged") {
      const { id } = this.#run.graph.steps[index]?.def ?? { id: "" };
      this.#recorder.addProblem(`the event for step "${id}" does not fit: the step waits on`);
    }
    if (reply.kind === "refused") this.#recorder.addProblem(reply.message);
  }

  #fire({ atMs, index }: { readonly atMs: number; readonly index: number | undefined }): void {
    this.#run.nowMs = Math.max(this.#run.nowMs, atMs);
    if (index === undefined) {
      this.#put({ kind: "deadline_passed" });
      return;
    }
    const { reply } = this.#put({ kind: "step_due", stepIndex: index });
    if (reply.kind !== "applied") this.#spentTimers.set(index, atMs);
  }

  #put(input: BareInput) {
    this.#inputs += 1;
    const folded = this.#run.put(input);
    this.#recorder.add(folded);
    if (!isFinalRun(this.#run.run.state)) this.#ask(folded.draft);
    return folded;
  }

  /** Has the parties that this fold asked answer. */
  #ask(draft: Draft): void {
    const { mocks } = this.#request;
    const { graph, rows } = this.#run;
    for (const issued of draft.calls.wanted) {
      const step = graph.steps[issued.stepIndex];
      const row = rows.get(issued.stepIndex);
      if (step === undefined || row === undefined) continue;
      const asked = { step, row, attempt: issued.attempt };
      this.#schedule(step.index, answersToCall(issued, asked, mocks));
    }
    for (const task of draft.tasks.wanted)
      this.#schedule(task.stepIndex, answerToTask(task, mocks));
    for (const { moves } of draft.history) {
      for (const move of moves) {
        if (move.of !== "step" || move.op !== "waiting" || move.note === "held") continue;
        this.#askOutside(move.step);
      }
    }
  }

  /** A step waits for a person or an event: no call was made for it. */
  #askOutside(index: number): void {
    const { graph, rows } = this.#run;
    const step = graph.steps[index];
    const row = rows.get(index);
    if (step === undefined || row === undefined || row.state !== "WAITING") return;
    const asked = { step, row, attempt: row.retryCount + 1 };
    const party = partyOfStep(step);
    if (party === "person") this.#schedule(index, answerOfPerson(asked, this.#request.mocks));
    if (party === "event") this.#schedule(index, arrivingEvent(asked, this.#request.mocks));
  }

  #schedule(index: number, answers: readonly Answer[]): void {
    const id = this.#run.graph.steps[index]?.def.id ?? "";
    if (this.#request.mocks.has(id)) this.#usedMocks.add(id);
    for (const answer of answers) this.#answers.add(this.#run.nowMs, index, answer);
  }

  #limitReached(): string | undefined {
    const { attempts, inputs, units, timeMs } = this.#limits;
    const { path } = this.#recorder;
    if (path.length >= attempts) return `stopped after ${attempts} attempts`;
    if (this.#inputs >= inputs) return `stopped after ${inputs} inputs`;
    if (this.#run.units >= units) return "stopped: it takes too much work to simulate";
    const years = Math.floor(timeMs / YEAR_MS);
    const elapsedMs = this.#run.nowMs - this.#request.startMs;
    return elapsedMs > timeMs ? `stopped after ${years} years of virtual time` : undefined;
  }

  #endSentence(): string {
    const { outcome, failed } = this.#recorder;
    const because = failed === "" ? "" : `: ${failed}`;
    switch (outcome) {
      case "TIMED_OUT":
        return "the run's deadline passed";
      case "COMPENSATED":
        return `the run failed and is undone${because}`;
      case "COMPENSATION_FAILED":
        return `the run failed, and an undo failed${because}`;
      case "FAILED":
        return `the run failed${because}`;
      default:
        return "the run is completed";
    }
  }

  #result(end: Simulation["end"], sentence: string): Simulation {
    const { graph, run, rows, input, nowMs } = this.#run;
    const recorder = this.#recorder;
    const { outcome } = recorder;
    const made =
      run.state === "COMPLETED" ? runOutput(sourceOfRows(graph, run, input, rows)) : undefined;
    const output = made && recorder.fit(made);
    const steps = graph.steps.flatMap(({ def, index, isCompensation }) => {
      const mark = run.stepMarks[index] ?? 0;
      if (isCompensation && (mark & HAS_ROW) === 0) return [];
      return [{ stepId: def.id, state: stateOfMark(mark) }];
    });
    return {
      ...{ end, sentence, state: run.state, startMs: this.#request.startMs, endMs: nowMs },
      ...(outcome === undefined ? {} : { outcome }),
      ...(output === undefined ? {} : { output }),
      ...{ costUsd: run.totalCostUsd, path: recorder.path, steps, edges: recorder.edges() },
      waits: waitsOf(this.#run),
      problems: recorder.problems,
      unusedMocks: [...this.#request.mocks.keys()].filter((id) => !this.#usedMocks.has(id)),
      payloadsLeftOut: recorder.payloadsLeftOut,
    };
  }
}
