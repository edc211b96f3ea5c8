/** What is read of a message from a worker, and what is refused whole. */
import { expect, test } from "vitest";
import {
  readHeartbeat,
  readOpenQuestion,
  readResults,
} from "../../../../src/wire/tasks/read-results.ts";

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

test("a message has 512 KiB at most", () => {
  const bytesOf = (count: number) => {
    const frame = JSON.stringify({ worker: "w", returned: [], x: "" }).length;
    return bytes({ worker: "w", returned: [], x: "x".repeat(count - frame) });
  };
  expect(readResults(bytesOf(524_288))).toMatchObject({ ok: true });
  expect(readResults(bytesOf(524_289))).toEqual({
    ok: false,
    problem: "the message has 524289 bytes, the limit is 524288",
  });
});

function endOf(result: object) {
  const read = readResults(bytes({ worker: "w", results: [{ id: "wfr_a/s/1", ...result }] }));
  return read.ok ? read.reports[0]?.report.end : undefined;
}

test.each([
  [0, 0],
  [300.2, 301],
  [0.001, 1],
  [86_400_000, 86_400_000],
])("a pause of %d ms is one of %d whole ms, no shorter", (given, retryAfterMs) => {
  const error = { message: "busy", retry_after_ms: given };
  expect(endOf({ status: "failed", error })).toMatchObject({ retryAfterMs, retryable: true });
});

test.each([-1, 86_400_001, "5"])("a pause of %j is refused", (given) => {
  const error = { message: "busy", retry_after_ms: given };
  const message = expect.stringContaining("error.retry_after_ms is no number from 0 to 86400000");
  expect(endOf({ status: "failed", error })).toMatchObject({ message, retryable: false });
});

test.each([
  ["bytes that are no UTF-8", new Uint8Array([0xff, 0xfe])],
  ["no JSON", new TextEncoder().encode("{")],
  ["a list", bytes([])],
  ["no worker", bytes({ results: [] })],
  ["a worker with a line break", bytes({ worker: "a\nb", results: [] })],
  ["neither results nor returned", bytes({ worker: "w" })],
  ["results that are no list", bytes({ worker: "w", results: {} })],
])("a message of %s is refused whole", (_, data) => {
  expect(readResults(data)).toMatchObject({ ok: false });
});

test.each(["", "wfr_a/s", "wfr_a/s/0", "wfr_a/s/1/2", "../s/1", "wfr_a/-/1", 7, null])(
  "a result with the id %j is put aside, and the others count",
  (id) => {
    const results = [
      { id, status: "completed" },
      { id: "wfr_a/s/1", status: "completed" },
    ];
    const read = readResults(bytes({ worker: "w", results }));
    expect(read).toMatchObject({
      ok: true,
      problem: "the message has 1 results without a readable id",
    });
    expect(read.ok && read.reports).toHaveLength(1);
  },
);

test("a heartbeat counts whatever its version is, and shows one that is a short text", () => {
  const beat = { worker: "w", running: 1, concurrency: 0 };
  const read = (version: unknown) => readHeartbeat(bytes({ ...beat, version }));
  expect(read("1.4.0")).toEqual({ worker: "w", running: 1, concurrency: 1, version: "1.4.0" });
  for (const odd of [undefined, 7, "a\nb", "x".repeat(129)]) expect(read(odd)?.version).toBe("");
  expect(readHeartbeat(bytes({ ...beat, running: -1 }))).toBeUndefined();
  expect(readHeartbeat(bytes({ ...beat, worker: "" }))).toBeUndefined();
});
