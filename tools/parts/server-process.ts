/**
 * A server run as a child process: started with its output in a file, waited for until it is
 * ready, stopped with a bound on the wait.
 *
 * Boundary: knows nothing about what the server does; the caller says whether it is ready.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { EndSignal, Guard } from "./guard.ts";

/** A user of the system that a process runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** What to start: a program with its arguments, and where its output goes. */
export interface ServerCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Output and errors are appended here. */
  readonly logFile: string;
  /** The user to run as; the caller's own when left out. */
  readonly user?: SystemUser | undefined;
  /** The signal that ends it at once. */
  readonly endSignal: EndSignal;
}

const POLL_MS = 10;
const LOG_TAIL_CHARS = 2_000;

/** Starts the command under guard. Rejects when the program cannot be started at all. */
export async function startServerProcess(
  guard: Guard,
  command: ServerCommand,
): Promise<ChildProcess> {
  const log = await open(command.logFile, "a");
  try {
    const child = spawn(command.program, command.args, {
      cwd: command.cwd,
      stdio: ["ignore", log.fd, log.fd],
      // Ctrl-C in the terminal goes to us; we end the servers after those who use them.
      detached: true,
      env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
      ...command.user,
    });
    await once(child, "spawn");
    guard.watch(child, command.endSignal);
    return child;
  } finally {
    await log.close();
  }
}

/**
 * Waits until `findReady` gives a value and returns it. Rejects with the end of the log when the
 * process ends first or `timeoutMs` passes.
 */
export async function waitForServer<T>(
  child: ChildProcess,
  command: ServerCommand,
  timeoutMs: number,
  findReady: () => Promise<T | undefined>,
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  while (!hasEnded(child) && Date.now() < giveUpAt) {
    const ready = await findReady();
    if (ready !== undefined) return ready;
    await delay(POLL_MS);
  }
  const why = hasEnded(child) ? "ended while starting" : `was not ready within ${timeoutMs} ms`;
  throw new Error(`${command.name} ${why}:\n${await readLogTail(command.logFile)}`);
}

/** Ends the process with `signal`, with SIGKILL when it is still there after `timeoutMs`. */
export async function stopServerProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  if (hasEnded(child)) return;
  child.ref();
  const ended = once(child, "exit");
  child.kill(signal);
  const hard = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  await ended;
  clearTimeout(hard);
}

/** The text of a file, undefined while it does not exist. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The last lines of a server's log, for an error message. */
async function readLogTail(path: string): Promise<string> {
  const text = await readIfThere(path);
  return (text ?? "").trim().slice(-LOG_TAIL_CHARS) || "(it wrote nothing)";
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
