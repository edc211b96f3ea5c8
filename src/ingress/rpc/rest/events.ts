/**
 * A stream of an RPC as server-sent events: the data of each is a message in JSON, and its id the message's cursor.
 * Boundary: forms; the stream itself is Connect's, as another caller gets it, with its limits and its checks of the token.
 */
import { type Message, toJsonString } from "@bufbuild/protobuf";
import { ConnectError, type ContextValues, createContextValues } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamFromJson } from "@connectrpc/connect/protocol-connect";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { type AnswerDeps, refusedUnread } from "../call-steps.ts";
import { toConnectError } from "../errors.ts";
import { type CallMark, callMark } from "../interceptor.ts";
import { ENVELOPE_HEADER_BYTES, faultOf } from "../request-body.ts";
import { sendStream } from "../stream-answers.ts";
import { headersOf } from "../unary-call.ts";
import { HttpFault, problemJson, problemOf } from "./problem.ts";
import { readRestMessage } from "./request-json.ts";
import { type RestCall, sendProblem } from "./rest-call.ts";
import type { Route } from "./routes.ts";

const HEADERS = new Headers({
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Proxies that gather answers would hold the events back.
  "x-accel-buffering": "no",
});
/** A stream that is refused says so at once; one that lives may say nothing for long. */
const FIRST_WITHIN_MS = 500;
/** After its place a stream that is over ends without a read. One that takes longer says `end`, and is over when it is asked again. */
const OVER_WITHIN_MS = 50;
const FAULT_BYTES = 64 * 1024;
/** What a caller may ask of Connect, and REST has otherwise. */
const OF_CONNECT = ["accept-encoding", "connect-accept-encoding", "connect-timeout-ms"];

/** Answers with the stream, which ends when the caller leaves. */
export async function answerEvents(call: RestCall, deps: AnswerDeps): Promise<void> {
  const { request, response } = call;
  let begun: Begun | undefined;
  try {
    begun = await beginStream(call, deps);
  } catch (thrown) {
    const known = thrown instanceof HttpFault || thrown instanceof ConnectError;
    if (!known) deps.log.error("a stream failed by a fault of the service", { error: thrown });
    sendProblem(problemOf(known ? thrown : refusedBy(thrown)), request, response);
    return;
  }
  if (begun === undefined) {
    // A browser asks again after a stream that ended; this tells it that there is no more.
    response.writeHead(204, { "cache-control": "no-store" });
    response.end();
    return;
  }
  const sent = { ...begun.made, header: HEADERS, body: withEnd(begun.made) };
  await sendStream(sent, eventsOf(begun, call.route), request, response, deps);
}

/** A stream that goes on. */
interface Begun {
  readonly made: UniversalServerResponse;
  /** What its frames were asked for already. */
  readonly ahead: readonly Promise<IteratorResult<Uint8Array>>[];
  readonly frames: AsyncIterator<Uint8Array>;
}

/** Undefined: it is over, and says nothing that the caller has not. Rejects with what the request is refused for. */
async function beginStream(call: RestCall, deps: AnswerDeps): Promise<Begun | undefined> {
  const mark: CallMark = { reached: false, bug: false, asJson: true };
  const made = await openStream(call, mark, deps);
  const frames = mark.frames?.[Symbol.asyncIterator]();
  const after = lastIdOf(call);
  const ahead: Promise<IteratorResult<Uint8Array>>[] = [];
  while (frames !== undefined) {
    const next = frames.next();
    ahead.push(next);
    const soon = await early(next, ahead.length === 1 ? FIRST_WITHIN_MS : OVER_WITHIN_MS);
    if (soon?.done === true) break;
    if (soon === undefined || !isPlaceAlone(soon.value, after)) return { made, ahead, frames };
  }
  const fault = await faultOfEnd(made);
  if (fault !== undefined) throw fault;
  return undefined;
}

/** A stream begins with the place after which it goes on. */
function isPlaceAlone(chunk: Uint8Array, place: string): boolean {
  const alone = JSON.stringify({ cursor: place });
  return place !== "" && textsIn(chunk).every((text) => text === alone);
}

/** The id after which the stream goes on; "": it begins where the request says. */
function lastIdOf({ route, request }: RestCall): string {
  const sent = request.headers["last-event-id"];
  return route.resumes !== undefined && typeof sent === "string" ? sent : "";
}

function refusedBy(thrown: unknown): ConnectError {
  return toConnectError(thrown, FAULT_BYTES).error;
}

/** Has Connect begin the stream. Rejects with what the request is refused for. */
async function openStream(
  call: RestCall,
  mark: CallMark,
  deps: AnswerDeps,
): Promise<UniversalServerResponse> {
  const { route, params, request } = call;
  const { method, requestPath } = route.handler;
  const header = headersOf(request);
  if (await refusedUnread(method, request, header, mark, deps)) throw refusedBy(mark.fault);
  const read = readRestMessage(route, method.input, request, { params, header });
  const message = await read.catch((thrown: unknown) => {
    throw thrown instanceof HttpFault ? thrown : refusedBy(faultOf(thrown));
  });
  goOnAfter(lastIdOf(call), route, message);
  const values = createContextValues().set(callMark, mark);
  const asked = readHead(call, values);
  header.set("content-type", "application/connect+json");
  for (const name of ["content-length", ...OF_CONNECT]) header.delete(name);
  const body = encodeEnvelope(0, Buffer.from(toJsonString(method.input, message)));
  return route.handler({
    ...{ ...asked, method: "POST", header, body: createAsyncIterable([body]) },
    url: new URL(requestPath, asked.url).toString(),
  });
}

/** The request as Connect has it, with an address, of which the Host header is a part. */
function readHead({ request, response }: RestCall, values: ContextValues): UniversalServerRequest {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, values);
  } catch {
    throw new HttpFault(400, "MALFORMED_REQUEST", "the Host header names no host");
  }
}

/** A browser asks again with the same query: it no longer says where the stream begins. */
function goOnAfter(place: string, { resumes, begins }: Route, message: Message): void {
  if (resumes === undefined || place === "") return;
  Reflect.set(message, resumes, place);
  if (begins !== undefined) Reflect.set(message, begins, false);
}

/** What is there within so many ms; undefined: it takes longer. */
async function early<T>(next: Promise<T>, withinMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, withinMs, undefined);
  });
  return Promise.race([next, late]).finally(() => clearTimeout(timer));
}

async function* eventsOf(
  { ahead: [...ahead], frames }: Begun,
  { resumes }: Route,
): AsyncGenerator<Uint8Array> {
  const toEvent = resumes === undefined ? dataOf : eventOf;
  const take = () => ahead.shift() ?? frames.next();
  try {
    for (let next = await take(); next.done !== true; next = await take()) {
      yield Buffer.from(textsIn(next.value).map(toEvent).join(""));
    }
  } finally {
    await frames.return?.();
  }
}

/** An id would be sent back as Last-Event-ID, which a stream without a cursor of its own does not take. */
function dataOf(text: string): string {
  return `data: ${text}\n\n`;
}

function eventOf(text: string): string {
  const { cursor }: { readonly cursor?: unknown } = JSON.parse(text);
  const id = typeof cursor === "string" && cursor !== "" ? `id: ${cursor}\n` : "";
  return id + dataOf(text);
}

/** The texts of the envelopes that a chunk holds. */
function textsIn(chunk: Uint8Array): string[] {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const texts: string[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const begin = at + ENVELOPE_HEADER_BYTES;
    const end = begin + bytes.readUInt32BE(at + 1);
    texts.push(bytes.toString("utf8", begin, end));
    at = end;
  }
  return texts;
}

/** How the stream ended, as an event of its own, so that a browser need not ask again. */
async function* withEnd({ body }: UniversalServerResponse): AsyncGenerator<Uint8Array> {
  for await (const chunk of body ?? []) {
    // The first chunk is the empty message, which nobody gets.
    if (!isEnd(chunk)) yield new Uint8Array();
    else yield Buffer.from(endEvent(faultIn(chunk)));
  }
}

function endEvent(fault: Error | undefined): string {
  if (fault === undefined) return "event: end\ndata: {}\n\n";
  // Not `error`: that is what EventSource calls its own, of a connection that was lost.
  return `event: failed\ndata: ${JSON.stringify(problemJson(fault))}\n\n`;
}

async function faultOfEnd({ body }: UniversalServerResponse): Promise<Error | undefined> {
  let fault: Error | undefined;
  for await (const chunk of body ?? []) fault ??= faultIn(chunk);
  return fault;
}

function faultIn(chunk: Uint8Array): Error | undefined {
  if (!isEnd(chunk)) return undefined;
  return endStreamFromJson(chunk.subarray(ENVELOPE_HEADER_BYTES)).error;
}

function isEnd([flags = 0]: Uint8Array): boolean {
  return (flags & endStreamFlag) !== 0;
}
