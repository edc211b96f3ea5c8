/**
 * The workers of a world: two processes that do the tasks of every workspace. A new one follows one that was killed.
 * Boundary: processes, signals and the lines in which they say what begins; what they do is task-handlers.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { parseLogLine } from "../../../../tools/demo/service-process.ts";
import { type Guard, startGuard } from "../../../../tools/parts/guard.ts";
import { projectRoot } from "../../../../tools/run-command.ts";
import { type CompiledService, compileService } from "../../../../tools/test-service.ts";
import { WORKER_SETTINGS } from "../short-settings.ts";

/** See the file's head. */
export interface Workers {
  /** How often each task began, by its id `<run>/<step>/<attempt>`. */
  readonly began: ReadonlyMap<string, number>;
  /** Starts them unless they run. */
  start(): Promise<void>;
  /** Kills one (SIGKILL), of which another takes the place. False: none runs. */
  kill(index: number): Promise<boolean>;
  /** False: none runs. */
  freeze(index: number): boolean;
  thaw(index: number): void;
  /** Kills all, does something meanwhile, and starts others. */
  pause<Result>(doing: () => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/** What they are started with. */
export interface WorkersOptions {
  readonly natsUrl: string;
  readonly workspaces: readonly string[];
  /** Gets lines at level error, and what is no JSON. */
  readonly errors: string[];
}

const WORKERS = 2;

/** Makes them; nothing runs before `start`. */
export function openWorkers(options: WorkersOptions): Workers {
  const began = new Map<string, number>();
  const children = new Map<number, ChildProcess>();
  let compiled: CompiledService | undefined;
  let guard: Guard | undefined;
  let starting: Promise<void> | undefined;

  function read(line: string): void {
    const entry = parseLogLine(line);
    if (typeof entry?.began === "string") began.set(entry.began, (began.get(entry.began) ?? 0) + 1);
    else if (entry === undefined || entry.level === "error") options.errors.push(line);
  }

  async function startOne(index: number): Promise<void> {
    const child = spawn(process.execPath, [compiled?.path ?? ""], {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        NATS_URL: options.natsUrl,
        WORKER_ID: `worker-${index}`,
        WORKER_WORKSPACES: options.workspaces.join(","),
      },
    });
    children.set(index, child);
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", read);
    await once(child, "spawn");
    guard?.watch(child, "KILL");
  }

  async function end(index: number): Promise<boolean> {
    const child = children.get(index % WORKERS);
    if (child === undefined) return false;
    children.delete(index % WORKERS);
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
    return true;
  }

  const signal = (index: number, name: NodeJS.Signals) =>
    children.get(index % WORKERS)?.kill(name) ?? false;
  const each = async (doing: (index: number) => Promise<unknown>) => {
    for (let index = 0; index < WORKERS; index += 1) await doing(index);
  };
  const startAll = async () => {
    compiled = await compileService({
      entry: "test/support/faults/world/worker-main.ts",
      edits: WORKER_SETTINGS,
    });
    guard = await startGuard("workflows-workers-");
    await each(startOne);
  };
  return {
    began,
    start() {
      starting ??= startAll();
      return starting;
    },
    async kill(index) {
      const isKilled = await end(index);
      if (isKilled) await startOne(index % WORKERS);
      return isKilled;
    },
    freeze: (index) => signal(index, "SIGSTOP"),
    thaw: (index) => void signal(index, "SIGCONT"),
    async pause(doing) {
      await each(end);
      const result = await doing();
      await each(startOne);
      return result;
    },
    async stop() {
      await starting;
      await each(end);
      await guard?.release();
      await compiled?.remove();
    },
  };
}
