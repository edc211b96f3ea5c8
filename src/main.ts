/**
 * The composition root: every part is made here, started in order and stopped in the reverse one.
 * Boundary: wiring only. The one arrow against the import table, commit to egress, is the callback `onCommitted`.
 */
import { randomBytes } from "node:crypto";
import type { NatsConnection } from "nats";
import { createApprovalDecider } from "./collaborators/approval-decider.ts";
import type { Clients } from "./collaborators/clients.ts";
import { createEntities } from "./collaborators/entities.ts";
import { createHookAsker } from "./collaborators/hook-asker.ts";
import { createCallers } from "./collaborators/identity/identity.ts";
import { createLookupCache } from "./collaborators/lookup-cache.ts";
import { type Config, describeConfig, readConfig } from "./config.ts";
import { createDispatcher } from "./egress/dispatch/dispatcher.ts";
import { startHealthChecks } from "./egress/health/health-checks.ts";
import { createPerformers } from "./egress/performers/performers.ts";
import { createPublisher, type Publisher } from "./egress/publish/publisher.ts";
import { createReconciler } from "./egress/reconcile/reconcile.ts";
import type { LongTask } from "./egress/tasks/lost-tasks.ts";
import { type BusConsumers, startBusConsumers } from "./ingress/bus/bus-consumers.ts";
import { markBus } from "./ingress/bus/bus-progress.ts";
import { createCallerEvents } from "./ingress/bus/caller-events.ts";
import { connectBus } from "./ingress/bus/connection.ts";
import { listenToPublished } from "./ingress/bus/published-events.ts";
import { createRedelivery } from "./ingress/bus/redelivery.ts";
import { createReadiness } from "./ingress/rpc/readiness.ts";
import { createRpcServer } from "./ingress/rpc/server.ts";
import { startTimers } from "./ingress/timers/timers.ts";
import { type BuiltInOwners, openClients, startOwners } from "./owners.ts";
import { reached } from "./process/crash-points.ts";
import { createLog, type Log, outliveLog } from "./process/log.ts";
import { renderPrometheus } from "./process/metrics.ts";
import { Refusal } from "./process/refusal.ts";
import { type Stop, stopOnSignal } from "./process/stop-on-signal.ts";
import { viewOf } from "./replica-facts.ts";
import type { PublishForCaller } from "./runtime/caller-events.ts";
import { createEventFeed, type EventFeed } from "./runtime/event-feed.ts";
import { createGraphCache, type GraphCache } from "./runtime/graphs.ts";
import { startIndexing } from "./runtime/indexing.ts";
import { type Committed, createProcessor, type Processor } from "./runtime/processor.ts";
import type { ReplicaView } from "./runtime/replica-view.ts";
import { startRetention } from "./runtime/retention.ts";
import type { RouteDeps } from "./runtime/routing/route-event.ts";
import { createRunFeed } from "./runtime/run-feed.ts";
import { runIdIn } from "./runtime/run-ids.ts";
import { startFault } from "./start-faults.ts";
import { type Database, openDatabase } from "./store/database.ts";
import { migrateDatabase, requireMigrated } from "./store/migrate.ts";
import { readClock } from "./store/service-reads/clock.ts";
import { encodeCall } from "./wire/calls/requests.ts";
import { startWorkerQueues, type WorkerQueues } from "./worker-queues.ts";

interface BusParts {
  readonly connection: NatsConnection;
  readonly publisher: Publisher;
  readonly consumers: BusConsumers;
  readonly workers: WorkerQueues;
  readonly publishEvent: PublishForCaller;
}

async function start(config: Config, log: Log): Promise<Stop> {
  if (config.migrate) await migrateDatabase(config.databaseUrl);
  else await requireMigrated(config.databaseUrl);
  const replicaId = randomBytes(8).toString("hex");
  const database = openDatabase({ url: config.databaseUrl, log });
  const startedAt = await readClock(database.read);
  const graphs = createGraphCache(database);
  const owners = startOwners(config, database, log);
  const { clients, inputClients } = openClients(config, owners, log);
  const feed = createRunFeed({ database, log });
  const lookups = createLookupCache({ costsFromMeter: clients.find("meter") !== undefined });
  const notice = (committed: Committed) => {
    bus.notice(committed);
    timers.notice(committed.dueInMs);
  };
  const processor = createProcessor({
    ...{ database, graphs, lookups, encodeCall, replicaId, log },
    newRunId: () => runIdIn(bus.partitions()),
    onCommitted: (committed) => {
      dispatcher.take(committed.calls);
      notice(committed);
      feed.notice(committed.batches);
    },
  });
  const runtime = { database, processor, log };
  const performers = createPerformers({ ...runtime, clients, lookups });
  const entities = createEntities({ clients: inputClients, log });
  const callers = createCallers(config.auth, { clients: inputClients, log });
  const dispatcher = createDispatcher({ ...runtime, performers, clients, replicaId });
  dispatcher.start();
  const timers = startTimers(runtime);
  const indexing = config.migrate ? startIndexing({ url: config.databaseUrl, log }) : undefined;
  const retention = startRetention({ database, graphs, log, days: config.retentionDays });
  const bus = startBus(config, { ...runtime, graphs, entities, replicaId, startedAt, owners });
  const reconciler = createReconciler({
    ...runtime,
    clients,
    intervalMs: config.reconcileIntervalMs,
    markBus: bus.mark,
    recoverTasks: bus.recoverTasks,
  });
  reconciler.start();
  const health = startHealthChecks({ database, clients, log });
  const server = createRpcServer({
    ...{ ...config, ...runtime, graphs, entities, callers },
    decideApproval: createApprovalDecider(inputClients),
    hooks: { origins: config.hookOrigins, ask: createHookAsker(inputClients, config.hookOrigins) },
    feed,
    ...{ publishEvent: bus.publishEvent, eventFeed: bus.eventFeed },
    delegations: owners.delegations,
    redeliver: createRedelivery({ ...runtime, graphs, entities }),
    replica: viewOf({ config, replicaId, startedAt, clients, inputClients, dispatcher, bus }),
    ...{ onCommitted: notice, onDeployed: health.checkSoon },
    probe: createReadiness({ database, log, busTroubles: bus.troubles }),
    metrics: async () => renderPrometheus(),
  });
  log.info("listening", { ...(await server.listen()), replicaId, pid: process.pid });
  const sources = [server, timers, dispatcher, reconciler, retention, health];
  return () => stopParts({ sources, indexing, bus, inputClients, owners, processor, database });
}

/** The parts in the order in which they stop; `sources` are those that take up work by themselves. */
interface Parts {
  readonly sources: readonly { stop(): Promise<void> }[];
  readonly indexing: { stop(): Promise<void> } | undefined;
  readonly bus: ReturnType<typeof startBus>;
  readonly inputClients: Clients;
  readonly owners: BuiltInOwners;
  readonly processor: Processor;
  readonly database: Database;
}

async function stopParts(parts: Parts): Promise<void> {
  const { sources, indexing, bus, inputClients, owners, processor, database } = parts;
  const { approvals, notifications } = owners;
  // All of them at once: none takes up new work while another one still finishes its own.
  await reached("stop.begun");
  const stopping = sources.map((part) => part.stop());
  await Promise.all([...stopping, bus.stopListening(), indexing?.stop()]);
  inputClients.close();
  inputClients.disconnect();
  await Promise.all([processor.stop(), approvals?.stop(), notifications?.stop()]);
  await bus.stop();
  await database.close();
}

interface BusDeps extends RouteDeps {
  readonly graphs: GraphCache;
  readonly replicaId: string;
  readonly startedAt: Date;
  readonly owners: BuiltInOwners;
}

/** The parts that live on the bus. They start when NATS answers: until then work is accepted and events wait. */
function startBus(config: Config, deps: BusDeps) {
  const { stream, sources, createStreams, format, limits } = config.bus;
  let parts: BusParts | undefined;
  const asked = askedOfBus(() => parts);
  let stopping = false;
  let connectionTrouble: string | undefined = "NATS has not answered yet";
  const onConnection = (trouble: string | undefined) => {
    connectionTrouble = trouble;
    if (trouble !== undefined) asked.eventFeed.cutOff(trouble);
  };
  const starting = connectBus(config.nats, deps.log, onConnection).then(async (connection) => {
    if (stopping) return connection.close();
    const publisher = createPublisher({ ...deps, connection, stream, format, limits });
    publisher.start();
    deps.owners.approvals?.publishOn(connection);
    const consumers = startBusConsumers({
      ...{ ...deps, connection },
      ...{ sources, createStreams, limits },
      replicas: { replicaId: deps.replicaId, others: () => publisher.share.others },
      ownStream: stream,
    });
    const intervalMs = config.reconcileIntervalMs;
    const workers = startWorkerQueues({ ...deps, connection, limits, intervalMs });
    const publishEvent = createCallerEvents({ connection, sources, ownStream: stream });
    parts = { connection, publisher, consumers, workers, publishEvent };
  });
  starting.catch((error: unknown) => {
    deps.log.error("the bus cannot be used", { error });
    process.exit(1);
  });
  return {
    notice({ batches, tasks }: Committed) {
      parts?.publisher.notice(batches);
      parts?.workers.take(tasks);
    },
    ...asked,
    partitions: () => parts?.publisher.share.partitions ?? [],
    troubles: () => ({
      bus: connectionTrouble ?? parts?.consumers.trouble() ?? parts?.workers.trouble(),
      stream: parts?.publisher.trouble() ?? deps.owners.approvals?.trouble(),
    }),
    async mark() {
      const { connection, consumers } = parts ?? notYet();
      return markBus({ connection, sources, busState: consumers.busState });
    },
    async recoverTasks(tasks: readonly LongTask[]) {
      await (parts ?? notYet()).workers.recover(tasks);
    },
    async stopListening() {
      stopping = true;
      await Promise.all([parts?.consumers.stop(), parts?.workers.stopListening()]);
    },
    async stop() {
      await Promise.all([parts?.publisher.stop(), parts?.workers.stop()]);
      await parts?.connection.close();
    },
  };
}

interface AskedOfBus extends Pick<ReplicaView, "findQueue" | "findWorkers" | "lookAtQueues"> {
  readonly publishEvent: PublishForCaller;
  readonly eventFeed: EventFeed;
}

/** What callers ask of the parts on the bus, also before there are any. */
function askedOfBus(partsOf: () => BusParts | undefined): AskedOfBus {
  const required = () => partsOf() ?? notYet();
  return {
    findQueue: (queue) => partsOf()?.workers.findQueue(queue),
    findWorkers: (workspaceId) => partsOf()?.workers.findWorkers(workspaceId),
    lookAtQueues: async (workspaceId) => partsOf()?.workers.lookAtQueues(workspaceId),
    publishEvent: async (event) => required().publishEvent(event),
    eventFeed: createEventFeed(async (to) => listenToPublished(required().connection, to)),
  };
}

function notYet(): never {
  throw new Refusal("unavailable", "NATS has not answered yet");
}

async function main(): Promise<void> {
  outliveLog();
  const read = readConfig();
  if (!read.ok) {
    for (const fault of read.faults) process.stderr.write(`${fault}\n`);
    process.exit(1);
  }
  const log = createLog(read.config.log);
  log.info("starting", describeConfig(read.config));
  if (read.config.otlpEndpoint !== undefined) {
    log.warn("OTEL_EXPORTER_OTLP_ENDPOINT is set; OTLP is not available yet, GET /metrics is");
  }
  if (read.config.corsOrigins.includes("*")) {
    log.warn(
      "CORS_ORIGINS is *: every page that a user of this network opens may call the service",
    );
  }
  if (read.config.auth.mode !== "none" && read.config.metricsPort === undefined) {
    log.info("authentication is on and METRICS_PORT is not set: /metrics is closed");
  }
  process.on("unhandledRejection", (error) => {
    log.error("unhandled promise rejection; the service goes on", { error });
  });
  let stop: Stop | undefined;
  stopOnSignal(() => stop, log);
  try {
    stop = await start(read.config, log);
    await reached("start.listening");
  } catch (error) {
    const fault = startFault(error, read.config);
    if (fault === undefined) log.error("the service cannot start", { error });
    else process.stderr.write(`${fault}\n`);
    process.exit(1);
  }
}

await main();
