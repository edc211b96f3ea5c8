/**
 * What surrounds every call: its deadline, its message and answer, and the translation of whatever it throws.
 * Boundary: the message was read before (request-body.ts), or Connect has read it; the answer's bytes are put into the
 * response behind it (answer-body.ts).
 * Invariants:
 * I1 A call that reached a handler is marked, so that an `internal` without the mark is a fault of the request.
 * I2 No call waits longer than its deadline, or the longest one allowed.
 */
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { Caller } from "../../collaborators/identity/callers.ts";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { callerOfCall, settleWorkspace } from "./call-workspace.ts";
import { explainUnreadMessages } from "./decoding-faults.ts";
import { protocolError, toConnectError } from "./errors.ts";
import { encodeAnswer, envelopeOf, framesOf } from "./stream-frames.ts";

/** What is known of a call beside its message; `reached` is set once Connect has decoded what it got. */
export interface CallMark {
  reached: boolean;
  /** The handler threw an error without a code of its own; it is logged already. */
  bug: boolean;
  /** The call's message; unset: Connect's is the one. */
  message?: Message;
  /** Why there is none: refused before its body was read, or unreadable. */
  fault?: unknown;
  /** Who calls, where authentication is on. */
  caller?: Caller | undefined;
  /** Whether the answer is JSON. */
  asJson?: boolean;
  /** The answer's bytes. */
  answer?: Uint8Array;
  /** The messages of a stream, as they are sent. Connect gets an empty one in their place, and their end. */
  frames?: AsyncIterable<Uint8Array>;
}

/** A unary call, whichever way it came. */
export type UnaryCall = Pick<
  UnaryRequest,
  "method" | "message" | "header" | "signal" | "contextValues"
>;

/** Where a call's mark is found. */
export const callMark = createContextKey<CallMark>({ reached: false, bug: false });

const DEFAULT_DEADLINE_MS = 10_000;
const LONGEST_DEADLINE_MS = 60_000;
// gRPC sends details as a trailer, where some clients take no more than 8 KiB in all.
const TRAILER_ROOM_BYTES = 4_500;
const BODY_ROOM_BYTES = 128 * 1024;

/** Marks, bounds in time, and translates errors; what is a bug is logged with its cause and never sent. */
export function createInterceptor(log: Log): Interceptor {
  return (next) => async (request) => {
    const mark = request.contextValues.get(callMark);
    mark.reached = true;
    if (request.stream) return surroundStream(log, request, mark, next);
    const call = { ...request, message: mark.message ?? request.message };
    const made: UnaryResponse[] = [];
    await surround(log, call, mark, async () => {
      const answered = await next(call);
      if (answered.stream) throw new Error(`${call.method.name} answered with a stream`);
      made.push(answered);
      return answered.message;
    });
    const [answered] = made;
    if (answered === undefined) throw new Error(`${call.method.name} ended without an answer`);
    return { ...answered, message: create(call.method.output) };
  };
}

type AnyNext = Parameters<Interceptor>[0];

/** Streams live as long as their callers want. */
async function surroundStream(
  log: Log,
  request: StreamRequest,
  mark: CallMark,
  next: AnyNext,
): ReturnType<AnyNext> {
  const { method, message, header, contextValues } = request;
  const roomBytes = roomOf(header);
  if (mark.fault !== undefined) throw toConnectError(mark.fault, roomBytes).error;
  if (mark.caller !== undefined) contextValues.set(callerOfCall, mark.caller);
  const answered = await next({ ...request, message: explainUnreadMessages(message) });
  if (!answered.stream) return answered;
  const { frames, ended } = framesOf(
    answered.message,
    (each) => envelopeOf(method.output, each, mark.asJson === true),
    (thrown) => {
      if (thrown instanceof ConnectError && thrown.details.length > 0) return thrown;
      const { error, bug } = toConnectError(thrown, roomBytes);
      if (bug)
        log.error("a stream failed by a fault of the service", {
          method: method.name,
          error: thrown,
        });
      return error;
    },
  );
  mark.frames = frames;
  return { ...answered, message: emptyUntil(method.output, ended) };
}

/** One empty message, by which Connect makes the header, and the end of the stream. */
async function* emptyUntil(desc: DescMessage, ended: Promise<void>): AsyncGenerator<Message> {
  yield create(desc);
  await ended;
}

/** Does the work of a unary call, and puts the answer's bytes into its mark. Rejects with a ConnectError. */
export async function surround(
  log: Log,
  call: UnaryCall,
  mark: CallMark,
  work: () => Promise<Message>,
): Promise<void> {
  const { method, message, header, signal } = call;
  try {
    if (mark.fault !== undefined) throw mark.fault;
    if (mark.caller !== undefined) {
      settleWorkspace(method.input, message, mark.caller);
      call.contextValues.set(callerOfCall, mark.caller);
    }
    await reached("rpc.received", method.name);
    const answer = await beforeDeadline(signal, header, work);
    mark.answer = encodeAnswer(method.output, answer, mark.asJson === true);
  } catch (thrown) {
    // An unreadable message has its error already.
    if (thrown === mark.fault && thrown instanceof ConnectError) throw thrown;
    const { error, bug } = toConnectError(thrown, roomOf(header));
    mark.bug = bug;
    if (bug) log.error("a call failed by a fault of the service", logFacts(call, thrown));
    throw error;
  }
}

async function beforeDeadline<T>(
  signal: AbortSignal,
  header: Headers,
  work: () => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw deadlineError(signal);
  const own = header.has("connect-timeout-ms") || header.has("grpc-timeout");
  const limitMs = own ? LONGEST_DEADLINE_MS : DEFAULT_DEADLINE_MS;
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(deadlineError(signal));
    const onTime = () =>
      reject(protocolError(Code.DeadlineExceeded, `no answer within ${limitMs} ms`));
    const timer = setTimeout(onTime, limitMs);
    signal.addEventListener("abort", onAbort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      });
  });
}

function deadlineError(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  const timedOut = codeOf(reason) === Code.DeadlineExceeded;
  return timedOut
    ? protocolError(Code.DeadlineExceeded, "the call's deadline has passed", reason)
    : protocolError(Code.Canceled, "the caller has gone", reason);
}

function codeOf(reason: unknown): Code | undefined {
  return reason instanceof Error && "code" in reason && typeof reason.code === "number"
    ? reason.code
    : undefined;
}

function roomOf(header: Headers): number {
  const contentType = header.get("content-type") ?? "";
  const inTrailer =
    contentType.startsWith("application/grpc") && !contentType.startsWith("application/grpc-web");
  return inTrailer ? TRAILER_ROOM_BYTES : BODY_ROOM_BYTES;
}

function logFacts(request: { method: { name: string }; message: object }, error: unknown) {
  const facts: Record<string, unknown> = { method: request.method.name, error };
  for (const key of ["runId", "id", "definitionId"]) {
    const value: unknown = Reflect.get(request.message, key);
    if (typeof value === "string" && value !== "") facts[key] = value;
  }
  return facts;
}
