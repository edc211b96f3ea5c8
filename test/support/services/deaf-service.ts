/**
 * The service without a bus: processor, calls and reconciler on a fresh database, and no consumer.
 * Boundary: the real parts, wired as the composition root does; collaborators are the caller's.
 */
import pg from "pg";
import { type ClientSettings, createClients } from "../../../src/collaborators/clients.ts";
import { createLookupCache } from "../../../src/collaborators/lookup-cache.ts";
import { createDispatcher } from "../../../src/egress/dispatch/dispatcher.ts";
import { createPerformers } from "../../../src/egress/performers/performers.ts";
import { createReconciler, type ReconcilerDeps } from "../../../src/egress/reconcile/reconcile.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { StepRun } from "../../../src/engine/values/run.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createProcessor } from "../../../src/runtime/processor.ts";
import type { RouteDeps } from "../../../src/runtime/routing/route-event.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { findRunRows } from "../histories/stored-run.ts";
import { freshDatabase } from "../servers/database.ts";
import { publish, startOf } from "./processor.ts";

/** The parts, running. */
export interface DeafService extends RouteDeps {
  readonly sql: pg.Client;
  /** Starts to check steps as one replica; several may. */
  reconcile(options: Pick<ReconcilerDeps, "intervalMs" | "markBus">): void;
  /** Publishes a version and starts a run of it. */
  begin(name: string, spec: VersionSpec): Promise<string>;
  stepOfRun(runId: string, index?: number): Promise<StepRun | undefined>;
  /** Lets every step have begun and been asked about this long ago. */
  age(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the parts; nothing is checked before `reconcile`. */
export async function startDeafService(
  urls: ClientSettings["urls"],
  protocol: ClientSettings["protocol"] = "connect",
): Promise<DeafService> {
  const { url, drop } = await freshDatabase();
  const log = createLog({ level: "error", format: "pretty" });
  const database = openDatabase({ url, log });
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  const graphs = createGraphCache(database);
  const clients = createClients({ urls, protocol, timeoutMs: 2_000, concurrency: 64 }, log);
  const lookups = createLookupCache({ costsFromMeter: false });
  const processor = createProcessor({
    database,
    graphs,
    lookups,
    encodeCall,
    replicaId: "deaf",
    log,
    onCommitted: ({ calls }) => dispatcher.take(calls),
  });
  const performers = createPerformers({ clients, lookups, log, database, processor });
  const dispatcher = createDispatcher({
    ...{ database, processor, performers, clients, log },
    replicaId: "deaf",
  });
  dispatcher.start();
  const reconcilers: ReturnType<typeof createReconciler>[] = [];
  return {
    ...{ database, processor, graphs, log, sql },
    reconcile(options) {
      const reconciler = createReconciler({ database, processor, clients, log, ...options });
      reconciler.start();
      reconcilers.push(reconciler);
    },
    async begin(name, spec) {
      const version = await publish(database, name, spec);
      const cause = { kind: "rpc", id: "StartRun" } as const;
      const { runId } = await processor.submit({ kind: "start", start: startOf(version), cause });
      return runId;
    },
    async stepOfRun(runId, index = 0) {
      return (await findRunRows(database.read, runId))?.steps.get(index);
    },
    async age(ms) {
      await sql.query(
        `update step_runs set started_at = started_at - $1::float8 * interval '1 millisecond',
           checked_at = checked_at - $1::float8 * interval '1 millisecond'`,
        [ms],
      );
    },
    async stop() {
      await Promise.all([dispatcher.stop(), ...reconcilers.map((reconciler) => reconciler.stop())]);
      await processor.stop();
      await database.close();
      await sql.end();
      await drop();
    },
  };
}
