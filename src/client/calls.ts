/**
 * Calls of the service over any transport of Connect: who calls, one key for all tries of a call, and tries within its deadline.
 * Boundary: knows no RPC. Every error is a WorkflowsError.
 * Invariants:
 * 1. All tries of a call that writes have the same Idempotency-Key, so it is done once however often it is sent.
 * 2. Only a call whose service is UNAVAILABLE, or whose answer was lost, is sent again.
 */
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { isLost, WorkflowsError } from "./errors.ts";
import { pause, pauseAfter, within } from "./pauses.ts";

/** Who calls. */
export interface Identity {
  /** A bearer token, or what gives one for each try. */
  readonly token?: string | (() => string | Promise<string>);
  /** Who acts, where the service has no authentication. */
  readonly actor?: string;
  /** The program that calls, as the history of orders names it. */
  readonly via?: string;
  /** Where StartRun, HandleTrigger and PublishEvent start what they start, such as `staging`; production unless given. A call's own header takes precedence. */
  readonly environment?: string;
}

const KEY_HEADER = "Idempotency-Key";
const ENVIRONMENT_HEADER = "Workflows-Environment";

/** A transport that tries again, within `timeoutMs` for a unary call unless the call says otherwise; 0: for ever. A stream is opened once. */
export function keptCalls(inner: Transport, identity: Identity, timeoutMs: number): Transport {
  return {
    async unary(method, signal, ownTimeoutMs, header, input, contextValues) {
      const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
      const key = isRead ? undefined : newKey();
      const leftMs = startDeadline(ownTimeoutMs ?? timeoutMs);
      let wasLost = false;
      for (let failed = 1; ; failed += 1) {
        const headers = await ownHeaders(leftMs(), signal, headersOf(identity, header, key));
        try {
          const left = leftMs();
          const tryMs = left === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.floor(left));
          return await inner.unary(method, signal, tryMs, headers, input, contextValues);
        } catch (thrown) {
          const error = WorkflowsError.from(thrown);
          // The first try may still be at work under the key of this one.
          const isBusy = wasLost && error.reason === "LOST_RACE";
          wasLost ||= isLost(error);
          const pauseMs = pauseAfter(failed, error.retryAfterMs);
          const isAgain = error.code === "UNAVAILABLE" || isLost(error) || isBusy;
          if (!isAgain || signal?.aborted || pauseMs >= leftMs()) throw error;
          await pause(pauseMs, signal).catch(throwCancelled);
        }
      }
    },
    async stream(method, signal, ownTimeoutMs, header, input, contextValues) {
      const leftMs = startDeadline(ownTimeoutMs ?? 0);
      const made = headersOf(identity, header, undefined);
      const headers = await ownHeaders(leftMs(), signal, made);
      try {
        const answer = await inner.stream(
          method,
          ...([signal, ownTimeoutMs ?? 0, headers, input, contextValues] as const),
        );
        return { ...answer, message: withOwnErrors(answer.message) };
      } catch (thrown) {
        throw WorkflowsError.from(thrown);
      }
    },
  };
}

async function* withOwnErrors<M>(messages: AsyncIterable<M>): AsyncGenerator<M> {
  try {
    yield* messages;
  } catch (thrown) {
    throw WorkflowsError.from(thrown);
  }
}

/** Gives what is left, in ms. */
function startDeadline(timeoutMs: number): () => number {
  const endMs = timeoutMs <= 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  return () => endMs - performance.now();
}

/** The headers, unless the call ends before: what gives the token may fail, or take its time. */
async function ownHeaders(
  leftMs: number,
  signal: AbortSignal | undefined,
  made: Promise<Headers>,
): Promise<Headers> {
  const late = () => new ConnectError("no token came within the deadline", Code.DeadlineExceeded);
  return within(leftMs, signal, made, late).catch((thrown: unknown) => {
    if (signal?.aborted) return throwCancelled(signal.reason);
    throw WorkflowsError.from(thrown);
  });
}

function throwCancelled(reason: unknown): never {
  throw WorkflowsError.from(ConnectError.from(reason, Code.Canceled));
}

async function headersOf(
  { token, actor, via, environment }: Identity,
  given: ConstructorParameters<typeof Headers>[0],
  key: string | undefined,
): Promise<Headers> {
  const headers = new Headers(given);
  const bearer = typeof token === "function" ? await token() : token;
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${requireText(bearer)}`);
  if (actor !== undefined) headers.set("Workflows-Actor", actor);
  if (via !== undefined) headers.set("Workflows-Via", via);
  const isOwn = headers.has(ENVIRONMENT_HEADER);
  if (environment !== undefined && !isOwn) headers.set(ENVIRONMENT_HEADER, environment);
  if (key !== undefined && !headers.has(KEY_HEADER)) headers.set(KEY_HEADER, key);
  return headers;
}

/** The error of Headers would show the token. */
function requireText(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new TypeError("the token must be one line of ASCII without spaces");
}

/** 128 random bits. crypto.randomUUID is not there on a page that came without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
