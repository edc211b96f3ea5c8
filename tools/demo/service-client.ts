/**
 * A gRPC client of the service, over one HTTP/2 connection that can be closed.
 *
 * Boundary: the protocol; what is asked is the caller's business.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";

/** The client, and the end of its connection. */
export interface ServiceClient {
  readonly workflows: Client<typeof WorkflowService>;
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
    close: () => sessionManager.abort(),
  };
}
