/** A batch of what workers report: how much of it waits at once, and what its returned tasks are published under. */
import { headers, type JsMsg, type NatsConnection } from "nats";
import { describe, expect, it } from "vitest";
import { handleResults } from "../../../../src/ingress/bus/handle-results.ts";
import { createLog } from "../../../../src/process/log.ts";
import { Refusal } from "../../../../src/process/refusal.ts";
import type { Submission } from "../../../../src/runtime/processor.ts";
import type { Settled } from "../../../../src/runtime/submission.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

const SLICE = 1_024;
const unused = new Proxy({}, { get: () => expect.fail("not needed") });

interface Given {
  readonly messageId?: string;
  readonly deliveryCount?: number;
}

/** What handling needs of a message; `ended` lists how it ended. */
function messageOf(seq: number, body: object, ended: string[], given: Given = {}): JsMsg {
  const { messageId, deliveryCount = 1 } = given;
  const head = headers();
  if (messageId !== undefined) head.set("Nats-Msg-Id", messageId);
  const message = {
    seq,
    subject: "workflows.results.ws.mail",
    headers: messageId === undefined ? undefined : head,
    info: { deliveryCount, timestampNanos: 1_000 + seq },
    data: new TextEncoder().encode(JSON.stringify({ worker: "w", ...body })),
    ack: () => ended.push(`ack ${seq}`),
    nak: () => ended.push(`nak ${seq}`),
    term: () => ended.push(`term ${seq}`),
  };
  return message as unknown as JsMsg;
}

const resultsOf = (run: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `wfr_${run}/s${n}/1`, status: "completed" }));

/** Takes submissions; each waits until it is let go. */
function heldProcessor() {
  const taken: { readonly submission: Submission; settle(error?: unknown): void }[] = [];
  return {
    taken,
    submit: (submission: Submission) =>
      new Promise<Settled>((resolve, reject) => {
        const settled: Settled = { runId: "", reply: { kind: "unchanged" }, created: false };
        const settle = (error?: unknown) =>
          error === undefined ? resolve(settled) : reject(error);
        taken.push({ submission, settle });
      }),
  };
}

function handle(messages: readonly JsMsg[], submit: (each: Submission) => Promise<Settled>) {
  const database = { transaction: async () => new Map() } as never;
  return handleResults(
    {
      ...{ connection: unused as NatsConnection, database, processor: { submit } },
      ...{ stream: "WORKFLOWS_RESULTS", limits: STREAM_LIMITS },
      log: createLog({ level: "error", format: "json", write: () => {} }),
    },
    messages,
  );
}

/** Every promise that is resolved by now is acted on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a batch of results", () => {
  it("waits in slices: one is committed before the next is submitted", async () => {
    const ended: string[] = [];
    const { taken, submit } = heldProcessor();
    const messages = Array.from({ length: 9 }, (_, n) =>
      messageOf(n, { results: resultsOf(String(n), 256) }, ended),
    );
    const handled = handle(messages, submit);
    for (const submitted of [SLICE, 2 * SLICE, 2 * SLICE + 256]) {
      await turn();
      expect(taken).toHaveLength(submitted);
      expect(ended).toEqual([]);
      const last = taken.at(-1);
      for (const each of taken) if (each !== last) each.settle();
      await turn();
      expect(taken).toHaveLength(submitted);
      last?.settle();
    }
    await handled;
    await turn();
    expect(ended).toEqual(messages.map(({ seq }) => `ack ${seq}`));
  });

  it("gives each message its own end, whichever slice it is in", async () => {
    const ended: string[] = [];
    const messages = Array.from({ length: 9 }, (_, n) =>
      messageOf(n, { results: resultsOf(String(n), 256) }, ended),
    );
    await handle(messages, async (submission) => {
      const runId = submission.kind === "start" ? "" : submission.runId;
      if (runId === "wfr_2") throw new Refusal("unavailable", "the database is away");
      if (runId === "wfr_3") throw new Refusal("not_found", "no such run");
      return { runId, reply: { kind: "unchanged" }, created: false };
    });
    await turn();
    const acked = [0, 1, 3, 4, 5, 6, 7, 8].map((seq) => `ack ${seq}`);
    expect(ended).toEqual(["nak 2", ...acked]);
  });
});

describe("the mark of a returned task", () => {
  async function marksOf(...messages: readonly JsMsg[]): Promise<unknown[]> {
    const marks: unknown[] = [];
    await handle(messages, async (submission) => {
      if (submission.kind !== "start" && submission.input.kind === "task_unsent") {
        marks.push(submission.input.returned);
      }
      return { runId: "", reply: { kind: "unchanged" }, created: false };
    });
    return marks;
  }
  const returned = (seq: number, given: Given = {}) =>
    messageOf(seq, { returned: ["wfr_a/s/1"] }, [], given);

  it("is that of its message, at each delivery", async () => {
    const [first, again, other] = await marksOf(
      ...[returned(7), returned(7, { deliveryCount: 2 }), returned(8)],
    );
    expect(first).toEqual({ queue: "mail", by: expect.stringMatching(/^[\w-]{16}$/) });
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("is that of what the worker published, also where the stream has it twice", async () => {
    const [first, again, other] = await marksOf(
      ...[returned(7, { messageId: "a" }), returned(9, { messageId: "a" })],
      returned(7, { messageId: "b" }),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});
