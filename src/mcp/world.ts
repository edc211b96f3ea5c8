/**
 * What the tools work with: the clients of one service, who calls, and where the console shows things.
 * Boundary: types, and faults of a tool's call. The same tools run inside the service and in `workflows mcp`.
 */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";

/** The services that the tools call. */
export interface McpClients {
  readonly workflows: Client<typeof WorkflowService>;
  readonly sources: Client<typeof Workflows>;
  readonly runs: Client<typeof Runs>;
  readonly inbox: Client<typeof Inbox>;
  readonly system: Client<typeof System>;
  readonly schedules: Client<typeof Schedules>;
  readonly templates: Client<typeof Templates>;
}

/** The surroundings of a call of a tool. */
export interface McpWorld {
  readonly clients: McpClients;
  /** Clients whose calls end with the signal too; unset: a request that is cancelled goes with its connection. */
  readonly clientsUntil?: (signal: AbortSignal) => McpClients;
  /** "": the token's. */
  readonly workspaceId: string;
  /** Where the clients start runs; "": production. */
  readonly environment: string;
  /** The URL of the console, without a slash at its end. */
  readonly consoleUrl: string;
  /** What a failed call means, in words for the caller. */
  describe(error: unknown): string;
}

/** What is wrong with a call of a tool, in words for its caller. */
export class ToolFault extends Error {
  override readonly name = "ToolFault";
}

/** The clients over a transport. */
export function clientsOver(transport: Transport): McpClients {
  return {
    workflows: createClient(WorkflowService, transport),
    sources: createClient(Workflows, transport),
    runs: createClient(Runs, transport),
    inbox: createClient(Inbox, transport),
    system: createClient(System, transport),
    schedules: createClient(Schedules, transport),
    templates: createClient(Templates, transport),
  };
}

/** A transport whose calls end with the signal too. */
export function until(signal: AbortSignal, { unary, stream }: Transport): Transport {
  const both = (own: AbortSignal | undefined) =>
    own === undefined ? signal : AbortSignal.any([own, signal]);
  return {
    unary: (method, own, ...more) => unary(method, both(own), ...more),
    stream: (method, own, ...more) => stream(method, both(own), ...more),
  };
}

/** Where the console shows a thing, by the words of its path. */
export function linkTo({ consoleUrl, workspaceId }: McpWorld, ...path: readonly string[]): string {
  const query = workspaceId === "" ? "" : `?workspace=${encodeURIComponent(workspaceId)}`;
  return `${consoleUrl}/${path.map(encodeURIComponent).join("/")}${query}`;
}
