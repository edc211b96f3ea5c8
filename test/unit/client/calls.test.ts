/** Calls of the client, with a service that is played in memory: what is sent again, with which key, and for how long. */
import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createRouterTransport,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { type ClientOptions, createWorkflowsClient } from "../../../src/client/client.ts";
import { WorkflowsError } from "../../../src/client/errors.ts";
import * as library from "../../../src/client/index.ts";
import { SERVICES } from "../../support/services/each-rpc.ts";

/** A client of a service that does this. */
function clientOf(
  played: Partial<ServiceImpl<typeof WorkflowService>>,
  options: Partial<ClientOptions> = {},
  runs: Partial<ServiceImpl<typeof Runs>> = {},
) {
  const createTransport = () =>
    createRouterTransport(({ service }) => {
      service(WorkflowService, played);
      service(Runs, runs);
    });
  return createWorkflowsClient({ baseUrl: "http://played", createTransport, ...options });
}

function refusal(code: Code, reason: string, retryAfterMs?: number): ConnectError {
  const error = new ConnectError("no", code);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: "workflows" } });
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: 0n, nanos: retryAfterMs * 1_000_000 };
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return error;
}

/** Fails with these in turn, then answers; `seen` has the headers of each try. */
function failing(errors: readonly (ConnectError | Error)[]) {
  const seen: Headers[] = [];
  const answer = (_: unknown, { requestHeader }: HandlerContext) => {
    seen.push(requestHeader);
    const error = errors[seen.length - 1];
    if (error !== undefined) throw error;
    return {};
  };
  return { seen, answer };
}

const keyOf = (headers: Headers | undefined) => headers?.get("Idempotency-Key");

async function errorOf(call: Promise<unknown>): Promise<WorkflowsError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof WorkflowsError) return thrown;
  throw new Error("no WorkflowsError was thrown", { cause: thrown });
}

test("each RPC of the contract has a method, and its messages are exported", () => {
  const clients: object[] = Object.values(clientOf({}));
  const exported = new Set<unknown>(Object.values(library));
  for (const { methods, typeName } of SERVICES) {
    const has = (client: object) => methods.every(({ localName }) => localName in client);
    expect(clients.filter(has), typeName).toHaveLength(1);
    for (const { input, output } of methods) {
      expect(exported.has(input), input.typeName).toBe(true);
      expect(exported.has(output), output.typeName).toBe(true);
      for (const { message = input } of output.fields) {
        const isOwn = message.typeName.startsWith("workflows.");
        expect(!isOwn || exported.has(message), message.typeName).toBe(true);
      }
    }
  }
});

test("a call is sent again under its key until the service is there", async () => {
  const away = [refusal(Code.Unavailable, "UNAVAILABLE"), new ConnectError("", Code.Unavailable)];
  const { seen, answer } = failing(away);
  const client = clientOf({ pauseRun: answer });
  await client.workflows.pauseRun({ id: "a" });
  expect(seen).toHaveLength(3);
  expect(keyOf(seen[0])).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(seen.map(keyOf)).size).toBe(1);
  await client.workflows.pauseRun({ id: "a" });
  expect(keyOf(seen[3])).not.toBe(keyOf(seen[0]));
});

test("a read has no key, and a caller's own key is kept", async () => {
  const { seen, answer } = failing([]);
  const { workflows } = clientOf({ getRun: answer, pauseRun: answer });
  await workflows.getRun({ id: "a" });
  await workflows.pauseRun({ id: "a" }, { headers: { "Idempotency-Key": "mine" } });
  expect(seen.map(keyOf)).toEqual([null, "mine"]);
});

test("who calls is in each try; a token may be made anew for each", async () => {
  const { seen, answer } = failing([refusal(Code.Unavailable, "UNAVAILABLE")]);
  let tokens = 0;
  const identity = { token: async () => `t${++tokens}`, actor: "ann", via: "billing" };
  await clientOf({ getRun: answer }, identity).workflows.getRun({ id: "a" });
  const names = ["Authorization", "Workflows-Actor", "Workflows-Via"];
  expect(seen.map((headers) => names.map((name) => headers.get(name)))).toEqual([
    ["Bearer t1", "ann", "billing"],
    ["Bearer t2", "ann", "billing"],
  ]);
});

test("a token that no header can hold is not shown", async () => {
  const { answer } = failing([]);
  const { workflows } = clientOf({ getRun: answer }, { token: "s3cret\nmore" });
  const thrown: unknown = await workflows.getRun({ id: "a" }).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(WorkflowsError);
  expect(String(thrown)).toMatch(/one line of ASCII/);
  expect(String(thrown)).not.toContain("s3cret");
});

test("a token that fails, or does not come, is an error of the call within its deadline", async () => {
  const { seen, answer } = failing([]);
  const failed = { token: () => Promise.reject(new Error("no such account")) };
  const { workflows } = clientOf({ getRun: answer }, failed);
  const error = await errorOf(workflows.getRun({ id: "a" }));
  expect(error).toMatchObject({ code: "UNKNOWN", message: "no such account", reason: undefined });
  const never = clientOf({ getRun: answer }, { token: () => new Promise(() => {}) });
  const late = await errorOf(never.workflows.getRun({ id: "a" }, { timeoutMs: 30 }));
  expect(late.code).toBe("DEADLINE_EXCEEDED");
  const { signal } = { signal: AbortSignal.abort(new Error("enough")) };
  const cancelled = await errorOf(never.workflows.getRun({ id: "a" }, { signal }));
  expect(cancelled).toMatchObject({ code: "CANCELLED", message: "enough" });
  expect(seen).toEqual([]);
});

test("the tries end with the deadline, and say why", async () => {
  const played = failing(Array(50).fill(refusal(Code.Unavailable, "UNAVAILABLE", 50)));
  const { workflows } = clientOf({ pauseRun: played.answer }, { timeoutMs: 400 });
  const begunAt = performance.now();
  const error = await errorOf(workflows.pauseRun({ id: "a" }));
  expect(performance.now() - begunAt).toBeLessThan(450);
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "UNAVAILABLE", retryAfterMs: 50 });
  expect(played.seen.length).toBeGreaterThan(1);
  const own = await errorOf(workflows.pauseRun({ id: "a" }, { timeoutMs: 20 }));
  expect(own.code).toBe("UNAVAILABLE");
});

test("what the service refuses is sent once", async () => {
  const error = refusal(Code.InvalidArgument, "INVALID_FIELDS");
  const fieldViolations = [{ field: "steps[3].id", description: "is empty" }];
  error.details.push({
    desc: BadRequestSchema,
    value: create(BadRequestSchema, { fieldViolations }),
  });
  for (const refused of [
    error,
    refusal(Code.Aborted, "LOST_RACE"),
    refusal(Code.ResourceExhausted, "OVERLOADED", 1),
    new ConnectError("bug", Code.Internal),
  ]) {
    const { seen, answer } = failing([refused]);
    const thrown = await errorOf(clientOf({ pauseRun: answer }).workflows.pauseRun({ id: "a" }));
    expect(seen).toHaveLength(1);
    if (refused !== error) continue;
    expect(thrown).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELDS" });
    expect(thrown.fields).toEqual(fieldViolations);
  }
});

test("after a lost answer the first try may still be at work: its key is tried until it is done", async () => {
  const lost = new ConnectError("cut", Code.Aborted);
  const { seen, answer } = failing([lost, refusal(Code.Aborted, "LOST_RACE")]);
  await clientOf({ pauseRun: answer }).workflows.pauseRun({ id: "a" });
  expect(seen).toHaveLength(3);
});

test("a signal ends a call between two tries", async () => {
  const played = failing(Array(50).fill(refusal(Code.Unavailable, "UNAVAILABLE", 900)));
  const { workflows } = clientOf({
    pauseRun(request, context) {
      queueMicrotask(() => abort.abort());
      return played.answer(request, context);
    },
  });
  const abort = new AbortController();
  const begunAt = performance.now();
  const error = await errorOf(workflows.pauseRun({ id: "a" }, { signal: abort.signal }));
  expect(["CANCELLED", "UNAVAILABLE"]).toContain(error.code);
  expect(performance.now() - begunAt).toBeLessThan(500);
  expect(played.seen).toHaveLength(1);
});

test("a list asks for pages until there is no more, also past an empty one", async () => {
  const asked: string[] = [];
  const pages = [["a", "b"], [], ["c"]];
  const client = clientOf(
    {},
    {},
    {
      search({ pageToken, workspaceId }) {
        asked.push(`${workspaceId} ${pageToken}`);
        const at = Number(pageToken);
        const runs = (pages[at] ?? []).map((id) => ({ id }));
        return { runs, nextPageToken: at < 2 ? String(at + 1) : "" };
      },
    },
  );
  const ids: string[] = [];
  for await (const { id } of client.lists.runs({ workspaceId: "ws" })) ids.push(id);
  expect(ids).toEqual(["a", "b", "c"]);
  expect(asked).toEqual(["ws ", "ws 1", "ws 2"]);
});

test("a call's own environment takes precedence over the client's", async () => {
  const { seen, answer } = failing([]);
  const { workflows } = clientOf({ startRun: answer }, { environment: "staging" });
  await workflows.startRun({});
  await workflows.startRun({}, { headers: { "Workflows-Environment": "production" } });
  expect(seen.map((headers) => headers.get("Workflows-Environment"))).toEqual([
    ...["staging", "production"],
  ]);
});
