/**
 * One replica of the service in a world: the real parts, wired as main.ts does, on a link of its own.
 * Boundary: no sockets, no retention; messages come from the world's bus, calls through a door (rpc-door.ts).
 */
import { createLookupCache } from "../../../src/collaborators/lookup-cache.ts";
import { createDispatcher } from "../../../src/egress/dispatch/dispatcher.ts";
import { createPerformers } from "../../../src/egress/performers/performers.ts";
import { createPublisher } from "../../../src/egress/publish/publisher.ts";
import { createReconciler } from "../../../src/egress/reconcile/reconcile.ts";
import { handleBatch } from "../../../src/ingress/bus/handle-batch.ts";
import { handleResults } from "../../../src/ingress/bus/handle-results.ts";
import { startTimers } from "../../../src/ingress/timers/timers.ts";
import type { Log } from "../../../src/process/log.ts";
import { createProcessor } from "../../../src/runtime/processor.ts";
import { SharedReports } from "../../../src/runtime/routing/shared-reports.ts";
import { runIdIn } from "../../../src/runtime/run-ids.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { RESULTS_STREAM } from "../../../src/wire/tasks/subjects.ts";
import type { BusMember, EventBus } from "./event-bus.ts";
import { Link, type LinkWorld } from "./link.ts";
import type { ModelServer } from "./model/model-database.ts";
import { type AnsweringReplica, askOthers } from "./other-replicas.ts";
import { connectStream, OWN_LIMITS, OWN_STREAM, type OwnStream } from "./own-stream.ts";
import { ownerClients } from "./owner-clients.ts";
import type { Owners } from "./owners.ts";
import { startQueues } from "./replica-queues.ts";
import { openDoor, type RpcDoor } from "./rpc-door.ts";
import type { TaskStream } from "./task-stream.ts";
import { PUBLISHED } from "./versions.ts";

/** What replicas share. */
export interface ReplicaWorld extends LinkWorld {
  readonly server: ModelServer;
  readonly owners: Owners;
  readonly bus: Pick<EventBus, "mark">;
  readonly stream: OwnStream;
  readonly tasks: TaskStream | undefined;
  readonly log: Log;
  newRunId(): string;
  readonly members: readonly AnsweringReplica[];
}

/** A replica at work. */
export interface Replica extends BusMember, AnsweringReplica {
  readonly link: Link;
  readonly door: RpcDoor;
  /** It is gone at once; what it holds stays held until it runs out. */
  crash(): void;
  stop(): Promise<void>;
}

const RECONCILE_MS = 8_000;

const graphs = {
  async require(ids: readonly string[]) {
    const all = [...PUBLISHED.values()].map(({ versionId, graph }) => [versionId, graph] as const);
    return new Map(all.filter(([id]) => ids.includes(id)));
  },
};

/** Starts a replica. */
export function startReplica(world: ReplicaWorld, id: string): Replica {
  const link = new Link(world, id);
  const { database, endAll } = world.server.connect(link);
  const { log } = world;
  const lookups = createLookupCache({ costsFromMeter: false });
  const clients = ownerClients(world, world.owners, link);
  const connection = connectStream(world, world.stream, link, world.tasks);
  const processor = createProcessor({
    ...{
      database,
      graphs,
      lookups,
      encodeCall,
      log,
      replicaId: id,
      newRunId: () => runIdIn(publisher.share.partitions, () => world.newRunId()),
    },
    onCommitted({ batches, calls, tasks, dueInMs }) {
      dispatcher.take(calls);
      publisher.notice(batches);
      timers.notice(dueInMs);
      queues?.take(tasks);
    },
  });
  const performers = createPerformers({ clients, lookups, log, database, processor });
  const dispatcher = createDispatcher({
    ...{ database, processor, performers, clients, log, replicaId: id },
  });
  const publisher = createPublisher({
    ...{ database, graphs, log, connection, replicaId: id },
    ...{ stream: OWN_STREAM, limits: OWN_LIMITS, format: "cloudevents" },
  });
  const queueDeps = { database, graphs, processor, connection, limits: OWN_LIMITS, log };
  const intervalMs = RECONCILE_MS;
  const queues = world.tasks && startQueues({ ...queueDeps, replicaId: id, intervalMs });
  const reconciler = createReconciler({
    ...{ database, processor, clients, log, intervalMs },
    recoverTasks: async (tasks) => queues?.recover(tasks),
    async markBus() {
      await link.pass();
      const isPassed = world.bus.mark();
      return async () => {
        await link.pass();
        return isPassed();
      };
    },
  });
  reconciler.start();
  dispatcher.start();
  publisher.start();
  const timers = startTimers({ database, processor, log });
  const handling = new Set<Promise<void>>();
  let stopping = false;
  const noteTenantless = () => undefined;
  const stream = "EVENTS";
  const sharedReports = new SharedReports({
    processor,
    others: askOthers(world, link, () => publisher.share.others),
  });
  const batchDeps = {
    sharedReports,
    database,
    processor,
    graphs,
    log,
    connection,
    stream,
    limits: OWN_LIMITS,
    noteTenantless,
  };
  return {
    ...{ id, link, door: openDoor(world, link, { database, processor, graphs, log }) },
    answer: (text) => sharedReports.answer(text),
    handle(messages) {
      if (stopping) return;
      const handled = handleBatch(batchDeps, messages).then(() => void handling.delete(handled));
      handling.add(handled);
    },
    handleResults(messages) {
      if (stopping) return;
      const deps = { database, processor, connection, log, stream: RESULTS_STREAM };
      const handled = handleResults({ ...deps, limits: OWN_LIMITS }, messages).then(
        () => void handling.delete(handled),
      );
      handling.add(handled);
    },
    crash() {
      link.cut();
      endAll();
    },
    async stop() {
      stopping = true;
      await Promise.all([timers.stop(), reconciler.stop(), dispatcher.stop(), ...handling]);
      await processor.stop();
      await publisher.stop();
      await queues?.stop();
    },
  };
}
