/** What a version says about the longest of its runs, and where it says nothing. */
import { expect, it } from "vitest";
import { worstCaseOf } from "../../../src/engine/steps/worst-case.ts";
import { roundedDuration } from "../../../src/file/durations.ts";
import { readWorkflowFile } from "../../../src/file/read-file.ts";

/** The worst case of a file with these steps and more keys. */
function worst(steps: string, more = "") {
  const text = `workflow: w\n${more}\nsteps:\n${steps}`;
  const file = readWorkflowFile(new TextEncoder().encode(text));
  expect(file.faults).toEqual([]);
  if (file.workflow === undefined) throw new Error("the file has no workflow");
  return worstCaseOf(file.workflow.spec);
}

it.each([
  ["an attempt", "a: { agent: x, timeout: 1m }", 60, 1],
  [
    "its retries, each later",
    "a: { agent: x, timeout: 1m, retry: { max: 2, backoff: 10s, factor: 3 } }",
    3 * 60 + 11 + 33,
    3,
  ],
  [
    "waits of a day at most",
    "a: { queue: q, timeout: 1s, retry: { max: 1, backoff: 7d } }",
    86_402,
    2,
  ],
  [
    "waits that grow to a day and stay there",
    "a: { agent: x, timeout: 1s, retry: { max: 4, backoff: 6h, factor: 3 } }",
    5 + 1.1 * (6 * 3_600 + 18 * 3_600) + 2 * 86_400,
    5,
  ],
  ["a wait", "a: { wait: 15m }", 900, 0],
  [
    "a person, who may say each time that it failed",
    "a: { task: T, timeout: 1d, retry: { max: 5, backoff: 10s } }",
    6 * 86_400 + 5 * 11,
    0,
  ],
  [
    "an approval that goes on to two",
    "a: { approve: A, action: p, by: [u], escalate: { after: 1h, to: [v, w] }, on: { expired: b }, next: b }\n  b: { notify: email, body: B }",
    10_800,
    0,
  ],
  ["steps one after the other", "a: { wait: 1m }\n  b: { wait: 2m }", 180, 0],
  [
    "the slower one of two paths",
    "a: { wait: 1m, next: [b, c] }\n  b: { wait: 2m, next: end }\n  c: { wait: 5m }",
    360,
    0,
  ],
  [
    "the slowest of what runs at once, and what follows",
    "p:\n    parallel: { a: { wait: 1m }, b: { agent: x, timeout: 3m } }\n  c: { wait: 1m }",
    240,
    1,
  ],
  [
    "children that the timeout of their parallel cancels",
    "p:\n    timeout: 1h\n    parallel: { a: { task: A }, q: { parallel: { b: { task: B, timeout: 2h } } } }\n  c: { wait: 1m }",
    3_660,
    0,
  ],
  [
    "a parallel within another, and what follows both",
    "p:\n    parallel:\n      q: { parallel: { a: { wait: 1h }, b: { wait: 2h } } }\n      r: { wait: 5m }\n  c: { wait: 1m }",
    7_260,
    0,
  ],
])("%s", (_what, steps, seconds, attempts) => {
  expect(worst(`  ${steps}`)).toEqual({
    ...{ seconds, attempts, endlessStepIds: [] },
  });
});

it.each([
  ["an agent without a timeout", "a: { agent: x }", 1],
  ["a step that is held when it fails", "a: { agent: x, timeout: 1m, on_error: hold }", 1],
  ["an event", "a: { wait: { event: e } }", 0],
  ["a time of the input", 'a: { wait: { until: "{{ input.at }}" } }', 0],
  ["a time that is computed", 'a: { wait: "{{ input.n }}" }', 0],
  ["another workflow", "a: { run: other }", undefined],
  [
    "a child that its parallel leaves open",
    "p: { parallel: { a: { task: A } }, timeout: 1h, cancel_remaining: false }",
    0,
  ],
])("nothing is said of the time of %s, but for the run's deadline", (_what, step, attempts) => {
  const said = { ...(attempts === undefined ? {} : { attempts }), endlessStepIds: ["a"] };
  expect(worst(`  ${step}`)).toEqual(said);
  expect(worst(`  ${step}`, "timeout: 7d")).toEqual({ ...said, seconds: 604_800 });
});

it("an undo is not counted", () => {
  const undo = "undo: { agent: y, timeout: 1h }";
  expect(worst(`  a: { agent: x, timeout: 1m, ${undo} }`)).toMatchObject({
    seconds: 60,
    attempts: 1,
  });
});

it.each([
  [0.5, "1s"],
  [59, "59s"],
  [60, "1m"],
  [3_601, "1h 1m"],
  [86_399, "24h"],
  [86_400, "1d"],
  [90_000, "1d 1h"],
  [90_001, "1d 2h"],
])("%d seconds are shown as %s", (seconds, text) => {
  expect(roundedDuration(seconds)).toBe(text);
});
