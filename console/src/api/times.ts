/** Times of messages. */
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

/** The time of a message as a Date; undefined stays so. */
export function dateOf(at: Timestamp | Date | undefined): Date | undefined {
  if (at === undefined || at instanceof Date) return at;
  return timestampDate(at);
}

const UNITS: readonly [seconds: number, unit: string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** A length of time by its largest unit, as `1 h`. */
export function shortLength(ms: number): string {
  return lengthWords(ms).split(" ").slice(0, 2).join(" ");
}

/** A length of time, as `1 h 5 min`: its two largest units; below a second in ms. */
export function lengthWords(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  let left = Math.round(ms / 1_000);
  const words: string[] = [];
  for (const [seconds, unit] of UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) words.push(`${count} ${unit}`);
    else if (words.length > 0) break;
    if (words.length === 2) break;
  }
  return words.join(" ");
}
