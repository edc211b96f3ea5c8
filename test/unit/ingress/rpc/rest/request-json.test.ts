/** Requests of REST at random: each becomes the message of its RPC, or is refused in words. */
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toConnectError } from "../../../../../src/ingress/rpc/errors.ts";
import { HttpFault, problemOf } from "../../../../../src/ingress/rpc/rest/problem.ts";
import { readRestMessage } from "../../../../../src/ingress/rpc/rest/request-json.ts";
import { ROUTES, type Route } from "../../../../../src/ingress/rpc/rest/routes.ts";
import { SERVICES } from "../../../../support/services/each-rpc.ts";

const METHODS = new Map(
  SERVICES.flatMap(({ name, methods }) =>
    methods.map((method): [string, DescMethod] => [`${name}.${method.name}`, method]),
  ),
);
const ROOM_BYTES = 4_000;

interface Sent {
  readonly query: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a request is answered with before its handler: 200 where it has a message. */
async function answerOf(route: Route, { query, body, headers }: Sent): Promise<number> {
  const request = new IncomingMessage(new Socket());
  request.method = route.method;
  request.url = `${route.path}?${query}`;
  for (const [name, value] of Object.entries(headers)) request.headers[name] = value;
  request.headers["content-length"] = String(Buffer.byteLength(body));
  request.push(body);
  request.push(null);
  const method = METHODS.get(route.rpc);
  if (method === undefined) throw new Error(`no RPC ${route.rpc}`);
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const params = new Map(names.map((name) => [name, "1"]));
  const header = new Headers(headers);
  try {
    const message = await readRestMessage(route, method.input, request, { params, header });
    expect(message.$typeName).toBe(method.input.typeName);
    return 200;
  } catch (thrown) {
    const isHttp = thrown instanceof HttpFault;
    return problemOf(isHttp ? thrown : toConnectError(thrown, ROOM_BYTES).error).status;
  }
}

const CONTENT_TYPES = ["application/json", "text/plain", "application/json; charset=x"];

/** Mostly about fields that the request has. */
function sentTo({ rpc }: Route): fc.Arbitrary<Sent> {
  const fields = METHODS.get(rpc)?.input.fields.map((field) => field.name) ?? [];
  const name = fc.constantFrom(...fields, ...fields, "__proto__", "constructor", "");
  const text = fc.oneof(fc.string(), fc.json());
  const object = fc.dictionary(name, fc.jsonValue()).map((json) => JSON.stringify(json));
  return fc.record({
    query: fc
      .array(fc.tuple(name, text), { maxLength: 3 })
      .map((pairs) => new URLSearchParams(pairs).toString()),
    body: fc.oneof(object, text, fc.constant("")),
    headers: fc.record(
      {
        "content-type": fc.constantFrom(...CONTENT_TYPES),
        "content-encoding": fc.constantFrom("gzip", "br", "identity", "x"),
        "if-match": fc.constantFrom('"1"', "1", "*", 'W/"1"', ""),
      },
      { requiredKeys: [] },
    ),
  });
}

test("no request is a fault of the service", async () => {
  const asked = fc
    .constantFrom(...ROUTES)
    .chain((route) => fc.tuple(fc.constant(route), sentTo(route)));
  await fc.assert(
    fc.asyncProperty(asked, async ([route, request]) => {
      const body = route.body === undefined && request.body.length % 2 === 0 ? "" : request.body;
      expect([200, 400, 413, 415]).toContain(await answerOf(route, { ...request, body }));
    }),
    { numRuns: 1_000 },
  );
});

describe("one that says everything right", () => {
  test.each(ROUTES.filter(({ body }) => body === "*"))(
    "$method $path takes an empty object",
    async (route) => {
      const headers = { "content-type": "application/json" };
      expect(await answerOf(route, { query: "", body: "{}", headers })).toBe(200);
      expect(await answerOf(route, { query: "", body: "", headers: {} })).toBe(200);
    },
  );
});
