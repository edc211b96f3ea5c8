/** What this process's main thread costs: other processes and the garbage collector's threads do not count. */
import { readFileSync } from "node:fs";

/** CPU time of the thread that runs the loop; where the system does not tell threads apart, of the process. */
export function cpuMs(): number {
  try {
    return Number.parseInt(readFileSync("/proc/self/schedstat", "utf8"), 10) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}
