/** A step that workers do, in the pure engine: its task, the end of it, and what does not end it. */
import { describe, expect, it } from "vitest";
import type { StepDefinition } from "../../../src/engine/values/definition.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { TaskReport } from "../../../src/engine/values/task.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const QUEUE = "payments";
const RETRIES = { maxRetries: 3, backoffSeconds: 1, backoffMultiplier: 1 };
const DONE: TaskReport["end"] = { state: "COMPLETED", output: { receipt: "r" } };
const FAILED: TaskReport["end"] = {
  ...{ state: "FAILED", message: "away", retryable: true, retryAfterMs: 0 },
};

function worked(id: string, given: Partial<StepDefinition> = {}): StepDefinition {
  const config = { queue: QUEUE, ...given.config };
  return step({ id, stepType: "AGENT_ACTION", ...given, config });
}

/** A run of one such step `s`, and a step `next` behind it that people do. */
function started(given: Partial<StepDefinition> = {}, input = {}): EngineRun {
  const steps = [worked("s", given), step({ id: "next" })];
  return EngineRun.start(version(steps, [edge("s>next")]), input);
}

interface Reported {
  readonly attempt?: number;
  readonly queue?: string;
  readonly costUsd?: number;
  readonly worker?: string;
}

function report(run: EngineRun, end: TaskReport["end"], given: Reported = {}): Reply {
  const { attempt = 1, queue = QUEUE, costUsd = 0, worker = "w" } = given;
  const input = { kind: "task_reported", stepId: "s", attempt, queue } as const;
  return run.put({ ...input, report: { worker, costUsd, end } });
}

const wanted = (run: EngineRun) => run.tasks.flatMap((each) => each.wanted);
const cancelled = (run: EngineRun) => run.tasks.flatMap((each) => each.cancelled);
const rowOf = (run: EngineRun) => run.rows.get(run.index("s"));
const notes = (run: EngineRun) =>
  run.history.flatMap(({ moves }) =>
    moves.flatMap((move) => (move.of === "step" && move.note !== undefined ? [move.note] : [])),
  );
/** Everything of a run but what it asked for. */
const stored = ({ run, rows, history }: EngineRun) => structuredClone({ run, rows, history });

/** The timer of the step fires, for its timeout or its next attempt. */
function due(run: EngineRun, afterMs: number): void {
  run.now += afterMs;
  run.put({ kind: "step_due", stepIndex: run.index("s") });
}

describe("a step with a queue, when it begins,", () => {
  it("wants one task, with what its worker needs, and no call", () => {
    const config = { currency: "EUR", title: "Charge {{ amount }}", instructions: "once" };
    const run = started({ config, actionType: "charge", timeoutSeconds: 60 }, { amount: 40 });
    expect(wanted(run)).toEqual([
      {
        ...{ id: "wfr_test/s/1", workspaceId: "ws", queue: QUEUE, runId: "wfr_test" },
        ...{ stepId: "s", stepIndex: 0, attempt: 1, definitionId: "wf_test" },
        ...{ actionType: "charge", title: "Charge 40", instructions: "once" },
        ...{ parameters: { currency: "EUR" }, input: { amount: 40 } },
        ...{ queuedAtMs: run.now, timeoutAtMs: run.now + 60_000 },
      },
    ]);
    expect(run.calls).toEqual([]);
    expect(run.states).toBe("s:RUNNING next:PENDING");
  });

  it("fails, and wants none, when an expression of its brief fails", () => {
    const run = started({ config: { title: "{{ no.such }}" } });
    expect(wanted(run)).toEqual([]);
    expect(run.state("s")).toBe("FAILED");
    expect(rowOf(run)?.errorMessage).toContain("no.such");
  });

  it("begins no task of a run that ended in the same batch", () => {
    const run = new EngineRun(version([worked("s")]));
    run.putAll([{ kind: "run_begun" }, { kind: "cancel_requested", reason: "" }]);
    expect(run.tasks).toEqual([{ wanted: [], cancelled: [], ended: [] }]);
  });
});

describe("a result", () => {
  it("ends the step, names the worker and adds its cost", () => {
    const run = started();
    expect(report(run, DONE, { worker: "w-7", costUsd: 0.5 })).toEqual({ kind: "applied" });
    expect(run.states).toBe("s:COMPLETED next:WAITING");
    expect(run.output("s")).toEqual({ receipt: "r" });
    expect(rowOf(run)).toMatchObject({ agentId: "w-7", costUsd: 0.5, detail: {} });
    expect(run.run.totalCostUsd).toBe(0.5);
    expect(run.tasks.at(-1)).toEqual({ wanted: [], cancelled: [], ended: ["wfr_test/s/1"] });
  });

  it("that is a failure begins the next attempt, under another id", () => {
    const run = started({ retryPolicy: RETRIES });
    const queuedAtMs = run.now;
    report(run, FAILED);
    expect(rowOf(run)).toMatchObject({ retryCount: 1, errorMessage: "away" });
    due(run, 2_000);
    expect(wanted(run).map(({ id }) => id)).toEqual(["wfr_test/s/1", "wfr_test/s/2"]);
    expect(wanted(run)[1]?.queuedAtMs).toBe(queuedAtMs + 2_000);
    expect(cancelled(run)).toEqual([]);
  });

  it("that asks for a pause gets it, also where the policy has a shorter one", () => {
    const run = started({ retryPolicy: RETRIES });
    report(run, { ...FAILED, retryAfterMs: 30_000 } as TaskReport["end"]);
    due(run, 29_999);
    expect(wanted(run)).toHaveLength(1);
    due(run, 1);
    expect(wanted(run)).toHaveLength(2);
  });

  it("that is not to be repeated fails the step at once", () => {
    const run = started({ retryPolicy: RETRIES });
    report(run, { ...FAILED, retryable: false } as TaskReport["end"]);
    expect(run.states).toBe("s:FAILED next:CANCELLED");
  });

  it("counts while the run is paused, and its run goes on at the resume", () => {
    const run = started();
    run.put({ kind: "pause_requested", reason: "" });
    expect(report(run, DONE)).toEqual({ kind: "applied" });
    expect(run.states).toBe("s:COMPLETED next:PENDING");
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("s:COMPLETED next:WAITING");
  });

  it("in the batch that makes its task again keeps the task from being sent", () => {
    const run = started();
    const input = { kind: "task_reported", stepId: "s", attempt: 1, queue: QUEUE } as const;
    run.putAll([
      { kind: "task_unsent", stepId: "s", attempt: 1 },
      { ...input, report: { worker: "w", costUsd: 0, end: DONE } },
    ]);
    expect(run.tasks.at(-1)).toEqual({ wanted: [], cancelled: [], ended: ["wfr_test/s/1"] });
  });
});

describe("a result changes nothing that", () => {
  const changesNothing = (run: EngineRun, end: TaskReport["end"], given: Reported = {}) => {
    const before = stored(run);
    expect(report(run, end, { costUsd: 1, ...given })).toEqual({ kind: "unchanged" });
    expect(stored(run)).toEqual(before);
  };

  it("came on the subject of another queue", () => {
    const run = started();
    changesNothing(run, DONE, { queue: "mails" });
    changesNothing(run, FAILED, { queue: "" });
    expect(report(run, DONE)).toEqual({ kind: "applied" });
  });

  it("repeats the one that completed the step", () => {
    const run = started();
    report(run, DONE);
    changesNothing(run, DONE);
    changesNothing(run, FAILED);
  });

  it("repeats a failure, before and after the next attempt began", () => {
    const run = started({ retryPolicy: RETRIES });
    report(run, FAILED);
    changesNothing(run, FAILED);
    due(run, 2_000);
    changesNothing(run, FAILED);
    report(run, FAILED, { attempt: 2 });
    due(run, 2_000);
    for (const attempt of [1, 2]) changesNothing(run, FAILED, { attempt });
  });

  it("repeats the failure that failed the step for good", () => {
    const run = started();
    report(run, FAILED);
    expect(run.run.state).toBe("FAILED");
    changesNothing(run, FAILED);
  });

  it("repeats a failure while the run is paused", () => {
    const run = started();
    run.put({ kind: "pause_requested", reason: "" });
    report(run, FAILED);
    changesNothing(run, FAILED);
  });

  it("names an attempt that has not begun, or a step of another kind", () => {
    const run = started({ retryPolicy: RETRIES });
    changesNothing(run, DONE, { attempt: 2 });
    report(run, FAILED);
    changesNothing(run, DONE, { attempt: 2 });
    const foreign = { kind: "task_reported", stepId: "next", attempt: 1, queue: QUEUE } as const;
    const before = stored(run);
    run.put({ ...foreign, report: { worker: "w", costUsd: 0, end: DONE } });
    run.put({ ...foreign, stepId: "none", report: { worker: "w", costUsd: 0, end: DONE } });
    expect(stored(run)).toEqual(before);
  });
});

describe("a late result is one line of the history, however often it comes,", () => {
  const TIMED = { timeoutSeconds: 5, retryPolicy: RETRIES };

  /** It comes three times. */
  function comesLate(run: EngineRun, attempt = 1): void {
    const before = structuredClone({ run: run.run.totalCostUsd, states: run.states });
    for (const end of [DONE, FAILED, DONE]) report(run, end, { attempt, costUsd: 1 });
    expect({ run: run.run.totalCostUsd, states: run.states }).toEqual(before);
  }

  it("of an attempt that timed out", () => {
    const run = started(TIMED);
    due(run, 5_000);
    expect(cancelled(run).map(({ id }) => id)).toEqual(["wfr_test/s/1"]);
    comesLate(run);
    due(run, 2_000);
    comesLate(run);
    expect(notes(run)).toEqual(["ignored"]);
    due(run, 5_000);
    comesLate(run, 2);
    expect(notes(run)).toEqual(["ignored", "ignored"]);
    due(run, 2_000);
    expect(report(run, DONE, { attempt: 3 })).toEqual({ kind: "applied" });
  });

  it("of a step whose run was cancelled", () => {
    const run = started();
    run.put({ kind: "cancel_requested", reason: "enough" });
    expect(cancelled(run)).toEqual([{ id: "wfr_test/s/1", workspaceId: "ws", queue: QUEUE }]);
    comesLate(run);
    expect(notes(run)).toEqual(["ignored"]);
  });

  it("of a step that failed by hand", () => {
    const run = started();
    run.report("s", "FAILED", { errorMessage: "no" });
    expect(cancelled(run)).toHaveLength(1);
    comesLate(run);
    expect(notes(run)).toEqual(["ignored"]);
  });

  it("of a step that was completed by hand", () => {
    const run = started();
    run.report("s", "COMPLETED");
    expect(cancelled(run)).toHaveLength(1);
    comesLate(run);
    expect(notes(run)).toEqual(["ignored"]);
  });

  it("of an attempt that timed out before the one that completed the step", () => {
    const run = started(TIMED);
    due(run, 5_000);
    due(run, 2_000);
    report(run, DONE, { attempt: 2 });
    comesLate(run, 2);
    expect(notes(run)).toEqual([]);
    comesLate(run, 1);
    comesLate(run, 1);
    expect(notes(run)).toEqual(["ignored"]);
  });

  it("beside repeats of the attempts that a result ended", () => {
    const run = started(TIMED);
    report(run, FAILED);
    due(run, 2_000);
    due(run, 5_000);
    comesLate(run, 1);
    expect(notes(run)).toEqual([]);
    comesLate(run, 2);
    expect(notes(run)).toEqual(["ignored"]);
  });
});

describe("a task that is made again", () => {
  const unsent = (run: EngineRun, attempt = 1) =>
    run.put({ kind: "task_unsent", stepId: "s", attempt });
  const returns = (run: EngineRun, by: string, queue = QUEUE) =>
    run.put({ kind: "task_unsent", stepId: "s", attempt: 1, returned: { queue, by } });

  it("is the same, and the run is as it was", () => {
    const run = started({ config: { title: "Charge {{ amount }}" } }, { amount: 40 });
    const before = stored(run);
    run.now += 1_000;
    expect(unsent(run)).toEqual({ kind: "unchanged" });
    const [first, again] = wanted(run);
    expect(again).toEqual(first);
    expect(stored(run)).toEqual(before);
  });

  it("because a worker returned it comes alone, under the mark of the return", () => {
    const run = started();
    run.now += 1_000;
    returns(run, "m1");
    expect(wanted(run)[1]).toMatchObject({
      ...{ id: "wfr_test/s/1", alone: true, returnedBy: "m1", queuedAtMs: run.now },
    });
    expect(notes(run)).toEqual([]);
    expect(report(run, DONE)).toEqual({ kind: "applied" });
  });

  it("because it is lost comes alone when it was returned before", () => {
    const run = started();
    returns(run, "m1");
    unsent(run);
    const [, , lost] = wanted(run);
    expect(lost).toMatchObject({ alone: true });
    expect(lost).not.toHaveProperty("returnedBy");
  });

  it("is not, when it was returned on the subject of another queue", () => {
    const run = started();
    returns(run, "m1", "mails");
    expect(wanted(run)).toHaveLength(1);
    expect(rowOf(run)?.detail.task).toEqual({ sinceMs: run.now });
  });

  it("is not, when its attempt is over, or another one is open", () => {
    const run = started({ retryPolicy: RETRIES });
    unsent(run, 2);
    report(run, FAILED);
    unsent(run, 1);
    due(run, 2_000);
    unsent(run, 1);
    expect(wanted(run).map(({ attempt }) => attempt)).toEqual([1, 2]);
    report(run, DONE, { attempt: 2 });
    unsent(run, 2);
    expect(wanted(run)).toHaveLength(2);
  });

  it("is made again while its run is paused: a pause lets go on what is under way", () => {
    const run = started();
    run.put({ kind: "pause_requested", reason: "" });
    unsent(run);
    expect(wanted(run)).toHaveLength(2);
  });
});

describe("a compensation that workers do", () => {
  it("undoes a step whose task was sent, though it had no result", () => {
    const steps = [worked("s", { compensationStepId: "undo" }), worked("undo")];
    const run = EngineRun.start(version(steps));
    run.put({ kind: "compensate_requested", reason: "" });
    expect(cancelled(run).map(({ id }) => id)).toEqual(["wfr_test/s/1"]);
    expect(wanted(run).at(-1)).toMatchObject({ id: "wfr_test/undo/1" });
    expect(report(run, DONE)).toEqual({ kind: "unchanged" });
    const input = { kind: "task_reported", stepId: "undo", attempt: 1, queue: QUEUE } as const;
    run.put({ ...input, report: { worker: "w", costUsd: 0, end: DONE } });
    expect(run.state("undo")).toBe("COMPLETED");
    expect(run.run.state).toBe("FAILED");
  });
});
