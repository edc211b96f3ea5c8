/**
 * Endpoints: what is posted to their URLs starts runs, once for each delivery, and only when it is signed.
 * Boundary: the RPCs and the door over real HTTP; the schemes one by one are test/unit/process/signatures.test.ts.
 */
import { createHmac } from "node:crypto";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Endpoints, EndpointVerification } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import { OnMissedTrigger } from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { createEndpoint } from "../../src/runtime/endpoints.ts";
import { startDueTriggers } from "../../src/runtime/missed-triggers.ts";
import { rotateEndpoint } from "../../src/store/endpoints.ts";
import { until } from "../support/assertions/until.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const { UNSPECIFIED, NONE, GITHUB, SLACK, STANDARD_WEBHOOKS } = EndpointVerification;
const SECRET = "a-secret-of-the-sender";
const JSON_TYPE = { "content-type": "application/json" };

/** Some of it is there. */
interface Answer {
  readonly run_id: string;
  readonly created: boolean;
  readonly error: string;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
}

let service: RpcService;
let endpoints: Client<typeof Endpoints>;
let workflows: Client<typeof Workflows>;
let names = 0;

beforeAll(async () => {
  const settings = { secretsKeys: [Buffer.alloc(32, 1)], publicUrl: "" };
  service = await startRpcService({ endpoints: settings });
  const transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
  endpoints = createClient(Endpoints, transport);
  workflows = createClient(Workflows, transport);
});
afterAll(() => service.stop());

async function publish(): Promise<string> {
  const name = `hooked-${++names}`;
  const { definition } = await service.client.createDefinition({ workspaceId: "ws", name });
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
  await service.client.publishVersion({ definitionId, steps });
  return definitionId;
}

type Wanted = Parameters<typeof endpoints.create>[0];

async function hooked(more: Wanted = {}) {
  const definitionId = more.definitionId ?? (await publish());
  const made = await endpoints.create({ verification: NONE, ...more, definitionId });
  return { definitionId, id: made.endpoint?.id ?? "", ...made };
}

async function post(url: string, body: string, headers: Record<string, string> = JSON_TYPE) {
  const response = await fetch(`${service.baseUrl}${url}`, { method: "POST", body, headers });
  const json = (await response.json()) as Answer;
  return { status: response.status, json, headers: response.headers };
}

async function runsOf(definitionId: string): Promise<number> {
  return (await service.client.listRuns({ workspaceId: "ws", definitionId })).total;
}

function signed(body: string, secret = SECRET): Record<string, string> {
  const hex = createHmac("sha256", secret).update(body).digest("hex");
  return { ...JSON_TYPE, "x-hub-signature-256": `sha256=${hex}` };
}

describe("a delivery", () => {
  test("starts a run with its body as the input, initiated by the endpoint", async () => {
    const { url, definitionId } = await hooked();
    const { status, json } = await post(url, '{"amount":4}', { "webhook-id": "one" });
    expect([status, json]).toEqual([
      202,
      { run_id: expect.stringMatching(/^wfr_/), created: true },
    ]);
    const { run } = await service.client.getRun({ id: json.run_id });
    expect(run).toMatchObject({
      ...{ definitionId, inputPayload: { amount: 4 }, triggerEventId: "one" },
      ...{ triggerType: TriggerType.WEBHOOK, initiatorUserId: "", initiatorAgentId: "" },
    });
  });

  test("that comes many times at once starts one run, and one of each endpoint", async () => {
    const { url, definitionId } = await hooked();
    const other = await hooked({ definitionId });
    const headers = { ...JSON_TYPE, "idempotency-key": "again" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(url, "{}", headers)));
    expect(new Set(answers.map(({ json }) => json.run_id)).size).toBe(1);
    expect(answers.filter(({ json }) => json.created)).toHaveLength(1);
    expect(await runsOf(definitionId)).toBe(1);
    await post(other.url, "{}", headers);
    expect(await runsOf(definitionId)).toBe(2);
  });

  test.each([
    ["[1,2]", JSON_TYPE, { body: [1, 2] }],
    ['"text"', JSON_TYPE, { body: "text" }],
    ["", {}, {}],
    [
      "a=1&b=x+y&a=2",
      { "content-type": "application/x-www-form-urlencoded" },
      { a: ["1", "2"], b: "x y" },
    ],
  ])("of %s becomes an object", async (body, headers, input) => {
    const { url } = await hooked();
    const { json } = await post(url, body, headers);
    const { run } = await service.client.getRun({ id: json.run_id });
    expect(run?.inputPayload).toEqual(input);
  });

  test("whose input does not fit the version's schema is refused with the path of each field", async () => {
    const sourceText = `workflow: typed-${++names}\ninput: { amount: number }\nsteps:\n  pay: { task: Pay }\n`;
    const { definition } = await workflows.publishSource({ workspaceId: "ws", sourceText });
    const { url, definitionId } = await hooked({ definitionId: definition?.id ?? "" });
    const { status, json } = await post(url, '{"amount":"4"}');
    expect(status).toBe(400);
    expect(json.fields).toEqual([{ field: "input.amount", description: expect.any(String) }]);
    expect((await post(url, '{"amount":4}')).status).toBe(202);
    expect(await runsOf(definitionId)).toBe(1);
  });

  test.each([
    ["is not JSON", "{", 400],
    ["is nested too deep", `{"a":${"[".repeat(100)}${"]".repeat(100)}}`, 400],
    ["has more than a payload may have", JSON.stringify({ a: "x".repeat(300_000) }), 413],
    ["has more than a body may have", JSON.stringify({ a: "x".repeat(10 * 1024 * 1024) }), 413],
  ])("that %s is refused in words", async (_what, body, status) => {
    const { url, definitionId } = await hooked();
    const answer = await post(url, body);
    expect([answer.status, answer.json.error]).toEqual([status, expect.any(String)]);
    expect(await runsOf(definitionId)).toBe(0);
  });

  test("to a paused workflow is listed, starts nothing, and starts what Resume lets it start", async () => {
    const { url, definitionId } = await hooked();
    await workflows.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    const missed = { status: 202, json: { created: false, missed: true } };
    const named = { ...JSON_TYPE, "webhook-id": "held" };
    const repeats = Array.from({ length: 20 }, () => post(url, '{"n":1}', named));
    // Without an id each one is another delivery.
    const answers = await Promise.all([...repeats, post(url, "{}"), post(url, "{}")]);
    for (const answer of answers) expect(answer).toMatchObject(missed);
    expect(await runsOf(definitionId)).toBe(0);
    expect(await workflows.listMissedTriggers({ definitionId })).toMatchObject({ totalSize: 3 });
    await workflows.resume({ definitionId });
    await startDueTriggers(service, 100, []);
    expect(await runsOf(definitionId)).toBe(3);
    expect(await post(url, '{"n":1}', named)).toMatchObject({ json: { created: false } });
    expect(await runsOf(definitionId)).toBe(3);
  });

  test("to an archived workflow is refused in words, but for one that has started a run", async () => {
    const { url, definitionId } = await hooked();
    const headers = { ...JSON_TYPE, "webhook-id": "before" };
    const { json } = await post(url, "{}", headers);
    await workflows.pause({ definitionId });
    await workflows.archive({ definitionId });
    const { status, json: refused } = await post(url, "{}");
    expect([status, refused.error]).toEqual([409, expect.stringContaining("is archived")]);
    expect((await post(url, "{}", { ...headers, "webhook-id": "after" })).status).toBe(409);
    const again = await post(url, "{}", headers);
    expect([again.status, again.json]).toEqual([202, { run_id: json.run_id, created: false }]);
  });

  test("that is compressed, or does not say how long it waits, is refused in words", async () => {
    const { url } = await hooked();
    expect((await post(url, "{}", { "content-encoding": "gzip" })).status).toBe(415);
    for (const wait of ["", "0s", "61s", "soon"]) {
      expect((await post(`${url}?wait=${wait}`, "{}")).status).toBe(400);
    }
  });

  test("whose bytes are no text is refused: nothing else is stored than what was sent", async () => {
    const { url } = await hooked();
    const body = Buffer.concat([Buffer.from('{"name": "'), Buffer.from([0xff]), Buffer.from('"}')]);
    const sent = { method: "POST", body, headers: { "content-type": "application/json" } };
    const response = await fetch(`${service.baseUrl}${url}`, sent);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { fields: [{ field: "body", description: "is not UTF-8" }] },
    ]);
  });

  test("of a workflow without a version is refused until there is one", async () => {
    const { definition } = await service.client.createDefinition({
      ...{ workspaceId: "ws", name: `bare-${++names}` },
    });
    const { url } = await hooked({ definitionId: definition?.id ?? "" });
    const { status, json } = await post(url, "{}");
    expect([status, json.error]).toEqual([
      409,
      "the workflow has no published version in production",
    ]);
  });

  test("is posted: other methods are refused", async () => {
    const { url } = await hooked();
    const response = await fetch(`${service.baseUrl}${url}`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("a signature", () => {
  test("that is missing or forged starts nothing", async () => {
    const { url, definitionId } = await hooked({ verification: GITHUB, secret: SECRET });
    const body = '{"amount":4}';
    expect((await post(url, body)).status).toBe(401);
    expect((await post(url, body, signed(body, "another-secret-than-that"))).status).toBe(401);
    expect((await post(url, '{"amount":5}', signed(body))).status).toBe(401);
    expect(await runsOf(definitionId)).toBe(0);
    const headers = { ...signed(body), "x-github-delivery": "one" };
    expect((await post(url, body, headers)).status).toBe(202);
    expect((await post(url, body, headers)).json.created).toBe(false);
    expect(await runsOf(definitionId)).toBe(1);
  });

  test("is checked over the bytes as they came", async () => {
    const { url } = await hooked({ verification: GITHUB, secret: SECRET });
    const body = ' { "b" : 1.0, "a":2 } ';
    expect((await post(url, body, signed(body))).status).toBe(202);
  });

  test("is of the secret that the service made where none was given", async () => {
    const made = await hooked({ verification: STANDARD_WEBHOOKS });
    const seconds = String(Math.floor(Date.now() / 1_000));
    const key = Buffer.from(made.secret.slice("whsec_".length), "base64");
    const mac = createHmac("sha256", key).update(`msg_1.${seconds}.{}`).digest("base64");
    const headers = { "webhook-id": "msg_1", "webhook-timestamp": seconds };
    const answer = await post(made.url, "{}", { ...headers, "webhook-signature": `v1,${mac}` });
    expect(answer.status).toBe(202);
  });

  test("of Slack's first request is answered with its challenge", async () => {
    const { url, definitionId } = await hooked({ verification: SLACK, secret: SECRET });
    const body = '{"type":"url_verification","challenge":"c1"}';
    const seconds = String(Math.floor(Date.now() / 1_000));
    const hex = createHmac("sha256", SECRET).update(`v0:${seconds}:${body}`).digest("hex");
    const headers = { "x-slack-request-timestamp": seconds, "x-slack-signature": `v0=${hex}` };
    expect(await post(url, body, headers)).toMatchObject({
      status: 200,
      json: { challenge: "c1" },
    });
    expect((await post(url, body)).status).toBe(401);
    expect(await runsOf(definitionId)).toBe(0);
  });
});

describe("a sender that waits", () => {
  test("gets the end of a run that ends in time, with its output", async () => {
    const { url, definitionId } = await hooked();
    const waiting = post(`${url}?wait=30s`, "{}");
    const runId = await until(async () => {
      const { runs } = await service.client.listRuns({
        workspaceId: "ws",
        definitionId,
      });
      return runs[0]?.id;
    });
    const done = { stepId: "work", state: StepRunState.COMPLETED, outputPayload: { ok: true } };
    await service.client.transitionStep({ runId, ...done });
    expect(await waiting).toMatchObject({
      status: 200,
      json: { run_id: runId, state: "COMPLETED", output: { ok: true } },
    });
  });

  test("gets the end of a run that has ended, also by a repeat", async () => {
    const { url } = await hooked();
    const headers = { ...JSON_TYPE, "webhook-id": "one" };
    const { json } = await post(url, "{}", headers);
    const failed = { stepId: "work", state: StepRunState.FAILED, errorMessage: "no stock" };
    await service.client.transitionStep({ runId: json.run_id, ...failed });
    expect(await post(`${url}?wait=30s`, "{}", headers)).toMatchObject({
      status: 200,
      json: { run_id: json.run_id, state: "FAILED", error: "no stock", output: null },
    });
  });

  test("is answered with the run's id when its time is over", async () => {
    const { url } = await hooked();
    expect((await post(`${url}?wait=1s`, "{}")).status).toBe(202);
  });
});

describe("a URL", () => {
  test("that is unknown, deleted or over has one answer", async () => {
    const gone = await hooked();
    await endpoints.delete({ id: gone.id });
    const over = await hooked();
    await endpoints.rotate({ id: over.id, graceSeconds: 0 });
    const unknown = await post("/hooks/nothing", "{}");
    expect(unknown).toMatchObject({ status: 404, json: { error: expect.any(String) } });
    for (const { url } of [gone, over]) {
      const { status, json } = await post(url, "{}");
      expect([status, json]).toEqual([404, unknown.json]);
    }
  });

  test("works on for the grace after a rotation, as the new one does", async () => {
    const old = await hooked();
    const { url, endpoint } = await endpoints.rotate({ id: old.id });
    expect(url).not.toBe(old.url);
    const graceMs = Number(endpoint?.oldUrlUntil?.seconds) * 1_000 - Date.now();
    expect(Math.round(graceMs / 3_600_000)).toBe(24);
    expect([(await post(old.url, "{}")).status, (await post(url, "{}")).status]).toEqual([
      202, 202,
    ]);
    const newest = await endpoints.rotate({ id: old.id });
    expect([(await post(old.url, "{}")).status, (await post(url, "{}")).status]).toEqual([
      404, 202,
    ]);
    expect((await post(newest.url, "{}")).status).toBe(202);
  });

  test("and a secret are shown once: no list, repeat, row or kept answer has them", async () => {
    const definitionId = await publish();
    const request = { definitionId, verification: EndpointVerification.HMAC, reason: "orders" };
    const headers = { "Idempotency-Key": "made-once", "Workflows-Actor": "ann" };
    const made = await endpoints.create(request, { headers });
    const token = made.url.slice("/hooks/".length);
    expect([token.length, made.secret.length]).toEqual([43, 43]);
    const again = await endpoints.create(request, { headers });
    expect(again).toMatchObject({ endpoint: made.endpoint, url: "", secret: "" });
    const listed = await endpoints.list({ workspaceId: "ws", definitionId });
    expect(listed).toMatchObject({ totalSize: 1, nextPageToken: "" });
    expect(listed.endpoints[0]).toMatchObject({
      ...{ signatureHeader: "X-Signature", changedBy: "unverified:ann", changeReason: "orders" },
    });
    const rows = await service.database.read.query(
      {
        name: "test_all_of_endpoints",
        text: `select row_to_json(e)::text as row, encode(e.sealed_secret, 'escape') as secret
          from workflow_endpoints e where definition_id = $1
          union all select coalesce(encode(answer, 'escape'), ''), '' from caller_keys`,
      },
      [definitionId],
    );
    for (const text of [JSON.stringify(rows), JSON.stringify(listed, bigintText)]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(made.secret);
    }
  });
});

function bigintText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

test("endpoints are listed page by page", async () => {
  const definitionId = await publish();
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.push((await hooked({ definitionId })).id);
  const found: string[] = [];
  let pageToken = "";
  do {
    const page = await endpoints.list({ workspaceId: "ws", definitionId, pageSize: 2, pageToken });
    found.push(...page.endpoints.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(found).toEqual(ids);
  const other = { workspaceId: "ws", pageToken: "eA" };
  expect((await refusedBy(endpoints.list(other))).fields).toEqual(["page_token"]);
});

describe("an endpoint of an environment", () => {
  test("starts what is deployed there, with its vars, and nothing where nothing is", async () => {
    const definitionId = await publish();
    const environment = "staging";
    const { url, endpoint } = await hooked({ definitionId, environment });
    expect(endpoint?.environment).toBe(environment);
    const early = await post(url, "{}");
    expect([early.status, early.json.error]).toEqual([
      409,
      "the workflow is not deployed in staging; Deploy deploys it",
    ]);
    const steps = [
      { id: "ask", name: "Ask {{ run.vars.whom }}", stepType: StepType.HUMAN_TASK },
      { id: "work", name: "Work", stepType: StepType.HUMAN_TASK },
    ];
    await service.client.publishVersion({ definitionId, steps });
    await workflows.deploy({ definitionId, environment, version: 1, vars: { whom: "ann" } });
    const delivered = await post(url, "{}", { ...JSON_TYPE, "idempotency-key": "one" });
    const runId = String(delivered.json.run_id);
    const { run } = await service.client.getRun({ id: runId });
    expect(run).toMatchObject({ definitionVersion: 1, steps: [{ stepId: "work" }] });
    const again = await post(url, "{}", { ...JSON_TYPE, "idempotency-key": "one" });
    expect(again.json).toMatchObject({ run_id: runId, created: false });
    // The same id is another delivery of another environment.
    const other = await hooked({ definitionId });
    const there = await post(other.url, "{}", { ...JSON_TYPE, "idempotency-key": "one" });
    expect(there.json).toMatchObject({ created: true });
    await workflows.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE, queueSeconds: 600 });
    expect((await post(url, "{}")).json).toMatchObject({ missed: true });
    await workflows.resume({ definitionId });
    await startDueTriggers(service, 100, []);
    const found = await service.client.listRuns({ workspaceId: "ws", definitionId });
    expect(found.runs.map(({ definitionVersion }) => definitionVersion).sort()).toEqual([1, 1, 2]);
  });

  test("that rotates on publish has another URL after each, shown to authors, and the one before for a grace", async () => {
    const definitionId = await publish();
    const made = await hooked({ definitionId, rotateOnPublish: true, graceSeconds: 3_600 });
    const plain = await hooked({ definitionId });
    const staged = { definitionId, environment: "staging", rotateOnPublish: true };
    const other = await hooked({ ...staged, graceSeconds: 0 });
    const urlOf = async (id: string) => {
      const listed = await endpoints.list({ workspaceId: "ws", definitionId, showUrls: true });
      return listed.endpoints.find((each) => each.id === id);
    };
    expect(await urlOf(made.id)).toMatchObject({ url: made.url, graceSeconds: 3_600 });
    expect(await urlOf(plain.id)).toMatchObject({ url: "", rotateOnPublish: false });
    const hidden = await endpoints.list({ workspaceId: "ws", definitionId });
    expect(hidden.endpoints.map(({ url }) => url)).toEqual(["", "", ""]);
    const steps = [{ id: "next", name: "Next", stepType: StepType.HUMAN_TASK }];
    await service.client.publishVersion({ definitionId, steps });
    const rotated = await urlOf(made.id);
    expect(rotated?.url).not.toBe(made.url);
    expect(rotated?.changeReason).toBe("rotate_on_publish");
    const graceMs = Number(rotated?.oldUrlUntil?.seconds) * 1_000 - Date.now();
    expect(Math.round(graceMs / 60_000)).toBe(60);
    for (const url of [made.url, rotated?.url ?? "", plain.url]) {
      expect((await post(url, "{}")).status).toBe(202);
    }
    // What changes no version there rotates nothing.
    expect((await urlOf(other.id))?.url).toBe(other.url);
    await workflows.deploy({ definitionId, environment: "production", vars: { a: 1 } });
    expect((await urlOf(made.id))?.url).toBe(rotated?.url);
    await workflows.deploy({ definitionId, environment: "staging" });
    expect((await urlOf(other.id))?.url).not.toBe(other.url);
    expect((await post(other.url, "{}")).status).toBe(404);
    // Where nothing starts runs any more, and where the same version does again, it keeps its URL.
    const kept = (await urlOf(other.id))?.url;
    await workflows.deploy({ definitionId, environment: "staging", retire: true });
    expect((await urlOf(other.id))?.url).toBe(kept);
    await workflows.deploy({ definitionId, environment: "staging" });
    expect((await urlOf(other.id))?.url).toBe(kept);
    // Each URL keeps its own grace, however many publishes follow.
    await workflows.deploy({ definitionId, environment: "production", version: 1 });
    await workflows.deploy({ definitionId, environment: "production", version: 2 });
    const latest = (await urlOf(made.id))?.url ?? "";
    for (const url of [made.url, rotated?.url ?? "", latest]) {
      expect((await post(url, "{}")).status).toBe(202);
    }
    for (let n = 0; n < 8; n += 1) {
      await workflows.deploy({ definitionId, environment: "production", version: (n % 2) + 1 });
    }
    const answers = [made.url, rotated?.url ?? "", latest].map((url) => post(url, "{}"));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([404, 202, 202]);
    // By hand the last one alone gets a grace.
    const byHand = await endpoints.rotate({ id: made.id });
    expect((await urlOf(made.id))?.url).toBe(byHand.url);
    expect((await post(latest, "{}")).status).toBe(404);
    await workflows.deploy({ definitionId, environment: "production", version: 1 });
    expect((await urlOf(made.id))?.url).not.toBe(byHand.url);
  });
});

test("a URL that a rotation by hand ends stays so when a publish rotates at the same time", async () => {
  const definitionId = await publish();
  const made = await hooked({ definitionId, rotateOnPublish: true, graceSeconds: 3_600 });
  const publishNext = (id: string) => {
    const steps = [{ id, name: "Next", stepType: StepType.HUMAN_TASK }];
    return service.client.publishVersion({ definitionId, steps });
  };
  await publishNext("second");
  expect((await post(made.url, "{}")).status).toBe(202);
  const { database } = service;
  const waiting = {
    name: "test_waiting",
    text: `select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
  };
  const { published } = await database.transaction(async (tx) => {
    const key = { id: made.id, workspaceId: "ws" };
    await rotateEndpoint(tx, key, {
      ...{ tokenHash: Buffer.alloc(32, 7), sealedToken: null, graceSeconds: 0 },
      ...{ changedBy: "ann", changeReason: "it leaked" },
    });
    const call = publishNext("third");
    await until(async () => (await database.read.query(waiting, []))[0]);
    return { published: call };
  });
  await published;
  expect((await post(made.url, "{}")).status).toBe(404);
});

describe("an endpoint is refused in words", () => {
  test.each([
    ["without a verification", { verification: UNSPECIFIED }, ["verification"]],
    ["with a secret that it does not use", { secret: SECRET }, ["secret"]],
    ["with a secret that is too short", { verification: GITHUB, secret: "x" }, ["secret"]],
    ["without the secret that the sender gives", { verification: SLACK }, ["secret"]],
    ["with the header of another scheme", { signatureHeader: "X-A" }, ["signature_header"]],
    ["of an environment with a name that is none", { environment: "Staging" }, ["environment"]],
    ["with a grace that it has no use for", { graceSeconds: 60 }, ["grace_seconds"]],
    [
      "with a grace that is too long",
      { rotateOnPublish: true, graceSeconds: 30 * 86_400 + 1 },
      ["grace_seconds"],
    ],
  ] satisfies [string, Wanted, string[]][])("%s", async (_what, more: Wanted, fields) => {
    const definitionId = await publish();
    expect((await refusedBy(hooked({ definitionId, ...more }))).fields).toEqual(fields);
    expect((await endpoints.list({ workspaceId: "ws", definitionId })).totalSize).toBe(0);
  });

  test("with a secret, where the service has no key to seal it", async () => {
    const wanted = {
      workspaceId: "ws",
      definitionId: "wf_1",
      environment: "",
      name: "",
      secret: "",
    };
    const change = {
      ...{ signatureHeader: "", changedBy: "", changeReason: "" },
      ...{ rotateOnPublish: false, rotateGraceSeconds: 0 },
    };
    const making = createEndpoint(service, { ...wanted, ...change, verification: "github" });
    await expect(making).rejects.toMatchObject({
      facts: { fields: [{ description: expect.stringContaining("SECRETS_KEY") }] },
    });
  });

  test("of a workflow that has 50", async () => {
    const definitionId = await publish();
    for (let n = 0; n < 50; n += 1) await hooked({ definitionId });
    expect((await refusedBy(hooked({ definitionId }))).code).toBe("FailedPrecondition");
  });
});
