/** The monotonic clock of the machine, which all its processes share; in ms. */

const NS_A_MS = 1e6;

/** Now; comparable between processes of one machine. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / NS_A_MS;
}
