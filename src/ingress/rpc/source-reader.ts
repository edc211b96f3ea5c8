/**
 * Reads source texts in a thread, so that no other call waits for a large one.
 * Boundary: order and bounds; what a text says is read-source.ts.
 * Invariants:
 * 1. One text is read at a time; workspaces take turns, and what waits is bounded.
 * 2. A text that takes too long ends its thread, and is refused; the next text gets a new thread.
 */
import type { Worker } from "node:worker_threads";
import { Refusal } from "../../process/refusal.ts";
import { TurnQueue } from "../../process/turn-queue.ts";
import type { ReadSource } from "./read-source.ts";
import { isHeapFull, READY, startSourceThread } from "./source-thread.ts";

/** Reads a text of a workspace. Refuses too_costly (it takes too long) and overloaded (too many wait). */
export interface SourceReader {
  read(workspaceId: string, text: string): Promise<ReadSource>;
  stop(): Promise<void>;
}

interface Waiting {
  readonly text: string;
  readonly resolve: (read: ReadSource) => void;
  readonly reject: (error: Error) => void;
}

const WAITING_AT_MOST = 32;
/** Less than the deadline of a call that names none. */
const MS_AT_MOST = 8_000;

/** A reader whose thread starts with the first text. */
export function createSourceReader(msAtMost = MS_AT_MOST): SourceReader {
  const waiting = new TurnQueue<Waiting>();
  let thread: Worker | undefined;
  let isLoaded = false;
  let reading: Waiting | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function readNext(): void {
    const next = reading === undefined ? waiting.shift() : undefined;
    if (next === undefined) return;
    thread ??= startThread();
    reading = next;
    thread.postMessage(next.text);
    if (isLoaded) beginClock();
  }

  /** The time to load a thread is not the text's. */
  function beginClock(): void {
    timer = setTimeout(() => giveUp(tooLong(msAtMost)), msAtMost);
  }

  function settle(how: (text: Waiting) => void): void {
    if (reading === undefined) return;
    clearTimeout(timer);
    const text = reading;
    reading = undefined;
    how(text);
    readNext();
  }

  function giveUp(error: Error): void {
    void thread?.terminate();
    thread = undefined;
    settle(({ reject }) => reject(error));
  }

  function startThread(): Worker {
    const started = startSourceThread();
    isLoaded = false;
    started.on("message", (message: ReadSource | typeof READY) => {
      // One that was given up may still send what it had read.
      if (thread !== started) return;
      if (message !== READY) return settle(({ resolve }) => resolve(message));
      isLoaded = true;
      beginClock();
    });
    const onEnd = (error: Error) => {
      if (thread === started) giveUp(error);
    };
    started.on("error", (error) => onEnd(isHeapFull(error) ? tooLarge() : error));
    started.on("exit", () => onEnd(stopped()));
    return started;
  }

  return {
    read(workspaceId, text) {
      if (isStopped) return Promise.reject(stopped());
      if (waiting.size >= WAITING_AT_MOST) {
        return Promise.reject(new Refusal("overloaded", "too many source texts wait to be read"));
      }
      return new Promise((resolve, reject) => {
        waiting.push(workspaceId, { text, resolve, reject });
        readNext();
      });
    },
    async stop() {
      isStopped = true;
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        next.reject(stopped());
      }
      await thread?.terminate();
    },
  };
}

function tooLong(ms: number): Refusal {
  return new Refusal("too_costly", `the source text takes more than ${ms / 1_000} s to read`);
}

function tooLarge(): Refusal {
  return new Refusal("too_costly", "the source text takes too much memory to read");
}

function stopped(): Refusal {
  return new Refusal("unavailable", "the replica stops");
}
