/**
 * Surroundings of the tools without a service: what is asked is kept, and answered as a test says.
 * Boundary: Connect's own transport in memory, so that requests are encoded as over the network.
 */
import { Code, ConnectError, type ConnectRouter, createRouterTransport } from "@connectrpc/connect";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { SCOPES, type Scope } from "../../../src/collaborators/identity/callers.ts";
import { rpcsOf } from "../../../src/ingress/rpc/scopes.ts";
import { clientsOver, type McpWorld } from "../../../src/mcp/world.ts";

/** A call that the tools made. */
export interface Asked {
  readonly rpc: string;
  readonly request: unknown;
  readonly key: string | null;
}

/** Who calls, and what the service answers. */
export interface Answers {
  readonly isAgent?: true;
  readonly scopes?: readonly Scope[];
  /** By the name of the RPC, such as `Workflows.list`; an error is thrown. */
  readonly [rpc: string]: unknown;
}

/** The headers of a call, and those of its answer. */
export interface CallHeaders {
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
}

/** A world whose calls are kept in `asked`. */
export function fakeWorld(
  answers: Answers = {},
  environment = "",
): { world: McpWorld; asked: Asked[] } {
  const asked: Asked[] = [];
  const { isAgent = false, scopes = SCOPES } = answers;
  const who = { subject: isAgent ? "scout" : "ann", isAgent, rpcs: rpcsOf(new Set(scopes)) };
  const answer = (rpc: string) => (request: unknown, context: CallHeaders) => {
    if (rpc === "System.whoAmI") return who;
    asked.push({ rpc, request, key: context.requestHeader.get("idempotency-key") });
    const given = answers[rpc];
    const made: unknown = typeof given === "function" ? given(request, context) : (given ?? {});
    if (made instanceof Error) throw made;
    return made;
  };
  const transport = createRouterTransport((router: ConnectRouter) => {
    for (const service of [WorkflowService, Workflows, Runs, Inbox, System]) {
      for (const method of service.methods) {
        if (method.methodKind !== "unary") continue;
        router.rpc(method, answer(`${service.name}.${method.localName}`) as never);
      }
    }
  });
  const world: McpWorld = {
    clients: clientsOver(transport),
    ...{ workspaceId: "ws", environment },
    consoleUrl: "http://127.0.0.1:8080/console",
    describe: (error) =>
      error instanceof ConnectError ? `${Code[error.code]}: ${error.rawMessage}` : String(error),
  };
  return { world, asked };
}
