/** The door over HTTP before RPCs that are answered here. By the whole service it is test/contract/mcp.test.ts. */
import { once } from "node:events";
import { type ClientRequest, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { SCOPES } from "../../../src/collaborators/identity/callers.ts";
import { createMcpDoor, type McpDoorDeps } from "../../../src/ingress/rpc/mcp/door.ts";
import { rpcsOf } from "../../../src/ingress/rpc/scopes.ts";
import {
  createUnreadAnswers,
  type UnreadAnswers,
} from "../../../src/ingress/rpc/unread-answers.ts";
import { createLog } from "../../../src/process/log.ts";
import { until } from "../../support/assertions/until.ts";

const logged: string[] = [];
const log = createLog({ level: "error", format: "json", write: (line) => logged.push(line) });
/** Bytes of answers as they are held, and below 0 as they are let go. */
const held: number[] = [];
const counted = createUnreadAnswers(log);
const unread: UnreadAnswers = {
  ...counted,
  hold(connection, bytes) {
    held.push(bytes);
    const letGo = counted.hold(connection, bytes);
    return () => {
      held.push(-bytes);
      letGo();
    };
  },
};
/** Calls of StartRun under way: each waits for its caller to go. */
const waiting: AbortSignal[] = [];
const deps: McpDoorDeps = {
  local: createRouterTransport(({ rpc }) => {
    rpc(Workflows.method.list, ({ workspaceId }) => {
      if (workspaceId === "named") return { workflows: [{ definition: { id: "wf_1" } }] };
      if (workspaceId !== "") return {};
      const fieldViolations = [{ field: "workspace_id", description: "is required" }];
      const value = { fieldViolations };
      throw new ConnectError("not valid", Code.InvalidArgument, undefined, [
        { desc: BadRequestSchema, value },
      ]);
    });
    rpc(System.method.whoAmI, () => ({ rpcs: rpcsOf(new Set(SCOPES)) }));
    rpc(WorkflowService.method.startRun, async (_request, { signal }) => {
      waiting.push(signal);
      await once(signal, "abort");
      return {};
    });
  }),
  callers: undefined,
  settings: {
    ...{ isAuthenticated: false, publicUrl: "", corsOrigins: [], issuer: undefined, isTls: false },
  },
  ...{ log, unread, prefixOf: ({ headers }) => String(headers["x-forwarded-prefix"] ?? "") },
};
const door = createMcpDoor(deps);
/** A token is the name of its workspace. */
const guarded = createMcpDoor({
  ...deps,
  callers: {
    find: async (workspaceId) => {
      return { workspaceId, subject: "ann", isAgent: false, scopes: new Set(SCOPES) };
    },
  },
});
const server = createServer((asked, answer) => {
  void (asked.headers.authorization === undefined ? door : guarded)(asked, answer);
});
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  server.close();
});

/** A call of a tool that is sent. */
function ask(path: string, params: object, more: Record<string, string> = {}): ClientRequest {
  const { port } = server.address() as AddressInfo;
  const headers = {
    ...{ host: "127.0.0.1", "content-type": "application/json", connection: "close" },
    accept: "application/json, text/event-stream",
    ...more,
  };
  const asked = request({ port, host: "127.0.0.1", path, method: "POST", headers });
  asked.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }));
  return asked;
}

/** Status and body of a search at a path of the door, of a host as the caller names it. */
async function search(path: string, host = "127.0.0.1"): Promise<[status: number, body: string]> {
  const asked = ask(path, { name: "search", arguments: { type: "Workflow" } }, { host });
  const [answer] = await once(asked, "response");
  return [answer.statusCode, await text(answer)];
}

test.each(["%E2%82%AC", "%0A", "", "Staging"])("the environment %s is refused", async (name) => {
  expect(await search(`/mcp?workspace=ws&environment=${name}`)).toEqual([
    400,
    expect.stringContaining("environment"),
  ]);
  expect(logged).toEqual([]);
});

test("a host with a port that no URL has is answered", async () => {
  const [status, body] = await search("/mcp?workspace=ws", "127.0.0.1:99999");
  expect([status, body]).toEqual([200, expect.stringContaining('"results":[]')]);
  expect(logged).toEqual([]);
});

test("where a workspace is missing the answer says how it is named", async () => {
  const [, body] = await search("/mcp");
  expect(body).toContain("name it in the address: /mcp?workspace=");
  const [, known] = await search("/mcp?workspace=ws");
  expect(known).not.toContain("in the address");
});

test("a client that goes ends the call under way, and no later line is begun", async () => {
  const code = "await $.Workflow.trigger('wf_1')\n".repeat(2);
  const asked = ask("/mcp?workspace=ws", { name: "do", arguments: { code } });
  asked.on("error", () => {});
  const signal = await until(() => waiting[0]);
  const ended = once(signal, "abort");
  asked.destroy();
  await ended;
  // A request later than what the one that is gone may still do.
  await search("/mcp?workspace=ws");
  expect(waiting).toHaveLength(1);
});

test("an answer counts as unread until it is out", async () => {
  held.length = 0;
  const [, body] = await search("/mcp?workspace=ws");
  const bytes = Buffer.byteLength(body);
  await until(() => held[1]);
  expect(held).toEqual([bytes, -bytes]);
});

test("links are behind the path that a proxy takes off", async () => {
  const { port } = server.address() as AddressInfo;
  const more = { host: `127.0.0.1:${port}`, "x-forwarded-prefix": "/flows" };
  const params = { name: "search", arguments: { type: "Workflow" } };
  const [answer] = await once(ask("/mcp?workspace=named", params, more), "response");
  expect(await text(answer)).toContain(`http://127.0.0.1:${port}/flows/console/workflows/wf_1`);
});

test("a workspace that has a quarter of the places under way keeps no other one out", async () => {
  waiting.length = 0;
  const of = (workspaceId: string) => ({ authorization: `Bearer ${workspaceId}` });
  const start = { action: "Workflow.trigger", args: { id: "wf_1" } };
  const open = Array.from({ length: 16 }, () => {
    const asked = ask("/mcp", { name: "do", arguments: start }, of("a"));
    return asked.on("error", () => {});
  });
  await until(() => (waiting.length === open.length ? true : undefined));
  const params = { name: "search", arguments: { type: "Workflow" } };
  const statusOf = async (workspaceId: string) => {
    const [answer] = await once(ask("/mcp", params, of(workspaceId)), "response");
    answer.resume();
    return answer.statusCode;
  };
  expect([await statusOf("a"), await statusOf("b")]).toEqual([429, 200]);
  for (const asked of open) asked.destroy();
  await until(async () => ((await statusOf("a")) === 200 ? true : undefined));
});
