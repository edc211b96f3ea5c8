/** A line of a schedule in words, as people read it. Boundary: texts; what a line means is engine/values/cron.ts. */
import { toString as describe } from "cronstrue";

const NAMES: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
]);

/** The words of a line that is sound; the zone stands behind them unless it is UTC. */
export function wordsOf(line: string, zone: string): string {
  const [, own = "", rest = line] = /^(?:CRON_TZ=(\S+)\s+)(.*)$/.exec(line) ?? [];
  const where = zone || own;
  const words = wordsOfFields(rest);
  return where === "" || where === "UTC" ? words : `${words} (${where})`;
}

function wordsOfFields(fields: string): string {
  const every = /^@every\s+(.*)$/.exec(fields)?.[1];
  if (every !== undefined) return `Every ${every}`;
  try {
    return describe(NAMES.get(fields.toLowerCase()) ?? fields, { use24HourTimeFormat: true });
  } catch {
    // A form that croner takes and the library has no words for.
    return `By the line ${fields}`;
  }
}
