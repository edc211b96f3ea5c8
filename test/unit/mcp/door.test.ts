/** The door over HTTP before RPCs that are answered here. By the whole service it is test/contract/mcp.test.ts. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { createMcpDoor } from "../../../src/ingress/rpc/mcp/door.ts";
import { createLog } from "../../../src/process/log.ts";

const logged: string[] = [];
const door = createMcpDoor({
  local: createRouterTransport(({ rpc }) => {
    rpc(Workflows.method.list, ({ workspaceId }) => {
      if (workspaceId !== "") return {};
      const fieldViolations = [{ field: "workspace_id", description: "is required" }];
      const value = { fieldViolations };
      throw new ConnectError("not valid", Code.InvalidArgument, undefined, [
        { desc: BadRequestSchema, value },
      ]);
    });
  }),
  callers: undefined,
  settings: {
    ...{ isAuthenticated: false, publicUrl: "", corsOrigins: [], issuer: undefined, isTls: false },
  },
  log: createLog({ level: "error", format: "json", write: (line) => logged.push(line) }),
});
const server = createServer((asked, answer) => void door(asked, answer));
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  server.close();
});

/** Status and body of a search at a path of the door, of a host as the caller names it. */
async function search(path: string, host = "127.0.0.1"): Promise<[status: number, body: string]> {
  const { port } = server.address() as AddressInfo;
  const headers = {
    ...{ host, "content-type": "application/json", connection: "close" },
    accept: "application/json, text/event-stream",
  };
  const asked = request({ port, host: "127.0.0.1", path, method: "POST", headers });
  const params = { name: "search", arguments: { type: "Workflow" } };
  asked.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }));
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
