/** The gate of a collaborator: workspaces take turns, and a call that gave up holds no place. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../../../src/collaborators/breaker.ts";
import { NoTurn, NotSent } from "../../../src/collaborators/call-failure.ts";
import { createGate } from "../../../src/collaborators/gate.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A gate whose calls end one by one, when the test says so. */
function handGate(concurrency: number) {
  const gate = createGate(concurrency, () => {}, createBreaker(), 1_200);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (workspaceId: string) =>
    gate.run(workspaceId, () => {
      begun.push(workspaceId);
      return new Promise<void>((resolve) => void ends.push(resolve));
    });
  const endNext = async () => {
    ends.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { gate, begun, run, endNext };
}

describe("a gate", () => {
  it("lets a workspace with one call in next, however many another has waiting", async () => {
    const { begun, run, endNext } = handGate(2);
    for (let n = 0; n < 1_000; n++) void run("many");
    void run("one");
    await endNext();
    await endNext();
    expect(begun).toEqual(["many", "many", "many", "one"]);
  });

  it("gives each of the workspaces that wait its part of the open calls", async () => {
    const { begun, run, endNext } = handGate(1);
    void run("x");
    for (const workspaceId of ["a", "b", "c"]) for (let n = 0; n < 20; n++) void run(workspaceId);
    for (let n = 0; n < 30; n++) await endNext();
    const of = (workspaceId: string) => begun.filter((each) => each === workspaceId).length;
    expect([of("a"), of("b"), of("c")]).toEqual([10, 10, 10]);
  });

  it("forgets those that gave up, so that their places are free", async () => {
    const { gate, begun, run, endNext } = handGate(1);
    void run("x");
    const brief = Array.from({ length: 1_200 }, () => gate.runSoon("brief", async () => "in time"));
    const ends = Promise.allSettled(brief);
    await expect(gate.runSoon("brief", async () => "")).rejects.toBeInstanceOf(NoTurn);
    await vi.advanceTimersByTimeAsync(600);
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
    void run("later");
    await endNext();
    expect(begun).toEqual(["x", "later"]);
  });

  it("turns away a call that finds the queue full, and all that wait when it closes", async () => {
    const { gate, begun, run } = handGate(1);
    void run("x");
    const waiting = Array.from({ length: 1_200 }, () => gate.run("ws", async () => "sent"));
    const ends = Promise.allSettled(waiting);
    await expect(gate.run("ws", async () => "sent")).rejects.toBeInstanceOf(NotSent);
    gate.close();
    expect(new Set((await ends).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    await expect(run("late")).rejects.toBeInstanceOf(NotSent);
    expect(begun).toEqual(["x"]);
  });
});
