/**
 * The moves of a run as they are made: by Runs.Watch, or page by page where a proxy holds the stream back.
 * Boundary: knows no page. It ends with the run, with its signal, or with an error that a repeat does not mend.
 * Invariants:
 * 1. Moves are given in their order, each once: a stream or a page begins after the cursor of the last one that came.
 * 2. They are given at most four times a second; at first only when those that there were have come.
 */
import type {
  GetHistoryResponse,
  Move,
  WatchResponse,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowsError } from "../../../../src/client/errors.ts";
import { pause, pauseAfter } from "../../../../src/client/pauses.ts";
import { isFinalRun } from "./run-picture.ts";

/** How the page knows what it shows. */
export type Liveness =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** The stream is held back on its way, so the page asks every few seconds. */
  | { readonly kind: "polling" }
  /** The service does not answer; the page tries again. */
  | { readonly kind: "away"; readonly error: WorkflowsError }
  /** Nobody sees the page. */
  | { readonly kind: "hidden" }
  | { readonly kind: "ended" }
  /** The service refuses to go on. */
  | { readonly kind: "refused"; readonly error: WorkflowsError };

/** Where moves come from and where they go. */
export interface Following {
  /** Runs.Watch after a cursor; empty: from the first move. */
  watch(after: string, signal: AbortSignal): AsyncIterable<WatchResponse>;
  /** A page of Runs.GetHistory after a cursor, oldest first. */
  page(after: string, signal: AbortSignal): Promise<GetHistoryResponse>;
  onMoves(moves: readonly Move[]): void;
  /** Whenever it changes. */
  onLiveness(liveness: Liveness): void;
  /** Whenever the service was heard. */
  onHeard(): void;
  /** The cursor of the last move that is known. */
  readonly after: string;
  readonly signal: AbortSignal;
  readonly times?: Partial<typeof TIMES>;
}

/** In ms. */
const TIMES = {
  /** The first message of a stream comes at once; later it was held back. */
  firstWithin: 5_000,
  /** Messages come every 30 s at least. */
  silentFor: 75_000,
  pollEvery: 3_000,
  /** After so long polling the stream is tried once more. */
  streamAgainAfter: 60_000,
  giveEvery: 250,
  /** A pause as long as this ends what there was at first. */
  burstGap: 100,
  burstAtMost: 2_000,
};

/** A stream ends so where it goes on elsewhere or later. */
const CUT: ReadonlySet<string> = new Set([
  ...["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"],
]);
/** And so where the connection broke; the service gives a reason with each error of its own. */
const BROKEN: ReadonlySet<string> = new Set(["CANCELLED", "INTERNAL", "UNKNOWN", "DATA_LOSS"]);

class HeldBack extends Error {}

/** Follows a run until it ends or the signal aborts. Never rejects. */
export async function followRun(following: Following): Promise<void> {
  const { signal, onLiveness } = following;
  const times = { ...TIMES, ...following.times };
  const gate = new Gate(following.onMoves, times);
  const place = { after: following.after, isOver: false };
  onLiveness({ kind: "connecting" });
  for (let failed = 1; !signal.aborted; failed += 1) {
    try {
      await readStream(following, place, gate, times, () => {
        failed = 0;
        onLiveness({ kind: "live" });
      });
      break;
    } catch (thrown) {
      if (signal.aborted) break;
      if (thrown instanceof HeldBack) {
        const isOver = await poll(following, place, gate, times).catch(() => false);
        if (isOver) break;
        continue;
      }
      const error = WorkflowsError.from(thrown);
      if (!isCut(error)) {
        gate.end();
        onLiveness({ kind: "refused", error });
        return;
      }
      onLiveness({ kind: "away", error });
      await pause(pauseAfter(failed), signal).catch(() => undefined);
    }
  }
  gate.end();
  if (!signal.aborted) onLiveness({ kind: "ended" });
}

function isCut({ code, reason }: WorkflowsError): boolean {
  return CUT.has(code) || (reason === undefined && BROKEN.has(code));
}

interface Place {
  after: string;
  /** The last state of the run that came is a final one. */
  isOver: boolean;
}

/** Until the service ends the stream. Rejects with HeldBack when its first message does not come. */
async function readStream(
  { watch, signal, onHeard }: Following,
  place: Place,
  gate: Gate,
  { firstWithin, silentFor }: typeof TIMES,
  onFirst: () => void,
): Promise<void> {
  const own = new AbortController();
  const signals = AbortSignal.any([own.signal, signal]);
  let isHeldBack = false;
  let isFirst = true;
  let timer = setTimeout(() => {
    isHeldBack = true;
    own.abort();
  }, firstWithin);
  try {
    for await (const { cursor, move } of watch(place.after, signals)) {
      clearTimeout(timer);
      timer = setTimeout(() => own.abort(), silentFor);
      if (isFirst) onFirst();
      isFirst = false;
      onHeard();
      if (move !== undefined) take(move, place, gate);
      place.after = cursor;
    }
  } catch (error) {
    throw isHeldBack ? new HeldBack() : error;
  } finally {
    clearTimeout(timer);
    own.abort();
  }
}

/** Asks for pages for a while. Gives true when the run has ended. */
async function poll(
  { page, signal, onLiveness, onHeard }: Following,
  place: Place,
  gate: Gate,
  { pollEvery, streamAgainAfter }: typeof TIMES,
): Promise<boolean> {
  const untilMs = performance.now() + streamAgainAfter;
  while (performance.now() < untilMs) {
    const { moves, nextPageToken } = await page(place.after, signal);
    onLiveness({ kind: "polling" });
    onHeard();
    for (const move of moves) {
      take(move, place, gate);
      place.after = move.cursor;
    }
    if (nextPageToken !== "") continue;
    if (place.isOver) return true;
    await pause(pollEvery, signal);
  }
  return false;
}

function take(move: Move, place: Place, gate: Gate): void {
  for (const { stepId, runTo } of move.changes) {
    if (stepId === "") place.isOver = isFinalRun(runTo);
  }
  gate.add(move);
}

/** Collects moves, and gives them together. */
class Gate {
  readonly #give: (moves: readonly Move[]) => void;
  readonly #times: typeof TIMES;
  readonly #firstAtMs = performance.now();
  #moves: Move[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #givenAtMs: number | undefined;

  constructor(give: (moves: readonly Move[]) => void, times: typeof TIMES) {
    this.#give = give;
    this.#times = times;
  }

  add(move: Move): void {
    this.#moves.push(move);
    if (this.#givenAtMs === undefined) this.#restart();
    else this.#timer ??= setTimeout(() => this.end(), this.#waitMs());
  }

  /** Gives what there is. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#moves.length === 0) return;
    const moves = this.#moves;
    this.#moves = [];
    this.#givenAtMs = performance.now();
    this.#give(moves);
  }

  /** While those come that there were, each one puts the time off. */
  #restart(): void {
    clearTimeout(this.#timer);
    const { burstGap, burstAtMost } = this.#times;
    const leftMs = this.#firstAtMs + burstAtMost - performance.now();
    this.#timer = setTimeout(() => this.end(), Math.max(0, Math.min(burstGap, leftMs)));
  }

  #waitMs(): number {
    const since = performance.now() - (this.#givenAtMs ?? 0);
    return Math.max(0, this.#times.giveEvery - since);
  }
}
