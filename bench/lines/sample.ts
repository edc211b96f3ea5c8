/** What a line measured on an engine, once: numbers by name. */
import type { Guard } from "../../tools/parts/guard.ts";
import type { Postgres } from "../../tools/parts/postgres.ts";
import type { EngineName } from "../engines/engine.ts";
import type { LineName } from "../options.ts";
import type { Host } from "../parts/host-process.ts";
import {
  growthOfPostgres,
  type PostgresCounts,
  readPostgresCounts,
} from "../parts/postgres-counts.ts";
import { type CpuSeconds, growthOfCpu, readCpu, sumOfCpu } from "../parts/process-cpu.ts";
import { median } from "../report/statistics.ts";
import type { Sizes } from "./sizes.ts";

/** Where a number comes from: an engine, or the bare echo. */
export type Subject = EngineName | "echo";

/** Numbers by name; the name ends in the unit. */
export type Values = Readonly<Record<string, number>>;

/** One measurement. */
export interface Sample {
  readonly line: LineName;
  readonly subject: Subject;
  readonly repetition: number;
  readonly values: Values;
}

/** What a line is measured with. */
export interface Bed {
  readonly guard: Guard;
  readonly host: Host;
  readonly sizes: Sizes;
  readonly databaseUrl: string;
  readonly postgres: Pick<Postgres, "url" | "pid" | "majorVersion">;
}

/** The CPU time and Postgres's counts of some work. */
export interface Cost {
  readonly ms: number;
  readonly cpu: CpuSeconds;
  readonly postgres: PostgresCounts;
}

const SECOND_MS = 1_000;

/** Does work that gives the ms it took, and counts what it cost. */
export async function costOf(bed: Bed, work: () => Promise<number>): Promise<Cost> {
  const counts = () => readPostgresCounts(bed.databaseUrl, bed.postgres.majorVersion);
  const before = await counts();
  const cpuBefore = await readCpuOf(bed);
  const ms = await work();
  const cpu = growthOfCpu(cpuBefore, await readCpuOf(bed));
  return { ms, cpu, postgres: growthOfPostgres(before, await counts()) };
}

/** CPU seconds so far of the engine's processes and of Postgres. */
export async function readCpuOf({ host, postgres }: Bed): Promise<CpuSeconds> {
  const processes = await host.processes();
  return readCpu([...processes, { name: "postgres", pid: postgres.pid, withChildren: true }]);
}

/** CPU ms of each of so many things, by process and in all. */
export function cpuMsEach(cpu: CpuSeconds, times: number): Values {
  const each = Object.entries(cpu).map(
    ([name, seconds]) => [`cpuMs.${name}`, (seconds * SECOND_MS) / times] as const,
  );
  return { cpuMs: (sumOfCpu(cpu) * SECOND_MS) / times, ...Object.fromEntries(each) };
}

/** How many a second. */
export function aSecond(times: number, ms: number): number {
  return (times * SECOND_MS) / ms;
}

/** The median of each number. */
export function medianValues(samples: readonly Values[]): Values {
  const names = Object.keys(samples[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(samples.map((values) => values[name] ?? 0))]),
  );
}

/** The same numbers under names that say what they are of. */
export function prefixed(prefix: string, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]),
  );
}
