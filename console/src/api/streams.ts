/**
 * A stream of the service that goes on for as long as a page wants it: over cuts, and by questions where a proxy holds it back.
 * Boundary: knows no RPC and no page. It never rejects.
 */
import { WorkflowsError } from "../../../src/client/errors.ts";
import { pause, pauseAfter } from "../../../src/client/pauses.ts";

/** How a page knows what it shows. */
export type Liveness =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** There is no stream, so the page asks every few seconds. */
  | { readonly kind: "polling"; readonly why: NoStream }
  /** The service does not answer; the page tries again. */
  | { readonly kind: "away"; readonly message: string }
  /** Nobody sees the page. */
  | { readonly kind: "hidden" }
  | { readonly kind: "ended" }
  /** The service refuses to go on. */
  | { readonly kind: "refused"; readonly message: string };

/**
 * `proxy`: it is held back on its way. `pages`: others of this browser have the connections. `browser`: it cannot share one. `storage`: it may
 * not, since it blocks site data.
 */
export type NoStream = "proxy" | "pages" | "browser" | "storage";

/** What is followed. */
export interface Followed<M> {
  open(signal: AbortSignal): AsyncIterable<M>;
  onMessage(message: M): void;
  /** Asks until a time of `performance.now()`. Gives whether all is over. What it rejects with is taken as an error of the stream. */
  poll(untilMs: number, why: NoStream): Promise<boolean>;
  /** Whenever it changes. */
  onLiveness(liveness: Liveness): void;
  /** Whenever the stream was heard. */
  onHeard(): void;
  /** A place for a stream, which is given back by what it gives; undefined: there is none. Without it there always is one. */
  takePlace?(): Promise<(() => void) | undefined>;
  /** The token was refused: gives whether there is another one now. Without it there never is. */
  renewed?(): Promise<boolean>;
  readonly signal: AbortSignal;
  readonly times?: Partial<StreamTimes>;
}

/** In ms. */
export interface StreamTimes {
  /** The first message of a stream comes at once; later it was held back. */
  readonly firstWithin: number;
  /** Messages come every 30 s at least. */
  readonly silentFor: number;
  /** After so long polling the stream is tried once more. */
  readonly streamAgainAfter: number;
  /** And after so long a place for one. */
  readonly placeAgainAfter: number;
}

const TIMES: StreamTimes = {
  ...{ firstWithin: 5_000, silentFor: 75_000 },
  ...{ streamAgainAfter: 60_000, placeAgainAfter: 10_000 },
};

/** A stream ends so where it goes on elsewhere or later. */
const CUT: ReadonlySet<string> = new Set([
  ...["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"],
]);
/** And so where the connection broke; the service gives a reason with each error of its own. */
const BROKEN: ReadonlySet<string> = new Set(["CANCELLED", "INTERNAL", "UNKNOWN", "DATA_LOSS"]);

class NotStreamed extends Error {
  readonly why: NoStream;

  constructor(why: NoStream) {
    super(why);
    this.why = why;
  }
}

/** Follows until the service ends the stream, polling finds that all is over, the service refuses, or the signal aborts. */
export async function followStream<M>(followed: Followed<M>): Promise<void> {
  const { signal, onLiveness } = followed;
  const times = { ...TIMES, ...followed.times };
  onLiveness({ kind: "connecting" });
  for (let failed = 1; !signal.aborted; failed += 1) {
    try {
      const isOver = await readOrPoll(followed, times, () => {
        failed = 0;
        onLiveness({ kind: "live" });
      });
      if (isOver) break;
      failed = 0;
    } catch (thrown) {
      if (signal.aborted) break;
      const error = WorkflowsError.from(thrown);
      const { code, message } = error;
      // A stream ends with the token that it was opened with.
      const isRenewed = code === "UNAUTHENTICATED" && (await followed.renewed?.()) === true;
      if (signal.aborted) break;
      if (!isRenewed && !isCut(error)) return onLiveness({ kind: "refused", message });
      if (!isRenewed) onLiveness({ kind: "away", message });
      await pause(pauseAfter(failed), signal).catch(() => undefined);
    }
  }
  if (!signal.aborted) onLiveness({ kind: "ended" });
}

/** The stream, and questions for a while where there is none. Gives whether all is over. */
async function readOrPoll<M>(
  followed: Followed<M>,
  times: StreamTimes,
  onFirst: () => void,
): Promise<boolean> {
  try {
    await readStream(followed, times, onFirst);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof NotStreamed)) throw thrown;
    const { why } = thrown;
    const forMs = why === "pages" ? times.placeAgainAfter : times.streamAgainAfter;
    return followed.poll(performance.now() + forMs, why);
  }
}

function isCut({ code, reason }: WorkflowsError): boolean {
  return CUT.has(code) || (reason === undefined && BROKEN.has(code));
}

/** Until the service ends the stream. Rejects with NotStreamed when there is no place for it, or its first message does not come. */
async function readStream<M>(
  { open, takePlace, signal, onMessage, onHeard }: Followed<M>,
  { firstWithin, silentFor }: StreamTimes,
  onFirst: () => void,
): Promise<void> {
  const leave = takePlace === undefined ? () => undefined : await takePlace();
  if (leave === undefined) throw new NotStreamed("pages");
  const own = new AbortController();
  const signals = AbortSignal.any([own.signal, signal]);
  let isHeldBack = false;
  let isFirst = true;
  let timer = setTimeout(() => {
    isHeldBack = true;
    own.abort();
  }, firstWithin);
  try {
    for await (const message of open(signals)) {
      clearTimeout(timer);
      timer = setTimeout(() => own.abort(), silentFor);
      if (isFirst) onFirst();
      isFirst = false;
      onHeard();
      onMessage(message);
    }
  } catch (error) {
    throw isHeldBack ? new NotStreamed("proxy") : error;
  } finally {
    clearTimeout(timer);
    own.abort();
    leave();
  }
}
