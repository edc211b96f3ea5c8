/**
 * A private Postgres: a fresh cluster in the guard's folder, reached by TCP on loopback only.
 *
 * Boundary: knows how to make, start and stop a cluster; where the programs come from is
 * `postgres-binaries.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { findFreePort } from "./free-port.ts";
import type { Guard } from "./guard.ts";
import { findPostgresUser, requirePostgresBinaries } from "./postgres-binaries.ts";
import {
  readIfThere,
  type ServerCommand,
  type SystemUser,
  startServerProcess,
  stopServerProcess,
  waitForServer,
} from "./server-process.ts";

/** A running private Postgres. */
export interface Postgres {
  /** With user and password; its user is the superuser of the cluster. */
  readonly url: string;
  readonly pid: number;
  readonly majorVersion: number;
  /** Ends it without a checkpoint, as a crash does, and starts it at the same address: it recovers from its log. */
  restartAtOnce(): Promise<void>;
  stop(): Promise<void>;
}

/** What may be asked of a server besides the usual. */
export interface PostgresOptions {
  /** Gives up durability against a crash of the machine, for tests only. */
  readonly fastDisk: boolean;
  /** Further settings, as `name=value`; they win over ours. */
  readonly settings?: readonly string[];
}

const USER = "workflows";
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const START_ATTEMPTS = 4;
const FAST_DISK = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
// `postmaster.pid` holds the state of the server in its eighth line.
const STATUS_LINE = 7;

interface Cluster {
  readonly bin: string;
  readonly data: string;
  readonly folder: string;
  readonly user: SystemUser | undefined;
  readonly password: string;
}

/**
 * Makes a cluster and starts it on a free port. A start that fails (the port may have been taken
 * in between) is tried again with another port, four times at most.
 */
export async function startPostgres(guard: Guard, options: PostgresOptions): Promise<Postgres> {
  const user = findPostgresUser();
  const scratch = join(guard.folder, "postgres-programs");
  const binaries = await requirePostgresBinaries(user, scratch);
  const folder = join(guard.folder, "postgres");
  await mkdir(folder);
  await chmod(folder, 0o700);
  if (user) await chown(folder, user.uid, user.gid);
  const password = randomBytes(12).toString("hex");
  const data = join(folder, "data");
  const cluster: Cluster = { bin: binaries.folder, data, folder, user, password };
  await makeCluster(guard, cluster);
  let { child, port } = await startServer(guard, cluster, options);
  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`,
    get pid() {
      return child.pid ?? 0;
    },
    majorVersion: binaries.majorVersion,
    async restartAtOnce() {
      await stopServerProcess(child, "SIGQUIT", STOP_TIMEOUT_MS);
      ({ child } = await startServer(guard, cluster, options, port));
    },
    stop: () => stopServerProcess(child, "SIGINT", STOP_TIMEOUT_MS),
  };
}

async function makeCluster(guard: Guard, cluster: Cluster): Promise<void> {
  const passwordFile = join(cluster.folder, "password");
  await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
  if (cluster.user) await chown(passwordFile, cluster.user.uid, cluster.user.gid);
  const settings = ["-D", cluster.data, "-U", USER, "-A", "scram-sha-256", "--pwfile"];
  const child = spawn(
    join(cluster.bin, "initdb"),
    [...settings, passwordFile, "--encoding=UTF8", "--locale=C", "--no-sync"],
    {
      cwd: cluster.folder,
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
      env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
      ...cluster.user,
    },
  );
  guard.watch(child, "KILL");
  const [errors, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  if (status !== 0) throw new Error(`initdb failed with status ${status}:\n${errors.trim()}`);
}

async function startServer(
  guard: Guard,
  cluster: Cluster,
  options: PostgresOptions,
  fixedPort?: number,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = fixedPort ?? (await findFreePort());
    const command = makeServerCommand(guard, cluster, options, port);
    const child = await startServerProcess(guard, command);
    try {
      await waitForServer(child, command, START_TIMEOUT_MS, () => findReady(cluster.data));
      child.unref();
      return { child, port };
    } catch (error) {
      await stopServerProcess(child, "SIGQUIT", STOP_TIMEOUT_MS);
      if (attempt >= START_ATTEMPTS) throw error;
    }
  }
}

function makeServerCommand(
  guard: Guard,
  cluster: Cluster,
  options: PostgresOptions,
  port: number,
): ServerCommand {
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    "timezone=UTC",
    ...(options.fastDisk ? FAST_DISK : []),
    ...(options.settings ?? []),
  ];
  return {
    name: "Postgres",
    program: join(cluster.bin, "postgres"),
    args: ["-D", cluster.data, ...settings.flatMap((setting) => ["-c", setting])],
    cwd: cluster.folder,
    logFile: join(guard.folder, "postgres.log"),
    user: cluster.user,
    endSignal: "QUIT",
  };
}

async function findReady(data: string): Promise<true | undefined> {
  const lines = (await readIfThere(join(data, "postmaster.pid")))?.split("\n");
  return lines?.[STATUS_LINE]?.trim() === "ready" ? true : undefined;
}
