/**
 * Deadlines that a timer can hold: one that is longer would fire at once.
 * Boundary: the two headers that carry a call's deadline; what follows from it is the interceptor's.
 */

/** The longest time of a timer is 2,147,483,647 ms. */
const LONGEST_SECONDS = 2_147_483;

const SECONDS_A_UNIT: ReadonlyMap<string, number> = new Map([
  ["H", 3_600],
  ["M", 60],
  ["S", 1],
]);

/** Shortens a deadline in the headers of a call that no timer could hold; what is none is left for Connect to refuse. */
export function boundDeadline(header: Headers): void {
  const ms = /^\d{1,10}$/.exec(header.get("connect-timeout-ms") ?? "")?.[0];
  if (ms !== undefined && Number(ms) > LONGEST_SECONDS * 1_000) {
    header.set("connect-timeout-ms", String(LONGEST_SECONDS * 1_000));
  }
  const [, count, unit = ""] = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (Number(count) * (SECONDS_A_UNIT.get(unit) ?? 0) > LONGEST_SECONDS) {
    header.set("grpc-timeout", `${LONGEST_SECONDS}S`);
  }
}
