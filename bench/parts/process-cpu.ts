/**
 * CPU time of processes by the system's own count.
 * Boundary: reads /proc, so it needs Linux.
 */
import { readdirSync, readFileSync } from "node:fs";

/** A process that is counted by itself, or with all below it. */
export interface Counted {
  readonly name: string;
  readonly pid: number;
  /** Its children count with it: the sessions of Postgres, for instance. */
  readonly withChildren: boolean;
}

/** CPU seconds by name. */
export type CpuSeconds = Readonly<Record<string, number>>;

const TICKS_A_SECOND = 100;
/** The place of a field of /proc/<pid>/stat, counted after the program's name. */
const PARENT = 1;
const TIMES = [11, 12, 13, 14];

/** CPU seconds so far, of the user and the system, ended children included. */
export function readCpu(counted: readonly Counted[]): CpuSeconds {
  const children = counted.some(({ withChildren }) => withChildren) ? childrenByParent() : null;
  const sums: Record<string, number> = {};
  for (const { name, pid, withChildren } of counted) {
    const pids = withChildren && children !== null ? withDescendants(pid, children) : [pid];
    sums[name] = (sums[name] ?? 0) + pids.reduce((sum, each) => sum + secondsOf(each), 0);
  }
  return sums;
}

/** What the CPU times grew by. */
export function growthOfCpu(before: CpuSeconds, after: CpuSeconds): CpuSeconds {
  return Object.fromEntries(
    Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]),
  );
}

/** All processes together. */
export function sumOfCpu(cpu: CpuSeconds): number {
  return Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);
}

function secondsOf(pid: number): number {
  const fields = statOf(pid);
  return TIMES.reduce((sum, place) => sum + Number(fields[place] ?? 0), 0) / TICKS_A_SECOND;
}

function withDescendants(root: number, children: ReadonlyMap<number, number[]>): number[] {
  const below = (children.get(root) ?? []).flatMap((pid) => withDescendants(pid, children));
  return [root, ...below];
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[PARENT]);
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [Number(name)]);
    else known.push(Number(name));
  }
  return children;
}

/** The fields after the name, which may hold blanks itself; none when the process has ended. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
