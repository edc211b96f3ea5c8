/**
 * The servers that the service needs, private to one caller: a Postgres and a nats-server with
 * JetStream, on free loopback ports and in a temporary folder.
 *
 * Boundary: for tests, demo, development and benchmarks. A server that already runs is used only
 * when `DATABASE_URL` or `NATS_URL` names it; in that Postgres the caller gets a fresh database.
 *
 * Invariant: nothing is left behind, neither after `stop` nor after any end of this process (see
 * `guard.ts`). A fresh database in a foreign server is dropped by `stop` only.
 */
import { makeFreshDatabase } from "./fresh-database.ts";
import { type Guard, startGuard } from "./guard.ts";
import { startNatsServer } from "./nats-server.ts";
import { startPostgres } from "./postgres.ts";

/** Addresses of running servers. */
export interface Parts {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** Stops what was started and removes what was made. Safe to call again. */
  stop(): Promise<void>;
}

/** How to start the parts. */
export interface PartsOptions {
  /** Gets a line for what takes long or is worth knowing; nothing is printed by default. */
  readonly log?: (line: string) => void;
  /** Gives up durability on disk for speed: for tests, never for benchmarks. */
  readonly fastDisk?: boolean;
  /** The port of a private nats-server; a free one unless given. */
  readonly natsPort?: number | undefined;
}

interface Part {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the parts side by side. When one cannot start, the other is stopped and the reason thrown. */
export async function startParts(options: PartsOptions = {}): Promise<Parts> {
  const log = options.log ?? (() => {});
  const guard = await startGuard("workflows-parts-");
  const [database, nats] = await Promise.allSettled([
    startDatabase(guard, log, options.fastDisk ?? false),
    startBus(guard, log, options.natsPort),
  ]);
  if (database.status === "fulfilled" && nats.status === "fulfilled") {
    let stopped: Promise<void> | undefined;
    return {
      databaseUrl: database.value.url,
      natsUrl: nats.value.url,
      stop() {
        stopped ??= stopAll(guard, [database.value, nats.value]);
        return stopped;
      },
    };
  }
  const started = [database, nats].flatMap((part) =>
    part.status === "fulfilled" ? [part.value] : [],
  );
  const reasons = [database, nats].flatMap((part) =>
    part.status === "rejected" ? [part.reason] : [],
  );
  await stopAll(guard, started);
  throw reasons.length === 1 ? reasons[0] : new AggregateError(reasons, "no part could be started");
}

async function startDatabase(
  guard: Guard,
  log: (line: string) => void,
  fastDisk: boolean,
): Promise<Part> {
  const given = process.env.DATABASE_URL;
  if (given) {
    const database = await makeFreshDatabase(given);
    log("using a fresh database in the server that DATABASE_URL names");
    return { url: database.url, stop: database.drop };
  }
  const postgres = await startPostgres(guard, { fastDisk });
  log(`Postgres ${postgres.majorVersion} started (process ${postgres.pid})`);
  return postgres;
}

async function startBus(
  guard: Guard,
  log: (line: string) => void,
  port: number | undefined,
): Promise<Part> {
  const given = process.env.NATS_URL;
  if (given) {
    log("using the server that NATS_URL names");
    return { url: given, stop: async () => {} };
  }
  const nats = await startNatsServer(guard, log, port === undefined ? {} : { port });
  log(`nats-server started (process ${nats.pid})`);
  return nats;
}

async function stopAll(guard: Guard, parts: readonly Part[]): Promise<void> {
  const results = await Promise.allSettled(parts.map((part) => part.stop()));
  await guard.release();
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
