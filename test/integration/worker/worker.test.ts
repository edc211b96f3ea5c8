/** A worker on a real server: what it takes, does, answers and gives back. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createWorker,
  type Handlers,
  NonRetryable,
  type Worker,
  type WorkerLog,
  type WorkerOptions,
} from "../../../src/worker/index.ts";
import { startTaskQueue, type TaskQueue, taskOf } from "../../support/servers/task-queue.ts";

const WAIT = { timeout: 20_000, interval: 10 };
const silent: WorkerLog = { info() {}, warn() {}, error() {} };
let queue: TaskQueue;
let workers: Worker[];

beforeEach(async () => {
  queue = await startTaskQueue();
  workers = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await queue.stop();
});

function start(handlers: Handlers, options: Partial<WorkerOptions> = {}): Worker {
  const worker = createWorker({
    ...{ servers: queue.nats.url, workspace: "ws_a", queue: "mail", handlers, log: silent },
    ...options,
  });
  workers.push(worker);
  worker.run({ signals: [] }).catch(() => {});
  return worker;
}

async function started(handlers: Handlers, options: Partial<WorkerOptions> = {}): Promise<Worker> {
  await queue.makeStreams();
  const worker = start(handlers, options);
  await worker.ready;
  return worker;
}

/** A server with a user of few rights; the others have all. */
const RESTRICTED = `
  authorization { users = [
    { user: all, password: x }
    { user: w, password: x, permissions: { publish: ">", subscribe: ["_INBOX_w.>", "workflows.cancels.>"] } }
  ] }
  no_auth_user: all
`;

/** A handler that is under way until it is let go; it notes its tasks. */
function held() {
  const begun: string[] = [];
  const reasons: string[] = [];
  const open: (() => void)[] = [];
  const handlers: Handlers = {
    act: (_, { runId, signal }) =>
      new Promise<void>((resolve, reject) => {
        begun.push(runId);
        open.push(resolve);
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason.message);
          reject(signal.reason);
        });
      }),
  };
  const letGo = () => {
    for (const resolve of open.splice(0)) resolve();
  };
  return { begun, reasons, handlers, letGo };
}

describe("a worker", () => {
  it("answers the tasks of a message in one message, and acknowledges theirs after that", async () => {
    await started({ act: ({ n }) => ({ n: Number(n) + 1 }) }, { id: "w1", concurrency: 100 });
    const ids = Array.from({ length: 50 }, (_, n) => `wfr_${n}`);
    await queue.queue(...ids.map((run, n) => taskOf(run, { input: { n } })));
    await vi.waitFor(() => expect(queue.results()).toHaveLength(50), WAIT);
    expect(queue.results()[7]).toEqual({
      id: "wfr_7/mail/1",
      status: "completed",
      output: { n: 8 },
    });
    expect(queue.seen).toHaveLength(1);
    expect(queue.seen[0]?.worker).toBe("w1");
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("waits for a stream that is made later", async () => {
    const worker = start({ act: () => {} });
    await worker.ready;
    await queue.makeStreams();
    await queue.queue(taskOf("wfr_1"));
    await vi.waitFor(() => expect(queue.results()).toHaveLength(1), WAIT);
  });

  it("has no more under way than its concurrency, and gives back what waits long", async () => {
    const { begun, handlers, letGo } = held();
    await started(handlers, { concurrency: 2 });
    await queue.queue(...["a", "b", "c", "d", "e"].map((run) => taskOf(run)));
    await vi.waitFor(
      () => expect(queue.seen.flatMap(({ returned }) => returned)).toContain("e/mail/1"),
      WAIT,
    );
    expect(begun).toEqual(["a", "b"]);
    letGo();
    // What waited for a few seconds is given back too, unless a place was free before.
    await vi.waitFor(() => {
      letGo();
      const returned = queue.seen.flatMap(({ returned: ids }) => ids);
      expect(queue.results().length + returned.length).toBe(5);
    }, WAIT);
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("begins no more tasks in a second than its rate", async () => {
    const beganAt: number[] = [];
    await started(
      { act: () => void beganAt.push(performance.now()) },
      { rate: 20, concurrency: 20 },
    );
    await queue.queue(...Array.from({ length: 12 }, (_, n) => taskOf(`wfr_${n}`)));
    await vi.waitFor(() => expect(beganAt).toHaveLength(12), WAIT);
    expect((beganAt[11] ?? 0) - (beganAt[0] ?? 0)).toBeGreaterThan(500);
  });

  it("holds its messages, and acknowledges one after the stream has its result", async () => {
    const { begun, handlers, letGo } = held();
    const said: string[] = [];
    queue.connection.subscribe("$JS.ACK.WORKFLOWS_TASKS.>", {
      callback: (_, message) => void said.push(message.string()),
    });
    await started(handlers);
    await queue.queue(taskOf("a"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    await vi.waitFor(() => expect(said).toContain("+WPI"), WAIT);
    const manager = await queue.connection.jetstreamManager();
    await manager.streams.delete("WORKFLOWS_RESULTS");
    const beats = said.length;
    letGo();
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(beats), WAIT);
    expect(said).not.toContain("+ACK");
    await queue.makeStreams();
    await vi.waitFor(() => expect(said).toContain("+ACK"), WAIT);
    await vi.waitFor(() => expect(queue.results()).toHaveLength(1), WAIT);
  });

  it("takes an id that stands twice in a message once", async () => {
    await started({ act: () => {} });
    await queue.queue(taskOf("a"), taskOf("a"));
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(queue.results()).toHaveLength(1);
  });

  it("takes acknowledgements by the inboxes that its user may subscribe to", async () => {
    await queue.nats.restart(RESTRICTED);
    await vi.waitFor(() => queue.makeStreams(), { ...WAIT, timeout: 40_000 });
    const worker = start(
      { act: () => {} },
      { connection: { user: "w", pass: "x", inboxPrefix: "_INBOX_w" } },
    );
    await worker.ready;
    await queue.queue(taskOf("a"));
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("says that it lives", async () => {
    await started({ act: () => {} }, { id: "w1", version: "1.2.0", concurrency: 3 });
    await vi.waitFor(() => expect(queue.beats.length).toBeGreaterThan(0), WAIT);
    expect(queue.beats[0]).toEqual({
      ...{ worker: "w1", version: "1.2.0", since: expect.any(String) },
      ...{ actions: ["act"], running: 0, concurrency: 3 },
    });
  });

  it("is not hurt by a message that cannot be read", async () => {
    await started({ act: () => {} });
    const { connection } = queue;
    for (const body of ["{", "[]", '{"tasks":1}', '{"tasks":[1,{"id":"x"},null]}']) {
      await connection.jetstream().publish("workflows.tasks.ws_a.mail", body);
    }
    await queue.queue(taskOf("wfr_1"));
    await vi.waitFor(() => expect(queue.results()).toHaveLength(2), WAIT);
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(queue.results()[0]).toEqual({
      id: "x",
      status: "failed",
      error: { message: "the worker cannot read the task", retryable: false },
    });
  });

  it("takes few tasks whose results are not stored", async () => {
    let done = 0;
    await started({ act: () => void done++ }, { concurrency: 10 });
    const manager = await queue.connection.jetstreamManager();
    await manager.streams.delete("WORKFLOWS_RESULTS");
    for (let at = 0; at < 1_500; at += 50) {
      await queue.queue(...Array.from({ length: 50 }, (_, n) => taskOf(`wfr_${at + n}`)));
    }
    await vi.waitFor(() => expect(done).toBeGreaterThan(900), WAIT);
    const left = await queue.left();
    expect(left).toBe(30);
    expect(done).toBeLessThan(1_200);
  });

  it("fails a task whose result is over what the server takes", async () => {
    await queue.nats.restart("max_payload: 16384");
    await vi.waitFor(() => queue.makeStreams(), { ...WAIT, timeout: 40_000 });
    await started({
      act({ n }, { cost }) {
        cost(0.5);
        return { text: "x".repeat(Number(n)) };
      },
    });
    await queue.queue(taskOf("large", { input: { n: 20_000 } }));
    await queue.queue(taskOf("small", { input: { n: 10_000 } }));
    await vi.waitFor(() => expect(queue.results()).toHaveLength(2), WAIT);
    expect(queue.results()).toContainEqual({
      id: "large/mail/1",
      cost_usd: 0.5,
      status: "failed",
      error: {
        message: "the server takes no message as large as the result (max_payload)",
        retryable: false,
      },
    });
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("whose connection is closed for good ends, and aborts what is under way", async () => {
    await queue.makeStreams();
    const { begun, reasons, handlers } = held();
    const options = { servers: queue.nats.url, workspace: "ws_a", queue: "mail", log: silent };
    const worker = createWorker({
      ...{ ...options, handlers, concurrency: 1 },
      connection: { reconnect: false },
    });
    const running = worker.run({ signals: [] });
    const ended = expect(running).rejects.toThrow("the connection to NATS was closed for good");
    await worker.ready;
    await queue.queue(taskOf("a"), taskOf("b"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    await queue.nats.restart();
    const lostMs = performance.now();
    await ended;
    expect(performance.now() - lostMs).toBeLessThan(10_000);
    expect(reasons).toEqual(["the worker stops"]);
    await delay(0);
    expect(begun).toEqual(["a"]);
  });

  it("goes on when NATS refuses its credentials for a while", async () => {
    await started({ act: () => ({ ok: true }) });
    await queue.nats.restart("authorization { user: a, password: b }");
    await delay(500);
    await queue.nats.restart();
    // The server reads its streams again first.
    await vi.waitFor(() => queue.queue(taskOf("wfr_1")), { ...WAIT, timeout: 40_000 });
    await vi.waitFor(() => expect(queue.results()).toHaveLength(1), WAIT);
  });
});

describe("cancels", () => {
  it("abort what is under way and drop what waits", async () => {
    const { begun, reasons, handlers, letGo } = held();
    await started(handlers, { concurrency: 1 });
    await queue.queue(taskOf("a"), taskOf("b"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    queue.cancel("b/mail/1");
    queue.cancel("a/mail/1");
    await vi.waitFor(() => expect(reasons).toEqual(["cancelled"]), WAIT);
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(begun).toEqual(["a"]);
    letGo();
  });

  it("that come before their task reaches a busy worker keep it from beginning", async () => {
    const { begun, handlers, letGo } = held();
    await started(handlers, { concurrency: 1 });
    await queue.queue(taskOf("a"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    await queue.queue(taskOf("b"));
    queue.cancel("b/mail/1");
    await queue.queue(taskOf("c"));
    await queue.connection.flush();
    letGo();
    await vi.waitFor(() => expect(begun).toEqual(["a", "c"]), WAIT);
    letGo();
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(begun).toEqual(["a", "c"]);
  });

  it("that came before the worker are asked about", async () => {
    const { begun, handlers, letGo } = held();
    await queue.makeStreams();
    await queue.queue(taskOf("old"));
    await queue.queue(taskOf("open"));
    queue.closed.add("old/mail/1");
    await started(handlers);
    await vi.waitFor(() => expect(begun).toEqual(["open"]), WAIT);
    letGo();
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(queue.asked.sort()).toEqual(["old/mail/1", "open/mail/1"]);
    expect(begun).toEqual(["open"]);
    await queue.queue(taskOf("new"));
    await vi.waitFor(() => expect(begun).toEqual(["open", "new"]), WAIT);
    expect(queue.asked).toHaveLength(2);
    letGo();
  });

  it("that came while the connection was lost are asked about", async () => {
    const { begun, reasons, handlers, letGo } = held();
    await started(handlers);
    await queue.queue(taskOf("a"), taskOf("b"));
    await vi.waitFor(() => expect(begun).toEqual(["a", "b"]), WAIT);
    queue.closed.add("a/mail/1");
    await queue.nats.restart();
    await vi.waitFor(() => expect(reasons).toEqual(["the task needs no result any more"]), WAIT);
    letGo();
    await vi.waitFor(
      () => expect(queue.results()).toContainEqual(expect.objectContaining({ id: "b/mail/1" })),
      WAIT,
    );
  });

  it("of a step's timeout come by the worker's own clock, too", async () => {
    const { reasons, handlers } = held();
    await started(handlers);
    await queue.queue(taskOf("a", { timeout_at: "2026-01-01T00:00:00.100Z" }));
    await vi.waitFor(() => expect(reasons).toEqual(["the step has timed out"]), WAIT);
  });
});

describe("a worker that stops", () => {
  it("gives back what it has not begun, and lets the rest end", async () => {
    const { begun, handlers, letGo } = held();
    const worker = await started(handlers, { concurrency: 1 });
    await queue.queue(taskOf("a"), taskOf("b"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    const stopped = worker.stop();
    await vi.waitFor(
      () => expect(queue.seen.flatMap(({ returned }) => returned)).toEqual(["b/mail/1"]),
      WAIT,
    );
    letGo();
    await stopped;
    await vi.waitFor(
      () => expect(queue.results()).toEqual([expect.objectContaining({ id: "a/mail/1" })]),
      WAIT,
    );
    // The server counts an acknowledgement some time after it was sent.
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("by a signal of its process lets what is under way end, and listens no more after that", async () => {
    await queue.makeStreams();
    const { begun, handlers, letGo } = held();
    const before = process.listenerCount("SIGTERM");
    const options = { servers: queue.nats.url, workspace: "ws_a", queue: "mail", log: silent };
    const worker = createWorker({ ...options, handlers });
    workers.push(worker);
    const running = worker.run();
    await worker.ready;
    await queue.queue(taskOf("a"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    const [listener, ...more] = process.listeners("SIGTERM").slice(before);
    expect(more).toEqual([]);
    listener?.("SIGTERM");
    letGo();
    await running;
    expect(process.listenerCount("SIGTERM")).toBe(before);
    await vi.waitFor(() => expect(queue.results()).toHaveLength(1), WAIT);
  });

  it("aborts what does not end in time, and uses no attempt of what then fails: others do it", async () => {
    const { reasons, begun, handlers } = held();
    const worker = await started(
      {
        ...handlers,
        done: (_, { signal }) =>
          new Promise((resolve) => signal.addEventListener("abort", () => resolve({}))),
        final: (_, { signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(new NonRetryable("no"))),
          ),
      },
      { drainMs: 500 },
    );
    await queue.queue(
      taskOf("a"),
      taskOf("b", { action_type: "done" }),
      taskOf("c", { action_type: "final" }),
    );
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    await worker.stop();
    expect(reasons).toEqual(["the worker stops"]);
    await vi.waitFor(() => expect(queue.results()).toHaveLength(2), WAIT);
    const returned = () => queue.seen.flatMap((message) => message.returned);
    await vi.waitFor(() => expect(returned()).toEqual(["a/mail/1"]), WAIT);
    expect(queue.results().map(({ id, status }) => [id, status])).toEqual([
      ["b/mail/1", "completed"],
      ["c/mail/1", "failed"],
    ]);
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });

  it("returns each task that it leaves once, and has no message delivered again", async () => {
    const { begun, handlers } = held();
    const worker = await started(handlers, { concurrency: 1, drainMs: 100 });
    await queue.queue(taskOf("a"), taskOf("b"));
    await vi.waitFor(() => expect(begun).toEqual(["a"]), WAIT);
    await worker.stop();
    await vi.waitFor(
      () =>
        expect(queue.seen.flatMap(({ returned }) => returned).sort()).toEqual([
          "a/mail/1",
          "b/mail/1",
        ]),
      WAIT,
    );
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
    expect(begun).toEqual(["a"]);
  });

  it("leaves to others what never ends", async () => {
    let begun = 0;
    const worker = await started({ act: () => new Promise(() => void begun++) }, { drainMs: 0 });
    await queue.queue(taskOf("a"));
    await vi.waitFor(() => expect(begun).toBe(1), WAIT);
    await worker.stop();
    await vi.waitFor(
      () => expect(queue.seen.flatMap(({ returned }) => returned)).toEqual(["a/mail/1"]),
      WAIT,
    );
    await vi.waitFor(async () => expect(await queue.left()).toBe(0), WAIT);
  });
});

describe("options", () => {
  const options = {
    servers: "nats://127.0.0.1:1",
    workspace: "w",
    queue: "q",
    handlers: { a() {} },
  };

  it.each([
    [{ queue: "" }, 'queue "": a name has 1 to 64 characters'],
    [{ queue: "💶".repeat(65) }, "a name has 1 to 64 characters"],
    [{ queue: "a\ud800" }, "a name has no control characters"],
    [{ workspace: " w" }, 'workspace " w": a name has no space at its ends'],
    [{ handlers: {} }, "handlers has no handler"],
    [{ handlers: { a: 1 } }, 'handlers: "a" is neither a function nor made by handler()'],
    [{ concurrency: 0 }, "concurrency is 1 to 10000, not 0"],
    [{ rate: Number.NaN }, "rate is over 0, not NaN"],
    [{ drainMs: -1 }, "drainMs is 0 or more, not -1"],
    [{ version: "x".repeat(129) }, "version has 1 to 128 characters and no control characters"],
    [{ id: "a\nb" }, "id has 1 to 128 characters and no control characters"],
  ])("%j are refused", (wrong, message) => {
    expect(() => createWorker({ ...options, ...(wrong as Partial<WorkerOptions>) })).toThrow(
      message,
    );
  });

  it("may name a queue as long as a step may", () => {
    expect(createWorker({ ...options, queue: "💶".repeat(64) }).id).not.toBe("");
  });

  it("of a server that accepts and is silent: the worker stops at once", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection");
    const worker = createWorker({ ...options, servers: `nats://127.0.0.1:${port}`, log: silent });
    const running = worker.run({ signals: [] });
    const [socket] = await accepted;
    const beganMs = performance.now();
    await worker.stop();
    await running;
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    socket.destroy();
    server.close();
  });

  it("of an absent server: it is tried until the worker stops", async () => {
    const lines: string[] = [];
    const log = { ...silent, warn: (message: string) => void lines.push(message) };
    const worker = createWorker({ ...options, log });
    const running = worker.run({ signals: [] });
    await vi.waitFor(() => expect(lines).toContain("NATS is away; tries again"), WAIT);
    await worker.stop();
    await running;
    await expect(worker.ready).rejects.toThrow("stopped before it was connected");
  });
});
