/** Large work of many lanes: one at a time, with small work in between, and none blocks for ever. */
import { afterEach, expect, it, vi } from "vitest";
import { createLargeTurns } from "../../../src/runtime/large-turns.ts";

afterEach(() => void vi.useRealTimers());

function hanging(): { work: () => Promise<string>; end: () => void } {
  let end = () => {};
  const ended = new Promise<string>((resolve) => {
    end = () => resolve("late");
  });
  return { work: () => ended, end };
}

it("begins the next work when the one before has ended and others have had the event loop", async () => {
  const inTurn = createLargeTurns();
  const seen: string[] = [];
  const first = hanging();
  const one = inTurn(() => {
    seen.push("one begins");
    return first.work();
  });
  const two = inTurn(async () => {
    seen.push("two begins");
    return "two";
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(["one begins"]);
  setImmediate(() => seen.push("others"));
  first.end();
  expect(await Promise.all([one, two])).toEqual(["late", "two"]);
  expect(seen).toEqual(["one begins", "others", "two begins"]);
});

it("hands a rejection to its own caller alone", async () => {
  const inTurn = createLargeTurns();
  const failing = inTurn(async () => {
    throw new Error("no");
  });
  const next = inTurn(async () => "next");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("next");
});

it("lets the next work begin when the one before hangs, and still gives its result", async () => {
  const inTurn = createLargeTurns(1);
  const first = hanging();
  const one = inTurn(first.work);
  expect(await inTurn(async () => "two")).toBe("two");
  first.end();
  expect(await one).toBe("late");
});

it("keeps the next work waiting for a second at most", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const inTurn = createLargeTurns();
  const first = hanging();
  const one = inTurn(first.work);
  let begun = false;
  const two = inTurn(async () => {
    begun = true;
  });
  await vi.advanceTimersByTimeAsync(999);
  expect(begun).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await two;
  first.end();
  expect(await one).toBe("late");
});
