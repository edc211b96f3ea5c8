/** The host of an engine, seen from the process that commands it. */

import type { Guard } from "../../tools/parts/guard.ts";
import type { EngineName, RunKind } from "../engines/engine.ts";
import { startCommandProcess } from "./commands.ts";
import type { Counted } from "./process-cpu.ts";

/** An engine at work, in its process. */
export interface Host {
  readonly engine: EngineName;
  processes(): Promise<readonly Counted[]>;
  /** Runs to their end; ms of all. */
  runs(kind: RunKind, runs: number, atATime: number): Promise<number>;
  /** Runs one after another; ms of each. */
  one(kind: RunKind, runs: number): Promise<number[]>;
  park(runs: number): Promise<{ readonly acceptedMs: number; readonly ids: readonly string[] }>;
  /** Wakes one after another; ms of each. */
  wakeEach(ids: readonly string[]): Promise<number[]>;
  /** Wakes all at once; the time of the first next call. */
  firstOf(ids: readonly string[]): Promise<number>;
  /** A command that only this engine has. */
  own<T>(name: string, args?: unknown, timeoutMs?: number): Promise<T>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 120_000;

/** Starts an engine on an empty database; see EngineStart for `endDelayMs`. */
export async function startHost(
  guard: Guard,
  engine: EngineName,
  databaseUrl: string,
  endDelayMs = 0,
): Promise<Host> {
  const process = startCommandProcess({
    guard,
    name: `host-${engine}`,
    args: ["--import", "tsx", "bench/engines/host.ts", engine, databaseUrl, String(endDelayMs)],
  });
  try {
    await process.ask("ready", {}, START_TIMEOUT_MS);
  } catch (error) {
    await process.kill();
    throw error;
  }
  return {
    engine,
    processes: () => process.ask("processes"),
    runs: (kind, runs, atATime) => process.ask("runs", { kind, runs, atATime }),
    one: (kind, runs) => process.ask("one", { kind, runs }),
    park: (runs) => process.ask("park", { runs }),
    wakeEach: (ids) => process.ask("wakeEach", { ids }),
    firstOf: (ids) => process.ask("firstOf", { ids }),
    own: (name, args = {}, timeoutMs) => process.ask("own", { name, args }, timeoutMs),
    async stop() {
      await process.ask("close", {}, START_TIMEOUT_MS).catch((error: unknown) => {
        console.error(`${engine} did not close: ${error instanceof Error ? error.message : error}`);
      });
      await process.stop();
    },
  };
}
