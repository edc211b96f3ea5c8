/** Random rows of few runs, steps, calls and events, so that verbs meet the same ones again and again. */

import { CHILD_STATES } from "../../../../src/engine/values/child-run.ts";
import type { StepDetail } from "../../../../src/engine/values/step-detail.ts";
import { partitionOf } from "../../../../src/runtime/partition.ts";
import type { ChildRow } from "../../../../src/store/child-runs.ts";
import type { InboxStep } from "../../../../src/store/inbox.ts";
import type { StepRow } from "../../../../src/store/rows.ts";
import { COUNTER_KINDS, type RunCount } from "../../../../src/store/run-counts.ts";
import type { Batch, ChangedStep } from "../../../../src/store/save-batch.ts";
import type { RandomNumbers } from "../../random/random-numbers.ts";

/** Ids that rows have. */
export const RUNS = ["wfr_1", "wfr_2", "wfr_3", "wfr_4"];
export const STEPS = [0, 1, 2];
export const WORKSPACES = ["ws-sim", "ws-other"];
export const OBJECTS = ["o-1", "o-2", "o-3"];
export const EVENTS = ["e-1", "e-2", "e-3"];
export const SOURCES = ["", "s", "t"];
export const WAIT_KEYS = ["came.in|box.1", "came.~|box.~", "came/in|~"];
export const KINDS = [
  "create_objective",
  "delegate",
  "request_approval",
  "send_notification",
  "look_up",
];

/** Makes rows at a time that the test moves. */
export class RandomRows {
  readonly random: RandomNumbers;
  readonly #nowMs: () => number;

  constructor(random: RandomNumbers, nowMs: () => number) {
    this.random = random;
    this.#nowMs = nowMs;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = this.random.pick(items);
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
  some<Item>(items: readonly Item[]): Item[] {
    return items.filter(() => this.random.chance(50));
  }
  /** A time within a minute of now. */
  time(): Date {
    return new Date(this.#nowMs() + 1_000 * (this.random.below(120) - 60));
  }
  maybe<Value>(make: () => Value, percent = 40): Value | null {
    return this.random.chance(percent) ? make() : null;
  }

  /** What a batch counts; often so many failures that a day is reported. */
  count(): RunCount {
    const kind = this.pick([COUNTER_KINDS.started, COUNTER_KINDS.ended, COUNTER_KINDS.duration]);
    return {
      ...{ definitionId: this.pick(["wf-line", "wf-wait"]), kind, day: this.pick([1, 2]) },
      ...{ name: this.pick(["SUCCEEDED", "FAILED", "TIMED_OUT"]), runs: this.random.below(9) - 1 },
      ...{ costUsd: this.random.below(8) / 4, durationMs: this.random.below(900) },
      lastAtMs: this.maybe(() => this.time().getTime()) ?? undefined,
    };
  }

  run(id: string, seq: number): Batch["newRuns"][number] {
    const names = { triggerType: "MANUAL", triggerSource: "", initiatorAgentId: "" };
    return {
      ...{ id, definitionId: "wf-line", definitionVersion: 1, hops: 0, ...names, seq },
      ...{ triggerEventId: "", initiatorUserId: "", parentRunId: "", entityId: "", entityType: "" },
      ...{ workspaceId: this.pick(WORKSPACES), versionId: this.pick(["wfv-line", "wfv-wait"]) },
      ...{ inputUnset: null, parentStep: null, rerun: null, inputPatches: null },
      ...{ environment: this.maybe(() => "staging"), vars: this.maybe(() => ({ b: 1, a: 2 })) },
      ...{ startedBy: this.maybe(() => "agent" as const), concurrencyKey: this.maybe(() => "/k") },
      createdAt: new Date(this.#nowMs()),
      ...{ startedAt: this.time(), completedAt: this.maybe(() => this.time()) },
      ...{ deadlineAt: this.maybe(() => this.time()), continueAt: this.maybe(() => this.time()) },
      unsettled: this.maybe(() => [this.random.below(3)]),
      pending: this.maybe(() => [0, this.random.below(3)]),
      state: this.pick(["RUNNING", "PAUSED", "COMPENSATING", "COMPLETED"]),
      totalCostUsd: this.random.below(8) / 4,
      stepMarks: `\\x0${this.random.below(8)}02`,
      edgeMarks: "\\x01",
      inputPayload: { b: this.random.below(9), a: ["x", null] },
    };
  }

  step(runId: string, stepIndex: number): StepRow {
    const [id, other] = [() => this.pick(OBJECTS), () => this.pick(["", "x"])];
    return {
      ...{ runId, stepIndex, workspaceId: this.pick(WORKSPACES), retryCount: this.random.below(2) },
      ...{ startedAt: this.time(), completedAt: this.maybe(() => this.time(), 25) },
      ...{ timeoutAt: this.maybe(() => this.time()), wakeAt: this.maybe(() => this.time()) },
      ...{ dueAt: this.maybe(() => this.time()), costUsd: 0.25, outputExtendsInput: false },
      ...{ objectiveId: this.maybe(id), delegationId: this.maybe(id), agentId: null },
      ...{ approvalRequestId: this.maybe(id), ticketIds: this.maybe(() => [id()]) },
      ...{ governanceDecision: null, eventId: null, notificationId: null },
      ...{ waitKey: this.maybe(() => this.pick(WAIT_KEYS)), waitEquals: this.maybe(other) },
      state: this.pick(["RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED"]),
      errorMessage: this.maybe(() => "it broke"),
      detail: this.maybe(() => this.#detail(), 60),
      input: this.maybe(() => ({ i: this.random.below(5) })),
      output: this.maybe(() => ({ o: [this.random.below(5)] })),
    };
  }
  changedStep(runId: string, stepIndex: number, rowVersion: string): ChangedStep {
    const [keepInput, keepOutput] = [this.random.chance(50), this.random.chance(50)];
    return { ...this.step(runId, stepIndex), keepInput, keepOutput, rowVersion };
  }
  #detail(): StepDetail {
    const ticket = (requestId: string) => ({
      ...{ requestId, approver: "ann", decidedBy: "", reason: "" },
      decision: this.pick(["", "escalated", "approved"]),
    });
    const wait = { typePattern: "came.*", sinceMs: this.time().getTime() };
    const leftOpen = this.maybe(() => ({ leftOpen: this.some(OBJECTS) }));
    const approvals = this.maybe(() => ({ approvals: OBJECTS.map(ticket) }));
    const returned = this.maybe(() => ({ returned: true }), 30);
    const task = this.maybe(() => ({ task: { sinceMs: this.time().getTime(), ...returned } }));
    return { ...approvals, ...leftOpen, ...task, wait } as StepDetail;
  }

  child(runId: string, childIndex: number): ChildRow {
    const state = this.pick(CHILD_STATES);
    return {
      ...{ runId, stepIndex: 0, attempt: 1 + this.random.below(2), childIndex, state, seq: 1 },
      ...{ input: childIndex, childRunId: this.maybe(() => `wfr_c${childIndex}`), costUsd: 0 },
      output: null,
    };
  }

  /** All items that a step has now: some of few places, so that some stay, some close and some are new. */
  inboxStep(runId: string, stepIndex: number): InboxStep {
    const places = this.some([1, 2, 3]);
    const items = places.map((place) => ({
      ...{ kind: this.pick(["approval", "task"] as const), place },
      assignee: this.pick(["", "ann", "bob"]),
    }));
    const [workspaceId, openedAt] = [this.pick(WORKSPACES), new Date(this.#nowMs())];
    return { runId, stepIndex, workspaceId, openedAt, items };
  }

  call(runId: string, holder: string): Batch["newCalls"][number] {
    const [kind, stepIndex, attempt] = [this.pick(KINDS), this.random.below(3), 1];
    const id = `${runId}/s${stepIndex}/${attempt}/${kind}`;
    const createdAt = new Date(this.#nowMs());
    const workspaceId = this.pick(WORKSPACES);
    const row = { id, kind, stepIndex, attempt, holder, createdAt, workspaceId };
    return { ...row, leaseUntil: this.time(), request: "\\x0102" };
  }

  moves(runId: string, seq: number): Batch["moves"][number] {
    const partition = partitionOf(runId);
    const run = { of: "run", from: "PENDING", to: "RUNNING", op: "started" } as const;
    const step = { of: "step", step: 0, from: "PENDING", to: "RUNNING", op: "started" } as const;
    const recordedAt = new Date(this.#nowMs());
    const moves = this.random.chance(50) ? [run, step] : [step];
    return { runId, partition, seq, recordedAt, cause: { kind: "engine", id: "x" }, moves };
  }
}
