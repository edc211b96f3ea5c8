/**
 * Who may call: every RPC with every kind of caller, and what happens while the identity service is in trouble.
 * Two workspaces have the same things; nothing of one is shown to or changed by a caller of the other.
 */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState } from "../../gen/workflows/v1/workflows_pb.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { type Callers, SCOPES, type Scope } from "../../src/collaborators/identity/callers.ts";
import { createCallers } from "../../src/collaborators/identity/identity.ts";
import { createLog } from "../../src/process/log.ts";
import {
  goodToken,
  startIdentity,
  type TestIdentity,
} from "../support/collaborators/identity-service.ts";
import {
  type Clients,
  createClientsOf,
  DONE,
  EVENT,
  type Place,
  putDeployment,
  putLetterAside,
  putSchedule,
  STEPS,
  TABLE,
} from "../support/services/each-rpc.ts";
import {
  type Refused,
  type RpcService,
  refusedBy,
  startRpcService,
} from "../support/services/rpc-service.ts";
import { readStored, type Stored } from "../support/services/stored-objects.ts";

const PROTOCOLS = [
  {
    protocol: "Connect",
    to: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  },
  {
    protocol: "Connect, reads by GET",
    to: (baseUrl: string) =>
      createConnectTransport({ baseUrl, httpVersion: "2", useHttpGet: true }),
  },
  { protocol: "gRPC", to: (baseUrl: string) => createGrpcTransport({ baseUrl }) },
];

// Marks a token, so that a leaked one is found.
const MARK = "SECRET-token-";
const TOKENS = {
  ...Object.fromEntries(SCOPES.map((scope) => [`only ${scope}`, goodToken("ws_a", [scope])])),
  ...Object.fromEntries(
    SCOPES.map((scope) => [`without ${scope}`, goodToken("ws_a", without(scope))]),
  ),
  "admin a": goodToken("ws_a", ["admin"]),
  "another admin of a": { ...goodToken("ws_a", ["admin"]), subject: "user_other" },
  "admin b": goodToken("ws_b", ["admin"]),
  "no scope": goodToken("ws_a", ["objectives:*"]),
  inactive: { ...goodToken("ws_a", ["admin"]), active: false },
  expired: { ...goodToken("ws_a", ["admin"]), expiresAt: timestampFromMs(Date.now() - 1_000) },
  "of no workspace": goodToken("", ["admin"]),
  "without a subject": { ...goodToken("ws_a", ["admin"]), subject: "" },
};
const facts = new Map(Object.entries(TOKENS).map(([name, token]) => [tokenOf(name), token]));

const lines: string[] = [];
const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
let identity: TestIdentity;
let service: RpcService;
let callers: Callers;
let a: Place;
let b: Place;

beforeAll(async () => {
  identity = await startIdentity((token) => facts.get(token));
  callers = newCallers();
  service = await startRpcService({ callers: { find: (token) => callers.find(token) }, log });
  a = await furnish("ws_a", "admin a");
  b = await furnish("ws_b", "admin b");
});
afterAll(async () => {
  await service.stop();
  await identity.stop();
});

function newCallers(timeoutMs = 5_000): Callers {
  const urls = { identity: identity.url };
  const settings = { urls, protocol: "connect" as const, timeoutMs, concurrency: 8 };
  const found = createCallers(
    { mode: "introspect" },
    { clients: createClients(settings, log), log },
  );
  if (found === undefined) throw new Error("no identity service");
  return found;
}

function without(scope: Scope): string[] {
  return SCOPES.filter((other) => other !== scope && other !== "workflows:admin");
}

function tokenOf(name: string): string {
  return MARK + name.replaceAll(/[^a-z]/g, "-");
}

function as(name: string, more: Readonly<Record<string, string>> = {}): CallOptions {
  return { headers: { authorization: `Bearer ${tokenOf(name)}`, ...more } };
}

async function furnish(workspaceId: string, who: string): Promise<Place> {
  const { client } = service;
  const named = { workspaceId, name: "orders" };
  const { definition } = await client.createDefinition(named, as(who));
  const definitionId = definition?.id ?? "";
  await client.publishVersion({ definitionId, steps: STEPS, trigger: EVENT }, as(who));
  const place = { workspaceId, definitionId, runId: await startRun(definitionId, who) };
  await putLetterAside(service, place);
  await putDeployment(service, place);
  await putSchedule(service, place);
  return place;
}

async function startRun(definitionId: string, who: string): Promise<string> {
  const { run } = await service.client.startRun({ definitionId }, as(who));
  return run?.id ?? "";
}

/** The details of a refused call; fails when any of them holds a token. */
function detailsOf({ error }: Refused) {
  const answer = JSON.stringify([error.message, [...error.metadata], error.details]);
  expect(answer).not.toContain(MARK);
  const [info] = error.findDetails(ErrorInfoSchema);
  return { domain: info?.domain, reason: info?.reason, scope: info?.metadata.scope };
}

describe.each(PROTOCOLS)("$protocol", ({ to }) => {
  let client: Clients;
  beforeAll(() => {
    const transport = to(service.baseUrl);
    client = createClientsOf(transport);
  });
  const guessed = { workspaceId: "ws_a", definitionId: "wf_guessed", runId: "wfr_guessed" };

  describe("refused, and nothing is changed", () => {
    // Read once for all rows; isolation.test.ts looks after each of them.
    let before: Stored;
    beforeAll(async () => {
      before = await readStored(service.url);
    });
    afterAll(async () => expect(await readStored(service.url)).toEqual(before));

    describe.each(TABLE)("$rpc", (row) => {
      test.each<{ caller: string; headers: CallOptions }>([
        { caller: "no token", headers: {} },
        { caller: "no bearer", headers: { headers: { authorization: `Basic ${MARK}` } } },
        { caller: "no token after Bearer", headers: { headers: { authorization: "Bearer " } } },
        { caller: "two tokens", headers: { headers: { authorization: `Bearer ${MARK} ${MARK}` } } },
        { caller: "an unknown token", headers: as("that was never issued") },
        { caller: "an inactive token", headers: as("inactive") },
        { caller: "an expired token", headers: as("expired") },
        { caller: "a token of no workspace", headers: as("of no workspace") },
        { caller: "a token without a subject", headers: as("without a subject") },
      ])("$caller is UNAUTHENTICATED", async ({ headers }) => {
        const refused = await refusedBy(row.call(client, a, headers));
        expect(refused.code).toBe("Unauthenticated");
        expect(detailsOf(refused)).toEqual({ domain: "workflows", reason: "UNAUTHENTICATED" });
      });

      test("another workspace's token is refused", async () => {
        if (row.foreign === undefined) return;
        const refused = await refusedBy(row.call(client, a, as("admin b")));
        expect(refused.code).toBe(row.foreign);
        expect(detailsOf(refused).domain).toBe("workflows");
      });

      test("another workspace's id is NOT_FOUND, with the text for an id that does not exist", async () => {
        const call = row.callByIdAlone ?? (row.foreign === "NotFound" ? row.call : undefined);
        if (call === undefined) return;
        const foreign = await refusedBy(call(client, b, as("admin a")));
        const absent = await refusedBy(call(client, guessed, as("admin a")));
        expect([foreign.code, absent.code]).toEqual(["NotFound", "NotFound"]);
        const words = ({ error }: Refused, asked: typeof guessed) =>
          error.rawMessage.replace(asked.definitionId, "ID").replace(asked.runId, "ID");
        expect(words(foreign, b)).toBe(words(absent, guessed));
        expect(detailsOf(foreign)).toEqual(detailsOf(absent));
      });

      test("every other scope is PERMISSION_DENIED, and the missing one is named", async () => {
        const wrong = row.needs === "workflows:read" ? "no scope" : `without ${row.needs}`;
        const refused = await refusedBy(row.call(client, a, as(wrong)));
        expect(refused.code).toBe("PermissionDenied");
        expect(refused.error.rawMessage).toContain(row.needs);
        const reason = "PERMISSION_DENIED";
        expect(detailsOf(refused)).toEqual({ domain: "workflows", reason, scope: row.needs });
      });
    });
  });

  test.each(TABLE)(
    "$rpc: the right scope alone is enough, with and without the workspace's name",
    async (row) => {
      const runId = await startRun(a.definitionId, "admin a");
      await row.call(client, { ...a, runId }, as(`only ${row.needs}`));
      await row.call(client, { ...a, runId, workspaceId: "" }, as(`only ${row.needs}`));
    },
  );
});

test("an empty workspace_id means the token's", async () => {
  const { client } = service;
  const { definition } = await client.createDefinition({ name: "unnamed" }, as("admin b"));
  expect(definition?.workspaceId).toBe("ws_b");
  const listed = await client.listDefinitions({}, as("admin b"));
  expect(new Set(listed.definitions.map(({ workspaceId }) => workspaceId))).toEqual(
    new Set(["ws_b"]),
  );
  const { startedRuns } = await client.handleTrigger(EVENT, as("admin b"));
  expect(startedRuns.map(({ workspaceId }) => workspaceId)).toEqual(["ws_b"]);
  const runs = await client.listRuns({}, as("admin b"));
  expect(new Set(runs.runs.map(({ workspaceId }) => workspaceId))).toEqual(new Set(["ws_b"]));
  const ofOthers = await client.listRuns({ definitionId: a.definitionId }, as("admin b"));
  expect(ofOthers).toMatchObject({ runs: [], total: 0 });
});

test("another's run is no parent", async () => {
  const start = { definitionId: a.definitionId, parentRunId: b.runId };
  expect((await refusedBy(service.client.startRun(start, as("admin a")))).code).toBe("NotFound");
});

describe("a gate or governance check is decided by an admin alone", () => {
  const reports = [
    { to: "COMPLETED", report: { state: StepRunState.COMPLETED } },
    { to: "FAILED", report: { state: StepRunState.FAILED } },
    { to: "WAITING", report: { state: StepRunState.WAITING, approvalRequestId: "apr_of_mine" } },
    { to: "RUNNING", report: { state: StepRunState.RUNNING, governanceDecision: "ALLOW" } },
  ];
  const cells = ["gate", "check"].flatMap((stepId) => reports.map((one) => ({ stepId, ...one })));

  test.each(cells)("$stepId to $to", async ({ stepId, report }) => {
    const runId = await startRun(a.definitionId, "admin a");
    const request = { runId, stepId, ...report };
    const before = await service.client.getRun({ id: runId }, as("admin a"));
    for (const who of ["only workflows:transition", "without workflows:admin"]) {
      const refused = await refusedBy(service.client.transitionStep(request, as(who)));
      expect(refused.code).toBe("PermissionDenied");
      expect(detailsOf(refused).scope).toBe("workflows:admin");
    }
    expect(await service.client.getRun({ id: runId }, as("admin a"))).toEqual(before);
    const { step } = await service.client.transitionStep(request, as("only workflows:admin"));
    expect(step?.stepId).toBe(stepId);
  });
});

test("a draft goes to another environment with the scope of Deploy alone", async () => {
  const sources = createClient(
    Workflows,
    createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }),
  );
  const { definitionId } = a;
  const publish = (deployTo: string) =>
    refusedBy(
      sources.publishDraft(
        { definitionId, etag: "none", deployTo },
        as("without workflows:deploy"),
      ),
    );
  const staged = await publish("staging");
  expect([staged.code, detailsOf(staged).scope]).toEqual(["PermissionDenied", "workflows:deploy"]);
  expect((await publish("production")).reason).toBe("ETAG_MISMATCH");
});

test("a move is recorded as the caller's, not as that of the name in the request", async () => {
  const { run } = await service.client.startRun(
    { definitionId: a.definitionId, initiatorUserId: "user_x" },
    as("admin a"),
  );
  const runId = run?.id ?? "";
  await service.client.transitionStep({ runId, ...DONE, agentId: "agent_x" }, as("admin a"));
  await service.client.cancelRun({ id: runId }, as("admin a"));
  const text = "select cause from run_moves where run_id = $1 order by seq";
  const rows = await service.database.read.query<{ cause: unknown[] }>(
    { name: "test_causes", text },
    [runId],
  );
  expect(rows.map(({ cause }) => cause.slice(1))).toEqual([
    ["StartRun", "user_of_ws_a"],
    ["TransitionStep", "user_of_ws_a"],
    ["CancelRun", "user_of_ws_a"],
  ]);
  expect(run?.initiatorUserId).toBe("user_x");
});

test("an Idempotency-Key is the workspace's own", async () => {
  const key = { "Idempotency-Key": "shared" };
  const request = { name: "keyed" };
  const ofA = await service.client.createDefinition(request, as("admin a", key));
  const ofB = await service.client.createDefinition(request, as("admin b", key));
  expect([ofA.definition?.workspaceId, ofB.definition?.workspaceId]).toEqual(["ws_a", "ws_b"]);
  expect(await service.client.createDefinition(request, as("admin a", key))).toEqual(ofA);
  // Naming the workspace is the same request.
  const named = { ...request, workspaceId: "ws_a" };
  expect(await service.client.createDefinition(named, as("admin a", key))).toEqual(ofA);
  const cancel = { id: await startRun(a.definitionId, "admin a") };
  const cancelled = await service.client.cancelRun(cancel, as("admin a", key));
  expect(await service.client.cancelRun(cancel, as("admin a", key))).toEqual(cancelled);
  const foreign = await refusedBy(service.client.cancelRun(cancel, as("admin b", key)));
  expect(foreign.code).toBe("NotFound");
  const unable = service.client.createDefinition(request, as("only workflows:run", key));
  expect((await refusedBy(unable)).code).toBe("PermissionDenied");
});

test("an answer of the operations API under an Idempotency-Key is for the caller that got it first", async () => {
  const runs = createClient(
    Runs,
    createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }),
  );
  const key = { "Idempotency-Key": "personal" };
  const { run } = await service.client.startRun({ definitionId: a.definitionId }, as("admin a"));
  const order = { runId: run?.id ?? "", stepId: STEPS[0]?.id ?? "", reason: "no form" };
  const first = await runs.failStep(order, as("admin a", key));
  const other = runs.failStep(order, as("another admin of a", key));
  expect((await refusedBy(other)).code).toBe("AlreadyExists");
  expect(await runs.failStep(order, as("admin a", key))).toEqual(first);
});

test("health and the probes need no authentication", async () => {
  const health = createClient(
    Health,
    createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }),
  );
  expect((await health.check({})).status).toBe(1);
  for (const door of ["/healthz", "/readyz", "/schema/workflow.json"]) {
    expect((await fetch(service.baseUrl + door)).status).toBe(200);
  }
});

test("metrics, which cover all workspaces, are closed on the main port", async () => {
  const closed = await fetch(`${service.baseUrl}/metrics`);
  expect(closed.status).toBe(403);
  expect(await closed.text()).toContain("METRICS_PORT");
});

describe("the identity service", () => {
  const get = (who: string) => service.client.getRun({ id: a.runId }, as(who));

  beforeEach(() => {
    callers = newCallers();
    identity.asked.length = 0;
    identity.trouble = undefined;
  });

  test("is called once for simultaneous calls and those after them", async () => {
    await Promise.all([get("admin a"), get("admin a"), get("admin a")]);
    await get("admin a");
    await Promise.all(["expired", "expired"].map((who) => refusedBy(get(who))));
    await refusedBy(get("expired"));
    expect(identity.timesAsked(tokenOf("admin a"))).toBe(1);
    expect(identity.timesAsked(tokenOf("expired"))).toBe(1);
    const [asked] = identity.asked;
    expect(asked?.path).toBe("/identity.v1.TokenService/Introspect");
  });

  test.each<{ how: string; trouble: NonNullable<TestIdentity["trouble"]> }>([
    { how: "hangs", trouble: "hang" },
    { how: "breaks off", trouble: "reset" },
    { how: "fails", trouble: { status: 500, json: { code: "internal", message: MARK } } },
    { how: "is away", trouble: { status: 503 } },
    { how: "is not there", trouble: { status: 404 } },
    { how: "refuses the service", trouble: { status: 401, json: { code: "unauthenticated" } } },
    { how: "answers what is no answer", trouble: { body: Buffer.from("no message") } },
  ])("$how: unknown callers are refused, with a retry delay", async ({ trouble }) => {
    callers = newCallers(300);
    await get("admin a");
    identity.trouble = trouble;
    const refused = await refusedBy(get("only workflows:read"));
    expect(refused).toMatchObject({ code: "Unavailable", reason: "UNAVAILABLE" });
    expect(refused.error.findDetails(RetryInfoSchema)).toHaveLength(1);
    detailsOf(refused);
    // A token in the cache stays good.
    await get("admin a");
    identity.trouble = undefined;
    await get("only workflows:read");
  });

  test.each(["not_found", "invalid_argument"])("says %s of a token: it is none", async (code) => {
    identity.trouble = { status: 400, json: { code } };
    expect((await refusedBy(get("admin a"))).code).toBe("Unauthenticated");
  });

  test("that hangs opens the circuit breaker, and later refusals come at once", async () => {
    callers = newCallers(50);
    identity.trouble = "hang";
    for (const n of ["a", "b", "c", "d", "e"]) await refusedBy(get(`hanging ${n}`));
    expect((await refusedBy(get("admin a"))).code).toBe("Unavailable");
    // On a busy machine a call of 50 ms may end before it is sent: the number says nothing.
    expect(identity.timesAsked(tokenOf("admin a"))).toBe(0);
  });
});

test("no line of the log holds a token", () => {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes(MARK))).toEqual([]);
});
