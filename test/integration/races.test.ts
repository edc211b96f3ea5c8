/** Races: two things happen to one run at once. Each has one outcome for each order (docs/races.md), however they meet. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Input } from "../../src/engine/values/input.ts";
import { transitioned } from "../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { expectReplayed } from "../support/histories/applied-histories.ts";
import { readHistories } from "../support/histories/stored-history.ts";
import {
  CANCEL,
  COMPENSATE,
  DEADLINE,
  due,
  eventComes,
  ORDERS,
  type Order,
  objectiveSays,
  PAUSE,
  type RacedRun,
  RESUME,
  startRaces,
} from "../support/services/races.ts";

const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
const ONE = versionOf([task("work")]);
const LINE = versionOf([task("work"), task("next")], ["work -> next"]);
const TIMED = versionOf([task("work")], [], { timeoutSeconds: 60 });
const AGENT = versionOf([stepOf("work")]);
const COMPENSATED = versionOf([stepOf("work", { compensationStepId: "undo" }), task("undo")]);
const TASK_UNDONE = versionOf(
  [{ ...task("work"), compensationStepId: "undo" }, task("next"), task("undo")],
  ["work -> next"],
);
const waiting = { stepType: "WAIT_FOR_EVENT", eventTypePattern: "came.in" } as const;
const WAIT = versionOf(
  [stepOf("work", { ...waiting, timeoutSeconds: 60 }), task("on"), task("late")],
  ["work -> on", "work -> late [timeout]"],
);
const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
const RETRIED = versionOf([stepOf("work", { retryPolicy })]);
const RETRIED_LATER = versionOf([
  stepOf("work", { retryPolicy: { ...retryPolicy, backoffSeconds: 60 } }),
]);

const DONE = transitioned("work", "COMPLETED", { output: { by: "hand" }, costUsd: 1 });
const FOUND = { kind: "look_up", resolution: { agentId: "a1", skillId: "" } } as const;
const created = (objectiveId: string) => ({ kind: "create_objective", objectiveId }) as const;

let races: Awaited<ReturnType<typeof startRaces>>;
beforeAll(async () => {
  races = await startRaces();
});
afterAll(async () => {
  // For every order: the histories applied give the stored state.
  expectReplayed(await readHistories(races.database));
  await races.stop();
});

/** A run whose step's Create is in flight. */
async function startCreating(spec: typeof AGENT): Promise<RacedRun> {
  const run = await races.start(spec);
  await run.put(run.returned(FOUND));
  return run;
}

/** A run whose step has an objective. */
async function startWorking(spec: typeof AGENT, objectiveId: string): Promise<RacedRun> {
  const run = await startCreating(spec);
  await run.put(run.returned(created(objectiveId)));
  return run;
}

describe.each(ORDERS)("%s", (order: Order) => {
  describe("pause and the last step's end", () => {
    it("the end first: the run is COMPLETED, and the pause refused", async () => {
      const run = await races.start(ONE);
      const replies = await run.race(order, DONE, PAUSE);
      expect(replies).toEqual(["applied", "refused COMPLETED to PAUSED"]);
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 1 USD");
    });
    it("the pause first: the end is kept, and acted on at the resume", async () => {
      const run = await races.start(ONE);
      expect(await run.race(order, PAUSE, DONE)).toEqual(["applied", "applied"]);
      expect(await run.shown()).toBe("PAUSED: work COMPLETED, 1 USD");
      await run.put(RESUME);
      const moves = ["run.pause", "work.completed", "run.resume", "run.completed"];
      expect(await run.history()).toEqual(moves);
    });
  });

  describe("cancel and the start of an agent's work", () => {
    it("the cancel first: no objective is made after the look-up", async () => {
      const run = await races.start(AGENT);
      const replies = await run.race(order, CANCEL, run.returned(FOUND));
      expect(replies).toEqual(["applied", "unchanged"]);
      expect(run.calls).toEqual(["look_up"]);
    });
    it("the cancel first, Create in flight: its objective is cancelled once the reply comes", async () => {
      const run = await startCreating(AGENT);
      const replies = await run.race(order, CANCEL, run.returned(created("o-cancel-first")));
      expect(replies).toEqual(["applied", "unchanged"]);
      expect(run.calls).toEqual(["look_up", "create_objective", "cancel_objective"]);
      expect(await run.history()).toEqual(["work.cancelled", "run.cancel", "work.ignored"]);
    });
    it("the reply first: the objective is cancelled with the step", async () => {
      const run = await startCreating(AGENT);
      const replies = await run.race(order, run.returned(created("o-reply-first")), CANCEL);
      expect(replies).toEqual(["applied", "applied"]);
      expect(run.calls).toEqual(["look_up", "create_objective", "cancel_objective"]);
      expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
    });
  });

  describe("a rerun, and what else is asked of the run", () => {
    /** A FAILED run whose first step succeeded, and its rerun. */
    async function startFailed(): Promise<{ run: RacedRun; rerun: Input }> {
      const run = await races.start(TASK_UNDONE);
      await run.put(DONE);
      await run.put(transitioned("next", "FAILED"));
      return { run, rerun: await run.rerun() };
    }
    it("the rerun first: the undo is with the new run, and nothing is compensated", async () => {
      const { run, rerun } = await startFailed();
      expect(await run.race(order, rerun, COMPENSATE)).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("FAILED: work COMPLETED, next FAILED, undo PENDING, 1 USD");
      expect(run.calls).toEqual(["start_rerun"]);
    });
    it("the compensation first: the run compensates, and the rerun is refused", async () => {
      const { run, rerun } = await startFailed();
      const refused = "refused COMPENSATING to COMPENSATING";
      expect(await run.race(order, COMPENSATE, rerun)).toEqual(["applied", refused]);
      expect(await run.shown()).toContain("undo WAITING");
      expect(run.calls).toEqual([]);
    });
    it("two reruns by one plan: one is done, the other refused", async () => {
      const { run, rerun } = await startFailed();
      expect(await run.race(order, rerun, rerun)).toEqual(["applied", "refused FAILED to FAILED"]);
      expect(run.calls).toEqual(["start_rerun"]);
    });
    it("the rerun first: the cancel of the older run is refused", async () => {
      const { run, rerun } = await startFailed();
      const replies = await run.race(order, rerun, CANCEL);
      expect(replies).toEqual(["applied", "refused FAILED to CANCELLED"]);
    });
  });

  it("two cancels: one moves the run, the other finds it cancelled", async () => {
    const run = await startWorking(AGENT, `o-two-cancels-${order}`);
    expect(await run.race(order, CANCEL, CANCEL)).toEqual(["applied", "unchanged"]);
    expect(await run.history()).toEqual(["work.cancelled", "run.cancel"]);
    expect(run.calls.filter((kind) => kind === "cancel_objective")).toHaveLength(1);
  });

  describe("cancel and an agent's report", () => {
    it("the cancel first: the report is noted, and nothing more", async () => {
      const run = await startWorking(AGENT, "o-1");
      const done = objectiveSays("o-1", "COMPLETED", { output: {}, costUsd: 5 });
      expect(await run.race(order, CANCEL, done)).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
      expect(await run.history()).toEqual(["work.cancelled", "run.cancel", "work.ignored"]);
    });
    it("the report first: the run is COMPLETED, and the cancel refused", async () => {
      const run = await startWorking(AGENT, "o-2");
      const done = objectiveSays("o-2", "COMPLETED", { output: {}, costUsd: 5 });
      const replies = await run.race(order, done, CANCEL);
      expect(replies).toEqual(["applied", "refused COMPLETED to CANCELLED"]);
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 5 USD");
      expect(run.calls).not.toContain("cancel_objective");
    });
  });

  describe("cancel and an event that a wait takes", () => {
    it("the cancel first: the event changes nothing", async () => {
      const run = await races.start(WAIT);
      expect(await run.race(order, CANCEL, eventComes(0))).toEqual(["applied", "unchanged"]);
      expect(await run.history()).not.toContain("work.completed");
    });
    it("the event first: the step keeps it, and what follows is cancelled", async () => {
      const run = await races.start(WAIT);
      expect(await run.race(order, eventComes(0), CANCEL)).toEqual(["applied", "applied"]);
      expect(await run.shown()).toBe("CANCELLED: work COMPLETED, on CANCELLED, late SKIPPED");
    });
  });

  it("two resumes: what is ready starts once", async () => {
    const run = await races.start(LINE);
    await run.put(PAUSE);
    await run.put(DONE);
    expect(await run.race(order, RESUME, RESUME)).toEqual(["applied", "unchanged"]);
    expect((await run.history()).filter((moves) => moves === "next.started")).toHaveLength(1);
  });

  describe("cancel and compensate", () => {
    it("the cancel first: the run is CANCELLED, then compensated", async () => {
      const run = await races.start(TASK_UNDONE);
      await run.put(DONE);
      expect(await run.race(order, CANCEL, COMPENSATE)).toEqual(["applied", "applied"]);
      expect(await run.shown()).toContain("COMPENSATING: work COMPLETED, next CANCELLED, undo W");
    });
    it("the compensation first: the cancel is refused", async () => {
      const run = await races.start(TASK_UNDONE);
      await run.put(DONE);
      const replies = await run.race(order, COMPENSATE, CANCEL);
      expect(replies).toEqual(["applied", "refused COMPENSATING to CANCELLED"]);
      await run.put(transitioned("undo", "COMPLETED"));
      expect(await run.shown()).toContain("FAILED: work COMPENSATED, next CANCELLED, undo COMP");
      expect((await run.history()).at(-1)).toBe("run.compensated");
    });
    it("with nothing to compensate: FAILED at once, or CANCELLED and unchanged", async () => {
      const first = await races.start(ONE);
      const replies = await first.race(order, COMPENSATE, CANCEL);
      expect(replies).toEqual(["applied", "refused FAILED to CANCELLED"]);
      const second = await races.start(ONE);
      expect(await second.race(order, CANCEL, COMPENSATE)).toEqual(["applied", "unchanged"]);
      expect(await second.shown()).toBe("CANCELLED: work CANCELLED");
    });
  });

  describe("compensate while a step is in flight", () => {
    it("the step is cancelled and compensated; what it made late is cancelled", async () => {
      const run = await startCreating(COMPENSATED);
      const replies = await run.race(order, COMPENSATE, run.returned(created("o-late")));
      expect(replies).toEqual(["applied", "unchanged"]);
      expect(run.calls).toEqual(["look_up", "create_objective", "cancel_objective"]);
      expect(await run.shown()).toBe("COMPENSATING: work CANCELLED, undo WAITING");
    });
    it("its report comes too late, without cost", async () => {
      const run = await startWorking(COMPENSATED, "o-3");
      const done = objectiveSays("o-3", "COMPLETED", { output: {}, costUsd: 5 });
      expect(await run.race(order, COMPENSATE, done)).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("COMPENSATING: work CANCELLED, undo WAITING");
    });
  });

  describe("TransitionStep and an event for the same end", () => {
    it("TransitionStep first: its output and cost stand", async () => {
      const run = await startWorking(AGENT, "o-4");
      const done = objectiveSays("o-4", "COMPLETED", { output: { by: "agent" }, costUsd: 5 });
      expect(await run.race(order, DONE, done)).toEqual(["applied", "unchanged"]);
      expect(await run.outputOf(0)).toEqual({ by: "hand" });
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 1 USD");
    });
    it("the event first: the same end is OK and unchanged, another one refused", async () => {
      const run = await startWorking(AGENT, "o-5");
      const done = objectiveSays("o-5", "COMPLETED", { output: { by: "agent" }, costUsd: 5 });
      expect(await run.race(order, done, DONE)).toEqual(["applied", "unchanged"]);
      const failed = await run.put(transitioned("work", "FAILED"));
      expect(failed).toBe("refused COMPLETED to FAILED");
      expect(await run.outputOf(0)).toEqual({ by: "agent" });
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 5 USD");
    });
  });

  describe("the timer and the event of one wait", () => {
    it("the timer first: the timeout edge is taken, and the event changes nothing", async () => {
      const run = await races.start(WAIT);
      await run.timePasses(61);
      expect(await run.race(order, due(0), eventComes(0))).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("RUNNING: work COMPLETED, on SKIPPED, late WAITING");
    });
    it("the event first, though the time is over: the wait ends with it", async () => {
      const run = await races.start(WAIT);
      await run.timePasses(61);
      expect(await run.race(order, eventComes(0), due(0))).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("RUNNING: work COMPLETED, on WAITING, late SKIPPED");
    });
  });

  describe("the deadline and the last step's end", () => {
    it("the deadline first: the run FAILS, and the end comes too late, without cost", async () => {
      const run = await races.start(TIMED);
      await run.timePasses(61);
      expect(await run.race(order, DEADLINE, DONE)).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("FAILED: work CANCELLED");
      expect(await run.history()).toEqual(["work.cancelled", "run.failed", "work.ignored"]);
    });
    it("the end first, though the time is over: the run is COMPLETED", async () => {
      const run = await races.start(TIMED);
      await run.timePasses(61);
      expect(await run.race(order, DONE, DEADLINE)).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 1 USD");
    });
  });

  describe("TransitionStep on an attempt that is over", () => {
    const late = transitioned("work", "COMPLETED", { objectiveId: "o-old", costUsd: 1 });

    it("after the next has begun: OK, noted, and nothing more", async () => {
      const run = await startWorking(RETRIED, "o-old");
      const replies = await run.race(order, objectiveSays("o-old", "FAILED"), late);
      expect(replies).toEqual(["applied", "unchanged"]);
      await run.put(run.returned(FOUND));
      await run.put(run.returned(created("o-new")));
      expect(await run.put(late)).toBe("unchanged");
      expect(await run.shown()).toBe("RUNNING: work RUNNING");
      expect(await run.put(transitioned("work", "COMPLETED", { objectiveId: "o-new" }))).toBe(
        "applied",
      );
    });
    it("between the attempts: likewise, and an id of another objective is not taken up", async () => {
      const run = await startWorking(RETRIED_LATER, "o-old");
      const replies = await run.race(order, objectiveSays("o-old", "FAILED"), late);
      expect(replies).toEqual(["applied", "unchanged"]);
      await run.put(transitioned("work", "RUNNING", { objectiveId: "o-else" }));
      expect(await run.put(objectiveSays("o-else", "COMPLETED", { output: {} }))).toBe("unchanged");
      expect(await run.shown()).toBe("RUNNING: work RUNNING");
    });
    it("before it has failed: the call counts, and the failure comes too late", async () => {
      const run = await startWorking(RETRIED, "o-old");
      const replies = await run.race(order, late, objectiveSays("o-old", "FAILED"));
      expect(replies).toEqual(["applied", "unchanged"]);
      expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 1 USD");
    });
  });
});

describe("at two replicas in the same moment", () => {
  it("of two cancels one moves the run", async () => {
    const run = await startWorking(AGENT, "o-6");
    const replies = await Promise.all([run.put(CANCEL), run.put(CANCEL, run.other)]);
    expect(replies.toSorted()).toEqual(["applied", "unchanged"]);
    expect(await run.history()).toEqual(["work.cancelled", "run.cancel"]);
  });
  it("cancel and compensate come to one of their two outcomes", async () => {
    const run = await races.start(TASK_UNDONE);
    await run.put(DONE);
    const [cancel, compensation] = await Promise.all([
      run.put(CANCEL),
      run.put(COMPENSATE, run.other),
    ]);
    expect(["applied", "refused COMPENSATING to CANCELLED"]).toContain(cancel);
    expect(compensation).toBe("applied");
    expect(await run.shown()).toContain("COMPENSATING: work COMPLETED, next CANCELLED, undo W");
  });
});

describe("an event on its way to a run", () => {
  it("that is cancelled updates no run, and starts nothing", async () => {
    const run = await races.start(WAIT);
    await run.put(CANCEL);
    expect(await run.event("came.in")).toEqual([]);
    expect(await run.history()).toEqual([
      "work.cancelled",
      "on.cancelled",
      "late.cancelled",
      "run.cancel",
    ]);
  });
  it("that waits ends its wait once, however often it comes", async () => {
    const run = await races.start(WAIT);
    expect(await run.event("came.in")).toContain(run.id);
    expect(await run.event("came.in")).toEqual([]);
    expect(await run.shown()).toBe("RUNNING: work COMPLETED, on WAITING, late SKIPPED");
  });
});
