/** A call of a tool over MCP in the workspace of a stage. Boundary: the public client library. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { Stage } from "./stage.ts";

/** What the tool answers; what it refuses is thrown in its words. */
export async function callMcp(
  { url, workspaceId }: Stage,
  name: string,
  args: Record<string, unknown>,
): Promise<unknown> {
  const client = new Client({ name: "requirements", version: "1" });
  const address = new URL(`${url}/mcp?workspace=${workspaceId}`);
  await client.connect(new StreamableHTTPClientTransport(address));
  try {
    const { structuredContent, content, isError } = await client.callTool({
      name,
      arguments: args,
    });
    if (isError === true) throw new Error(JSON.stringify(content));
    return structuredContent;
  } finally {
    await client.close();
  }
}
