/**
 * A process that takes commands from the one that started it, over the channel between them.
 * Boundary: names, arguments and results as JSON; what a command does is the caller's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Guard } from "../../tools/parts/guard.ts";
import { stopServerProcess } from "../../tools/parts/server-process.ts";
import { projectRoot } from "../../tools/run-command.ts";

/** Commands by name. */
export type Commands = Readonly<Record<string, (args: never) => unknown>>;

/** A process that was started. */
export interface CommandProcess {
  readonly pid: number;
  /** The result of a command; rejects with its error, or when the process ends. */
  ask<T>(name: string, args?: unknown, timeoutMs?: number): Promise<T>;
  /** Ends it by SIGTERM, after 20 s by SIGKILL. */
  stop(): Promise<void>;
  /** Ends it at once, without a word. */
  kill(): Promise<void>;
}

/** What to start. */
export interface CommandProcessOptions {
  readonly guard: Guard;
  /** For messages, and for the file of its output in the guard's folder. */
  readonly name: string;
  /** Arguments of Node: flags, the file, its arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

interface Asked {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const ASK_TIMEOUT_MS = 600_000;
const STOP_TIMEOUT_MS = 20_000;
const LOG_TAIL_CHARS = 2_000;
/** What of this process's environment a child gets. */
const HANDED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "PARTS_FOLDER", "NATS_SERVER_BIN"];

/** Starts a process of Node in the project's folder, guarded. */
export function startCommandProcess(options: CommandProcessOptions): CommandProcess {
  const { guard, name, args, env } = options;
  const logFile = `${guard.folder}/${name}.log`;
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [...args], {
    cwd: projectRoot,
    env: { ...handedOn(), ...env },
    stdio: ["ignore", log, log, "ipc"],
    detached: true,
  });
  guard.watch(child, "KILL");
  const asked = answersOf(child, async (how) => {
    const tail = (await readFile(logFile, "utf8")).trim().slice(-LOG_TAIL_CHARS);
    return new Error(`${name} ended (${how}):\n${tail || "(it wrote nothing)"}`);
  });
  let lastId = 0;
  const end = async (signal: NodeJS.Signals) => {
    await stopServerProcess(child, signal, STOP_TIMEOUT_MS);
  };
  return {
    pid: child.pid ?? 0,
    ask<T>(command: string, argument: unknown = {}, timeoutMs = ASK_TIMEOUT_MS): Promise<T> {
      lastId += 1;
      const id = lastId;
      return new Promise<T>((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`${name}: ${command} took over ${timeoutMs} ms`)),
          timeoutMs,
        );
        const settled = () => {
          clearTimeout(late);
          asked.delete(id);
        };
        asked.set(id, {
          resolve(value) {
            settled();
            resolve(value as T);
          },
          reject(error) {
            settled();
            reject(error);
          },
        });
        if (!child.connected) asked.get(id)?.reject(new Error(`${name} has ended`));
        else child.send({ id, command, argument });
      });
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Answers the commands of the process that started this one. */
export function serveCommands(commands: Commands): void {
  process.on("message", (message: { id: number; command: string; argument: never }) => {
    void answer(commands, message).then((answered) => process.send?.(answered));
  });
  // The one that started this process is gone, and no other process can end it.
  process.on("disconnect", () => process.exit(0));
}

async function answer(
  commands: Commands,
  { id, command, argument }: { id: number; command: string; argument: never },
): Promise<Answer> {
  try {
    const run = commands[command];
    if (run === undefined) throw new Error(`there is no command ${command}`);
    return { id, value: await run(argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function answersOf(
  child: ChildProcess,
  endOf: (how: string) => Promise<Error>,
): Map<number, Asked> {
  const asked = new Map<number, Asked>();
  child.on("message", ({ id, value, error }: Answer) => {
    const waiting = asked.get(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  });
  child.on("exit", (code, signal) => {
    void endOf(signal ?? `exit code ${code}`).then((error) => {
      for (const waiting of asked.values()) waiting.reject(error);
    });
  });
  return asked;
}

function handedOn(): Record<string, string> {
  const given = HANDED_ON.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(given.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
