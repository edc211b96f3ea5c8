/** Durations as `15m` ↔ seconds. Boundary: forms; ranges are the engine's check. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
/** The units that are written, largest first; a week is written as 7d. */
const WRITTEN = ["d", "h", "m", "s"] as const;
const DURATION = /^(?:\d{1,10}[smhdw])+$/;

/** What a wrong duration is answered. */
export const DURATION_FORM = "write a duration as 30s, 15m, 24h or 7d, or a number of seconds";

/** The pattern of a duration's text, for the schema. */
export const DURATION_PATTERN = "^([0-9]+[smhdw])+$";

/** The seconds of `15m` or `1h30m`; undefined for another text. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const parts = text.match(/\d+[smhdw]/g) ?? [];
  return parts.reduce(
    (sum, part) => sum + Number(part.slice(0, -1)) * (SECONDS[part.slice(-1)] ?? 0),
    0,
  );
}

/** Seconds in the largest unit that fits, as `15m`; a number where none does. */
export function writeDuration(seconds: number): string | number {
  if (!Number.isSafeInteger(seconds) || seconds <= 0 || seconds > 9_999_999_999) return seconds;
  const unit = WRITTEN.find((each) => seconds % (SECONDS[each] ?? 1) === 0) ?? "s";
  return `${seconds / (SECONDS[unit] ?? 1)}${unit}`;
}
