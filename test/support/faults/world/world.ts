/**
 * A world for faults: servers that crash, collaborators that misbehave, a bus that loses events, and replicas of the fault
 * build.
 * Boundary: makes and breaks the parts; what runs in them is the workload's matter.
 */
import { join } from "node:path";
import pg from "pg";
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { type Sandbox, startSandbox } from "../../../../src/sandbox/sandbox.ts";
import { startGuard } from "../../../../tools/parts/guard.ts";
import { randomNumbers } from "../../random/random-numbers.ts";
import type { PlannedFault } from "../planned-fault.ts";
import { FREEZE_MS } from "../short-settings.ts";
import { cast } from "../workload/cast.ts";
import { WORKSPACES } from "../workload/workspaces.ts";
import { type BusChaos, startBusChaos } from "./bus-chaos.ts";
import { type CountMet, countCallsMet } from "./calls-met.ts";
import { openReplica, type Replica, type Reports } from "./replica.ts";
import { type Servers, startServers } from "./servers.ts";
import { openWorkers, type Workers } from "./workers.ts";

/** The world. */
export interface World {
  readonly servers: Servers;
  readonly sandbox: Sandbox;
  readonly chaos: BusChaos;
  readonly replicas: readonly Replica[];
  readonly workers: Workers;
  readonly reports: Reports;
  /** Counts calls that met a trouble of the sandbox. */
  readonly countMet: CountMet;
  /** Makes the replicas as many as asked for. A new one begins with `faults`. */
  resize(count: number, faults?: readonly PlannedFault[]): Promise<void>;
  /** Asks the database, again while it restarts. */
  rows<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** How to make it. */
export interface WorldOptions {
  /** What the replicas run. */
  readonly compiled: string;
  readonly seed: number;
  readonly replicas: number;
  /** Faults of each replica's first start. */
  readonly faults?: readonly PlannedFault[];
  /** Collaborators that keep idempotency keys as the platform does. */
  readonly strictKeys?: { readonly keptMs: number };
  /** Further variables of each replica. */
  readonly environment?: (index: number) => Readonly<Record<string, string>>;
}

const HANDED_ON = ["PATH", "HOME", "TMPDIR"];
const RECONCILE_MS = 2_000;
const CALL_TIMEOUT_MS = 3_000;
const ROWS_TRIES = 200;
const ROWS_PAUSE_MS = 50;

/** Starts all of it, and waits until every replica is ready. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const stopOne of stops.splice(0).reverse()) await stopOne();
  };
  try {
    const guard = await startGuard("workflows-plans-");
    stops.push(guard.release);
    const servers = await startServers();
    stops.push(servers.stop);
    const chaos = await startBusChaos(servers.natsUrl, randomNumbers(options.seed));
    stops.push(chaos.stop);
    const sandbox = await startSandbox({
      natsUrl: servers.natsUrl,
      script: cast,
      disturb: chaos.disturb,
      ...(options.strictKeys === undefined ? {} : { strictKeys: options.strictKeys }),
    });
    stops.push(sandbox.stop);
    const pool = new pg.Pool({ connectionString: servers.databaseUrl, max: 4 });
    // A connection that breaks is a fault of the plan; the next question opens another one.
    pool.on("error", () => {});
    stops.push(() => pool.end());
    const reports: Reports = {
      reached: new Set<CrashPoint>(),
      happened: [],
      errors: [],
      warnings: [],
    };
    const { natsUrl } = servers;
    const workers = openWorkers({ natsUrl, workspaces: WORKSPACES, errors: reports.errors });
    stops.push(workers.stop);
    const replicas: Replica[] = [];
    stops.push(() => Promise.all(replicas.map((replica) => replica.stop())));
    const open = (index: number, faults: readonly PlannedFault[]) =>
      openReplica(
        {
          compiled: options.compiled,
          environment: { ...surroundings(servers, sandbox), ...options.environment?.(index) },
          plansFile: join(guard.folder, `plans-${index}.json`),
          reports,
          freezeMs: FREEZE_MS,
        },
        faults,
      );
    const world: World = {
      servers,
      sandbox,
      chaos,
      replicas,
      workers,
      reports,
      countMet: countCallsMet(sandbox.troubles),
      async resize(count, faults = []) {
        const leaving = replicas.splice(count);
        while (replicas.length < count) replicas.push(open(replicas.length, faults));
        await Promise.all([
          ...leaving.map((replica) => replica.stop()),
          ...replicas.map((replica) => replica.ready()),
        ]);
      },
      rows: (text, values = []) => askAgain(pool, text, values),
      stop,
    };
    await world.resize(options.replicas, options.faults);
    return world;
  } catch (error) {
    await stop();
    throw error;
  }
}

function surroundings(servers: Servers, sandbox: Sandbox): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(HANDED_ON.map((name) => [name, process.env[name]])),
    ...sandbox.urls,
    // No caller shows a token, and every entity exists.
    IDENTITY_URL: undefined,
    DATABASE_URL: servers.databaseUrl,
    NATS_URL: servers.natsUrl,
    BUS_CREATE_STREAMS: "true",
    RECONCILE_INTERVAL_MS: String(RECONCILE_MS),
    COLLABORATOR_TIMEOUT_MS: String(CALL_TIMEOUT_MS),
    LOG_LEVEL: "info",
    HOST: "127.0.0.1",
    PORT: "0",
  };
}

async function askAgain<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return (await pool.query<Row>(text, [...values])).rows;
    } catch (error) {
      // What the statement itself does wrong has a code of five characters that is no loss of the connection.
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      const isAway = code.length !== 5 || code.startsWith("57") || code.startsWith("08");
      if (!isAway || tries >= ROWS_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, ROWS_PAUSE_MS));
    }
  }
}
