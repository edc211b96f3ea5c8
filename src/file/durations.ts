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

/** Seconds for a person, rounded up: the largest unit and the one below it, as `9d 3h`. */
export function roundedDuration(seconds: number): string {
  const sizes = WRITTEN.map((unit) => ({ unit, size: SECONDS[unit] ?? 1 }));
  const at = sizes.findIndex(({ size }) => seconds >= size);
  const [large, small] = [sizes[at], sizes[at + 1]];
  if (large === undefined || small === undefined) return `${Math.ceil(seconds)}s`;
  const count = Math.ceil(seconds / small.size);
  const each = large.size / small.size;
  const rest = count % each === 0 ? "" : ` ${count % each}${small.unit}`;
  return `${Math.floor(count / each)}${large.unit}${rest}`;
}
