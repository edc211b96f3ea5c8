/**
 * A Postgres with a synchronous standby: what a commit was acknowledged for is on both.
 * Boundary: the programs of the Postgres that tests use; the primary fails once, and its place is not filled again.
 */
import { execFile } from "node:child_process";
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { findFreePort } from "../../../tools/parts/free-port.ts";
import { startGuard } from "../../../tools/parts/guard.ts";
import { startPostgres } from "../../../tools/parts/postgres.ts";
import {
  findPostgresUser,
  requirePostgresBinaries,
} from "../../../tools/parts/postgres-binaries.ts";
import { startServerProcess, stopServerProcess } from "../../../tools/parts/server-process.ts";
import { until } from "../assertions/until.ts";

/** The two servers. */
export interface PostgresPair {
  readonly primaryUrl: string;
  /** Of the standby, which takes no writes before `promote`. */
  readonly standbyUrl: string;
  /** Ends the primary as a crash does (kill -9). */
  killPrimary(): void;
  /** Makes the standby take writes; resolves when it does. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = "standby";
const STOP_TIMEOUT_MS = 5_000;
/** The files need not outlive the machine. The connection of the standby is in its own settings. */
const PRIMARY = ["fsync=off", "synchronous_commit=on", `synchronous_standby_names=${NAME}`];
const run = promisify(execFile);

/** Starts both; resolves when the standby is synchronous. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const guard = await startGuard("workflows-pair-");
  const user = findPostgresUser();
  const binaries = await requirePostgresBinaries(user, join(guard.folder, "programs"));
  const program = (name: string) => join(binaries.folder, name);
  const primary = await startPostgres(guard, { fastDisk: true, settings: PRIMARY });
  const folder = join(guard.folder, NAME);
  const data = join(folder, "data");
  await mkdir(folder);
  await chmod(folder, 0o700);
  if (user) await chown(folder, user.uid, user.gid);
  const as = { cwd: folder, ...user };
  const source = `${primary.url}?application_name=${NAME}`;
  await run(program("pg_basebackup"), ["-D", data, "-R", "-c", "fast", "-d", source], as);
  const port = await findFreePort();
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories="];
  const command = {
    name: "the standby",
    program: program("postgres"),
    args: [
      "-D",
      data,
      ...[...settings, "max_connections=200", "fsync=off"].flatMap((each) => ["-c", each]),
    ],
    cwd: folder,
    logFile: join(guard.folder, "standby.log"),
    user,
    endSignal: "QUIT",
  } as const;
  const child = await startServerProcess(guard, command);
  await until(() => isSynchronous(primary.url));
  const standbyUrl = new URL(primary.url);
  standbyUrl.port = String(port);
  return {
    primaryUrl: primary.url,
    standbyUrl: standbyUrl.href,
    killPrimary: () => void process.kill(primary.pid, "SIGKILL"),
    async promote() {
      await run(program("pg_ctl"), ["promote", "-D", data, "-w"], as);
    },
    async stop() {
      await primary.stop();
      await stopServerProcess(child, "SIGINT", STOP_TIMEOUT_MS);
      await guard.release();
    },
  };
}

async function isSynchronous(primaryUrl: string): Promise<true | undefined> {
  const client = new pg.Client({ connectionString: primaryUrl });
  await client.connect();
  try {
    const states = await client.query("select sync_state from pg_stat_replication");
    return states.rows.some(({ sync_state: state }) => state === "sync") || undefined;
  } finally {
    await client.end();
  }
}
