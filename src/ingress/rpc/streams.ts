/**
 * What the streams of RPCs share: the call that they belong to, their times, and how they end.
 * Boundary: knows no message; what a stream gives is watch.ts, watch-many.ts, inbox-watch.ts and tail-events.ts.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../../collaborators/identity/callers.ts";
import { Refusal } from "../../process/refusal.ts";
import { callerOfCall } from "./call-workspace.ts";
import { createGuard } from "./guard.ts";
import type { ServiceParts } from "./service-parts.ts";
import type { StreamLimits } from "./stream-limits.ts";

/** The call of a stream. */
export interface StreamCall {
  /** Aborted when the caller has gone, or was cut off. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  nowMs(): number;
  /** Whether there is a token to check. */
  readonly hasToken: boolean;
  /**
   * The caller by now; undefined without authentication. Rejects with a Refusal when its token has ended, lacks the scope of the
   * method by now, or cannot be checked.
   */
  requireCaller(): Promise<Caller | undefined>;
}

/** The call of a stream of `method`. */
export function streamCall(
  { callers }: Pick<ServiceParts, "callers">,
  { signal, requestHeader, values }: HandlerContext,
  method: DescMethod,
): StreamCall {
  const guard = callers === undefined ? undefined : createGuard(callers);
  return {
    ...{ signal, nowMs: () => performance.now(), hasToken: guard !== undefined },
    async requireCaller() {
      const caller = await guard?.(method, requestHeader);
      if (caller?.workspaceId === values.get(callerOfCall)?.workspaceId) return caller;
      throw new Refusal("unauthenticated", "the token is of another workspace by now");
    },
  };
}

/** Calls `close` when the stream is cut off: its generator may never be taken up again. Gives what takes that back. */
export function onCutOff({ signal }: StreamCall, close: () => void): () => void {
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  return () => signal.removeEventListener("abort", close);
}

/** The times of one stream. */
export interface StreamClock {
  /** Notes that this message is handed out. */
  sent<M>(message: M): M;
  /** Rejects with a Refusal when a limit is passed. */
  check(): Promise<void>;
  /** Whether a sign of life is due. */
  isSilent(): boolean;
  /** How long until `check` or `isSilent` has something to say, in ms. */
  untilNextMs(): number;
}

/**
 * So many times within its limit streams give signs of life: those whose times are close to each other do it together, for what one of a
 * thousand does by itself costs several times as much. So it is done a little early. Tokens are checked at times of their own: who judges
 * them takes so many at once, and a stream whose token is not judged in time ends.
 */
const MOMENTS = 6;

/** When a stream gives a sign of life within `everyMs` after a time: the same moment for all streams of the process. */
function momentWithin(everyMs: number, afterMs: number): number {
  const betweenMs = everyMs / MOMENTS;
  return Math.floor((afterMs + everyMs) / betweenMs) * betweenMs;
}

/** Starts the clock of a stream. */
export function startClock(
  { nowMs, hasToken, requireCaller }: Pick<StreamCall, "nowMs" | "hasToken" | "requireCaller">,
  limits: StreamLimits,
): StreamClock {
  const begunAtMs = nowMs();
  let sentAtMs = begunAtMs;
  let checkedAtMs = begunAtMs;
  let isTaken = true;
  return {
    sent(message) {
      sentAtMs = nowMs();
      isTaken = false;
      return message;
    },
    async check() {
      const now = nowMs();
      if (!isTaken && now - sentAtMs > limits.takenWithinMs) throw tooSlow(limits);
      isTaken = true;
      if (now - begunAtMs >= limits.ageMs) throw tooOld();
      if (!hasToken || now - checkedAtMs < limits.tokenEveryMs) return;
      checkedAtMs = now;
      await requireCaller();
    },
    isSilent: () => nowMs() >= momentWithin(limits.signOfLifeMs, sentAtMs),
    untilNextMs() {
      const nextMs = Math.min(
        momentWithin(limits.signOfLifeMs, sentAtMs),
        hasToken ? checkedAtMs + limits.tokenEveryMs : Infinity,
        begunAtMs + limits.ageMs,
      );
      return Math.max(1, nextMs - nowMs());
    },
  };
}

/** The end of a stream whose replica stops. */
export function stopping(): Refusal {
  return new Refusal("unavailable", "the service stops; watch again after the last cursor");
}

function tooSlow({ takenWithinMs }: StreamLimits): Refusal {
  const message = `a message was not taken within ${takenWithinMs / 1000} s; watch again after the last cursor`;
  return new Refusal("overloaded", message);
}

function tooOld(): Refusal {
  return new Refusal("unavailable", "the stream's time is over; watch again after the last cursor");
}
