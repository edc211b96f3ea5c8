/** What is read of a message from a worker, and what is refused whole. */
import { expect, test } from "vitest";
import { readOpenQuestion, readResults } from "../../../../src/wire/tasks/read-results.ts";

const bytes = (message: unknown) => new TextEncoder().encode(JSON.stringify(message));
const ids = (count: number) => Array.from({ length: count }, (_, n) => `wfr_a/s${n}/1`);

test("a message returns 256 tasks at most", () => {
  expect(readResults(bytes({ worker: "w", returned: ids(256) }))).toMatchObject({ ok: true });
  expect(readResults(bytes({ worker: "w", returned: ids(257) }))).toEqual({
    ok: false,
    problem: "the message returns more than 256 tasks",
  });
});

test("a message has 256 results at most", () => {
  const results = ids(257).map((id) => ({ id, status: "completed" }));
  expect(readResults(bytes({ worker: "w", results: results.slice(1) }))).toMatchObject({
    ok: true,
  });
  expect(readResults(bytes({ worker: "w", results }))).toEqual({
    ok: false,
    problem: "the message has more than 256 results",
  });
});

test("a question names 256 tasks at most", () => {
  expect(readOpenQuestion(bytes({ ids: ids(256) }))).toHaveLength(256);
  expect(readOpenQuestion(bytes({ ids: ids(257) }))).toBeUndefined();
});
