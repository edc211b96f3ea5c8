/**
 * Several replicas of the whole service, each a process of its own, with a database and a bus of their own.
 * Boundary: needs the Postgres of TEST_DATABASE_URL and the program nats-server; no collaborator is configured.
 */
import type { Client } from "@connectrpc/connect";
import pg from "pg";
import type { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { connectService } from "../../../tools/demo/service-client.ts";
import { parseLogLine, startService } from "../../../tools/demo/service-process.ts";
import { startGuard } from "../../../tools/parts/guard.ts";
import { startNatsServer } from "../../../tools/parts/nats-server.ts";
import { freshDatabase, type TestDatabase } from "../servers/database.ts";

/** One replica at work. */
export interface Replica {
  readonly pid: number;
  /** Where it listens. */
  readonly url: string;
  readonly workflows: Client<typeof WorkflowService>;
  readonly runs: Client<typeof Runs>;
  readonly sources: Client<typeof Workflows>;
  /** Everything it logged, an object a line. */
  readonly logged: { readonly [name: string]: unknown }[];
  /** The value of a metric as it is written, labels included; 0 when it is not there. */
  metric(name: string): Promise<number>;
  /** Ends the process as a crash does (kill -9). */
  kill(): Promise<void>;
  /** Ends it as an operator does (SIGTERM). */
  stop(): Promise<void>;
}

/** Surroundings for replicas. */
export interface Cluster {
  readonly databaseUrl: string;
  /** A connection to their bus for the test. */
  readonly natsUrl: string;
  /** Starts a replica and waits until it is ready; `compiled` is what it runs, the cluster's unless given. */
  start(environment?: Readonly<Record<string, string>>, compiled?: string): Promise<Replica>;
  rows<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The database's clock, in ms. */
  nowMs(): Promise<number>;
  /** Stops all of it. */
  stop(): Promise<void>;
}

/** The variables of this process that the service gets. */
const HANDED_ON = ["PATH", "HOME", "TMPDIR"];

/** What is not as usual. */
export interface ClusterOptions {
  /** What replicas run (see tools/test-service.ts); the service itself unless given. */
  readonly compiled?: string;
  /** Makes their database; a migrated one unless given. */
  readonly database?: () => Promise<TestDatabase>;
  /** The addresses of their bus; a server of their own unless given. */
  readonly natsUrl?: string;
}

/** Makes the surroundings; nothing runs yet. */
export async function startCluster({
  compiled,
  database: makeDatabase = freshDatabase,
  natsUrl: givenNatsUrl,
}: ClusterOptions = {}): Promise<Cluster> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const stopOne of stops.splice(0).reverse()) await stopOne();
  };
  try {
    const database = await makeDatabase();
    stops.push(database.drop);
    const sql = new pg.Client({ connectionString: database.url });
    // A test may end the server's connections; the next query reports it.
    sql.on("error", () => {});
    await sql.connect();
    stops.push(() => sql.end());
    const natsUrl = givenNatsUrl ?? (await startBus(stops));
    const surroundings = {
      ...Object.fromEntries(HANDED_ON.map((name) => [name, process.env[name]])),
      DATABASE_URL: database.url,
      NATS_URL: natsUrl,
      BUS_CREATE_STREAMS: "true",
      HOST: "127.0.0.1",
      PORT: "0",
    };
    return {
      databaseUrl: database.url,
      natsUrl,
      async start(environment = {}, program = compiled ?? process.env.TEST_SERVICE) {
        const replica = await startReplica(program, { ...surroundings, ...environment });
        stops.push(replica.stop);
        return replica;
      },
      async rows<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
        return (await sql.query<Row>(text, [...values])).rows;
      },
      async nowMs() {
        const text = "select extract(epoch from clock_timestamp())::float8 * 1000 as now";
        return (await sql.query<{ now: number }>(text)).rows[0]?.now ?? Number.NaN;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startBus(stops: (() => Promise<void>)[]): Promise<string> {
  const guard = await startGuard("workflows-replicas-");
  stops.push(guard.release);
  const nats = await startNatsServer(guard, () => {});
  stops.push(nats.stop);
  return nats.url;
}

async function startReplica(
  compiled: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
) {
  const logged: { readonly [name: string]: unknown }[] = [];
  const service = await startService({
    compiled,
    environment,
    onLine(line) {
      const entry = parseLogLine(line);
      if (entry !== undefined) logged.push(entry);
    },
  });
  const client = connectService(service.url);
  return {
    pid: service.pid,
    url: service.url,
    workflows: client.workflows,
    runs: client.runs,
    sources: client.sources,
    logged,
    async metric(name: string) {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const line = text.split("\n").find((each) => each.startsWith(`${name} `));
      return line === undefined ? 0 : Number(line.slice(name.length + 1));
    },
    async kill() {
      client.close();
      process.kill(service.pid, "SIGKILL");
      await service.ended;
    },
    async stop() {
      client.close();
      await service.stop();
    },
  };
}
