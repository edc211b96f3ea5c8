/**
 * REST against the RPCs: the same call by both has the same answer, and is refused to the same callers. Then what HTTP alone has:
 * statuses, places, etags, event streams, and requests that are none.
 * Boundary: real HTTP to the real server and store.
 */
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { gunzipSync, gzipSync } from "node:zlib";
import { type DescMessage, type DescMethod, type MessageShape, toJson } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { type CallOptions, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type Caller, SCOPES, type Scope } from "../../src/collaborators/identity/callers.ts";
import { ROUTES } from "../../src/ingress/rpc/rest/routes.ts";
import { createRunFeed, type RunFeed, type RunWatch } from "../../src/runtime/run-feed.ts";
import { until } from "../support/assertions/until.ts";
import {
  type Clients,
  createClientsOf,
  DONE,
  EVENT,
  type Place,
  putDeployment,
  putLetterAside,
  putSchedule,
  type Row,
  STEPS,
  TABLE,
} from "../support/services/each-rpc.ts";
import { startProcessor } from "../support/services/processor.ts";
import {
  createRestTransport,
  eventsIn,
  type SentEvent,
} from "../support/services/rest-transport.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";
import { readStored } from "../support/services/stored-objects.ts";

const tokens = new Map<string, Caller>();
let service: RpcService;
let rest: Clients;
let feed: RunFeed;
const watches = new Set<RunWatch>();
let a: Place;
let b: Place;

beforeAll(async () => {
  const processor = await startProcessor();
  const callers = { find: async (token: string) => tokens.get(token) };
  feed = noting(createRunFeed(processor));
  service = await startRpcService({ callers, processor, feed });
  rest = createClientsOf(createRestTransport(service.baseUrl));
  a = await furnish("ws_a");
  b = await furnish("ws_b");
});
afterAll(() => service.stop());

/** The feed, with its open watches noted. */
function noting(feed: RunFeed): RunFeed {
  return {
    ...feed,
    watch(run) {
      const watch = feed.watch(run);
      const { close } = watch;
      watches.add(watch);
      return Object.assign(watch, {
        close() {
          watches.delete(watch);
          close();
        },
      });
    },
  };
}

function tokenOf(caller: Partial<Caller> = {}): string {
  const token = `token-${tokens.size}`;
  const scopes = new Set(SCOPES);
  tokens.set(token, {
    ...{ subject: "user_1", workspaceId: "ws_a", scopes, isAgent: false },
    ...caller,
  });
  return token;
}

function as(caller: Partial<Caller> = {}): CallOptions {
  return { headers: { authorization: `Bearer ${tokenOf(caller)}` } };
}

async function furnish(workspaceId: string): Promise<Place> {
  const options = as({ workspaceId });
  const { definition } = await rest.createDefinition({ name: "orders" }, options);
  const definitionId = definition?.id ?? "";
  await rest.publishVersion({ definitionId, steps: STEPS, trigger: EVENT }, options);
  const place = { workspaceId, definitionId, runId: await startRun(definitionId, options) };
  await putLetterAside(service, place);
  await putDeployment(service, place, "user_1");
  await putSchedule(service, place);
  return place;
}

async function startRun(definitionId: string, options = as()): Promise<string> {
  const { run } = await rest.startRun({ definitionId }, options);
  return run?.id ?? "";
}

let keys = 0;

/** Makes each call by RPC and by REST, and compares what both answer. A write has a key, so that it is done once. */
function comparing(compared: DescMethod[]): Transport {
  const byRpc = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  const byRest = createRestTransport(service.baseUrl);
  return {
    async unary(method, signal, timeoutMs, header, input, values) {
      const headers = new Headers(header);
      if (method.idempotency !== IDEMPOTENT) headers.set("idempotency-key", `key-${++keys}`);
      compared.push(method);
      const call = (transport: Transport) =>
        transport.unary(method, signal, timeoutMs, headers, input, values).catch(asThrown);
      const first = await call(byRpc);
      const second = await call(byRest);
      expect(shownOf(method, second), method.name).toEqual(shownOf(method, first));
      if (second instanceof ConnectError) throw second;
      // What is shown once is in the first answer alone.
      return first instanceof ConnectError ? second : first;
    },
    async stream(method, ...call) {
      compared.push(method);
      return byRest.stream(method, ...call);
    },
  };
}

const IDEMPOTENT = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

function asThrown(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  throw error;
}

/** What two calls cannot have in common: the clock, and what is shown once. */
const VOLATILE: Readonly<Record<string, RegExp>> = {
  Explain: /"computedAt":"[^"]*"/g,
  Doctor: /[\d.]+ s\./g,
  Simulate: /"\d{4}-\d\d-\d\dT[\d:.]+Z"/g,
  Create: /,"url":"[^"]*"/g,
  Rotate: /,"url":"[^"]*"/g,
};

function shownOf<O extends DescMessage>(
  { name, output }: DescMethod & { readonly output: O },
  answer: { readonly message: MessageShape<O> } | ConnectError,
): unknown {
  if (answer instanceof ConnectError) {
    const { code, rawMessage } = answer;
    const [info] = answer.findDetails(ErrorInfoSchema);
    const [bad] = answer.findDetails(BadRequestSchema);
    const faults = bad?.fieldViolations;
    return { code, rawMessage, reason: info?.reason, metadata: info?.metadata, faults };
  }
  return JSON.stringify(toJson(output, answer.message)).replaceAll(VOLATILE[name] ?? /(?!)/g, "");
}

describe("a route and its RPC give the same answer", () => {
  test.each(TABLE)("$rpc", async ({ call }) => {
    const compared: DescMethod[] = [];
    const clients = createClientsOf(comparing(compared));
    await call(clients, { ...a, runId: await startRun(a.definitionId) }, as());
    expect(compared.length).toBeGreaterThan(0);
  });

  test.each(TABLE.filter(({ foreign }) => foreign === "NotFound"))(
    "$rpc of an id that nobody has",
    async ({ call }) => {
      const guessed = { workspaceId: "ws_a", definitionId: "wf_guessed", runId: "wfr_guessed" };
      const refused = await refusedBy(call(createClientsOf(comparing([])), guessed, as()));
      expect(refused.code).toBe("NotFound");
    },
  );
});

describe("refused over REST, and nothing is changed", () => {
  let before: unknown;
  beforeAll(async () => {
    before = await readStored(service.url);
  });
  afterAll(async () => expect(await readStored(service.url)).toEqual(before));

  const others = ({ needs }: Row): ReadonlySet<Scope> =>
    new Set(
      SCOPES.filter(
        (scope) => scope !== needs && scope !== "workflows:admin" && needs !== "workflows:read",
      ),
    );

  test.each(TABLE)("$rpc without a token", async ({ call }) => {
    expect((await refusedBy(call(rest, a, {}))).code).toBe("Unauthenticated");
  });
  test.each(TABLE)("$rpc with too small a scope", async (row) => {
    const refused = await refusedBy(row.call(rest, a, as({ scopes: others(row) })));
    expect([refused.code, refused.error.rawMessage]).toEqual([
      "PermissionDenied",
      `the token lacks the scope ${row.needs}`,
    ]);
  });
  test.each(TABLE.filter(({ foreign }) => foreign !== undefined))(
    "$rpc with another workspace's token",
    async ({ call, foreign }) => {
      expect((await refusedBy(call(rest, a, as({ workspaceId: "ws_b" })))).code).toBe(foreign);
    },
  );
  test.each(TABLE.filter(({ foreign }) => foreign === "NotFound"))(
    "$rpc with another workspace's id",
    async ({ call, callByIdAlone = call }) => {
      expect((await refusedBy(callByIdAlone(rest, b, as()))).code).toBe("NotFound");
    },
  );
  test.each(TABLE.filter(({ agent }) => agent !== undefined))(
    "$rpc with an agent's token",
    async ({ call, agent }) => {
      expect((await refusedBy(call(rest, a, as({ isAgent: true })))).code).toBe(agent);
    },
  );
});

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A request as it is, by an admin. */
async function send(path: string, { method = "GET", headers = {}, body }: Sent = {}) {
  const answer = await fetch(`${service.baseUrl}${path}`, {
    ...{ method, redirect: "manual" },
    headers: { authorization: `Bearer ${tokenOf()}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    header: answer.headers,
    json: text === "" ? undefined : JSON.parse(text),
  };
}

const post = (path: string, body: unknown, headers: Sent["headers"] = {}) =>
  send(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

describe("an answer", () => {
  test("of what was made is 201 with its place, where it is found", async () => {
    const made = await post("/api/v1/workflows", { name: "made by REST" });
    expect([made.status, made.header.get("content-type")]).toEqual([201, "application/json"]);
    const found = await send(made.header.get("location") ?? "");
    expect(found.json).toEqual(made.json);
  });

  test("of a start is 202 with the run's place; the aliases of other documents start as well", async () => {
    const input = { amount: 3 };
    const starts = await Promise.all([
      post("/api/v1/runs", { definitionId: a.definitionId, inputPayload: input }),
      post("/runs", { definition_id: a.definitionId, input_payload: input }),
      post(`/api/workflows/${a.definitionId}/run`, input),
    ]);
    for (const { status, header, json } of starts) {
      expect([status, header.get("location")]).toEqual([202, `/api/v1/runs/${json.run.id}`]);
      expect(json.run.inputPayload).toEqual(input);
    }
    const empty = await send(`/api/workflows/${a.definitionId}/run`, { method: "POST" });
    expect(empty.status).toBe(202);
  });

  test("has the etag of what it shows; If-Match holds a change back that is made from another one", async () => {
    const { json, header } = await post("/api/v1/workflows", { name: "tagged" });
    const path = `/api/v1/workflows/${json.workflow.definition.id}`;
    const first = header.get("etag") ?? "";
    expect(first).toBe(`"${json.workflow.etag}"`);
    const change = (etag: string, more = {}) =>
      send(path, {
        method: "PATCH",
        headers: { "content-type": "application/json", "if-match": etag },
        body: JSON.stringify({ owner: "ann", updateMask: ["owner"], ...more }),
      });
    const changed = await change(first);
    expect([changed.status, changed.json.workflow.owner]).toEqual([200, "ann"]);
    const late = await change(first);
    expect([late.status, late.json.reason]).toEqual([412, "ETAG_MISMATCH"]);
    expect(late.json.metadata.etag_stored).toBe(changed.json.workflow.etag);
    const both = await change(changed.header.get("etag") ?? "", { etag: "another" });
    expect([both.status, both.json.errors[0].field]).toEqual([400, "If-Match"]);
    const weak = await change('W/"1"');
    expect([weak.status, weak.json.errors[0].field]).toEqual([400, "If-Match"]);
  });

  test("of a schedule and of the policy of deployments holds back a change of what was changed, too", async () => {
    const late = async (path: string, method: string, body: object) => {
      const headers = { "content-type": "application/json", "if-match": '"99"' };
      const { status, json } = await send(path, { method, headers, body: JSON.stringify(body) });
      return [status, json.reason, json.metadata?.etag_sent];
    };
    const name = { updateMask: ["name"], spec: { name: "new" } };
    const mismatch = [412, "ETAG_MISMATCH", "99"];
    expect(await late(`/api/v1/schedules/wsc_of_${a.definitionId}`, "PATCH", name)).toEqual(
      mismatch,
    );
    expect(await late("/api/v1/deploy-policy", "PUT", { workspaceId: "ws_a" })).toEqual(mismatch);
  });

  test("names its place behind the path that a proxy takes off, and so does /openapi.json", async () => {
    const headers = { "content-type": "application/json", "x-forwarded-prefix": "/flows" };
    const body = JSON.stringify({ definitionId: a.definitionId });
    const { header } = await send("/api/v1/runs", { method: "POST", headers, body });
    expect(header.get("location")).toMatch(/^\/flows\/api\/v1\/runs\/wfr_/);
    const serversOf = async (prefix: string) => {
      const answer = await fetch(`${service.baseUrl}/openapi.json`, {
        headers: { "x-forwarded-prefix": prefix },
      });
      return JSON.parse(await answer.text()).servers;
    };
    expect(await serversOf("/flows")).toEqual([{ url: "/flows/" }]);
    expect(await serversOf("//evil.example")).toEqual([{ url: "/" }]);
  });

  test("publishes a draft by the path of the documents", async () => {
    const source = "workflow: drafted\nsteps:\n  work: { task: Work }\n";
    const { json } = await post("/api/v1/workflows", { name: "drafted", sourceText: source });
    const { id } = json.workflow.definition;
    const draft = await send(`/api/v1/workflows/${id}/draft`);
    const sent = {
      etag: draft.json.draft.head?.etag ?? JSON.parse(draft.header.get("etag") ?? '""'),
    };
    const published = await post(`/workflows/${id}/publish`, sent);
    expect([published.status, published.json.version.version]).toEqual([200, 1]);
  });

  test("is given once for a key, whatever came of the first call", async () => {
    const key = { "idempotency-key": "rest-once" };
    const one = await post("/api/v1/runs", { definitionId: a.definitionId }, key);
    const two = await post("/api/v1/runs", { definitionId: a.definitionId }, key);
    expect(two.json).toEqual(one.json);
    const other = await post("/api/v1/runs", { definitionId: a.definitionId, entityId: "e" }, key);
    expect(other.status).toBe(409);
  });

  test("of HEAD is that of GET without a body", async () => {
    const head = await send(`/api/v1/runs/${a.runId}`, { method: "HEAD" });
    expect([head.status, head.json]).toEqual([200, undefined]);
    expect(Number(head.header.get("content-length"))).toBeGreaterThan(100);
  });

  test("of HEAD for a stream is refused: it would begin it", async () => {
    const head = await send(`/api/v1/runs/${a.runId}/events`, { method: "HEAD" });
    expect([head.status, head.header.get("allow")]).toEqual([405, "GET"]);
  });

  test("takes a query by both names of a field, lists, and objects as JSON", async () => {
    const found = await send(
      "/api/v1/runs?states=WORKFLOW_STATE_RUNNING&states=2&pageSize=1&counts=true",
    );
    expect([found.status, found.json.runs.length]).toEqual([200, 1]);
    const paged = await send(
      `/api/v1/runs?states=WORKFLOW_STATE_RUNNING&states=2&page_size=1&counts=true&page_token=${found.json.nextPageToken}`,
    );
    expect(paged.json.runs[0].run?.id ?? paged.json.runs[0].id).not.toBe(
      found.json.runs[0].run?.id ?? found.json.runs[0].id,
    );
    const times = await send("/api/v1/runs?started_before=1970-01-01T00:00:00Z");
    expect([times.status, times.json.runs ?? []]).toEqual([200, []]);
    const listed = await send(
      `/api/v1/workflows?contains=${encodeURIComponent('{"approval":true}')}`,
    );
    expect(listed.json.workflows.length).toBeGreaterThan(0);
  });

  test("comes over HTTP/2 without TLS, compressed, and takes a compressed body", async () => {
    const session = http2.connect(service.baseUrl);
    const body = gzipSync(
      JSON.stringify({ definitionId: a.definitionId, inputPayload: { t: "x".repeat(9_000) } }),
    );
    const stream = session.request({
      ...{ ":method": "POST", ":path": "/api/v1/runs", authorization: `Bearer ${tokenOf()}` },
      ...{
        "content-type": "application/json",
        "content-encoding": "gzip",
        "accept-encoding": "gzip",
      },
    });
    stream.end(body);
    const [head] = await once(stream, "response");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    session.close();
    expect([head[":status"], head["content-encoding"]]).toEqual([202, "gzip"]);
    const { run } = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString());
    expect(run.inputPayload.t).toHaveLength(9_000);
  });
});

describe("a stream", () => {
  const open = (path: string, headers = {}, signal?: AbortSignal) =>
    fetch(`${service.baseUrl}${path}`, {
      headers: { authorization: `Bearer ${tokenOf()}`, ...headers },
      signal: signal ?? null,
    });
  const movesIn = (events: readonly SentEvent[]) =>
    events
      .map(({ data }) => JSON.parse(data).move?.cursor)
      .filter((cursor) => cursor !== undefined);

  test("gives every move with its cursor, goes on after Last-Event-ID, and says its end", async () => {
    const runId = await startRun(a.definitionId);
    const path = `/api/v1/runs/${runId}/events`;
    const answer = await open(path);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const all: SentEvent[] = [];
    for await (const each of eventsIn(answer)) {
      all.push(each);
      if (all.length === 2) await rest.transitionStep({ runId, ...DONE }, as());
      if (all.length === 3) await rest.cancelRun({ id: runId }, as());
    }
    const { moves } = await rest.getHistory({ runId }, as());
    expect(movesIn(all)).toEqual(moves.map(({ cursor }) => cursor));
    expect(all.at(-1)?.event).toBe("end");
    const after = all[2]?.id ?? "";
    const more: SentEvent[] = [];
    for await (const each of eventsIn(await open(path, { "last-event-id": after })))
      more.push(each);
    expect(movesIn(more)).toEqual(movesIn(all.slice(3)));
  });

  test("that is over has nothing for a browser that asks again after its end", async () => {
    const runId = await startRun(a.definitionId);
    await rest.cancelRun({ id: runId }, as());
    const path = `/api/v1/runs/${runId}/events`;
    const ids: string[] = [];
    for await (const { id } of eventsIn(await open(path))) if (id !== "") ids.push(id);
    const again = await open(path, { "last-event-id": ids.at(-1) ?? "" });
    expect([again.status, await again.text()]).toEqual([204, ""]);
  });

  test("that began with the oldest change goes on after Last-Event-ID", async () => {
    const path = "/api/v1/workflows:watch?from_oldest=true";
    const next = async (headers = {}) => {
      const leaving = new AbortController();
      const answer = await open(path, headers, leaving.signal);
      expect(answer.status).toBe(200);
      const { value } = await eventsIn(answer).next();
      leaving.abort();
      return value?.id ?? "";
    };
    const first = await next();
    expect(await next({ "last-event-id": first })).toBe(first);
  });

  test("of several runs has no ids, for none of them is a place of the stream", async () => {
    const leaving = new AbortController();
    const answer = await open(`/api/v1/runs:watch?run_ids=${a.runId}`, {}, leaving.signal);
    const { value } = await eventsIn(answer).next();
    leaving.abort();
    expect(value?.id).toBe("");
    expect(JSON.parse(value?.data ?? "").runId).toBe(a.runId);
  });

  test("is refused as a problem before it begins", async () => {
    const unknown = await open("/api/v1/runs/wfr_none/events");
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("content-type")).toBe("application/problem+json");
    const cursor = await open(`/api/v1/runs/${a.runId}/events`, { "last-event-id": "of nothing" });
    expect(cursor.status).toBe(400);
    expect(await cursor.json()).toMatchObject({ errors: [{ field: "after" }] });
  });

  test("for a host that is none is a problem of the request", async () => {
    const headers = { authorization: `Bearer ${tokenOf()}`, host: "no host" };
    const asked = http.get(`${service.baseUrl}/api/v1/runs/${a.runId}/events`, { headers });
    const [answer] = await once(asked, "response");
    answer.resume();
    expect(answer.statusCode).toBe(400);
  });

  test("ends when its caller leaves", async () => {
    // Connect's clients do not say when they leave a stream: those of other tests are open.
    const others = watches.size;
    const leaving = new AbortController();
    const answer = await open(`/api/v1/runs/${a.runId}/events`, {}, leaving.signal);
    const events = eventsIn(answer);
    await events.next();
    expect(watches.size).toBe(others + 1);
    leaving.abort();
    await until(() => (watches.size === others ? true : undefined));
    await expect(events.next()).rejects.toThrow();
  });
});

describe("a request that is none", () => {
  const RUNS = "/api/v1/runs";
  const JSON_TYPE = { "content-type": "application/json" };
  let before: unknown;
  beforeAll(async () => {
    before = await readStored(service.url);
  });
  afterAll(async () => expect(await readStored(service.url)).toEqual(before));

  const ask = (path: string, sent: Sent = {}): [string, Sent] => [path, sent];
  const body = (text: string | Uint8Array, headers: Sent["headers"] = JSON_TYPE): [string, Sent] =>
    ask(RUNS, { method: "POST", headers, body: text });

  test.each<[what: string, asked: [string, Sent], status: number, reason: string, field?: string]>([
    ["an unknown path", ask("/api/v1/nothing"), 404, "NO_ROUTE"],
    ["an unknown verb", ask("/api/v1/runs/x:fly", { method: "POST" }), 404, "NO_ROUTE"],
    ["a path with a broken escape", ask("/api/v1/runs/%zz"), 404, "NO_ROUTE"],
    [
      "another method",
      ask(RUNS, { method: "PUT", headers: JSON_TYPE, body: "{}" }),
      405,
      "NO_METHOD",
    ],
    ["a verb by GET", ask("/api/v1/runs/x:cancel"), 405, "NO_METHOD"],
    [
      "an input that is a list",
      ask("/api/workflows/wf_1/run", { method: "POST", headers: JSON_TYPE, body: "[1]" }),
      400,
      "MALFORMED_REQUEST",
      "input_payload",
    ],
    [
      "a body that is a form",
      body("a=1", { "content-type": "application/x-www-form-urlencoded" }),
      415,
      "UNSUPPORTED",
    ],
    ["a body that is text", body("{}", { "content-type": "text/plain" }), 415, "UNSUPPORTED"],
    [
      "a body in Latin-1",
      body("{}", { "content-type": "application/json; charset=iso-8859-1" }),
      415,
      "UNSUPPORTED",
    ],
    [
      "an unknown compression",
      body("{}", { ...JSON_TYPE, "content-encoding": "zstd" }),
      415,
      "UNSUPPORTED",
    ],
    [
      "a page's request without a type",
      ask("/api/v1/runs/x:cancel", { method: "POST", headers: { origin: "https://evil" } }),
      415,
      "UNSUPPORTED",
    ],
    [
      "a body that is not compressed",
      body("{}", { ...JSON_TYPE, "content-encoding": "gzip" }),
      400,
      "MALFORMED_REQUEST",
    ],
    ["a body that is no JSON", body("{"), 400, "MALFORMED_REQUEST", ""],
    ["trailing garbage", body("{} {}"), 400, "MALFORMED_REQUEST", ""],
    ["a list", body("[]"), 400, "MALFORMED_REQUEST", ""],
    ["null", body("null"), 400, "MALFORMED_REQUEST", ""],
    ["an unknown field", body('{"definitionId":"d","nope":1}'), 400, "MALFORMED_REQUEST", "nope"],
    [
      "a field of another kind",
      body('{"definitionId":[1]}'),
      400,
      "MALFORMED_REQUEST",
      "definition_id",
    ],
    ["a body that is too large", body(`"${"x".repeat(1_100_000)}"`), 413, "TOO_LARGE"],
    [
      "a body that inflates to too much",
      body(gzipSync("x".repeat(5_000_000)), { ...JSON_TYPE, "content-encoding": "gzip" }),
      413,
      "TOO_LARGE",
    ],
    [
      "headers that are too large",
      ask(RUNS, { headers: { x: "x".repeat(20_000) } }),
      431,
      "TOO_LARGE",
    ],
    ["an unknown parameter", ask(`${RUNS}?nope=1`), 400, "INVALID_FIELDS", "nope"],
    [
      "a parameter twice",
      ask(`${RUNS}?page_size=1&page_size=2`),
      400,
      "INVALID_FIELDS",
      "page_size",
    ],
    [
      "a parameter by both names",
      ask(`${RUNS}?page_size=1&pageSize=1`),
      400,
      "INVALID_FIELDS",
      "page_size",
    ],
    [
      "a parameter that is no number",
      ask(`${RUNS}?page_size=many`),
      400,
      "MALFORMED_REQUEST",
      "page_size",
    ],
    [
      "a parameter that is no truth",
      ask(`${RUNS}?counts=perhaps`),
      400,
      "MALFORMED_REQUEST",
      "counts",
    ],
    [
      "a parameter that is no object",
      ask("/api/v1/workflows?contains={"),
      400,
      "INVALID_FIELDS",
      "contains",
    ],
    ["a field of the path in the query", ask("/api/v1/runs/x?id=y"), 400, "INVALID_FIELDS", "id"],
    [
      "a query beside a body",
      ask(`${RUNS}?entity_id=e`, { method: "POST", headers: JSON_TYPE, body: "{}" }),
      400,
      "INVALID_FIELDS",
      "entity_id",
    ],
    [
      "a field that the path says otherwise",
      ask("/api/v1/runs/x:pause", { method: "POST", headers: JSON_TYPE, body: '{"id":"y"}' }),
      400,
      "INVALID_FIELDS",
      "id",
    ],
    [
      "a number of the path that is none",
      ask("/api/v1/workflows/x/versions/last"),
      400,
      "MALFORMED_REQUEST",
      "version",
    ],
    [
      "a DELETE with a body",
      ask("/api/v1/schedules/x", { method: "DELETE", headers: JSON_TYPE, body: '{"reason":"r"}' }),
      400,
      "INVALID_FIELDS",
      "body",
    ],
    [
      "If-Match where nothing is compared",
      ask("/api/v1/runs/x:pause", { method: "POST", headers: { "if-match": '"1"' } }),
      400,
      "INVALID_FIELDS",
      "If-Match",
    ],
    [
      "a key that is none",
      body('{"definitionId":"d"}', { ...JSON_TYPE, "idempotency-key": "two words" }),
      400,
      "INVALID_FIELDS",
      "Idempotency-Key",
    ],
    [
      "a deadline that is none",
      ask(RUNS, { headers: { "connect-timeout-ms": "soon" } }),
      400,
      "MALFORMED_REQUEST",
    ],
  ])("%s is a problem", async (_what, [path, sent], status, reason, field) => {
    const { json, header, ...answer } = await send(path, sent);
    expect([answer.status, json.status, json.reason]).toEqual([status, status, reason]);
    expect(header.get("content-type")).toBe("application/problem+json");
    expect(json.type).toBe(`urn:workflows:reason:${reason}`);
    if (field !== undefined) expect(json.errors?.[0]?.field).toBe(field);
    if (status === 405) expect(header.get("allow")).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
  });

  test("a caller without a token is told how to be known", async () => {
    const answer = await fetch(`${service.baseUrl}/api/v1/runs`);
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  });

  test("every path is described at /openapi.json, which asks for no token", async () => {
    const answer = await fetch(`${service.baseUrl}/openapi.json`);
    expect(answer.headers.get("content-type")).toContain("application/json");
    const { paths, openapi }: { paths: Record<string, object>; openapi: string } = JSON.parse(
      await answer.text(),
    );
    expect(openapi).toBe("3.1.0");
    const formOf = (path: string) => path.replaceAll(/\{\w+\}/g, "{}");
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${formOf(path)}`),
    );
    const routes = ROUTES.map(({ method, path }) => `${method} ${formOf(path)}`);
    expect(described.sort()).toEqual(routes.sort());
  });

  test("a connection goes on after a body that was refused unread", async () => {
    const big = {
      method: "POST",
      headers: { ...JSON_TYPE, authorization: "Bearer no" },
      body: "x".repeat(2_000_000),
    };
    expect((await send(RUNS, big)).status).toBe(401);
    expect((await send(RUNS)).status).toBe(200);
  });
});

// The last one: nothing is watched any more.
test("a stream that fails on its way says why, over HTTP/2 too", async () => {
  const session = http2.connect(service.baseUrl);
  const stream = session.request({
    ...{ ":path": `/api/v1/runs/${a.runId}/events`, authorization: `Bearer ${tokenOf()}` },
  });
  const [head] = await once(stream, "response");
  expect([head[":status"], head["content-type"]]).toEqual([200, "text/event-stream"]);
  let text = "";
  for await (const chunk of stream) {
    if (text === "") await feed.stop();
    text += chunk;
  }
  session.close();
  const last = text.trimEnd().split("\n\n").at(-1) ?? "";
  expect(last).toMatch(/^event: failed\ndata: \{/);
  const problem = JSON.parse(last.slice(last.indexOf("{")));
  expect(problem).toMatchObject({ status: 503, reason: "UNAVAILABLE", code: "UNAVAILABLE" });
});
