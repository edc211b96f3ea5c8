/**
 * A transport of Connect clients over REST: each call goes to the first route of its RPC.
 * Boundary: forms of HTTP as docs/api.md has them; a problem is thrown as the error that the RPC would have.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { ROUTES, type Route } from "../../../src/ingress/rpc/rest/routes.ts";

/** The route of an RPC. */
function routeOf({ parent, name }: DescMethod): Route {
  const route = ROUTES.find(({ rpc }) => rpc === `${parent.name}.${name}`);
  if (route === undefined) throw new Error(`${parent.name}.${name} has no route`);
  return route;
}

/** The request of a route for this message. */
function restRequestOf<I extends DescMessage>(
  route: Route,
  desc: I,
  message: MessageInitShape<I>,
): { readonly path: string; readonly init: RequestInit } {
  const json = toJson(desc, create(desc, message), { useProtoFieldName: true });
  const fields = { ...(json as JsonObject) };
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_place, name: string) => {
    // A number that is not set is 0.
    const text = String(fields[name] ?? 0);
    delete fields[name];
    return encodeURIComponent(text);
  });
  const { method } = route;
  if (route.body !== undefined) {
    const headers = { "content-type": "application/json" };
    return { path, init: { method, headers, body: JSON.stringify(fields) } };
  }
  const query = new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((each): [string, string] => [
        name,
        textOf(each),
      ]),
    ),
  );
  return { path: query.size === 0 ? path : `${path}?${query}`, init: { method } };
}

function textOf(value: JsonValue): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The transport to a service. */
export function createRestTransport(baseUrl: string): Transport {
  const send = async <I extends DescMessage>(
    method: DescMethod & { readonly input: I },
    message: MessageInitShape<I>,
    header: ConstructorParameters<typeof Headers>[0],
    more: { readonly timeoutMs: number | undefined; readonly signal?: AbortSignal | undefined },
  ) => {
    const { path, init } = restRequestOf(routeOf(method), method.input, message);
    const headers = new Headers(init.headers);
    for (const [name, value] of new Headers(header)) headers.set(name, value);
    if (more.timeoutMs !== undefined) headers.set("connect-timeout-ms", String(more.timeoutMs));
    const signal = more.signal ?? null;
    const answer = await fetch(baseUrl + path, { ...init, headers, signal });
    if (!answer.ok) throw errorOf(JSON.parse(await answer.text()), answer.headers);
    return answer;
  };
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const answer = await send(method, input, header, { timeoutMs, signal });
      const message = fromJson(method.output, JSON.parse(await answer.text()));
      return {
        ...{ stream: false, service: method.parent, method, message },
        ...{ header: answer.headers, trailer: new Headers() },
      };
    },
    async stream(method, signal, timeoutMs, header, input) {
      const messages: MessageInitShape<typeof method.input>[] = [];
      for await (const each of input) messages.push(each);
      const [only] = messages;
      if (only === undefined) throw new Error("a stream without a request");
      const left = new AbortController();
      signal?.addEventListener("abort", () => left.abort());
      const answer = await send(method, only, header, { timeoutMs, signal: left.signal });
      const read = async function* () {
        try {
          for await (const { event, data } of eventsIn(answer)) {
            const json: JsonObject = JSON.parse(data);
            if (event === "end") return;
            if (event === "failed") throw errorOf(json, answer.headers);
            yield fromJson(method.output, json);
          }
        } finally {
          left.abort();
        }
      };
      return {
        ...{ stream: true, service: method.parent, method, message: read() },
        ...{ header: answer.headers, trailer: new Headers() },
      };
    },
  };
}

/** One server-sent event. */
export interface SentEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** The events of an answer. */
export async function* eventsIn({ body }: Response): AsyncGenerator<SentEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? createAsyncIterable<Uint8Array>([])) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const each of events) yield eventOf(each);
  }
}

function eventOf(text: string): SentEvent {
  const textOf = (name: string) =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? "";
  return { event: textOf("event"), id: textOf("id"), data: textOf("data") };
}

function errorOf(problem: JsonObject, header: Headers): ConnectError {
  const name = String(problem.code).toLowerCase().replaceAll("_", "");
  const code = Object.entries(Code).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof code !== "number") throw new Error(`no error of an RPC: ${JSON.stringify(problem)}`);
  const { reason, metadata = {}, errors = [], detail } = problem;
  const info = fromJson(ErrorInfoSchema, { reason: reason ?? "", domain: "workflows", metadata });
  const bad = fromJson(BadRequestSchema, { fieldViolations: errors });
  return new ConnectError(String(detail), code, header, [
    { desc: ErrorInfoSchema, value: info },
    ...(bad.fieldViolations.length === 0 ? [] : [{ desc: BadRequestSchema, value: bad }]),
  ]);
}
