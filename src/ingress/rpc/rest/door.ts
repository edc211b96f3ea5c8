/**
 * The door of REST: a request of a route is the call of an RPC, and its answer the RPC's JSON.
 * Boundary: forms of HTTP. The call goes through the guard, the interceptor and the handler as each other call does.
 * Invariant: what a caller may do and what is done cannot differ from the RPC; rest.test.ts compares each route with its RPC.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { parseTimeout } from "@connectrpc/connect/protocol-connect";
import { compressed } from "../answer-body.ts";
import { type AnswerDeps, announce, refusedUnread } from "../call-steps.ts";
import { boundDeadline } from "../deadlines.ts";
import { inOurWords } from "../decoding-faults.ts";
import { type NodeRequest, type NodeResponse, pathOf } from "../node-calls.ts";
import type { PrefixOf } from "../prefix.ts";
import { largeHeader } from "../protocol-words.ts";
import { faultOf } from "../request-body.ts";
import { dropRest } from "../request-rest.ts";
import { type HandledCall, handleCall, headersOf, newCall, type UnaryRpc } from "../unary-call.ts";
import { answerEvents } from "./events.ts";
import { createRouteFinder, type FoundRoute } from "./find-route.ts";
import { HttpFault, problemOf } from "./problem.ts";
import { readRestMessage } from "./request-json.ts";
import { type BoundRoute, type RestCall, sendProblem } from "./rest-call.ts";
import { ROUTES } from "./routes.ts";

/** Answers a request of REST; undefined: its path is none. */
export type RestDoor = (request: NodeRequest, response: NodeResponse) => Promise<void> | undefined;

/** Below it everything is REST, also what is unknown. */
const OWN = "/api/";
const LONGEST_TIMEOUT_MS = Number.MAX_SAFE_INTEGER;

/** What the door needs. */
interface RestDeps extends AnswerDeps {
  readonly prefixOf: PrefixOf;
}

/** The door over these handlers. A server of some services alone, as in a test, has their routes. */
export function createRestDoor(handlers: readonly UniversalHandler[], deps: RestDeps): RestDoor {
  const byName = new Map(
    handlers.map((handler) => [`${handler.method.parent.name}.${handler.method.name}`, handler]),
  );
  const routes = ROUTES.flatMap((route): BoundRoute[] => {
    const handler = byName.get(route.rpc);
    return handler === undefined
      ? []
      : [{ ...route, handler, etag: etagPathOf(handler.method.output) }];
  });
  const find = createRouteFinder(routes);
  return (request, response) => {
    const path = pathOf(request);
    const found = find(request.method ?? "", path);
    if (found === undefined && !path.startsWith(OWN)) return undefined;
    dropRest(request, response);
    const fault = headFault(request, found);
    if (fault !== undefined || found === undefined || !("route" in found)) {
      sendProblem(problemOf(fault), request, response);
      return Promise.resolve();
    }
    const call = { ...found, request, response };
    const rpc = deps.unary.get(found.route.handler.method);
    if (rpc !== undefined) return answerUnary(rpc, call, deps);
    if (request.method === "GET") return answerEvents(call, deps);
    sendProblem(problemOf(noMethod(request, ["GET"])), request, response);
    return Promise.resolve();
  };
}

function headFault(request: NodeRequest, found: FoundRoute<BoundRoute>): HttpFault | undefined {
  if (largeHeader(request.rawHeaders, "") !== undefined) {
    return new HttpFault(431, "TOO_LARGE", "the headers are over their limit of 16 KiB");
  }
  if (found === undefined) {
    return new HttpFault(
      404,
      "NO_ROUTE",
      "there is nothing at this path; /openapi.json has them all",
    );
  }
  return "allowed" in found ? noMethod(request, found.allowed) : undefined;
}

function noMethod(request: NodeRequest, methods: readonly string[]): HttpFault {
  const allow = methods.join(", ");
  const words = `${request.method} is no method of this path; it has ${allow}`;
  return new HttpFault(405, "NO_METHOD", words, { allow });
}

async function answerUnary(rpc: UnaryRpc, call: RestCall, deps: RestDeps): Promise<void> {
  const { route, params, request, response } = call;
  const header = headersOf(request);
  boundDeadline(header);
  const { timeoutMs, error } = parseTimeout(header.get("connect-timeout-ms"), LONGEST_TIMEOUT_MS);
  const handled = newCall(header, timeoutMs);
  const { mark } = handled;
  mark.asJson = true;
  mark.fault = error && inOurWords(error);
  if (!(await refusedUnread(rpc.method, request, header, mark, deps)) && error === undefined) {
    try {
      mark.message = await readRestMessage(route, rpc.method.input, request, { params, header });
    } catch (thrown) {
      if (thrown instanceof HttpFault) return sendProblem(problemOf(thrown), request, response);
      mark.fault = faultOf(thrown);
    }
  }
  const answered = { header: new Headers(), trailer: new Headers() };
  try {
    const message = await handleCall(deps.log, rpc, handled, {
      ...{ request, response, answered },
      ...{ requestMethod: request.method ?? "", url: request.url ?? "", protocolName: "connect" },
    });
    await announce(route.handler, request, response, mark, deps);
    await sendAnswer(call, handled, message, answered.header, deps.prefixOf(request));
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    sendProblem(problemOf(thrown), request, response);
  }
}

async function sendAnswer(
  { route, request, response }: RestCall,
  { header, mark }: HandledCall,
  message: Message | undefined,
  said: Headers,
  prefix: string,
): Promise<void> {
  if (message === undefined || mark.answer === undefined) {
    throw new Error("a call ended without an answer");
  }
  const { bytes, encoding } = await compressed(mark.answer, header.get("accept-encoding"));
  const etag = route.etag && textAt(message, route.etag);
  const location = route.location && fill(route.location, message);
  response.writeHead(route.status ?? 200, {
    ...Object.fromEntries(said),
    "content-type": "application/json",
    "content-length": String(bytes.byteLength),
    "cache-control": "no-store",
    ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    ...(etag ? { etag: `"${etag}"` } : {}),
    ...(location ? { location: prefix + location } : {}),
  });
  if (request.method === "HEAD") response.end();
  else response.end(bytes);
}

/** The etag of an answer: its own one, or that of the one object that it has. */
function etagPathOf({ fields }: DescMessage): readonly string[] | undefined {
  if (fields.some(({ name }) => name === "etag")) return ["etag"];
  const holder = fields.find(
    ({ fieldKind, message }) =>
      fieldKind === "message" && message?.fields.some(({ name }) => name === "etag"),
  );
  return holder && [holder.localName, "etag"];
}

/** A path with the texts of the answer; undefined where it has none of them. */
function fill(template: string, message: Message): string | undefined {
  let isWhole = true;
  const path = template.replaceAll(/\{([\w.]+)\}/g, (_place, names: string) => {
    const text = textAt(message, names.split("."));
    if (text === "") isWhole = false;
    return encodeURIComponent(text);
  });
  return isWhole ? path : undefined;
}

/** The text at these names of fields, as the proto or the message has them; "" where there is none. */
function textAt(message: object, names: readonly string[]): string {
  let value: unknown = message;
  for (const name of names) {
    value =
      typeof value === "object" && value !== null ? Reflect.get(value, camel(name)) : undefined;
  }
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
