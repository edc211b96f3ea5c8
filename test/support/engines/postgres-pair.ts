/**
 * A Postgres and its synchronous standby: what the first one has committed, the other one has on its disk. The first one
 * can be killed and the other one promoted.
 * Boundary: needs the programs of an installed PostgreSQL (`pg_basebackup`, `pg_ctl`); the embedded one does not have them.
 */
import { type ChildProcess, execFile } from "node:child_process";
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { findFreePort } from "../../../tools/parts/free-port.ts";
import { type Guard, startGuard } from "../../../tools/parts/guard.ts";
import { startPostgres } from "../../../tools/parts/postgres.ts";
import {
  findPostgresUser,
  requirePostgresBinaries,
} from "../../../tools/parts/postgres-binaries.ts";
import { startServerProcess, stopServerProcess } from "../../../tools/parts/server-process.ts";
import { until } from "../assertions/until.ts";
import { startTcpRelay } from "./tcp-relay.ts";

const run = promisify(execFile);
const STOP_MS = 5_000;

/** The pair at work. */
export interface PostgresPair {
  /** Leads to the first one, and to the other one after `failOver`. */
  readonly url: string;
  /** Kills the first one (-9), promotes the other one and lets the address lead to it. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the pair; every commit waits for the standby from here on. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const guard = await startGuard("workflows-pair-");
  const primary = await startPostgres(guard, {
    fastDisk: false,
    settings: ["wal_level=replica", "max_wal_senders=4", "hot_standby=on"],
  });
  const { standby, port, promote } = await startStandby(guard, primary.url);
  await waitForEveryCommit(primary.url);
  const relay = await startTcpRelay(Number(new URL(primary.url).port));
  const url = new URL(primary.url);
  url.port = String(relay.port);
  return {
    url: url.href,
    async failOver() {
      process.kill(primary.pid, "SIGKILL");
      await promote();
      relay.moveTo(port);
    },
    async stop() {
      await relay.stop();
      await stopServerProcess(standby, "SIGINT", STOP_MS);
      await primary.stop();
      await guard.release();
    },
  };
}

async function startStandby(guard: Guard, primaryUrl: string) {
  const user = findPostgresUser();
  const { folder: bin } = await requirePostgresBinaries(user, join(guard.folder, "programs"));
  const folder = join(guard.folder, "standby");
  await mkdir(folder, { mode: 0o700 });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { cwd: folder, ...user };
  const backup = ["-d", primaryUrl, "-D", data, "-R", "-X", "stream", "-c", "fast"];
  await run(join(bin, "pg_basebackup"), backup, options);
  const port = await findFreePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    // A standby takes at least as many as the primary.
    "max_connections=200",
    "max_wal_senders=4",
  ];
  const standby: ChildProcess = await startServerProcess(guard, {
    name: "Postgres standby",
    program: join(bin, "postgres"),
    args: ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    cwd: folder,
    logFile: join(guard.folder, "standby.log"),
    user,
    endSignal: "QUIT",
  });
  standby.unref();
  const promote = async () => {
    await run(join(bin, "pg_ctl"), ["promote", "-D", data, "-w"], options);
  };
  return { standby, port, promote };
}

async function waitForEveryCommit(primaryUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: primaryUrl });
  await client.connect();
  try {
    await client.query("alter system set synchronous_standby_names = '*'");
    await client.query("select pg_reload_conf()");
    await until(async () => {
      const { rows } = await client.query("select sync_state from pg_stat_replication");
      return rows.some((row) => row.sync_state === "sync") ? true : undefined;
    });
  } finally {
    await client.end();
  }
}
