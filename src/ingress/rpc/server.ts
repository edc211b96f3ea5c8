/**
 * The RPC server: one port for all RPCs and doors, on HTTP/1.1 and HTTP/2, in Connect, gRPC and gRPC-Web.
 * Boundary: composition only; handlers are in the files named after their groups.
 * Invariant: stop() first says NOT_SERVING, then refuses connections, then waits for the calls under way.
 */
import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Endpoints } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Log } from "../../process/log.ts";
import { Refusal } from "../../process/refusal.ts";
import { createCallerKeys } from "../../runtime/caller-keys.ts";
import { createEventFeed, type EventFeed } from "../../runtime/event-feed.ts";
import { createHeldKeys } from "../../runtime/held-keys.ts";
import { createRunFeed, type RunFeed } from "../../runtime/run-feed.ts";
import { createWorkflowFeed } from "../../runtime/workflow-feed.ts";
import { type ConsoleOptions, createConsole } from "./console/console.ts";
import { createCors } from "./cors.ts";
import {
  answerDoor,
  type DoorDeps,
  type MetricsDoor,
  mainDoors,
  metricsDoors,
  type Readiness,
} from "./doors.ts";
import { endpointsService } from "./endpoints-service.ts";
import { createGuard } from "./guard.ts";
import { createHealth } from "./health.ts";
import { createHookDoor } from "./hooks/door.ts";
import { createInboxFeed } from "./inbox-feed.ts";
import { inboxService } from "./inbox-service.ts";
import { createMcpDoor } from "./mcp/door.ts";
import { runsService } from "./ops-service.ts";
import { createPrefixOf } from "./prefix.ts";
import { createReflection } from "./reflection.ts";
import { createRpcRouter } from "./router.ts";
import { schedulesService } from "./schedules-service.ts";
import { workflowService } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import { createListener, type Listener, type TlsMaterial } from "./sockets.ts";
import { createSourceReader } from "./source-reader.ts";
import { systemService } from "./system-service.ts";
import { templatesService } from "./templates-service.ts";
import { workflowsService } from "./workflows-service.ts";

/** What the server needs: the service's parts, what the doors ask, and where to listen. */
export interface RpcServerDeps
  extends Omit<
      ServiceParts,
      | "callerKeys"
      | "heldKeys"
      | "feed"
      | "inboxFeed"
      | "workflowFeed"
      | "eventFeed"
      | "sources"
      | "probe"
    >,
    DoorDeps {
  /** Told of the commits of this replica; without it what it commits is found as that of others. The server stops it. */
  readonly feed?: RunFeed;
  /** Hears the bus; without it no event can be tailed. The server stops it. */
  readonly eventFeed?: EventFeed;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Metrics on a port of their own, and no longer on the main one. */
  readonly metricsPort?: number;
  readonly tls?: TlsMaterial;
  /** Origins whose pages may call from a browser; none unless given, `*` is all. */
  readonly corsOrigins?: readonly string[];
  /** The page for browsers; none unless given. */
  readonly console?: ConsoleOptions;
  /** Who signs tokens, of mode jwt: clients of MCP are told of it. */
  readonly auth?: { readonly mode: string; readonly issuer?: string };
  /** Whether grpc.reflection answers. */
  readonly reflection: boolean;
  readonly log: Log;
  /** How long calls under way may take when the server stops; 10 s unless set. */
  readonly graceMs?: number;
}

/** The server; stop() may be called once and resolves when nothing is open any more. */
export interface RpcServer {
  listen(): Promise<{ host: string; port: number }>;
  stop(): Promise<void>;
}

const OWN: readonly DescService[] = [
  ...[WorkflowService, Runs, Inbox, System, Workflows],
  ...[Endpoints, Schedules, Templates],
];
const GRACE_MS = 10_000;
const PROBE_INTERVAL_MS = 2_000;

/** A server that does not listen yet. */
export function createRpcServer(deps: RpcServerDeps): RpcServer {
  const health = createHealth(OWN.map(({ typeName }) => typeName));
  const services: DescService[] = [...OWN, Health];
  if (deps.reflection) services.push(ServerReflection, ServerReflectionAlpha);
  const feeds = createFeeds(deps);
  const sources = createSourceReader();
  const guard = deps.callers === undefined ? undefined : createGuard(deps.callers);
  const register = (router: ConnectRouter) => {
    const callerKeys = createCallerKeys(deps.database);
    const heldKeys = createHeldKeys(deps);
    const parts = { ...deps, ...feeds, sources, callerKeys, heldKeys };
    router.service(WorkflowService, workflowService(parts));
    router.service(Runs, runsService(parts));
    router.service(Inbox, inboxService(parts));
    router.service(System, systemService(parts));
    router.service(Workflows, workflowsService(parts));
    router.service(Endpoints, endpointsService(parts));
    router.service(Schedules, schedulesService(parts));
    router.service(Templates, templatesService(parts));
    router.service(Health, health.implementation);
    if (!deps.reflection) return;
    const reflection = createReflection(services);
    router.service(ServerReflection, reflection.v1);
    router.service(ServerReflectionAlpha, reflection.v1alpha);
  };
  const prefixOf = createPrefixOf(deps.endpoints?.publicUrl ?? "");
  const route = createRpcRouter(register, deps.log, guard, { ...deps.streamLimits, prefixOf });
  const cors = createCors(deps.corsOrigins ?? []);
  const doors = mainDoors(metricsOnMain(deps));
  const page = createConsole(deps.console, deps.log);
  const hooks = createHookDoor({ ...deps, ...feeds });
  const mcp = createMcpDoor({ ...deps, ...mcpSettings(deps), ...route, prefixOf });
  const main = createListener({
    ...deps,
    handle: (request, response) => {
      response.on("error", (error) => deps.log.debug("an answer was cut off", { error }));
      if (cors(request, response) || hooks(request, response) || mcp(request, response)) return;
      if (route(request, response) || page(request, response)) return;
      answerDoor(doors, deps, request, response, prefixOf(request));
    },
  });
  const listeners = [main, ...metricsListener(deps)];
  let watching: NodeJS.Timeout | undefined;
  return {
    async listen() {
      const [where] = await Promise.all(listeners.map((listener) => listener.listen()));
      if (where === undefined) throw new Error("no listener was opened");
      watching = setInterval(() => watch(deps, health.setServing), PROBE_INTERVAL_MS).unref();
      return where;
    },
    async stop() {
      clearInterval(watching);
      health.end();
      await stopFeeds(feeds);
      await Promise.all(listeners.map((listener) => listener.stop(deps.graceMs ?? GRACE_MS)));
      await sources.stop();
    },
  };
}

function createFeeds(deps: RpcServerDeps) {
  return {
    feed: deps.feed ?? createRunFeed(deps),
    inboxFeed: createInboxFeed(),
    workflowFeed: createWorkflowFeed(deps),
    eventFeed: deps.eventFeed ?? createEventFeed(hearNothing),
  };
}

async function stopFeeds(feeds: ReturnType<typeof createFeeds>): Promise<void> {
  const { feed, inboxFeed, workflowFeed, eventFeed } = feeds;
  for (const each of [inboxFeed, eventFeed]) each.stop();
  await Promise.all([feed.stop(), workflowFeed.stop()]);
}

function mcpSettings({ callers, endpoints, corsOrigins, auth, tls }: RpcServerDeps) {
  const settings = {
    ...{ isAuthenticated: callers !== undefined, publicUrl: endpoints?.publicUrl ?? "" },
    ...{ corsOrigins: corsOrigins ?? [], issuer: auth?.issuer, isTls: tls !== undefined },
  };
  return { callers, settings };
}

async function hearNothing(): Promise<never> {
  throw new Refusal("unavailable", "there is no bus");
}

/** Metrics cover all workspaces: with authentication on, they have a port of their own or none. */
function metricsOnMain({ metricsPort, callers }: RpcServerDeps): MetricsDoor {
  if (metricsPort !== undefined) return "elsewhere";
  return callers === undefined ? "open" : "closed";
}

function metricsListener(deps: RpcServerDeps): Listener[] {
  if (deps.metricsPort === undefined) return [];
  const { host, metricsPort: port, log } = deps;
  const doors = metricsDoors();
  return [
    createListener({ host, port, log, handle: (req, res) => answerDoor(doors, deps, req, res) }),
  ];
}

function watch(deps: RpcServerDeps, setServing: (serving: boolean) => void): void {
  deps.probe().then(
    (readiness: Readiness) => setServing(readiness.status !== "down"),
    (error: unknown) => {
      deps.log.warn("a probe failed", { error });
      setServing(false);
    },
  );
}
