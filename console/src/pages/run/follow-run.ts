/**
 * The moves of a run as they are made: by Runs.Watch, or page by page where there is no stream.
 * Boundary: knows no page; how a stream goes on is api/streams.ts. It ends with the run, with its signal, or with an error that a repeat does
 * not mend.
 * Invariants:
 * 1. Moves are given in their order, each once: a stream or a page begins after the cursor of the last one that came.
 * 2. They are given at most four times a second; at first only when those that there were have come.
 */
import type {
  GetHistoryResponse,
  Move,
  WatchResponse,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { pause } from "../../../../src/client/pauses.ts";
import { followStream, type Liveness, type NoStream, type StreamTimes } from "../../api/streams.ts";
import { isFinalRun } from "./run-picture.ts";

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
  /** A place for a stream, as api/streams.ts takes it. */
  takePlace?(): Promise<(() => void) | undefined>;
  /** Whether there is another token than the one that was refused, as api/streams.ts asks. */
  renewed?(): Promise<boolean>;
  /** The cursor of the last move that is known. */
  readonly after: string;
  readonly signal: AbortSignal;
  readonly times?: Partial<typeof TIMES & StreamTimes>;
}

/** In ms. */
const TIMES = {
  pollEvery: 3_000,
  giveEvery: 250,
  /** A pause as long as this ends what there was at first. */
  burstGap: 100,
  burstAtMost: 2_000,
};

/** Follows a run until it ends or the signal aborts. Never rejects. */
export async function followRun(following: Following): Promise<void> {
  const { watch, takePlace, renewed, signal, onLiveness, onHeard } = following;
  const times = { ...TIMES, ...following.times };
  const gate = new Gate(following.onMoves, times);
  const place = { after: following.after, isOver: false };
  const give = (liveness: Liveness) => {
    // What came before the end is shown before it.
    if (liveness.kind === "ended" || liveness.kind === "refused") gate.end();
    onLiveness(liveness);
  };
  await followStream<WatchResponse>({
    open: (open) => watch(place.after, open),
    onMessage({ cursor, move }) {
      if (move !== undefined) take(move, place, gate);
      place.after = cursor;
    },
    poll: (untilMs, why) => poll(following, place, gate, times.pollEvery, untilMs, why),
    onLiveness: give,
    onHeard,
    ...(takePlace ? { takePlace } : {}),
    ...(renewed ? { renewed } : {}),
    signal,
    times: following.times ?? {},
  });
  gate.end();
}

interface Place {
  after: string;
  /** The last state of the run that came is a final one. */
  isOver: boolean;
}

/** Asks for pages for a while. Gives true when the run has ended. */
async function poll(
  { page, signal, onLiveness, onHeard }: Following,
  place: Place,
  gate: Gate,
  everyMs: number,
  untilMs: number,
  why: NoStream,
): Promise<boolean> {
  while (performance.now() < untilMs) {
    const { moves, nextPageToken } = await page(place.after, signal);
    onLiveness({ kind: "polling", why });
    onHeard();
    for (const move of moves) {
      take(move, place, gate);
      place.after = move.cursor;
    }
    if (nextPageToken !== "") continue;
    if (place.isOver) return true;
    await pause(everyMs, signal);
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
