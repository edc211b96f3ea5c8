/**
 * A private nats-server with JetStream: found or installed, started on a port of its own.
 *
 * Boundary: the only place that knows how to find the program. It is sought in
 * `NATS_SERVER_BIN`, in PATH and where package managers put it; only then installed, and only by
 * the system's package manager where the present user may do so.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Guard } from "./guard.ts";
import {
  readIfThere,
  type ServerCommand,
  startServerProcess,
  stopServerProcess,
  waitForServer,
} from "./server-process.ts";

/** A running nats-server. */
export interface NatsServer {
  /** Such as `nats://127.0.0.1:41234`; `tls://` where the settings want TLS. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** What may be asked of a server besides the usual. */
export interface NatsOptions {
  /** A port, so that a server can restart at the same address; a free one unless given. */
  readonly port?: number;
  /** Further arguments of the program. */
  readonly args?: readonly string[];
}

type Log = (line: string) => void;

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 3_000;
const USUAL_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

interface Installer {
  readonly program: string;
  readonly needsRoot: boolean;
  readonly commands: readonly (readonly string[])[];
}

const INSTALLERS: readonly Installer[] = [
  {
    program: "apt-get",
    needsRoot: true,
    commands: [
      ["update", "-q"],
      // Two checkouts that install at once wait for each other's lock.
      ["install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"],
    ],
  },
  { program: "apk", needsRoot: true, commands: [["add"]] },
  { program: "brew", needsRoot: false, commands: [["install"]] },
];

/**
 * Starts nats-server with JetStream in the guard's folder, on a port that the server itself picks,
 * so that any number of them can start at once. Rejects with the one command to run when the
 * program is missing and cannot be installed.
 */
export async function startNatsServer(
  guard: Guard,
  log: Log,
  options: NatsOptions = {},
): Promise<NatsServer> {
  const program = findNatsServer() ?? installNatsServer(log);
  const folder = join(guard.folder, "nats");
  await mkdir(folder, { mode: 0o700, recursive: true });
  const port = String(options.port ?? -1);
  const args = ["-a", "127.0.0.1", "-p", port, "-js", "-sd", folder, "--ports_file_dir", folder];
  const command: ServerCommand = {
    name: "nats-server",
    program,
    args: [...args, ...(options.args ?? [])],
    cwd: folder,
    logFile: join(guard.folder, "nats.log"),
    endSignal: "KILL",
  };
  const child = await startServerProcess(guard, command);
  const pid = child.pid ?? 0;
  const portsFile = join(folder, `nats-server_${pid}.ports`);
  const url = await waitForServer(child, command, START_TIMEOUT_MS, async () =>
    parsePortsFile(await readIfThere(portsFile)),
  );
  child.unref();
  return { url, pid, stop: () => stopServerProcess(child, "SIGTERM", STOP_TIMEOUT_MS) };
}

/** The program's path, undefined when it is not installed. A wrong `NATS_SERVER_BIN` throws. */
function findNatsServer(): string | undefined {
  const given = process.env.NATS_SERVER_BIN;
  if (given) {
    if (isProgram(given)) return given;
    throw new Error(`NATS_SERVER_BIN names ${given}, which is not a program that can be run`);
  }
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
  return folders.map((folder) => join(folder, "nats-server")).find(isProgram);
}

function installNatsServer(log: Log): string {
  const isRoot = process.getuid?.() === 0;
  const installer = INSTALLERS.find(
    ({ program, needsRoot }) => (isRoot || !needsRoot) && canRun(program),
  );
  if (installer) {
    log(`nats-server is missing; installing it with ${installer.program}`);
    installer.commands.forEach((args, index) => {
      const isLast = index === installer.commands.length - 1;
      runInstaller(installer.program, isLast ? [...args, "nats-server"] : args, log);
    });
    const program = findNatsServer();
    if (program) return program;
  }
  throw new Error(
    "nats-server is missing. Install it with `sudo apt-get install -y nats-server` " +
      "(macOS: `brew install nats-server`), or set NATS_SERVER_BIN to the program.",
  );
}

function runInstaller(program: string, args: readonly string[], log: Log): void {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (result.status !== 0) {
    log(`${program} ${args.join(" ")} failed: ${(result.stderr || "no message").trim()}`);
  }
}

function canRun(program: string): boolean {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter(Boolean)
    .some((folder) => isProgram(join(folder, program)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// The file is written in one go, but a reader may still meet it empty.
function parsePortsFile(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /"((?:nats|tls):\/\/[^"]+)"/.exec(text)?.[1];
}
