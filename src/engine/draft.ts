/**
 * The working copy of one run while inputs are folded into it.
 * Boundary: a draft is opened from loaded rows and thrown away after its changes were saved; nothing here does I/O.
 * Invariants:
 * D1 loaded rows are never changed: the first write to one copies it.
 * D2 a row that is needed and was not loaded ends the fold with MissingRows; the caller loads it and folds again.
 * D3 state changes go through moveRun and moveStep alone, so every one is legal and is in the history.
 */
import { CONTINUE_AFTER_MS, callBytes, TRANSITION_UNITS } from "./budget.ts";
import { ChildRows, type LoadedChildren } from "./child-rows.ts";
import type { Call, Effect } from "./effect.ts";
import { effectId } from "./effect.ts";
import type { Graph, GraphStep } from "./graph/graph.ts";
import type { Cause } from "./input.ts";
import type { JsonObject } from "./json.ts";
import { MissingRows } from "./missing-rows.ts";
import { isLegalRunMove, isLegalStepMove } from "./moves.ts";
import type { Move, RunOperation, StepIdName, StepOperation } from "./outcome.ts";
import { type Merge, PARTS_AT_ONCE, partOf } from "./payloads.ts";
import type { Ending, Run, RunState, StepRun, StepState } from "./run.ts";
import { HAS_ROW, isFinalStep, markWithState, RESUMING, stateOfMark } from "./run.ts";

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

/** A step that ended and whose edges are not decided yet. */
export interface Ended {
  readonly index: number;
  /** Unset when an earlier transition kept it with the step's row. */
  readonly ending?: Ending;
}

/** Facts a move of a step carries besides its states. */
export interface StepMoveFacts {
  readonly op?: StepOperation;
  readonly note?: string;
}

/** Opens a working copy; `nowMs` is the database's clock, `budget` what each transition may spend (budget.ts). */
export function openDraft(
  graph: Graph,
  rows: RunRows,
  nowMs: number,
  budget = TRANSITION_UNITS,
): Draft {
  return new Draft(graph, rows, nowMs, budget);
}

/** The working copy of a run; see the file's head for its rules. */
export class Draft {
  readonly graph: Graph;
  readonly nowMs: number;
  readonly run: Run;
  runChanged = false;
  readonly history: HistoryRow[] = [];
  readonly openedWaits: number[] = [];
  readonly learnedIds: { stepIndex: number; id: string }[] = [];
  readonly finishedEffects: string[] = [];
  readonly droppedSteps: number[] = [];
  /** Rows of child runs. */
  readonly children: ChildRows;
  /** Why conditions of edges and filters of waits could not be evaluated and counted as false. */
  readonly failedExpressions = new Map<string, "edge" | "wait">();
  /** Steps whose next attempt begins in this transition, and steps that ended in it; drained by advance. */
  readonly toBegin: number[] = [];
  readonly toSettle: Ended[] = [];
  /** The step whose attempt has begun by half: it comes before both. */
  unfinished: number | undefined;
  /** The run was resumed, and what fell due in the pause comes after all other work (after-pause.ts). */
  isResuming = false;
  /** Outputs and inputs that were put together already; they never change once known. */
  readonly payloadMemo: Map<string, JsonObject>;
  #moves: Move[] = [];
  #effects = new Map<string, Effect>();
  #loaded: ReadonlyMap<number, StepRun>;
  #changed = new Map<number, StepRun>();
  #inserted = new Set<number>();
  #input: JsonObject | undefined;
  readonly #budget: number;
  #unitsLeft: number;
  #unitsSpent = 0;

  constructor(graph: Graph, rows: RunRows, nowMs: number, budget: number) {
    this.graph = graph;
    this.nowMs = nowMs;
    this.#budget = budget;
    this.#unitsLeft = budget;
    this.run = {
      ...rows.run,
      stepMarks: rows.run.stepMarks.slice(),
      edgeMarks: rows.run.edgeMarks.slice(),
    };
    this.children = new ChildRows(rows.children);
    this.#loaded = rows.steps;
    this.#input = rows.input;
    this.payloadMemo = new Map(rows.merged);
  }

  /** Takes units of the transition's budget. */
  spend(units: number): void {
    this.#unitsLeft -= units;
    this.#unitsSpent += units;
  }
  /** Whether the transition has done enough: what else there is to do is left to the next one. */
  get isSpent(): boolean {
    return this.#unitsLeft <= 0;
  }
  /** Units that all transitions of this fold took. */
  get unitsSpent(): number {
    return this.#unitsSpent;
  }
  /** Whether something is left to do. */
  get hasWork(): boolean {
    return (
      this.unfinished !== undefined ||
      this.toSettle.length > 0 ||
      this.toBegin.length > 0 ||
      this.isResuming
    );
  }
  /** Begins a transition: the pending work of the last one stands before what this one adds. */
  takeUpWork(): void {
    this.#unitsLeft = this.#budget;
    const { pending } = this.run;
    if (pending.length === 0) return;
    for (const [place, index] of pending.entries()) {
      if (index === RESUMING) {
        this.isResuming = true;
        continue;
      }
      const state = this.state(index);
      if (isFinalStep(state)) this.toSettle.push({ index });
      else if (place === 0 && state !== "PENDING") this.unfinished = index;
      else this.toBegin.push(index);
    }
    this.#setPending([]);
  }
  /** Ends a transition: what it did not do is kept in the run. */
  leaveWork(): void {
    if (!this.hasWork) return;
    for (const { index, ending } of this.toSettle) {
      if (ending === undefined || !this.hasRow(index)) continue;
      const row = this.row(index);
      row.detail = { ...row.detail, ending };
    }
    const { unfinished } = this;
    const first =
      unfinished === undefined || isFinalStep(this.state(unfinished)) ? [] : [unfinished];
    const ended = this.toSettle.map(({ index }) => index);
    const last = this.isResuming ? [RESUMING] : [];
    const pending = new Set([...first, ...ended, ...this.toBegin, ...last]);
    this.dropWork();
    this.#setPending([...pending]);
  }
  /** Nothing follows any more. */
  dropWork(): void {
    this.unfinished = undefined;
    this.toSettle.length = 0;
    this.toBegin.length = 0;
    this.isResuming = false;
  }
  #setPending(pending: readonly number[]): void {
    this.run.pending = pending;
    delete this.run.continueAtMs;
    if (pending.length > 0 && this.run.state !== "PAUSED") {
      this.run.continueAtMs = this.nowMs + CONTINUE_AFTER_MS;
    }
    this.runChanged = true;
  }

  /** New calls of this fold that have not come back within it. */
  get effects(): Effect[] {
    return [...this.#effects.values()];
  }
  /** Rows of steps that began in this fold. */
  get insertedSteps(): StepRun[] {
    return [...this.#changed.values()].filter((row) => this.#inserted.has(row.index));
  }
  /** Rows of earlier steps that this fold changed. */
  get updatedSteps(): StepRun[] {
    return [...this.#changed.values()].filter((row) => !this.#inserted.has(row.index));
  }

  /** The step at an index; an index outside the version is a bug. */
  step(index: number): GraphStep {
    const step = this.graph.steps[index];
    if (step === undefined) throw new Error(`run ${this.run.id} has no step ${index}`);
    return step;
  }
  /** The mark of a step: state and flags. */
  mark(index: number): number {
    const mark = this.run.stepMarks[index];
    if (mark === undefined) throw new Error(`run ${this.run.id} has no step ${index}`);
    return mark;
  }
  /** A step's state. */
  state(index: number): StepState {
    return stateOfMark(this.mark(index));
  }
  /** Sets flags of a step's mark. */
  addFlag(index: number, flag: number): void {
    const mark = this.mark(index);
    if ((mark & flag) === flag) return;
    this.run.stepMarks[index] = mark | flag;
    this.runChanged = true;
  }
  /** Takes flags from a step's mark. */
  clearFlag(index: number, flag: number): void {
    this.run.stepMarks[index] = this.mark(index) & ~flag;
    this.runChanged = true;
  }
  /** Decides an edge, once. */
  decideEdge(index: number, mark: number): void {
    this.run.edgeMarks[index] = mark;
    this.runChanged = true;
  }

  /** A step's row to read. Asks for it when it was not loaded. */
  peek(index: number): StepRun {
    const row = this.#changed.get(index) ?? this.#loaded.get(index);
    if (row === undefined) throw new MissingRows([index]);
    return row;
  }
  /** A step's row to change. */
  row(index: number): StepRun {
    const changed = this.#changed.get(index);
    if (changed !== undefined) return changed;
    const copy = { ...this.peek(index) };
    this.#changed.set(index, copy);
    return copy;
  }
  /** Asks for all of these rows at once, so that a fold is repeated once and not once a row. */
  require(indexes: readonly number[]): void {
    const missing = indexes.filter(
      (i) => this.hasRow(i) && !this.#changed.has(i) && !this.#loaded.has(i),
    );
    if (missing.length > 0) throw new MissingRows(missing);
  }
  /** Asks for the rows of a merge; of many rows only for what they come to, for they may be too many bytes. */
  requireParts({ key, parts }: Merge): void {
    const steps = parts.filter(({ step }) => this.hasRow(step)).map(({ step }) => step);
    const isLoaded = (step: number) => this.#changed.has(step) || this.#loaded.has(step);
    if (steps.every(isLoaded)) return;
    if (steps.length <= PARTS_AT_ONCE) this.require(steps);
    // What this fold changed is not stored yet.
    const known = parts.map((part) =>
      this.#changed.has(part.step)
        ? { ...part, value: partOf(this, { step: part.step, payload: part.payload }) }
        : part,
    );
    throw new MissingRows([], { merges: [{ key, parts: known }] });
  }
  /** Whether a step has begun. */
  hasRow(index: number): boolean {
    return (this.mark(index) & HAS_ROW) !== 0;
  }
  /** Adds the row of a step that begins. */
  insertRow(index: number): StepRun {
    const row: StepRun = {
      runId: this.run.id,
      index,
      state: this.state(index),
      retryCount: 0,
      objectiveId: "",
      agentId: "",
      delegationId: "",
      approvalRequestId: "",
      governanceDecision: "",
      eventId: "",
      notificationId: "",
      outputExtendsInput: false,
      errorMessage: "",
      costUsd: 0,
      startedAtMs: this.nowMs,
      detail: {},
    };
    this.#changed.set(index, row);
    this.#inserted.add(index);
    this.addFlag(index, HAS_ROW);
    return row;
  }
  /** The run's input. Asks for it when it was not loaded. */
  runInput(): JsonObject {
    if (this.#input === undefined) throw new MissingRows([], { runInput: true });
    return this.#input;
  }
  /** Indexes of the steps that are RUNNING or WAITING. */
  openSteps(): number[] {
    const open: number[] = [];
    for (const [index, mark] of this.run.stepMarks.entries()) {
      const state = stateOfMark(mark);
      if (state === "RUNNING" || state === "WAITING") open.push(index);
    }
    return open;
  }

  /** Moves the run, with its place in the history. */
  moveRun(to: RunState, op: RunOperation, reason = ""): void {
    const from = this.run.state;
    if (!isLegalRunMove(from, to)) throw new Error(`run ${this.run.id}: ${from} to ${to}`);
    this.run.state = to;
    this.runChanged = true;
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
  /** Moves a step (its mark and, where it has one, its row), with its place in the history. */
  moveStep(index: number, to: StepState, facts: StepMoveFacts): void {
    const from = this.state(index);
    if (!isLegalStepMove(from, to)) {
      throw new Error(`run ${this.run.id}, step ${this.step(index).def.id}: ${from} to ${to}`);
    }
    this.run.stepMarks[index] = markWithState(this.mark(index), to);
    this.runChanged = true;
    if (this.hasRow(index)) this.#moveRow(this.row(index), to);
    this.noteStep(index, from, facts);
  }
  /** Adds a step's place in the history without a change of state. */
  noteStep(index: number, from: StepState, facts: StepMoveFacts): void {
    this.runChanged = true;
    const row = this.hasRow(index) ? this.peek(index) : undefined;
    const { totalCostUsd } = this.run;
    this.#moves.push({
      of: "step",
      step: index,
      from,
      to: this.state(index),
      ...facts,
      ...(totalCostUsd === 0 ? {} : { total: totalCostUsd }),
      ...(row === undefined ? {} : rowFacts(row)),
    });
  }
  #moveRow(row: StepRun, to: StepState): void {
    row.state = to;
    if (!isFinalStep(to)) return;
    if (to !== "COMPENSATED") row.completedAtMs = this.nowMs;
    delete row.timeoutAtMs;
    delete row.wakeAtMs;
    delete row.waitKey;
    delete row.waitEquals;
  }

  /** Wants a call; `suffix` tells several of one kind apart. Returns its id. */
  call(index: number, call: Call, suffix = ""): string {
    const attempt = this.peek(index).retryCount + 1;
    const id = effectId({
      runId: this.run.id,
      stepId: this.step(index).def.id,
      attempt,
      call: `${call.kind}${suffix}`,
    });
    const { id: runId, workspaceId } = this.run;
    this.#effects.set(id, { id, runId, workspaceId, stepIndex: index, attempt, call });
    this.spend(callBytes(call));
    return id;
  }
  /** Wants a call that is the run's own and no step's, at most one of a kind in a transition. */
  callOfRun(call: Call): void {
    const { id: runId, workspaceId, seq } = this.run;
    const id = effectId({ runId, stepId: "-", attempt: seq + 1, call: call.kind });
    this.#effects.set(id, { id, runId, workspaceId, stepIndex: -1, attempt: 0, call });
  }
  /** A call came back: its row goes. */
  finishCall(id: string): void {
    if (!this.#effects.delete(id)) this.finishedEffects.push(id);
  }

  /** The last move of the run itself in this transition. */
  get runMove(): Extract<Move, { of: "run" }> | undefined {
    const last = this.#moves.findLast((move) => move.of === "run");
    return last?.of === "run" ? last : undefined;
  }
  /** Closes one transition: its moves become one row of the history. */
  record(cause: Cause): void {
    if (this.#moves.length === 0) return;
    this.run.seq += 1;
    this.runChanged = true;
    this.history.push({ seq: this.run.seq, cause, moves: this.#moves });
    this.#moves = [];
  }
}

const ID_FIELDS = [
  ["objective_id", "objectiveId"],
  ["agent_id", "agentId"],
  ["delegation_id", "delegationId"],
  ["approval_request_id", "approvalRequestId"],
  ["governance_decision", "governanceDecision"],
  ["event_id", "eventId"],
  ["notification_id", "notificationId"],
] as const;

/** What a move tells of the step's row: only what is set, for these lines are many. */
function rowFacts(row: StepRun) {
  const ids: Partial<Record<StepIdName, string>> = {};
  for (const [name, field] of ID_FIELDS) if (row[field] !== "") ids[name] = row[field];
  return {
    ...(row.retryCount === 0 ? {} : { retry: row.retryCount }),
    ...(row.costUsd === 0 ? {} : { cost: row.costUsd }),
    ...(row.errorMessage === "" ? {} : { error: row.errorMessage }),
    ...(Object.keys(ids).length === 0 ? {} : { ids }),
  };
}
