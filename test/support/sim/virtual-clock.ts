/**
 * Time that a simulation owns: timers, clocks and randomness of the process, from one seed.
 * Boundary: replaces what Node gives while `run` is under way, and gives all of it back. It knows nothing of worlds.
 * Invariants:
 * V1 One event at a time: whatever it set going in promises has come to rest before the next event.
 * V2 Events of one time happen in the order in which they were asked for, so a seed has one course.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";
import type { RandomNumbers } from "../random/random-numbers.ts";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";

/** What a timer of the virtual clock looks like to those who made it. */
interface VirtualTimer {
  /** What comes next of it. */
  event: QueuedEvent;
  ref(): VirtualTimer;
  unref(): VirtualTimer;
}

/** When every world begins, in epoch ms. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

const nextRealTurn = setImmediate;

/** See the file's head. */
export class VirtualClock {
  readonly #events = new EventQueue();
  #nowMs = 0;

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }
  /** Epoch ms. */
  get epochMs(): number {
    return BEGIN_MS + this.#nowMs;
  }

  after(delayMs: number, work: () => void): QueuedEvent {
    return this.#events.add(this.#nowMs + Math.max(0, delayMs), work);
  }
  cancel(event: QueuedEvent): void {
    event.work = undefined;
  }
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs events until `isOver`; gives false when none is left, or `limitMs` came, before that. */
  async run(random: RandomNumbers, isOver: () => boolean, limitMs: number): Promise<boolean> {
    const giveBack = replaceNodes(this, random);
    try {
      for (;;) {
        await new Promise<void>((resolve) => void nextRealTurn(resolve));
        if (isOver()) return true;
        const next = this.#events.take();
        if (next === undefined || next.atMs > limitMs) return false;
        this.#nowMs = Math.max(this.#nowMs, next.atMs);
        next.work?.();
      }
    } finally {
      giveBack();
    }
  }
}

/** Puts the clock and the seed in place of Node's; gives what puts Node's back. */
function replaceNodes(clock: VirtualClock, random: RandomNumbers): () => void {
  const { setTimeout, clearTimeout, setImmediate, setInterval, clearInterval } = globalThis;
  const timersBefore = { setTimeout, clearTimeout, setImmediate, setInterval, clearInterval };
  const before = {
    dateNow: Date.now,
    performanceNow: performance.now,
    random: Math.random,
    promises: { ...timersPromises },
    randomBytes: crypto.randomBytes,
  };
  const clear = (timer: unknown) => {
    if (isVirtual(timer)) clock.cancel(timer.event);
    else clearTimeout(timer as NodeJS.Timeout);
  };
  Object.assign(globalThis, {
    setTimeout: (work: (...all: unknown[]) => void, delayMs = 0, ...all: unknown[]) =>
      timerOf(clock.after(delayMs, () => work(...all))),
    clearTimeout: clear,
    setInterval: (work: (...all: unknown[]) => void, everyMs = 0, ...all: unknown[]) =>
      intervalOf(clock, everyMs, () => work(...all)),
    clearInterval: clear,
    setImmediate: (work: (...all: unknown[]) => void, ...all: unknown[]) =>
      timerOf(clock.after(0, () => work(...all))),
  });
  Date.now = () => Math.floor(clock.epochMs);
  performance.now = () => clock.nowMs;
  Math.random = () => random.below(2 ** 32) / 2 ** 32;
  Object.assign(timersPromises, {
    setTimeout: (delayMs = 0, value: unknown = undefined, options: { signal?: AbortSignal } = {}) =>
      pause(clock, delayMs, value, options.signal),
    setImmediate: (value?: unknown) => pause(clock, 0, value, undefined),
  });
  const randomBytes = (size: number) =>
    Buffer.from(Array.from({ length: size }, () => random.below(256)));
  Object.assign(crypto, { randomBytes });
  syncBuiltinESMExports();
  return () => {
    const { promises, dateNow, performanceNow, random: mathRandom } = before;
    Object.assign(globalThis, timersBefore);
    Date.now = dateNow;
    performance.now = performanceNow;
    Math.random = mathRandom;
    Object.assign(timersPromises, promises);
    Object.assign(crypto, { randomBytes: before.randomBytes });
    syncBuiltinESMExports();
  };
}

function timerOf(event: QueuedEvent): VirtualTimer {
  const timer: VirtualTimer = { event, ref: () => timer, unref: () => timer };
  return timer;
}

function intervalOf(clock: VirtualClock, everyMs: number, work: () => void): VirtualTimer {
  const next = (): QueuedEvent =>
    clock.after(everyMs, () => {
      timer.event = next();
      work();
    });
  const timer = timerOf(next());
  return timer;
}

function isVirtual(timer: unknown): timer is VirtualTimer {
  return typeof timer === "object" && timer !== null && "event" in timer;
}

function pause(
  clock: VirtualClock,
  delayMs: number,
  value: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clock.cancel(event);
      reject(new DOMException("the pause was broken off", "AbortError"));
    };
    const event = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve(value);
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
