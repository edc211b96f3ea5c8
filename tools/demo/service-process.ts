/**
 * The service as a child process: started as `npm start` does, waited for until it is ready, stopped.
 *
 * Boundary: knows the service by its environment, its log lines and `/readyz` alone.
 *
 * Invariants:
 * 1. The process never outlives this one, however this one ends (a guard of its own, see
 *    tools/parts/guard.ts).
 * 2. Of its output the last lines are kept, never more.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { isJsonObject } from "../../src/sandbox/bus.ts";
import { startGuard } from "../parts/guard.ts";
import { stopServerProcess } from "../parts/server-process.ts";
import { projectRoot } from "../run-command.ts";

/** A running service. */
export interface ServiceProcess {
  readonly pid: number;
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Settles when the process has ended, with how, such as `signal SIGKILL`. */
  readonly ended: Promise<string>;
  /** The last lines that it wrote, for a message about a failure. */
  tail(): string;
  /** Asks it to end and waits; after 15 s it is ended. Safe to call again. */
  stop(): Promise<void>;
}

/** How to start the service. */
export interface ServiceOptions {
  /** All variables that the process gets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What Node runs in place of the compiled service of tools/build.mjs, relative to the project. */
  readonly compiled?: string | undefined;
  /** Gets every line that the service writes. */
  readonly onLine?: (line: string) => void;
  /** Gives a start up that is still under way. */
  readonly signal?: AbortSignal;
}

/** Where tools/build.mjs puts it. */
const COMPILED = "dist/service/main.mjs";
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const PROBE_INTERVAL_MS = 50;
const PROBE_TIMEOUT_MS = 2_000;
const LINES_KEPT = 40;

/** Starts the service and waits until it is ready. Rejects with its last lines when it does not get there. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const guard = await startGuard("workflows-service-");
  const child = spawn(process.execPath, [options.compiled ?? COMPILED], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl-C in the terminal goes to us; we end the service in our own order.
    detached: true,
    env: { ...options.environment },
  });
  await once(child, "spawn");
  guard.watch(child, "KILL");
  const lines: string[] = [];
  // Not at its exit: what it wrote last is read by then.
  const ended = once(child, "close").then(async () => {
    await guard.release();
    return describeEnd(child);
  });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await stopServerProcess(child, "SIGTERM", STOP_TIMEOUT_MS);
    await ended;
  };
  const keepLine = (line: string): void => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    options.onLine?.(line);
  };
  const giveUp = (): void => void child.kill("SIGTERM");
  options.signal?.addEventListener("abort", giveUp);
  try {
    const port = await findPort(child, keepLine, ended);
    const url = `http://127.0.0.1:${port}`;
    await waitUntilReady(url, ended);
    return {
      pid: child.pid ?? 0,
      url,
      ended,
      tail: () => lines.join("\n"),
      stop() {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await stop();
    options.signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the service ${reason}; its last lines:\n${lines.join("\n") || "(none)"}`, {
      cause: error,
    });
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
}

function findPort(
  child: ChildProcess & { readonly stdout: Readable; readonly stderr: Readable },
  keepLine: (line: string) => void,
  ended: Promise<string>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`did not listen within ${START_TIMEOUT_MS} ms`)),
      START_TIMEOUT_MS,
    );
    createInterface({ input: child.stderr }).on("line", keepLine);
    createInterface({ input: child.stdout }).on("line", (line) => {
      keepLine(line);
      const port = portOfLine(line);
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(port);
    });
    void ended.then((how) => {
      clearTimeout(timer);
      reject(new Error(`ended while starting (${how})`));
    });
  });
}

/** The port, when the line is the service's message that it listens. */
function portOfLine(line: string): number | undefined {
  const entry = parseLogLine(line);
  return entry?.message === "listening" && typeof entry.port === "number" ? entry.port : undefined;
}

/** A line of the service's log as an object; undefined when it is no JSON object. */
export function parseLogLine(line: string): { readonly [name: string]: unknown } | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return isJsonObject(entry) ? entry : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function waitUntilReady(url: string, ended: Promise<string>): Promise<void> {
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  let answer = "";
  while (end === undefined && Date.now() < giveUpAt) {
    answer = await probe(`${url}/readyz`);
    if (parseLogLine(answer)?.status === "ok") return;
    await delay(PROBE_INTERVAL_MS);
  }
  if (end !== undefined) throw new Error(`ended while starting (${end})`);
  throw new Error(`was not ready within ${START_TIMEOUT_MS} ms (/readyz says ${answer})`);
}

/** The answer of an HTTP endpoint, or the reason why there is none, as text. */
async function probe(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return await response.text();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describeEnd(child: ChildProcess): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
}
