/**
 * What every call goes through, whichever protocol it speaks: who calls is known before its body is read, and its answer counts as unread
 * until it is out.
 * Boundary: the steps; the ways of the protocols are router.ts, grpc-way.ts and rest/.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { reached } from "../../process/crash-points.ts";
import { requireOneKey } from "./done-once.ts";
import type { Guard } from "./guard.ts";
import type { CallMark } from "./interceptor.ts";
import { connectionOf, type NodeRequest, type NodeResponse } from "./node-calls.ts";
import type { StreamDeps } from "./stream-answers.ts";
import type { UnaryRpc } from "./unary-call.ts";
import type { UnreadAnswers } from "./unread-answers.ts";

/** What answering needs. */
export interface AnswerDeps extends StreamDeps {
  readonly guard: Guard | undefined;
  readonly unary: ReadonlyMap<DescMethod, UnaryRpc>;
}

/** What comes before an answer is sent. */
export async function announce(
  { method }: { readonly method: DescMethod },
  request: NodeRequest,
  response: NodeResponse,
  { answer: made }: CallMark,
  { unread }: AnswerDeps,
): Promise<void> {
  // Connect's own promise does not tell when an answer is out: it waits for an event that responses never emit.
  holdAnswer(request, response, made?.byteLength ?? 0, unread, () => {
    void reached("rpc.responded", method.name);
  });
  await reached("rpc.answering", method.name);
}

/** Counts an answer that is about to be sent; `onGone` is called when it is out, or its caller has gone. */
export function holdAnswer(
  request: NodeRequest,
  response: NodeResponse,
  bytes: number,
  unread: UnreadAnswers,
  onGone: () => void = () => {},
): void {
  const stream = "stream" in request ? request.stream : response;
  if (bytes === 0 || stream.destroyed) return;
  const letGo = unread.hold(connectionOf(request), bytes);
  stream.once("close", () => {
    letGo();
    onGone();
  });
}

/** The caller is known before a byte of the body is read. True: the call is refused already, by its mark. */
export async function refusedUnread(
  method: DescMethod,
  request: NodeRequest,
  header: Headers,
  mark: CallMark,
  { guard, unread }: AnswerDeps,
): Promise<boolean> {
  try {
    mark.caller = await guard?.(method, header);
    requireOneKey(request.rawHeaders);
    await unread.room(connectionOf(request));
    return false;
  } catch (error) {
    mark.fault = error;
    return true;
  }
}
