/**
 * The real RPC server on a database of its own, and clients for it in every protocol.
 * Boundary: the real processor and store; collaborators' calls are collected and not performed.
 */
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Callers } from "../../../src/collaborators/identity/callers.ts";
import type { DecideApproval } from "../../../src/engine/values/approval-decision.ts";
import { createRedelivery } from "../../../src/ingress/bus/redelivery.ts";
import type { ConsoleOptions } from "../../../src/ingress/rpc/console/console.ts";
import { createRpcServer } from "../../../src/ingress/rpc/server.ts";
import type { StreamLimits } from "../../../src/ingress/rpc/stream-limits.ts";
import type { Log } from "../../../src/process/log.ts";
import type { EndpointSettings } from "../../../src/runtime/endpoints.ts";
import { createEventFeed, type EventFeed } from "../../../src/runtime/event-feed.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import type { HookSettings } from "../../../src/runtime/hooks.ts";
import type { ReplicaView } from "../../../src/runtime/replica-view.ts";
import type { RunFeed } from "../../../src/runtime/run-feed.ts";
import { ownView } from "./own-view.ts";
import { startProcessor, type TestProcessor } from "./processor.ts";

/** A server at work. */
export interface RpcService extends TestProcessor {
  readonly baseUrl: string;
  /** A client by Connect over HTTP/1.1. */
  readonly client: Client<typeof WorkflowService>;
}

/** The details of a refused call. */
export interface Refused {
  /** The code's name, such as InvalidArgument. */
  readonly code: string | undefined;
  /** Reason of the ErrorInfo. */
  readonly reason: string | undefined;
  /** Paths of the field violations. */
  readonly fields: string[];
  readonly error: ConnectError;
}

/** Every protocol and version of HTTP that goes together. */
export const TRANSPORTS: [name: string, make: (baseUrl: string) => Transport][] = [
  ["connect, HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["connect, HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
  [
    "connect JSON, HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
  ["grpc, HTTP/2", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["grpc-web, HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["grpc-web, HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
];

/** Starts a server on a free port; with `callers` it asks them who calls. */
export async function startRpcService(
  more: {
    readonly callers?: Callers;
    /** The owner of approvals. */
    readonly decideApproval?: DecideApproval;
    readonly log?: Log;
    readonly corsOrigins?: readonly string[];
    readonly console?: ConsoleOptions;
    /** Who signs tokens, as clients of MCP are told. */
    readonly auth?: { readonly mode: string; readonly issuer?: string };
    readonly streamLimits?: StreamLimits;
    readonly endpoints?: EndpointSettings;
    readonly hooks?: HookSettings;
    readonly feed?: RunFeed;
    /** Of a bus on which nothing is published unless given. */
    readonly eventFeed?: EventFeed;
    /** Submissions that may wait in each lane. */
    readonly laneLimit?: number;
    /** The processor and its database; those of an empty database unless given. */
    readonly processor?: TestProcessor;
    /** What the replica knows by itself; a view without collaborators unless given. */
    readonly replica?: ReplicaView;
  } = {},
): Promise<RpcService> {
  const { processor: given, ...others } = more;
  const parts = given ?? (await startProcessor(more.laneLimit));
  const graphs = createGraphCache(parts.database);
  const server = createRpcServer({
    ...{ replica: ownView(), eventFeed: createEventFeed(async () => () => {}) },
    ...parts,
    ...others,
    graphs,
    // The bus of these tests stores everything; the real one is test/integration/caller-events.test.ts.
    publishEvent: async () => ({
      stream: "SIPHON",
      subject: "siphon.tap.ops",
      seq: 1,
      duplicate: false,
    }),
    redeliver: createRedelivery({ ...parts, graphs }),
    host: "127.0.0.1",
    port: 0,
    reflection: true,
    graceMs: 500,
    probe: async () => ({ status: "ok", parts: {} }),
    metrics: async () => "",
  });
  const { port } = await server.listen();
  const baseUrl = `http://127.0.0.1:${port}`;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  return {
    ...parts,
    baseUrl,
    client: createClient(WorkflowService, transport),
    async stop() {
      await server.stop();
      await parts.stop();
    },
  };
}

/** What a call is refused with; throws when it is answered. */
export async function refusedBy(call: Promise<unknown>): Promise<Refused> {
  const thrown: unknown = await call.then(
    (answer) => new Error("the call was answered", { cause: answer }),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ConnectError)) throw thrown;
  const violations = thrown.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  return {
    code: Object.entries(Code).find(([, value]) => value === thrown.code)?.[0],
    reason: thrown.findDetails(ErrorInfoSchema)[0]?.reason,
    fields: violations.map(({ field }) => field),
    error: thrown,
  };
}
