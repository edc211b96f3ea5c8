/**
 * The tools as a server of the Model Context Protocol.
 * Boundary: the only file that loads the protocol's package, a megabyte: it is imported when the first client comes.
 */
import {
  createMcpHandler,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Json } from "../engine/values/json.ts";
import { callTool, INSTRUCTIONS, listTools } from "./tools.ts";
import type { McpWorld } from "./world.ts";

/** Answers one request over HTTP, whose body was read and parsed. It has no state: any replica answers. */
export async function answerHttp(
  world: McpWorld,
  version: string,
  request: Request,
  parsedBody: unknown,
): Promise<Response> {
  const handler = createMcpHandler(() => serverOf(world, version), { maxSubscriptions: 0 });
  return handler.fetch(request, { parsedBody });
}

/** Serves standard input and output until the client goes. */
export function serveTerminal(world: McpWorld, version: string): { close(): Promise<void> } {
  return serveStdio(() => serverOf(world, version), { maxSubscriptions: 0 });
}

function serverOf(world: McpWorld, version: string): Server {
  const server = new Server(
    { name: "workflows", title: "Workflows", version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler("tools/list", async () => ({ tools: await listTools(world) }));
  server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
    const clients = world.clientsUntil?.(mcpReq.signal) ?? world.clients;
    const given = (params.arguments ?? {}) as Json;
    const answer = await callTool({ ...world, clients }, params.name, given);
    if (answer === undefined) {
      const words = `there is no tool ${params.name}; use search, fetch or do`;
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, words);
    }
    const { value, text, isError } = answer;
    return {
      content: [{ type: "text", text }],
      ...(value === undefined ? {} : { structuredContent: value }),
      ...(isError ? { isError } : {}),
    };
  });
  return server;
}
