/**
 * A service with its compiled console, and runs in different states.
 * Boundary: the real server and processor on a database of its own. Steps are tasks of people, so no other service is needed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { StepRunState, StepType } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Callers } from "../../../src/collaborators/identity/callers.ts";
import type { ConsoleOptions } from "../../../src/ingress/rpc/console/console.ts";
import { CONSOLE_FOLDER } from "../../../src/process/console-folder.ts";
import { type RpcService, startRpcService } from "../services/rpc-service.ts";

export const WORKSPACE = "ws_console";

/** A service with a console. */
export interface ConsoleService extends RpcService {
  /** Of the page, without a slash at its end. */
  readonly consoleUrl: string;
  /** Of clients besides the page. */
  readonly transport: Transport;
  /** A workflow of one task `approve`; gives its id. */
  define(name: string, more?: { description?: string; tags?: string[] }): Promise<string>;
  /** Starts a run; gives its id. */
  start(definitionId: string, input?: JsonObject): Promise<string>;
  /** Ends the task of a run. */
  end(runId: string, state: "COMPLETED" | "FAILED", errorMessage?: string): Promise<void>;
}

/** Starts it. Rejects where the console is not compiled. */
export async function startConsoleService(
  console: ConsoleOptions = { authMode: "none" },
  callers?: Callers,
): Promise<ConsoleService> {
  if (!existsSync(join(CONSOLE_FOLDER, "index.html"))) {
    throw new Error("the console is not compiled: node tools/build-console.mjs");
  }
  const service = await startRpcService({ console, ...(callers ? { callers } : {}) });
  const { client } = service;
  return {
    ...service,
    consoleUrl: `${service.baseUrl}/console`,
    // The thread that reads source texts is compiled when it is first asked.
    transport: createConnectTransport({
      ...{ baseUrl: service.baseUrl, httpVersion: "1.1", defaultTimeoutMs: 60_000 },
    }),
    async define(name, more = {}) {
      const { definition } = await client.createDefinition({
        workspaceId: WORKSPACE,
        name,
        ...more,
      });
      const definitionId = definition?.id ?? "";
      const steps = [{ id: "approve", name: "Approve it", stepType: StepType.HUMAN_TASK }];
      await client.publishVersion({ definitionId, steps });
      return definitionId;
    },
    async start(definitionId, inputPayload = {}) {
      const { run } = await client.startRun({
        definitionId,
        workspaceId: WORKSPACE,
        inputPayload,
      });
      return run?.id ?? "";
    },
    async end(runId, state, errorMessage = "") {
      await client.transitionStep({
        runId,
        stepId: "approve",
        state: StepRunState[state],
        errorMessage,
      });
    },
  };
}
