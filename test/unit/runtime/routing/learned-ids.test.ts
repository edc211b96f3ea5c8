/** Ids that replies name: found at once, or within the patience of a report that came before. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ReportedObject } from "../../../../src/runtime/routing/learned-ids.ts";
import { LearnedIds } from "../../../../src/runtime/routing/learned-ids.ts";
import type { Submission } from "../../../../src/runtime/submission.ts";

const learned = (objectiveId: string, workspaceId = "ws"): Submission => ({
  ...{ kind: "input", runId: "wfr_1", workspaceId },
  input: {
    ...{ kind: "call_returned", cause: { kind: "call", id: "c" }, callId: "c", attempt: 1 },
    ...{ call: "create_objective", stepIndex: 2 },
    result: { ok: true, value: { kind: "create_objective", objectiveId } },
  },
});
const object = (objectId: string) => ({ workspaceId: "ws", kind: "objective" as const, objectId });
const CALL = { workspaceId: "ws", kind: "create_objective" } as const;

function afterCall(): LearnedIds {
  const ids = new LearnedIds();
  ids.noteCalls([CALL]);
  return ids;
}
/** The step of each. */
function awaitAll(ids: LearnedIds, objects: readonly ReportedObject[]) {
  return Promise.all(objects.map((object) => ids.awaitStep(object, PATIENCE_MS)));
}
const PATIENCE_MS = 50;
const STEP = { runId: "wfr_1", stepIndex: 2 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("steps of objects", () => {
  it("are given at once where the ids are known", async () => {
    const ids = afterCall();
    ids.note(learned("a"));
    ids.note(learned("b"));
    expect(await awaitAll(ids, [object("b"), object("a")])).toEqual([STEP, STEP]);
  });

  it("are given once the last id is noted, for everyone who waits", async () => {
    const ids = afterCall();
    const both = awaitAll(ids, [object("a"), object("b")]);
    const one = awaitAll(ids, [object("b")]);
    ids.note(learned("a"));
    ids.note(learned("b"));
    expect(await both).toEqual([STEP, STEP]);
    expect(await one).toEqual([STEP]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("are given as soon as their own id is noted, whoever else waits", async () => {
    const ids = afterCall();
    const other = ids.awaitStep(object("b"), PATIENCE_MS);
    const own = ids.awaitStep(object("a"), PATIENCE_MS);
    ids.note(learned("a"));
    expect(await own).toEqual(STEP);
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    expect(await other).toBeUndefined();
  });

  it("are not given by heart where two steps named the object, nor once the first is named again", () => {
    const ids = new LearnedIds();
    ids.note(learned("a"));
    ids.note(learned("a"));
    expect(ids.findStep(object("a"))).toEqual(STEP);
    ids.note({ ...learned("a"), runId: "wfr_2" } as Submission);
    expect(ids.findStep(object("a"))).toBeUndefined();
    ids.note({ ...learned("a"), runId: "wfr_2" } as Submission);
    expect(ids.findStep(object("a"))).toBeUndefined();
    expect(ids.findStep({ ...object("a"), workspaceId: "other" })).toBeUndefined();
  });

  it("are left out where the patience ends first, and another workspace's id counts for nothing", async () => {
    const ids = afterCall();
    const waiting = awaitAll(ids, [object("a"), object("b")]);
    ids.note(learned("a"));
    ids.note(learned("b", "other"));
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    expect(await waiting).toEqual([STEP, undefined]);
  });

  it("are awaited where this replica made a call of their kind, in their workspace", () => {
    const ids = afterCall();
    expect(ids.isAwaited(object("a"))).toBe(true);
    expect(ids.isAwaited({ ...object("a"), kind: "approval" })).toBe(false);
    expect(ids.isAwaited({ ...object("a"), workspaceId: "other" })).toBe(false);
  });
});
