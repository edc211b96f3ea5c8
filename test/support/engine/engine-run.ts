/**
 * A run played through the pure engine: rows are kept in memory and loaded as the store would load them,
 * first what prefetch guesses, then what MissingRows asks for.
 */

import { type Draft, type HistoryRow, openDraft } from "../../../src/engine/draft/draft.ts";
import { MissingRows } from "../../../src/engine/draft/missing-rows.ts";
import { viewRun } from "../../../src/engine/draft/payloads.ts";
import { rowsNeeded } from "../../../src/engine/draft/prefetch.ts";
import { checkVersion } from "../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { transition } from "../../../src/engine/transition.ts";
import { TRANSITION_UNITS } from "../../../src/engine/values/budget.ts";
import type {
  CallKind,
  CallResult,
  CallValue,
  IssuedCall,
} from "../../../src/engine/values/call.ts";
import {
  type ChildRun,
  type ChildSet,
  comparePlaces,
  isInSet,
} from "../../../src/engine/values/child-run.ts";
import type {
  EdgeDefinition,
  StepDefinition,
  VersionSpec,
} from "../../../src/engine/values/definition.ts";
import type { Cause, Input, StepReport } from "../../../src/engine/values/input.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import type { Lookups } from "../../../src/engine/values/lookups.ts";
import { newRun, type RunFacts } from "../../../src/engine/values/new-run.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { Run, StepRun } from "../../../src/engine/values/run.ts";
import type { TaskChanges } from "../../../src/engine/values/task.ts";
import type { RunView } from "../../../src/engine/values/view.ts";
import { roundsAtMost, WHOLE_AFTER_ROUND } from "../../../src/runtime/fold-run.ts";
import { stepReport } from "../builders/step-reports.ts";
import { stepOf, versionOf } from "../builders/version-spec.ts";

/** A HUMAN_TASK, unless it is given otherwise, with everything unset but what is given. */
export function step(given: Partial<StepDefinition> & { id: string }): StepDefinition {
  return stepOf(given.id, { stepType: "HUMAN_TASK", agentId: "", ...given });
}

/** An edge from `a>b`, with label and condition. */
export function edge(path: string, label = "", conditionExpr = ""): EdgeDefinition {
  const [fromStepId = "", toStepId = ""] = path.split(">");
  return { fromStepId, toStepId, label, conditionExpr };
}

/** A checked version. */
export function version(
  steps: readonly StepDefinition[],
  edges: readonly EdgeDefinition[] = [],
  more: Partial<VersionSpec> = {},
): VersionSpec {
  const named = steps.map((s) => (s.name === "" ? { ...s, name: s.id } : s));
  const spec = versionOf(named, edges, more);
  const faults = checkVersion(spec);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return spec;
}

const FACTS: RunFacts = {
  id: "wfr_test",
  workspaceId: "ws",
  definitionId: "wf_test",
  versionId: "wfv_test",
  definitionVersion: 1,
  triggerType: "MANUAL",
  triggerEventId: "",
  triggerSource: "",
  initiatorAgentId: "",
  initiatorUserId: "",
  parentRunId: "",
  entityId: "",
  entityType: "",
  hops: 0,
};

const CAUSE: Cause = { kind: "engine", id: "test" };
/** Knows an agent only where the step names one. */
const LOOKUPS: Lookups = {
  find: (call) =>
    call.agentId === "" ? undefined : { agentId: call.agentId, skillId: call.skillId },
};

/** An input without its cause. */
export type BareInput = Input extends infer I
  ? I extends Input
    ? Omit<I, "cause">
    : never
  : never;

/** One run in memory; `now` is its clock in ms. */
export class EngineRun {
  readonly graph: Graph;
  readonly input: JsonObject;
  run: Run;
  rows = new Map<number, StepRun>();
  /** The open calls, and every call ever issued. */
  openCalls = new Map<string, IssuedCall>();
  wanted: IssuedCall[] = [];
  /** What each fold did about tasks of workers. */
  tasks: TaskChanges[] = [];
  children: ChildRun[] = [];
  history: HistoryRow[] = [];
  now: number;
  lookups: Lookups = LOOKUPS;
  /** How often rows were loaded for the latest fold: once by a guess, then for what it missed. */
  rounds = 0;
  /** What each transition may spend. */
  budget = TRANSITION_UNITS;

  constructor(
    spec: VersionSpec,
    input: JsonObject = {},
    facts: Partial<RunFacts> = {},
    { now = 1_000_000, graph = compileGraph(spec) }: { now?: number; graph?: Graph } = {},
  ) {
    this.now = now;
    this.graph = graph;
    this.input = input;
    this.run = newRun(this.graph, { ...FACTS, ...facts }, this.now);
  }

  /** Accepts and begins the run. */
  static start(spec: VersionSpec, input: JsonObject = {}): EngineRun {
    const run = new EngineRun(spec, input);
    run.put({ kind: "run_begun" });
    return run;
  }

  /** Folds one input, loading rows as the store does, and keeps what changed. */
  put(bare: BareInput): Reply {
    const [reply] = this.putAll([bare]);
    if (reply === undefined) throw new Error("one input has one reply");
    return reply;
  }

  /** Folds inputs as one batch does: into one draft, loading rows as the store does, as often. Keeps what changed. */
  putAll(bares: readonly BareInput[]): Reply[] {
    const inputs = bares.map((bare) => ({ ...bare, cause: CAUSE }) as Input);
    const needed = inputs.map((input) => rowsNeeded(this.graph, input, this.run.pending));
    const steps = new Set(needed.flatMap((rows) => rows.steps));
    const sets: ChildSet[] = needed.flatMap((rows) => rows.children ?? []);
    let runInput = needed.some((rows) => rows.runInput);
    for (let round = 1; round <= roundsAtMost(this.graph); round += 1) {
      this.rounds = round;
      const rows = new Map<number, StepRun>();
      for (const index of steps) {
        const row = this.rows.get(index);
        if (row !== undefined) rows.set(index, row);
      }
      // As from the store, a row of two sets comes twice.
      const found = sets.flatMap((set) => this.#childrenIn(set));
      const loaded = {
        run: this.run,
        steps: rows,
        children: { rows: found, sets },
        ...(runInput ? { input: this.input } : {}),
      };
      const draft = openDraft(this.graph, loaded, this.now, this.budget);
      try {
        const replies = inputs.map((input) => transition(draft, input, this.lookups));
        this.#keep(draft);
        return replies;
      } catch (cause) {
        if (!(cause instanceof MissingRows)) throw cause;
        const isWhole = round >= WHOLE_AFTER_ROUND;
        for (const index of isWhole ? this.rows.keys() : cause.steps) steps.add(index);
        for (const { step: index } of cause.merges.flatMap(({ parts }) => parts)) steps.add(index);
        sets.push(...cause.children);
        runInput ||= isWhole || cause.runInput;
      }
    }
    throw new Error("the fold asks for rows without end");
  }

  /** Goes on until no work is pending, as the processor does. Gives the number of transitions. */
  continueAll(): number {
    for (let times = 0; ; times += 1) {
      const { pending, state } = this.run;
      if (pending.length === 0 || state === "PAUSED") return times;
      const before = [this.run, [...this.rows]];
      this.put({ kind: "run_continued" });
      // A transition that did nothing left the same work; only then is the whole run written out.
      const isSame = JSON.stringify(this.run.pending) === JSON.stringify(pending);
      if (isSame && JSON.stringify([this.run, [...this.rows]]) === JSON.stringify(before)) {
        throw new Error(`a transition did nothing of the pending work ${pending}`);
      }
    }
  }

  /** As the store loads them: no more than the set's limit. */
  #childrenIn(set: ChildSet): ChildRun[] {
    const rows = this.children.filter((row) => isInSet(row, set)).sort(comparePlaces);
    if (set.kind === "compensable") return rows.reverse().slice(0, set.limit);
    return set.kind === "next" ? rows.slice(0, set.limit) : rows;
  }

  #keep(draft: Draft): void {
    this.run = draft.run;
    for (const row of [...draft.rows.inserted, ...draft.rows.updated]) {
      this.rows.set(row.index, row);
    }
    this.#keepChildren(draft);
    const isDropped = ({ stepIndex, call }: IssuedCall) =>
      call.kind === "send_notification" && draft.calls.droppedSteps.includes(stepIndex);
    const wanted = draft.calls.wanted.filter((issued) => !isDropped(issued));
    for (const id of draft.calls.finished) this.openCalls.delete(id);
    for (const [id, issued] of this.openCalls) if (isDropped(issued)) this.openCalls.delete(id);
    for (const issued of wanted) this.openCalls.set(issued.id, issued);
    this.wanted.push(...wanted);
    const { wanted: made, cancelled, ended } = draft.tasks;
    this.tasks.push({ wanted: made, cancelled, ended });
    this.history.push(...draft.history);
  }

  #keepChildren({ children: { inserted, updated } }: Draft): void {
    if (inserted.length === 0 && updated.length === 0) return;
    const keyOf = ({ step, attempt, child }: ChildRun) => `${step}/${attempt}/${child}`;
    const changed = new Set(updated.map(keyOf));
    const same = this.children.filter((row) => !changed.has(keyOf(row)));
    this.children = [...same, ...updated, ...inserted];
  }

  index(id: string): number {
    const index = this.graph.indexById.get(id);
    if (index === undefined) throw new Error(`no step ${id}`);
    return index;
  }

  /** A step's state. */
  state(id: string): string | undefined {
    return this.view().steps.find((s) => s.step.def.id === id)?.state;
  }
  /** Whether a step has a row. */
  hasBegun(id: string): boolean {
    return this.rows.has(this.index(id));
  }

  /** Calls that are open, as `step:kind`. */
  get calls(): string[] {
    return [...this.openCalls.values()].map(
      (e) => `${this.graph.steps[e.stepIndex]?.def.id}:${e.call.kind}`,
    );
  }

  callFor(id: string, call: CallKind): IssuedCall {
    const found = [...this.openCalls.values()].find(
      (e) => e.stepIndex === this.index(id) && e.call.kind === call,
    );
    if (found === undefined) throw new Error(`no open call ${id}:${call} among ${this.calls}`);
    return found;
  }

  /** A call's answer, or its refusal. */
  answer(id: string, value: CallValue | string, call?: CallKind): Reply {
    const kind = call ?? (typeof value === "string" ? undefined : value.kind);
    if (kind === undefined) throw new Error("a refusal needs the call's kind");
    const issued = this.callFor(id, kind);
    const result: CallResult =
      typeof value === "string" ? { ok: false, message: value } : { ok: true, value };
    return this.put({
      kind: "call_returned",
      callId: issued.id,
      call: kind,
      stepIndex: issued.stepIndex,
      attempt: issued.attempt,
      result,
    });
  }

  /** TransitionStep. */
  report(stepId: string, state: StepReport["state"], more: Partial<StepReport> = {}): Reply {
    return this.put({ kind: "step_reported", report: stepReport(stepId, state, more) });
  }

  /** The objective of an AGENT_ACTION is created and ends. */
  agentEnds(id: string, state: string, output?: JsonObject, costUsd = 0): Reply {
    const objectiveId = `obj-${id}-${this.rows.get(this.index(id))?.retryCount ?? 0}`;
    this.answer(id, { kind: "create_objective", objectiveId });
    return this.put({
      kind: "owner_reported",
      stepIndex: this.index(id),
      report: {
        owner: "objective",
        id: objectiveId,
        state,
        errorMessage: state === "FAILED" ? "it broke" : "",
        costUsd,
        agentId: "",
        ...(output === undefined ? {} : { output }),
      },
    });
  }

  view(): RunView {
    return viewRun(this.graph, this.run, this.input, this.rows);
  }

  /** `id:STATE` of every visible step. */
  get states(): string {
    return this.view()
      .steps.map((s) => `${s.step.def.id}:${s.state}`)
      .join(" ");
  }

  /** Published operations in order: `run.started`, `a.completed` … */
  get events(): string[] {
    return this.history.flatMap((row) =>
      row.moves.flatMap((move) => {
        if (move.op === undefined) return [];
        return move.of === "run"
          ? [`run.${move.op}`]
          : [`${this.graph.steps[move.step]?.def.id}.${move.op}`];
      }),
    );
  }

  output(id: string): JsonObject | undefined {
    return this.view().steps.find((s) => s.step.def.id === id)?.output;
  }
  inputOf(id: string): JsonObject | undefined {
    return this.view().steps.find((s) => s.step.def.id === id)?.input;
  }
}
