/** What becomes of a handler's input, output and errors, by the means that a team's own tests have. */
import { describe, expect, it } from "vitest";
import {
  handler,
  NonRetryable,
  RetryAfter,
  type StandardSchema,
} from "../../../src/worker/index.ts";
import { testWorker } from "../../../src/worker/testing.ts";

/** A schema that takes objects with a number `amount`, and gives it doubled. */
const amount: StandardSchema<unknown, { amount: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const found = (value as { amount?: unknown }).amount;
      return typeof found === "number"
        ? { value: { amount: found * 2 } }
        : { issues: [{ message: "must be a number", path: ["amount"] }] };
    },
  },
};

const receipt: StandardSchema<{ receipt: string }, unknown> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) =>
      typeof (value as { receipt?: unknown }).receipt === "string"
        ? { value }
        : { issues: [{ message: "is missing", path: [{ key: "receipt" }] }] },
  },
};

const run = (give: () => unknown) => testWorker({ handlers: { act: give } }).run("act", {});

describe("an output", () => {
  it("is an object of JSON", async () => {
    const output = { at: new Date(0), left: undefined, list: [1] };
    expect(await run(() => output)).toEqual({
      status: "completed",
      output: { at: "1970-01-01T00:00:00.000Z", list: [1] },
      costUsd: 0,
    });
  });

  it("is empty where a handler returns nothing", async () => {
    expect(await run(() => undefined)).toMatchObject({ status: "completed", output: {} });
  });

  it.each([
    ["a list", [1], "an output is an object, not a list"],
    ["a text", "done", "an output is an object, not a string"],
    ["null", null, "an output is an object, not null"],
    ["a function", () => 1, "an output is an object, not a function"],
    ["a date", new Date(0), "an output is an object, not a date"],
    ["a bigint", 1n, /the output is not JSON: .*BigInt/],
    ["a bigint inside", { sum: 1n }, /the output is not JSON: .*BigInt/],
    [
      "over the limit",
      { text: "x".repeat(70_000) },
      "the output has 70011 bytes, the limit is 65536",
    ],
  ])("%s fails the attempt without retry", async (_, output, message) => {
    const result = await run(() => output);
    expect(result).toMatchObject({ status: "failed", error: { retryable: false } });
    expect(result.error?.message).toMatch(message);
  });

  it("that holds itself fails the attempt without retry", async () => {
    const output: Record<string, unknown> = {};
    output.self = output;
    const { error } = await run(() => output);
    expect(error).toMatchObject({ retryable: false, message: expect.stringMatching(/circular/) });
  });
});

describe("an error", () => {
  const failed = async (thrown: unknown) =>
    (
      await run(() => {
        throw thrown;
      })
    ).error;

  it("is retried as the step says, with its name", async () => {
    expect(await failed(new TypeError("no such card"))).toEqual({
      message: "no such card",
      type: "TypeError",
      retryable: true,
    });
  });

  it("of a kind of its own says when and whether to retry", async () => {
    expect(await failed(new NonRetryable("stolen"))).toEqual({
      message: "stolen",
      retryable: false,
    });
    expect(await failed(new RetryAfter(1_500.4, "busy"))).toEqual({
      message: "busy",
      retryable: true,
      retryAfterMs: 1_500,
    });
    expect(() => new RetryAfter(-1, "busy")).toThrow("RetryAfter takes 0 to 86400000 ms, not -1");
  });

  it("whose name cannot be read has none", async () => {
    const named = (name: unknown) =>
      Object.defineProperty(new Error("no"), "name", { value: name });
    const throwing = Object.defineProperty(new Error("no"), "name", {
      get() {
        throw new Error("no name");
      },
    });
    for (const thrown of [named(5), named(1n), throwing]) {
      expect(await failed(thrown)).toEqual({ message: "no", retryable: true });
    }
    expect((await failed(named("N".repeat(1_000))))?.type).toHaveLength(256);
  });

  it.each([
    ["a text", "no", "no"],
    ["nothing", undefined, "undefined"],
    [
      "an object without a text",
      Object.create(null),
      "the handler failed with a value that has no text",
    ],
    ["an error with a cause", new Error("a", { cause: new Error("b") }), "a: b"],
    ["an error without a message", new Error(""), "the handler failed without a message"],
    ["a long text", "x".repeat(20_000), "x".repeat(16_384)],
  ])("that is %s has a message", async (_, thrown, message) => {
    expect(await failed(thrown)).toEqual({ message, retryable: true });
  });
});

describe("schemas", () => {
  const { run: act } = testWorker({
    handlers: {
      charge: handler({
        input: amount,
        output: receipt,
        run: (input) =>
          input.amount > 100 ? ({} as { receipt: string }) : { receipt: `r-${input.amount}` },
      }),
    },
  });

  it("give the handler what they make of the input", async () => {
    expect((await act("charge", { amount: 20 })).output).toEqual({ receipt: "r-40" });
  });

  it("give the handler the types of what goes in and comes out", () => {
    handler({
      input: amount,
      output: receipt,
      // @ts-expect-error the amount is a number
      run: (input) => ({ receipt: input.amount.toUpperCase() }),
    });
    // @ts-expect-error a receipt is a text
    handler({ input: amount, output: receipt, run: (input) => ({ receipt: input.amount }) });
    // @ts-expect-error there is no total
    handler({ input: amount, run: (input) => ({ receipt: input.total }) });
  });

  it("refuse an input without retry", async () => {
    expect((await act("charge", { amount: "20" })).error).toEqual({
      message: "the input does not fit: amount: must be a number",
      retryable: false,
    });
  });

  it("refuse an output without retry", async () => {
    expect((await act("charge", { amount: 60 })).error).toEqual({
      message: "the output does not fit: receipt: is missing",
      retryable: false,
    });
  });
});

describe("a task", () => {
  it("of an unknown action fails without retry, and names the actions there are", async () => {
    const { run: act } = testWorker({ handlers: { b: () => {}, a: () => {} } });
    expect((await act("c", {})).error).toEqual({
      message: "this worker has no handler for c; it has a, b",
      retryable: false,
    });
    expect((await act("", {}, { stepId: "b" })).status).toBe("completed");
    expect((await act("toString", {})).error?.retryable).toBe(false);
  });

  it("knows its attempt, and has the same key in each", async () => {
    const { run: act } = testWorker({
      handlers: { act: (_, { attempt, idempotencyKey }) => ({ attempt, idempotencyKey }) },
    });
    expect((await act("act", {}, { attempt: 2, runId: "wfr_1", stepId: "pay" })).output).toEqual({
      attempt: 2,
      idempotencyKey: "wfr_1/pay",
    });
  });

  it("says what it cost, also where it fails", async () => {
    const { run: act } = testWorker({
      handlers: {
        act(_, ctx) {
          ctx.cost(0.25);
          ctx.cost(0.5);
          throw new Error("no");
        },
        wrong: (_, ctx) => ctx.cost(-1),
        text: (_, ctx) => ctx.cost("1" as unknown as number),
      },
    });
    expect((await act("act", {})).costUsd).toBe(0.75);
    expect((await act("wrong", {})).error?.message).toBe("a cost is 0 to 1000000 dollars, not -1");
    expect((await act("text", {})).status).toBe("failed");
  });

  it("stops at its heartbeat when its signal aborts", async () => {
    const abort = new AbortController();
    const { run: act } = testWorker({
      handlers: {
        async act(_, ctx) {
          await ctx.heartbeat();
          abort.abort(new Error("cancelled"));
          await ctx.heartbeat();
        },
      },
    });
    const result = await act("act", {}, { signal: abort.signal });
    expect(result.error?.message).toBe("cancelled");
  });
});
