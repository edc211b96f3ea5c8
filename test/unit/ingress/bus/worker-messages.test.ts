/** Questions of workers: how many are asked of the database at once, and which are dropped. */
import type { Msg, NatsConnection, SubscriptionOptions } from "nats";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { listenToWorkers } from "../../../../src/ingress/bus/worker-messages.ts";
import { createLog } from "../../../../src/process/log.ts";
import { WorkersSeen } from "../../../../src/runtime/workers-seen.ts";

const AT_ONCE = 2;
const WAITING_AT_MOST = 256;

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** Every promise that is resolved by now is acted on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The listener on a connection that the test speaks on, and a database that answers when it is let. */
function listening() {
  const listeners = new Map<string, SubscriptionOptions["callback"]>();
  const connection = {
    subscribe(subject: string, { callback }: SubscriptionOptions) {
      listeners.set(subject, callback);
      return { unsubscribe: () => listeners.delete(subject) };
    },
  };
  const asked: ((fails?: boolean) => void)[] = [];
  const query = () =>
    new Promise((resolve, reject) =>
      asked.push((fails = false) => (fails ? reject(new Error("away")) : resolve([]))),
    );
  const end = listenToWorkers({
    connection: connection as unknown as NatsConnection,
    workers: new WorkersSeen(),
    database: { read: { query } } as never,
    graphs: { require: async () => new Map() } as never,
    log: createLog({ level: "error", format: "json", write: () => {} }),
  });
  const replies: string[] = [];
  const hear = (data: string) => {
    const message = {
      subject: "workflows.open.ws.mail",
      data: new TextEncoder().encode(data),
      respond: (body: Uint8Array) => replies.push(new TextDecoder().decode(body)),
    };
    listeners.get("workflows.open.*.*")?.(null, message as unknown as Msg);
  };
  return {
    ...{ asked, replies, hear, end, listeners },
    ask: () => hear('{"ids":["wfr_a/s/1"]}'),
    /** The database answers all that it is asked, and what it is asked then. */
    async answerAll() {
      for (let answered = 0; answered < asked.length; ) {
        asked[answered++]?.();
        await turn();
      }
    },
  };
}

it("asks the database two questions at once, and keeps 256 waiting", async () => {
  const { ask, asked, replies, answerAll } = listening();
  for (let n = 0; n < 400; n += 1) ask();
  await turn();
  expect(asked).toHaveLength(AT_ONCE);
  await answerAll();
  expect(asked).toHaveLength(AT_ONCE + WAITING_AT_MOST);
  expect(replies).toEqual(Array(AT_ONCE + WAITING_AT_MOST).fill('{"open":[]}'));
  ask();
  await answerAll();
  expect(replies).toHaveLength(AT_ONCE + WAITING_AT_MOST + 1);
});

it("drops questions that have waited for longer than their worker does", async () => {
  const { ask, asked, replies, answerAll } = listening();
  for (let n = 0; n < 5; n += 1) ask();
  vi.advanceTimersByTime(2_001);
  ask();
  await answerAll();
  // Two were asked already, and the last one is young.
  expect(asked).toHaveLength(3);
  expect(replies).toHaveLength(3);
});

it("goes on after a question that the database does not answer, and asks nothing for nonsense", async () => {
  const { ask, hear, asked, replies, answerAll } = listening();
  for (const text of ["{", "[]", '{"ids":1}', '{"ids":[]}', '{"ids":["x"]}']) hear(text);
  await turn();
  expect(asked).toEqual([]);
  expect(replies).toEqual(['{"open":[]}', '{"open":[]}']);
  ask();
  ask();
  await turn();
  for (const answer of asked) answer(true);
  await turn();
  ask();
  await turn();
  asked.at(-1)?.();
  await answerAll();
  expect(replies).toHaveLength(3);
});

it("hears nothing more once it ended", () => {
  const { end, listeners } = listening();
  expect(listeners.size).toBe(2);
  end();
  expect(listeners.size).toBe(0);
});
