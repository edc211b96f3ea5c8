/**
 * The process of one engine: puts the loads on it by command, and measures what they take.
 * Boundary: no statistics and no CPU times; those are of the process that commands. Arguments: engine, database's address,
 * and how many ms an objective ends after its answer.
 */
import { startGuard } from "../../tools/parts/guard.ts";
import { nowMs } from "../parts/clock.ts";
import { serveCommands } from "../parts/commands.ts";
import type { Counted } from "../parts/process-cpu.ts";
import type { Engine, EngineName, EngineStart, RunKind } from "./engine.ts";
import { inFlight } from "./in-flight.ts";

const PARKED_AT_A_TIME = 100;

const [name = "", databaseUrl = "", endDelayMs = "0"] = process.argv.slice(2);
const awaited = new Map<string, (atMs: number) => void>();
const tag = `${process.pid.toString(36)}${Date.now().toString(36)}`;
let made = 0;
const guard = await startGuard(`workflows-bench-${name}-`);
const engine = await startEngine(name as EngineName, {
  databaseUrl,
  guard,
  endDelayMs: Number(endDelayMs),
  seen(id, atMs) {
    awaited.get(id)?.(atMs);
    awaited.delete(id);
  },
});

serveCommands({
  ready: () => true,
  processes: (): readonly Counted[] => [
    { name: engine.hostIs, pid: process.pid, withChildren: false },
    ...engine.processes(),
  ],
  /** Runs to their end, so many at a time; gives the ms that all took. */
  async runs({ kind, runs, atATime }: { kind: RunKind; runs: number; atATime: number }) {
    const beganAtMs = nowMs();
    await inFlight(runs, atATime, () => engine.run(kind, newId()));
    return nowMs() - beganAtMs;
  },
  /** Runs one after another; gives the ms of each. */
  async one({ kind, runs }: { kind: RunKind; runs: number }) {
    const tookMs: number[] = [];
    for (let i = 0; i < runs; i += 1) {
      const beganAtMs = nowMs();
      await engine.run(kind, newId());
      tookMs.push(nowMs() - beganAtMs);
    }
    return tookMs;
  },
  /** Parks runs; gives the ms until all were accepted. `ids` are what `wakeAll` wakes. */
  async park({ runs }: { runs: number }) {
    const ids = Array.from({ length: runs }, newId);
    const beganAtMs = nowMs();
    await inFlight(runs, PARKED_AT_A_TIME, (at) => requirePark()(ids[at] ?? ""));
    const acceptedMs = nowMs() - beganAtMs;
    await engine.parked?.();
    return { acceptedMs, ids };
  },
  /** Wakes parked runs one after another; gives the ms from each wake to the call of the next step. */
  async wakeEach({ ids }: { ids: readonly string[] }) {
    const tookMs: number[] = [];
    for (const id of ids) tookMs.push((await wake(id)).tookMs);
    return tookMs;
  },
  /** Wakes parked runs at once; gives the time of the first next call by the monotonic clock. */
  async firstOf({ ids }: { ids: readonly string[] }) {
    const woken = await Promise.all(ids.map((id) => wake(id)));
    return Math.min(...woken.map(({ atMs }) => atMs));
  },
  own: ({ name: command, args }: { name: string; args: never }) => {
    const run = engine.own?.[command];
    if (run === undefined) throw new Error(`${name} has no command ${command}`);
    return run(args);
  },
  async close() {
    await engine.close();
    await guard.release();
  },
});

async function startEngine(engineName: EngineName, start: EngineStart): Promise<Engine> {
  switch (engineName) {
    case "ours":
      return (await import("./ours.ts")).startOurs(start);
    case "floor":
      return (await import("./floor.ts")).startFloor(start);
    case "worker-floor":
      return (await import("./worker-floor.ts")).startWorkerFloor(start);
    case "dbos":
      return (await import("./dbos.mjs")).startDbos(start);
    case "restate":
    case "restate-2":
    case "restate-svc":
      return (await import("./restate.mjs")).startRestate(start, engineName);
  }
}

async function wake(id: string): Promise<{ tookMs: number; atMs: number }> {
  if (engine.wake === undefined) throw new Error(`${name} cannot wake runs`);
  const seen = new Promise<number>((resolve) => awaited.set(id, resolve));
  const beganAtMs = nowMs();
  await engine.wake(id);
  const atMs = await seen;
  return { tookMs: atMs - beganAtMs, atMs };
}

function requirePark(): (id: string) => Promise<void> {
  if (engine.park === undefined) throw new Error(`${name} cannot park runs`);
  return engine.park;
}

function newId(): string {
  made += 1;
  return `${tag}-${made}`;
}
