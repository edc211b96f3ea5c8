/**
 * A stream that is opened again where it was cut.
 * Boundary: knows no message; where a stream goes on is what `open` says.
 */
import { pause, pauseAfter } from "./pauses.ts";

/** How a stream is followed. */
export interface Following<M> {
  /** Opens the stream after the last message that was given. */
  open(signal: AbortSignal): AsyncIterable<M>;
  /** Whether the stream goes on after an error of it. */
  isCut(error: unknown): boolean;
  readonly signal?: AbortSignal | undefined;
  /** How long no stream may be had, in ms; then its last error is thrown. */
  readonly awayMs: number;
  /** A stream that is silent for so long, in ms, has lost its connection: the service gives a sign of life every 30 s. */
  readonly silentMs?: number;
  /** Whether the stream goes on also where the service ended it without an error. */
  readonly isEndless?: boolean;
}

const SILENT_MS = 90_000;

/** Messages of the stream, until the service ends it, unless it is endless. Rejects with the reason of the signal when that aborts. */
export async function* follow<M>(following: Following<M>): AsyncGenerator<M> {
  const { isCut, signal, awayMs, isEndless = false } = following;
  let awaySinceMs: number | undefined;
  for (let failed = 1; ; failed += 1) {
    try {
      for await (const message of heard(following)) {
        awaySinceMs = undefined;
        failed = 0;
        yield message;
      }
      if (!isEndless) return;
    } catch (error) {
      signal?.throwIfAborted();
      const nowMs = performance.now();
      awaySinceMs ??= nowMs;
      if (!isCut(error) || nowMs - awaySinceMs >= awayMs) throw error;
    }
    await pause(pauseAfter(failed), signal);
  }
}

/** The messages of one stream, which is closed when it is silent for too long while one is waited for. */
async function* heard<M>({ open, signal, silentMs = SILENT_MS }: Following<M>): AsyncGenerator<M> {
  const own = new AbortController();
  const signals = signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]);
  const hangUp = () => own.abort(new Error(`nothing was heard for ${silentMs / 1_000} s`));
  let timer = setTimeout(hangUp, silentMs);
  try {
    for await (const message of open(signals)) {
      clearTimeout(timer);
      yield message;
      timer = setTimeout(hangUp, silentMs);
    }
  } finally {
    clearTimeout(timer);
    own.abort();
  }
}
