/**
 * Calls of MCP on a page: a block `json tool=NAME` has the arguments of a tool, `ts tool=do` its code; the block `json answer` after it
 * what the tool answers.
 * Boundary: the public client library; comparing is pages.test.ts's.
 */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Block, wordOf } from "./page.ts";

/** Calls of one page. */
export interface McpPage {
  /** The answer to the call of a block, as its page shows it; `text`: the block's, with the ids of this run. */
  call(block: Block, text: string): Promise<string>;
  stop(): Promise<void>;
}

/** Whether a block is a call. */
export function isMcpCall(block: Block): boolean {
  return wordOf(block, "tool") !== undefined;
}

/** Whether a call changes nothing. */
export function isMcpRead(block: Block): boolean {
  return wordOf(block, "tool") !== "do";
}

/** Whether a block is an answer. */
export function isMcpAnswer({ info }: Block): boolean {
  return info[1] === "answer";
}

/** A client of the service at `server`. */
export async function openMcpPage(server: string, workspaceId: string): Promise<McpPage> {
  const client = new Client({ name: "docs", version: "1" });
  const url = new URL(`${server}/mcp?workspace=${workspaceId}`);
  const requestInit = { headers: { "Workflows-Actor": "sam" } };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  return {
    async call(block, text) {
      const args = block.info[0] === "ts" ? { code: text } : JSON.parse(text);
      const name = wordOf(block, "tool") ?? "";
      const { structuredContent, content, isError } = await client.callTool({
        name,
        arguments: args,
      });
      if (isError === true) throw new Error(`${name} is refused: ${JSON.stringify(content)}`);
      return shown(structuredContent);
    },
    stop: () => client.close(),
  };
}

/** As a page shows it: the word of the marks is the same each time. */
function shown(value: unknown): string {
  const words = /\[((?:end of )?data) [0-9a-f]{8}/g;
  return JSON.stringify(value, undefined, 2).replaceAll(words, "[$1 5f0c2a91");
}
