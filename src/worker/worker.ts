/**
 * A worker: takes the tasks of one queue from NATS, does them by a team's handlers and answers.
 * Boundary: no global state. Signals of the process are listened to while `run` is under way alone.
 */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions, JsMsg, NatsConnection } from "nats";
import { createCancels } from "./cancels.ts";
import { connectUntil } from "./connect.ts";
import type { Handlers, WorkerLog } from "./handlers.ts";
import { createLineLog } from "./line-log.ts";
import { type Link, watchLink } from "./link.ts";
import {
  BEAT_MS,
  faultOfName,
  type Heartbeat,
  readTasks,
  type Subjects,
  subjectsOf,
} from "./protocol.ts";
import { createResults } from "./publish-results.ts";
import { pullTasks } from "./pull-tasks.ts";
import { RunningTasks } from "./running-tasks.ts";

/** What makes a worker. */
export interface WorkerOptions {
  /** NATS, as `nats://host:4222` or a list of such. */
  readonly servers: string | string[];
  readonly workspace: string;
  /** The steps' `config.queue`. */
  readonly queue: string;
  readonly handlers: Handlers;
  /** Tasks under way at once; 10 unless given. */
  readonly concurrency?: number;
  /** Tasks that may begin in a second; no limit unless given. */
  readonly rate?: number;
  /** Names the worker in the steps' `agent_id`; host, process and a random part unless given. */
  readonly id?: string;
  /** Of the handlers' code, for people to see. */
  readonly version?: string;
  /** How long `stop` lets tasks under way go on, in ms; 10,000 unless given. */
  readonly drainMs?: number;
  /** Takes the worker's lines; JSON on standard error unless given. */
  readonly log?: WorkerLog;
  /** Credentials, TLS and the like for NATS. */
  readonly connection?: Omit<ConnectionOptions, "servers">;
}

/** How `run` behaves. */
export interface RunOptions {
  /** Signals of the process that stop the worker; SIGTERM and SIGINT unless given. */
  readonly signals?: readonly NodeJS.Signals[];
}

/** A worker of one queue. */
export interface Worker {
  readonly id: string;
  /**
   * Takes tasks until `stop`. Rejects when NATS refuses the credentials, and when the connection is closed for good, as `reconnect:
   * false` asks for; an absent server is tried again for ever.
   */
  run(options?: RunOptions): Promise<void>;
  /** Resolves when the worker is connected and takes tasks. */
  readonly ready: Promise<void>;
  /**
   * Takes no more tasks, gives back those that have not begun, lets the others end within `drainMs`, then aborts their signals.
   * Tasks that then fail, or have not ended 5 s later, are left to other workers: no attempt is used. Resolves when all is answered and the connection is closed.
   */
  stop(): Promise<void>;
}

const ID_CHARS = 128;

/** Makes a worker; it does nothing before `run`. Throws a TypeError or RangeError for options that cannot work. */
export function createWorker(options: WorkerOptions): Worker {
  judge(options);
  const id = options.id ?? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const log = options.log ?? createLineLog();
  const stopping = new AbortController();
  const started = createStarted();
  let running: Promise<void> | undefined;

  const work = async () => {
    const connection = await connectUntil(options, log, stopping.signal);
    if (connection === undefined) return;
    try {
      await workWith({
        connection,
        options,
        id,
        log,
        stopping: stopping.signal,
        onReady: started.resolve,
      });
    } finally {
      await connection.close();
    }
  };
  const stop = async () => {
    stopping.abort();
    await running?.catch(() => {});
  };
  return {
    id,
    ready: started.promise,
    stop,
    async run({ signals = ["SIGTERM", "SIGINT"] } = {}) {
      if (running !== undefined) throw new Error("the worker runs already, or has run");
      const onSignal = () => stopping.abort();
      for (const signal of signals) process.once(signal, onSignal);
      running = work();
      try {
        await running;
        started.reject(new Error("the worker was stopped before it was connected"));
      } catch (error) {
        started.reject(error);
        throw error;
      } finally {
        for (const signal of signals) process.off(signal, onSignal);
      }
    },
  };
}

function judge({
  workspace,
  queue,
  handlers,
  concurrency = 10,
  rate = 1,
  id,
  version,
  drainMs = 0,
}: WorkerOptions) {
  for (const [field, name, charsAtMost] of [
    ["workspace", workspace, 256],
    ["queue", queue, 64],
  ] as const) {
    if (typeof name !== "string") throw new TypeError(`${field} is a text`);
    const fault = faultOfName(name, charsAtMost);
    if (fault !== undefined)
      throw new RangeError(`${field} ${JSON.stringify(name)}: a name ${fault}`);
  }
  if (Object.keys(handlers).length === 0) throw new RangeError("handlers has no handler");
  for (const [name, each] of Object.entries(handlers)) {
    if (typeof each === "function" || typeof each?.run === "function") continue;
    throw new TypeError(
      `handlers: ${JSON.stringify(name)} is neither a function nor made by handler()`,
    );
  }
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1 && concurrency <= 10_000)) {
    throw new RangeError(`concurrency is 1 to 10000, not ${concurrency}`);
  }
  if (!(rate > 0)) throw new RangeError(`rate is over 0, not ${rate}`);
  if (!(drainMs >= 0)) throw new RangeError(`drainMs is 0 or more, not ${drainMs}`);
  for (const [field, text] of Object.entries({ id, version })) {
    if (
      text === undefined ||
      (text.length >= 1 && text.length <= ID_CHARS && !/\p{Cc}/u.test(text))
    ) {
      continue;
    }
    throw new RangeError(`${field} has 1 to ${ID_CHARS} characters and no control characters`);
  }
}

interface WorkDeps {
  readonly connection: NatsConnection;
  readonly options: WorkerOptions;
  readonly id: string;
  readonly log: WorkerLog;
  readonly stopping: AbortSignal;
  readonly onReady: () => void;
}

async function workWith(deps: WorkDeps): Promise<void> {
  const { connection, options, id, log, stopping } = deps;
  const subjects = subjectsOf(options.workspace, options.queue);
  const { handlers, concurrency = 10, rate = Number.POSITIVE_INFINITY, drainMs = 10_000 } = options;
  const link = watchLink(connection, log);
  const results = createResults({
    ...{ connection, link, subject: subjects.results, workerId: id, log },
    inboxPrefix: options.connection?.inboxPrefix,
  });
  const tasks = new RunningTasks({ handlers, log, results, concurrency, rate });
  stopping.addEventListener("abort", () => tasks.close(), { once: true });
  if (stopping.aborted) tasks.close();
  void connection.closed().then(() => tasks.close());
  const cancels = createCancels({ connection, subjects, tasks, link, log });
  await cancels.watch();
  const endBeats = beat(deps, subjects, tasks, link);
  log.info("the worker takes tasks", { worker: id, queue: options.queue, concurrency });
  deps.onReady();
  const take = (message: JsMsg) => {
    if (stopping.aborted) {
      message.nak();
      return 0;
    }
    const { tasks: read, spoilt, unreadable } = readTasks(message.string());
    if (unreadable > 0) log.error("a message has tasks that cannot be read", { unreadable });
    const wanted = read.filter((task) => !cancels.names(task.id));
    const asked = tasks.take(message, { tasks: wanted, spoilt }, cancels.mustAsk(message.info));
    if (asked.length > 0) cancels.ask(asked);
    return read.length;
  };
  try {
    const pulled = { connection, subjects, log, signal: stopping };
    await pullTasks({
      ...pulled,
      take,
      untilRoom: () => tasks.untilRoom(),
      room: () => tasks.room,
    });
    await drain(tasks, drainMs, log);
  } finally {
    tasks.abort("the worker stops");
    endBeats();
    results.close();
  }
  log.info("the worker has stopped", { worker: id });
}

/** How long tasks have to stop after their signal, and the stream to take their results. */
const LAST_MS = 6_000;

async function drain(tasks: RunningTasks, drainMs: number, log: WorkerLog): Promise<void> {
  const drained = tasks.drain().then(() => true);
  if (await within(drainMs, drained)) return;
  log.warn("tasks under way are aborted", { running: tasks.running });
  tasks.abort("the worker stops");
  if (await within(LAST_MS, drained)) return;
  log.error("tasks are left to other workers", { running: tasks.running });
  tasks.abandon();
}

async function within(ms: number, done: Promise<boolean>): Promise<boolean> {
  const over = new AbortController();
  const late = delay(ms, false, { signal: over.signal }).catch(() => false);
  const first = await Promise.race([done, late]);
  over.abort();
  return first;
}

/** Tasks that a line of the log names. */
const NAMED_AT_MOST = 10;

/** Says every few seconds that the worker lives and holds its messages. */
function beat(
  { connection, options, id, log }: WorkDeps,
  subjects: Subjects,
  tasks: RunningTasks,
  link: Link,
): () => void {
  const { version, handlers, concurrency = 10 } = options;
  const since = new Date().toISOString();
  let lastMs = performance.now();
  const say = () => {
    const heldMs = performance.now() - lastMs - BEAT_MS;
    lastMs = performance.now();
    if (heldMs > BEAT_MS) {
      log.warn("a handler held the event loop: tasks may be done twice", {
        ms: Math.round(heldMs),
        tasks: tasks.begun(NAMED_AT_MOST),
      });
    }
    tasks.beat();
    const of = { worker: id, ...(version === undefined ? {} : { version }), since };
    const actions = Object.keys(handlers);
    const heartbeat: Heartbeat = { ...of, actions, running: tasks.running, concurrency };
    if (link.isUp) connection.publish(subjects.workers, JSON.stringify(heartbeat));
  };
  const timer = setInterval(say, BEAT_MS);
  say();
  return () => clearInterval(timer);
}

interface Started {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

function createStarted(): Started {
  const settle: Omit<Started, "promise">[] = [];
  const promise = new Promise<void>((resolve, reject) => settle.push({ resolve, reject }));
  // A caller may look at `run` alone.
  promise.catch(() => {});
  return {
    promise,
    resolve: () => settle[0]?.resolve(),
    reject: (reason) => settle[0]?.reject(reason),
  };
}
