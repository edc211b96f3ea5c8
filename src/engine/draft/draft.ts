/**
 * The working copy of one run while inputs are folded into it.
 * Boundary: a draft is opened from loaded rows and thrown away after its changes were saved; nothing here does I/O. Its
 * parts have verbs of their own (marks, rows, children, work, calls, tasks); what stands here concerns several of them.
 * Invariants:
 * D1 Loaded rows are never changed, and a row that is needed and was not loaded ends the fold with MissingRows (step-rows.ts).
 * D2 State changes go through moveRun and moveStep alone, so every one is legal and is in the history.
 */
import type { Graph, GraphStep } from "../graph/graph.ts";
import { isLegalRunMove, isLegalStepMove } from "../moves.ts";
import { CONTINUE_AFTER_MS, callBytes, TRANSITION_UNITS } from "../values/budget.ts";
import { type Call, callIdOf } from "../values/call.ts";
import type { Cause } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import {
  factsOfRow,
  type Move,
  type RunOperation,
  type StepNote,
  type StepOperation,
} from "../values/move.ts";
import {
  HAS_ROW,
  isFinalStep,
  type Run,
  type RunState,
  type StepRun,
  type StepState,
} from "../values/run.ts";
import { Allowance } from "./allowance.ts";
import { Calls } from "./calls.ts";
import { ChildRows, type LoadedChildren } from "./child-rows.ts";
import { Marks } from "./marks.ts";
import { MissingRows } from "./missing-rows.ts";
import { type Merge, PARTS_AT_ONCE, type PayloadSource, partOf } from "./payloads.ts";
import { StepRows } from "./step-rows.ts";
import { Tasks } from "./tasks.ts";
import { Work } from "./work.ts";

/** A run with the rows that were loaded of it. */
export interface RunRows {
  readonly run: Run;
  /** Unset when it was not loaded. */
  readonly input?: JsonObject;
  readonly steps: ReadonlyMap<number, StepRun>;
  /** Unset when none was loaded. */
  readonly children?: LoadedChildren;
  /** What was put together outside, by its key. */
  readonly merged?: ReadonlyMap<string, JsonObject>;
}

/** One row of the history: what was moved and why. */
export interface HistoryRow {
  readonly seq: number;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

/** Facts a move of a step carries besides its states. */
export interface StepMoveFacts {
  readonly op?: StepOperation;
  readonly note?: StepNote;
}

/** Opens a working copy; `nowMs` is the database's clock, `budget` what each transition may spend (values/budget.ts). */
export function openDraft(
  graph: Graph,
  rows: RunRows,
  nowMs: number,
  budget = TRANSITION_UNITS,
): Draft {
  return new Draft(graph, rows, nowMs, budget);
}

/** What only an open step has. */
const OPEN_FIELDS = ["timeoutAtMs", "wakeAtMs", "waitKey", "waitEquals"] as const;

/** The working copy of a run; see the file's head for its rules. */
export class Draft {
  readonly graph: Graph;
  readonly nowMs: number;
  readonly run: Run;
  readonly marks: Marks;
  readonly rows: StepRows;
  /** Rows of child runs. */
  readonly children: ChildRows;
  readonly work = new Work();
  readonly calls = new Calls();
  readonly tasks = new Tasks();
  readonly budget: Allowance;
  /** Where inputs and outputs are put together from. */
  readonly payloads: PayloadSource;
  readonly history: HistoryRow[] = [];
  /** Steps that wait for an event since this fold. */
  readonly openedWaits: number[] = [];
  /** Ids of owners' objects that a step knows since this fold. */
  readonly learnedIds: { readonly stepIndex: number; readonly id: string }[] = [];
  /** Why conditions of edges and filters of waits could not be evaluated and counted as false. */
  readonly failedExpressions = new Map<string, "edge" | "wait">();
  #runChanged = false;
  #moves: Move[] = [];
  /** For the next move of a step, in this transition. */
  #reason: { readonly index: number; readonly reason: string } | undefined;

  constructor(graph: Graph, rows: RunRows, nowMs: number, budget: number) {
    this.graph = graph;
    this.nowMs = nowMs;
    this.budget = new Allowance(budget);
    const run = {
      ...rows.run,
      stepMarks: rows.run.stepMarks.slice(),
      edgeMarks: rows.run.edgeMarks.slice(),
    };
    this.run = run;
    this.marks = new Marks(run, () => this.touchRun());
    this.rows = new StepRows(rows.steps, this.marks);
    this.children = new ChildRows(rows.children);
    this.payloads = {
      graph,
      run,
      peek: (index) => this.rows.peek(index),
      runInput() {
        if (rows.input === undefined) throw new MissingRows([], { runInput: true });
        return rows.input;
      },
      requireParts: (merge) => this.#requireParts(merge),
      payloadMemo: new Map(rows.merged),
    };
  }

  /** The run's row has to be written. */
  touchRun(): void {
    this.#runChanged = true;
  }
  get runChanged(): boolean {
    return this.#runChanged;
  }

  /** Begins a transition: the pending work of the last one stands before what this one adds. */
  takeUpWork(): void {
    this.budget.renew();
    const { pending } = this.run;
    if (pending.length === 0) return;
    this.work.takeUp(pending, (index) => this.marks.state(index));
    this.#setPending([]);
  }
  /** Ends a transition: what it did not do is kept in the run. */
  leaveWork(): void {
    if (!this.work.isLeft) return;
    for (const { index, ending } of this.work.ended) {
      if (ending === undefined || !this.marks.hasRow(index)) continue;
      const row = this.rows.row(index);
      row.detail = { ...row.detail, ending };
    }
    const pending = this.work.pending((index) => this.marks.state(index));
    this.work.drop();
    this.#setPending(pending);
  }
  #setPending(pending: readonly number[]): void {
    this.run.pending = pending;
    delete this.run.continueAtMs;
    if (pending.length > 0 && this.run.state !== "PAUSED") {
      this.run.continueAtMs = this.nowMs + CONTINUE_AFTER_MS;
    }
    this.touchRun();
  }

  /** Asks for the rows of a merge; of many rows only for what they come to, for they may be too many bytes. */
  #requireParts({ key, parts }: Merge): void {
    const steps = parts.filter(({ step }) => this.marks.hasRow(step)).map(({ step }) => step);
    if (steps.every((step) => this.rows.isLoaded(step))) return;
    if (steps.length <= PARTS_AT_ONCE) this.rows.require(steps);
    // What this fold changed is not stored yet.
    const known = parts.map((part) =>
      this.rows.isChanged(part.step)
        ? { ...part, value: partOf(this.payloads, { step: part.step, payload: part.payload }) }
        : part,
    );
    throw new MissingRows([], { merges: [{ key, parts: known }] });
  }

  /** The step at an index; an index outside the version is a bug. */
  step(index: number): GraphStep {
    const step = this.graph.steps[index];
    if (step === undefined) throw new Error(`run ${this.run.id} has no step ${index}`);
    return step;
  }
  /** Adds the row of a step that begins. */
  insertRow(index: number): StepRun {
    const row = this.rows.begin({
      runId: this.run.id,
      index,
      state: this.marks.state(index),
      startedAtMs: this.nowMs,
    });
    this.marks.addFlag(index, HAS_ROW);
    return row;
  }
  /** Moves the run, with its place in the history. */
  moveRun(to: RunState, op: RunOperation, reason = ""): void {
    const from = this.run.state;
    if (!isLegalRunMove(from, to)) throw new Error(`run ${this.run.id}: ${from} to ${to}`);
    this.run.state = to;
    this.touchRun();
    const { totalCostUsd } = this.run;
    this.#moves.push({
      of: "run",
      from,
      to,
      op,
      marks: btoa(String.fromCharCode(...this.run.stepMarks)),
      ...(reason === "" ? {} : { reason }),
      ...(totalCostUsd === 0 ? {} : { total: totalCostUsd }),
    });
  }
  /** Adds a place of the run itself in the history, without a move. */
  noteRun(reason: string): void {
    const { state: from, totalCostUsd } = this.run;
    this.touchRun();
    const total = totalCostUsd === 0 ? {} : { total: totalCostUsd };
    this.#moves.push({ of: "run", from, to: from, ...(reason === "" ? {} : { reason }), ...total });
  }
  /** Moves a step (its mark and, where it has one, its row), with its place in the history. */
  moveStep(index: number, to: StepState, facts: StepMoveFacts): void {
    const from = this.marks.state(index);
    if (!isLegalStepMove(from, to)) {
      throw new Error(`run ${this.run.id}, step ${this.step(index).def.id}: ${from} to ${to}`);
    }
    this.marks.setState(index, to);
    if (this.marks.hasRow(index)) this.#moveRow(this.rows.row(index), to);
    this.noteStep(index, from, facts);
  }
  /** Keeps what the caller gave as reason for the next move of the step in this transition, or its next note. */
  noteReason(index: number, reason = ""): void {
    if (reason !== "") this.#reason = { index, reason };
  }
  /** Adds a step's place in the history without a change of state. */
  noteStep(index: number, from: StepState, facts: StepMoveFacts): void {
    this.touchRun();
    const row = this.marks.hasRow(index) ? this.rows.peek(index) : undefined;
    const { totalCostUsd } = this.run;
    const given = this.#reason?.index === index ? { reason: this.#reason.reason } : {};
    if (this.#reason?.index === index) this.#reason = undefined;
    this.#moves.push({
      of: "step",
      step: index,
      from,
      to: this.marks.state(index),
      ...facts,
      ...given,
      ...(totalCostUsd === 0 ? {} : { total: totalCostUsd }),
      ...(row === undefined ? {} : factsOfRow(row)),
    });
  }
  #moveRow(row: StepRun, to: StepState): void {
    row.state = to;
    if (!isFinalStep(to)) return;
    if (to !== "COMPENSATED") row.completedAtMs = this.nowMs;
    // Most steps have none of them, and a delete takes long also of what is not there.
    for (const field of OPEN_FIELDS) if (row[field] !== undefined) delete row[field];
  }

  /** Wants a call; `suffix` tells several of one kind apart. Returns its id. */
  call(index: number, call: Call, suffix = ""): string {
    const attempt = this.rows.peek(index).retryCount + 1;
    const id = callIdOf({
      runId: this.run.id,
      stepId: this.step(index).def.id,
      attempt,
      call: `${call.kind}${suffix}`,
    });
    const { id: runId, workspaceId } = this.run;
    this.calls.want({ id, runId, workspaceId, stepIndex: index, attempt, call });
    this.budget.spend(callBytes(call));
    return id;
  }
  /** Wants a call that is the run's own and no step's, at most one of a kind in a transition. Returns its id. */
  callOfRun(call: Call): string {
    const { id: runId, workspaceId, seq } = this.run;
    const id = callIdOf({ runId, stepId: "-", attempt: seq + 1, call: call.kind });
    this.calls.want({ id, runId, workspaceId, stepIndex: -1, attempt: 0, call });
    return id;
  }
  /** The last move of the run itself in this transition. */
  get runMove(): Extract<Move, { of: "run" }> | undefined {
    const last = this.#moves.findLast((move) => move.of === "run");
    return last?.of === "run" ? last : undefined;
  }
  /** Closes one transition: its moves become one row of the history. */
  record(cause: Cause): void {
    this.#reason = undefined;
    if (this.#moves.length === 0) return;
    this.run.seq += 1;
    this.touchRun();
    this.history.push({ seq: this.run.seq, cause, moves: this.#moves });
    this.#moves = [];
  }
}
