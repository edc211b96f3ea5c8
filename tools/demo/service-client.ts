/**
 * gRPC clients of the service, over one HTTP/2 connection that can be closed.
 *
 * Boundary: the protocol; what is asked is the caller's business.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";

/** The clients, and the end of their connection. */
export interface ServiceClient {
  readonly workflows: Client<typeof WorkflowService>;
  readonly runs: Client<typeof Runs>;
  readonly sources: Client<typeof Workflows>;
  close(): void;
}

const CALL_TIMEOUT_MS = 10_000;

/** Connects on the first call. */
export function connectService(url: string): ServiceClient {
  const sessionManager = new Http2SessionManager(url);
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager,
    defaultTimeoutMs: CALL_TIMEOUT_MS,
  });
  return {
    workflows: createClient(WorkflowService, transport),
    runs: createClient(Runs, transport),
    sources: createClient(Workflows, transport),
    close: () => sessionManager.abort(),
  };
}
