/** Lines of schedules by the words of people. Boundary: pure texts; cron.ts reads lines. */

/** Presets and their lines. */
const PRESETS: ReadonlyMap<string, string> = new Map([
  ["hourly", "0 * * * *"],
  ["daily 9am", "0 9 * * *"],
  ["weekly monday", "0 9 * * MON"],
  ["weekdays", "0 9 * * MON-FRI"],
  ["monthly", "0 9 1 * *"],
]);

/** The names of presets. */
export const PRESET_NAMES: readonly string[] = [...PRESETS.keys()];

/** The line of a preset; any other text as it is, without spaces around it. */
export function withoutPreset(text: string): string {
  const line = text.trim();
  return PRESETS.get(line.toLowerCase().replaceAll(/\s+/g, " ")) ?? line;
}

/** A line with the zone before it; "" is none. */
export function withZone(line: string, zone: string): string {
  return zone === "" ? line : `CRON_TZ=${zone} ${line}`;
}
