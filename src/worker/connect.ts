/** The connection of a worker: an absent server is tried again until the worker stops. */
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionOptions, connect, type NatsConnection, NatsError } from "nats";
import type { WorkerLog } from "./handlers.ts";

/** Where and how to connect. */
interface ConnectOptions {
  readonly servers: string | string[];
  readonly queue: string;
  readonly connection?: Omit<ConnectionOptions, "servers">;
}

const CONNECT_PAUSE_MS = 1_000;

/** Tries until NATS is there; undefined when the worker is stopped before. */
export async function connectUntil(
  { servers, queue, connection }: ConnectOptions,
  log: WorkerLog,
  signal: AbortSignal,
): Promise<NatsConnection | undefined> {
  const patience = { maxReconnectAttempts: -1, ignoreAuthErrorAbort: true };
  const own = { servers, reconnectTimeWait: 250, ...patience };
  const stopped = aborted(signal);
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const made = connect({ name: `worker of ${queue}`, ...connection, ...own });
      const first = await Promise.race([made, stopped]);
      if (first !== undefined && !signal.aborted) return first;
      made.then((late) => late.close()).catch(() => {});
    } catch (error) {
      if (error instanceof NatsError && error.isAuthError()) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (attempt % 30 === 0) log.warn("NATS is away; tries again", { servers, reason });
      await delay(CONNECT_PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

/** Resolves when the signal aborts: a server that accepts and is silent holds an attempt for 20 s. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
