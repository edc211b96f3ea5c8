/**
 * Messages that were put aside, for callers by a token: who sees them, what a retry does, and what is recorded.
 * Boundary: how the bus puts messages aside, and whose they are then, is test/integration/dead-letters.test.ts.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LetterEnd, RetryOutcome } from "../../gen/workflows/ops/v1/dead_letters_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { RunAsScope, Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { CheckStatus, System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { putAside } from "../../src/runtime/dead-letters.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

let service: RpcService;
let runs: Client<typeof Runs>;
let schedules: Client<typeof Schedules>;
let system: Client<typeof System>;
let definitions = 0;
let streams = 0;

beforeAll(async () => {
  // A token is `workspace/role`.
  const find = async (token: string) => {
    const [workspaceId = "", role = ""] = token.split("/");
    return { subject: `${role}_1`, workspaceId, scopes: grantedScopes([role]), isAgent: false };
  };
  service = await startRpcService({ callers: { find } });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  runs = createClient(Runs, transport);
  schedules = createClient(Schedules, transport);
  system = createClient(System, transport);
});
afterAll(() => service.stop());

function as(workspaceId: string, role = "operator", key?: string): CallOptions {
  const keyed = key === undefined ? {} : { "Idempotency-Key": key };
  return { headers: { authorization: `Bearer ${workspaceId}/${role}`, ...keyed } };
}

/** A workspace with a definition that events of type `order.made` start. */
async function listening(): Promise<string> {
  const workspaceId = `ws_${++definitions}`;
  const { client } = service;
  const made = await client.createDefinition({ name: "orders" }, as(workspaceId, "admin"));
  const definitionId = made.definition?.id ?? "";
  const steps = [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }];
  const trigger = { triggerType: TriggerType.EVENT, eventType: "order.made" };
  await client.publishVersion({ definitionId, steps, trigger }, as(workspaceId, "admin"));
  return workspaceId;
}

function eventOf(tenantid: string, id: string): string {
  const attributes = { specversion: "1.0", id, source: "shop", type: "order.made", tenantid };
  return JSON.stringify({ ...attributes, data: { order: id } });
}

/** Puts bodies aside as messages 1, 2 … of a stream of their own; gives their ids. */
function aside(workspaceId: string | undefined, ...bodies: string[]): Promise<string[]> {
  return asideOf("shop.x", workspaceId, ...bodies);
}

async function asideOf(
  subject: string,
  workspaceId: string | undefined,
  ...bodies: string[]
): Promise<string[]> {
  const stream = `S${++streams}`;
  const fault = { subject, reason: "handling_failed", problem: "it failed", headers: {} };
  await putAside(
    service,
    bodies.map((body, at) => ({
      ...{ ...fault, stream, streamSeq: at + 1, workspaceId, data: Buffer.from(body) },
    })),
  );
  return bodies.map((_, at) => `${stream}/${at + 1}`);
}

async function startedIn(workspaceId: string): Promise<number> {
  return (await service.client.listRuns({ workspaceId }, as(workspaceId))).total;
}

describe("retry", () => {
  test("handles a message as the bus does, once, and says who asked", async () => {
    const ws = await listening();
    const ids = await aside(ws, eventOf(ws, "o1"), eventOf(ws, "o1"), "no JSON", eventOf(ws, "o2"));
    const reason = "the service is mended";
    const { results } = await runs.retryDeadLetters({ ids, reason }, as(ws));
    const { RETRIED, FAILED, SETTLED } = RetryOutcome;
    expect(results.map(({ id }) => id)).toEqual(ids);
    expect(results.map(({ outcome }) => outcome)).toEqual([RETRIED, RETRIED, FAILED, RETRIED]);
    expect(results[2]?.problem).toBe("the body is not JSON");
    expect(await startedIn(ws)).toBe(2);

    const again = await runs.retryDeadLetters({ ids, reason }, as(ws));
    expect(again.results.map(({ outcome }) => outcome)).toEqual([
      SETTLED,
      SETTLED,
      FAILED,
      SETTLED,
    ]);
    expect(await startedIn(ws)).toBe(2);

    const open = await runs.listDeadLetters({}, as(ws));
    expect(open.deadLetters.map(({ id }) => id)).toEqual([ids[2]]);
    const settled = await runs.listDeadLetters({ settled: true }, as(ws));
    expect(settled.deadLetters.map(({ id }) => id)).toEqual([ids[3], ids[1], ids[0]]);
    for (const letter of settled.deadLetters) {
      expect(letter).toMatchObject({
        ...{ end: LetterEnd.RETRIED, endedBy: "operator_1", endReason: reason, workspaceId: ws },
      });
      expect(letter.endedAt).toBeDefined();
    }
  });

  test("of an event about a person who left pauses the schedules of that person", async () => {
    const ws = await listening();
    const {
      definitions: [{ id: definitionId = "" } = {}],
    } = await service.client.listDefinitions({ workspaceId: ws }, as(ws, "admin"));
    const spec = { line: "@daily", runAs: { scope: RunAsScope.USER, subject: "ann" } };
    await schedules.create({ definitionId, spec }, as(ws, "admin"));
    // Who resumes it after the audit is to see that the person left.
    const audited = { definitionId, spec, paused: true, reason: "audit" };
    await schedules.create(audited, as(ws, "admin"));
    const type = "identity.changes.member.removed";
    const attributes = { specversion: "1.0", id: "m1", source: "identity", type, tenantid: ws };
    const body = JSON.stringify({ ...attributes, data: { user_id: "ann" } });
    const ids = await asideOf(type, ws, body, body);
    const { results } = await runs.retryDeadLetters({ ids }, as(ws));
    expect(results.map(({ outcome }) => outcome)).toEqual(ids.map(() => RetryOutcome.RETRIED));
    const listed = await schedules.list({ definitionId }, as(ws, "admin"));
    const left = { paused: true, changedBy: "identity", changeReason: "ann left the workspace" };
    // A repeat changes nothing more.
    expect(listed.schedules).toMatchObject([
      { ...left, etag: "2" },
      { ...left, etag: "2" },
    ]);
  });

  test("with a key gives the first answer again", async () => {
    const ws = await listening();
    const ids = await aside(ws, eventOf(ws, "o1"));
    const first = await runs.retryDeadLetters({ ids }, as(ws, "operator", "again"));
    expect(await runs.retryDeadLetters({ ids }, as(ws, "operator", "again"))).toEqual(first);
  });

  test("a message whose workspace is not known is for admins, and changes only theirs", async () => {
    const [ws, other] = [await listening(), await listening()];
    const ids = await aside(undefined, eventOf(ws, "o1"), eventOf(other, "o1"));
    expect((await refusedBy(runs.retryDeadLetters({ ids }, as(ws)))).code).toBe("NotFound");
    const { results } = await runs.retryDeadLetters({ ids }, as(ws, "admin"));
    expect(results).toMatchObject([
      { outcome: RetryOutcome.RETRIED },
      {
        outcome: RetryOutcome.FAILED,
        problem: "it is of a workspace that the caller does not see",
      },
    ]);
    expect([await startedIn(ws), await startedIn(other)]).toEqual([1, 0]);
    const unattributed = { unattributed: true };
    const refused = await refusedBy(runs.listDeadLetters(unattributed, as(ws)));
    expect(refused.code).toBe("PermissionDenied");
    const { deadLetters } = await runs.listDeadLetters(unattributed, as(ws, "admin"));
    expect(deadLetters.map(({ id }) => id)).toContain(ids[1]);
  });

  test("does nothing when one of the ids is unknown, or of another workspace", async () => {
    const [ws, other] = [await listening(), await listening()];
    const [mine = ""] = await aside(ws, eventOf(ws, "o1"));
    const [others = ""] = await aside(other, eventOf(other, "o1"));
    for (const id of [others, "S/1"]) {
      for (const call of [runs.retryDeadLetters, runs.discardDeadLetters]) {
        const { code, error } = await refusedBy(call({ ids: [mine, id] }, as(ws)));
        expect(code).toBe("NotFound");
        expect(error.rawMessage).toBe(`there is no dead letter ${id}`);
      }
    }
    expect([await startedIn(ws), await startedIn(other)]).toEqual([0, 0]);
    expect((await runs.listDeadLetters({}, as(ws))).totalSize).toBe(1);
  });

  test("a result of a worker goes to the step that has the task", async () => {
    const ws = await listening();
    const queued = { stepType: StepType.AGENT_ACTION, config: { queue: "docs" } };
    const made = await service.client.createDefinition({ name: "queued" }, as(ws, "admin"));
    const definitionId = made.definition?.id ?? "";
    const steps = [{ id: "one", name: "One", ...queued }];
    await service.client.publishVersion({ definitionId, steps }, as(ws, "admin"));
    const { run } = await service.client.startRun({ definitionId }, as(ws));
    const id = run?.id ?? "";
    const result = { id: `${id}/one/1`, status: "completed", output: { pages: 3 } };
    await putAside(service, [
      {
        ...{ stream: "WORKFLOWS_RESULTS", streamSeq: 9, subject: `workflows.results.${ws}.docs` },
        ...{ reason: "handling_failed", problem: "it failed", headers: {}, workspaceId: ws },
        data: Buffer.from(JSON.stringify({ worker: "w1", results: [result] })),
      },
    ]);
    const { results } = await runs.retryDeadLetters({ ids: ["WORKFLOWS_RESULTS/9"] }, as(ws));
    expect(results).toMatchObject([{ outcome: RetryOutcome.RETRIED, problem: "" }]);
    const done = (await service.client.getRun({ id }, as(ws))).run;
    expect(done?.outputPayload).toEqual({ pages: 3 });
  });
});

test("discard settles what is open, and a message that is put aside again is open again", async () => {
  const ws = await listening();
  const ids = await aside(ws, "x", "y");
  const [first = ""] = ids;
  expect((await runs.discardDeadLetters({ ids: [first] }, as(ws))).discarded).toBe(1);
  expect((await runs.discardDeadLetters({ ids, reason: "tests" }, as(ws))).discarded).toBe(1);
  expect((await runs.listDeadLetters({}, as(ws))).totalSize).toBe(0);
  streams -= 1;
  await aside(ws, "x");
  const { deadLetters } = await runs.listDeadLetters({}, as(ws));
  expect(deadLetters).toMatchObject([{ id: first, end: LetterEnd.UNSPECIFIED, endReason: "" }]);
});

test("Doctor counts the open ones of the caller's workspace", async () => {
  const [ws, other] = [await listening(), await listening()];
  const ids = await aside(ws, "x", "y");
  const found = async (workspaceId: string) =>
    (await system.doctor({}, as(workspaceId))).checks.find(({ name }) => name === "dead_letters");
  expect(await found(ws)).toMatchObject({
    status: CheckStatus.WARN,
    sentence: "Messages that could not be read or handled are put aside: 2.",
  });
  expect(await found(other)).toMatchObject({ status: CheckStatus.OK });
  await runs.discardDeadLetters({ ids }, as(ws));
  expect(await found(ws)).toMatchObject({ status: CheckStatus.OK });
});

test("pages hold each message once, by a token of the same filters", async () => {
  const ws = await listening();
  const ids = await aside(ws, "a", "b", "c");
  const first = await runs.listDeadLetters({ pageSize: 2 }, as(ws));
  expect(first.totalSize).toBe(3);
  const pageToken = first.nextPageToken;
  const second = await runs.listDeadLetters({ pageSize: 2, pageToken }, as(ws));
  const listed = [...first.deadLetters, ...second.deadLetters].map(({ id }) => id);
  expect(listed).toEqual([...ids].reverse());
  expect(second.nextPageToken).toBe("");
  const wrong = { settled: true, pageToken };
  expect((await refusedBy(runs.listDeadLetters(wrong, as(ws)))).fields).toEqual(["page_token"]);
});

test.each([
  ["no id", { ids: [] }, ["ids"]],
  ["101 ids", { ids: Array.from({ length: 101 }, (_, n) => `S/${n + 1}`) }, ["ids"]],
  ["an id twice", { ids: ["S/1", "S/1"] }, ["ids"]],
  [
    "what is no id",
    { ids: ["S/1", "S", "S/0", "/1", "S/1/1"] },
    [1, 2, 3, 4].map((n) => `ids[${n}]`),
  ],
  ["a reason that is too long", { ids: ["S/1"], reason: "r".repeat(4_097) }, ["reason"]],
])("%s is INVALID_ARGUMENT", async (_what, request, fields) => {
  for (const call of [runs.retryDeadLetters, runs.discardDeadLetters]) {
    const refused = await refusedBy(call(request, as("ws_1")));
    expect(refused.code).toBe("InvalidArgument");
    expect(refused.fields).toEqual(fields);
  }
});

test.each([
  [{ pageSize: -1 }, ["page_size"]],
  [{ pageSize: 501 }, ["page_size"]],
  [{ pageToken: "abc" }, ["page_token"]],
])("a list with %o is INVALID_ARGUMENT", async (request, fields) => {
  expect((await refusedBy(runs.listDeadLetters(request, as("ws_1")))).fields).toEqual(fields);
});
