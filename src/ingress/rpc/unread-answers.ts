/**
 * Answers that are made and that their callers have not read yet: bounded for a connection and for the process.
 * Boundary: counts bytes and ends connections; what an answer is, is not known here.
 * Invariants:
 * 1. A connection with many unread bytes gets no further call done until it has read some.
 * 2. One that has far too many, or does not read an answer within a minute, is cut off. Where all of them together have
 *    too many, the one with the most is.
 */
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";

/** A connection that carries calls: a socket of HTTP/1.1, a session of HTTP/2. */
export interface Connection {
  destroy(): void;
}

/** Limits, in bytes and ms. */
export interface UnreadLimits {
  /** Above it the connection's next call waits. */
  readonly waitsFrom: number;
  readonly ofConnection: number;
  readonly ofProcess: number;
  readonly waitMs: number;
  readonly readWithinMs: number;
}

/** The answers of a server. */
export interface UnreadAnswers {
  /** Resolves when the connection may have its next call done. Refuses `overloaded` when it does not read. */
  room(connection: Connection): Promise<void>;
  /** An answer is handed to the connection; gives what is to be called when it is read, or lost. */
  hold(connection: Connection, bytes: number): () => void;
}

interface Held {
  bytes: number;
  readonly waiting: Set<() => void>;
}

const MIB = 1024 * 1024;
const LIMITS: UnreadLimits = {
  waitsFrom: 8 * MIB,
  ofConnection: 64 * MIB,
  ofProcess: 256 * MIB,
  waitMs: 10_000,
  readWithinMs: 60_000,
};
const SWEEP_MS = 5_000;

/** None yet; no timer runs while there is none. */
export function createUnreadAnswers(log: Log, limits: UnreadLimits = LIMITS): UnreadAnswers {
  const byConnection = new Map<Connection, Held>();
  /** The oldest first. */
  const answers = new Map<symbol, { readonly connection: Connection; readonly sinceMs: number }>();
  let total = 0;
  let sweeping: NodeJS.Timeout | undefined;

  function cutOff(connection: Connection, reason: string): void {
    const held = byConnection.get(connection);
    if (held === undefined) return;
    byConnection.delete(connection);
    const { bytes: unread, waiting } = held;
    total -= unread;
    for (const wake of waiting) wake();
    count("workflows_connections_cut_off_total", { reason });
    log.warn("a connection does not read its answers and is cut off", { unread, reason });
    connection.destroy();
  }

  function sweep(): void {
    const before = performance.now() - Math.max(limits.readWithinMs, 0);
    for (const { connection, sinceMs } of [...answers.values()]) {
      if (sinceMs > before) break;
      cutOff(connection, "slow");
    }
    if (answers.size > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  return {
    async room(connection) {
      const held = byConnection.get(connection);
      if (held === undefined || held.bytes <= limits.waitsFrom) return;
      await woken(held.waiting, limits.waitMs);
      if (held.bytes <= limits.waitsFrom) return;
      throw new Refusal("overloaded", `the connection has ${held.bytes} bytes of unread answers`);
    },
    hold(connection, bytes) {
      const held = byConnection.get(connection) ?? { bytes: 0, waiting: new Set() };
      byConnection.set(connection, held);
      const answer = Symbol();
      answers.set(answer, { connection, sinceMs: performance.now() });
      sweeping ??= setInterval(sweep, SWEEP_MS).unref();
      held.bytes += bytes;
      total += bytes;
      if (held.bytes > limits.ofConnection) cutOff(connection, "many");
      else if (total > limits.ofProcess) cutOff(largestOf(byConnection) ?? connection, "all");
      return () => {
        if (!answers.delete(answer)) return;
        held.bytes -= bytes;
        if (byConnection.get(connection) !== held) return;
        total -= bytes;
        if (held.bytes <= limits.waitsFrom) for (const wake of held.waiting) wake();
        if (held.bytes === 0) byConnection.delete(connection);
      };
    },
  };
}

function largestOf(byConnection: ReadonlyMap<Connection, Held>): Connection | undefined {
  let largest: [Connection, Held] | undefined;
  for (const entry of byConnection) {
    if (largest === undefined || entry[1].bytes > largest[1].bytes) largest = entry;
  }
  return largest?.[0];
}

function woken(waiting: Set<() => void>, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      waiting.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, limitMs);
    waiting.add(wake);
  });
}
