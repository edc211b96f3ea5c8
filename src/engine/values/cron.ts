/**
 * Cron lines: what they are, and when their slots are.
 * Boundary: pure; every time is a parameter, in ms since 1970. Fields are read and searched by croner.
 * Invariants:
 * 1. A slot depends on the line and its anchor alone, never on when it is asked for.
 * 2. Where clocks are put forward or back: a line whose second, minute and hour are numbers, lists or ranges runs at the
 *    first moment after the gap, once, for all that fell into it, and once (the first time) where an hour comes twice.
 *    A line with `*` or a step there goes on in real time: nothing for what does not exist, both passes of what comes
 *    twice.
 */
import { Cron } from "croner";

/** A line that can be asked for slots. */
export type CronLine =
  | { readonly kind: "fields"; readonly cron: Cron }
  | { readonly kind: "every"; readonly periodMs: number };

/** A line, or why the text is none. */
export type ReadLine =
  | { readonly ok: true; readonly line: CronLine }
  | { readonly ok: false; readonly problem: string };

const LINE_CHARS_AT_MOST = 255;
const LONGEST_PERIOD_MS = 8_784 * 3_600_000;
const SECOND_MS = 1_000;
const NAMES = "@hourly @daily @midnight @weekly @monthly @yearly @annually".split(" ");
/** The fields of a line; the first one may be left out. */
const PARTS = [
  { name: "second", values: "0 to 59" },
  { name: "minute", values: "0 to 59" },
  { name: "hour", values: "0 to 23" },
  { name: "day of the month", values: "1 to 31" },
  { name: "month", values: "1 to 12 or JAN to DEC" },
  { name: "day of the week", values: "0 to 7 or SUN to SAT" },
] as const;
/** Lines repeat themselves within 28 years, so that any time tells whether there is a slot at all. */
const SOME_TIME = new Date(Date.UTC(2000, 0, 1));

/** Reads `[CRON_TZ=Zone] <5 or 6 fields | @daily and the like | @every 1h30m>`; without a zone it is UTC. A problem names what was written. */
export function readCronLine(text: string): ReadLine {
  const line = trimLine(text);
  if (line.length > LINE_CHARS_AT_MOST) {
    return fault(`has ${line.length} characters, the limit is ${LINE_CHARS_AT_MOST}`);
  }
  const read = readLine(line);
  return read.ok || line === "" ? read : fault(`"${line}" ${read.problem}`);
}

function readLine(text: string): ReadLine {
  const [, zone = "UTC", rest = ""] = /^(?:CRON_TZ=(\S+)\s+)?(.*)$/.exec(text) ?? [];
  if (!isTimeZone(zone)) return fault(`names "${zone}", which is no time zone`);
  const every = /^@every(?:\s+(.*))?$/.exec(rest);
  if (every !== null) return readPeriod(every[1] ?? "");
  const isName = rest.startsWith("@");
  if (isName && !NAMES.includes(rest.toLowerCase())) {
    return fault(`has no name "${rest}": the names are ${NAMES.join(", ")} and @every`);
  }
  if (!isName && ![5, 6].includes(rest.split(/\s+/).length)) {
    return fault('needs 5 or 6 fields, a name such as "@daily", or "@every" and a duration');
  }
  return readFields(rest, zone);
}

/** The line as it is compared and stored. */
export function trimLine(text: string): string {
  return text.trim();
}

/** The first slot after a time; undefined when there is none any more. `@every` counts from the anchor. */
export function nextSlot(line: CronLine, anchorMs: number, afterMs: number): number | undefined {
  if (line.kind === "fields") return line.cron.nextRun(new Date(afterMs))?.getTime();
  const periods = Math.floor((afterMs - anchorMs) / line.periodMs) + 1;
  return anchorMs + Math.max(1, periods) * line.periodMs;
}

/** The last slot up to `nowMs`, given one that is not after it. */
export function latestSlot(
  line: CronLine,
  anchorMs: number,
  slotMs: number,
  nowMs: number,
): number {
  const later = nextSlot(line, anchorMs, slotMs);
  if (later === undefined || later > nowMs) return slotMs;
  // Between `from` and now there is a slot, between `until` and now there is none.
  let from = slotMs;
  let until = nowMs;
  while (until - from > SECOND_MS) {
    const middle = Math.floor((from + until) / 2);
    const slot = nextSlot(line, anchorMs, middle);
    if (slot !== undefined && slot <= nowMs) from = middle;
    else until = middle;
  }
  return lastAfter(line, anchorMs, from, nowMs) ?? later;
}

/** How many slots there are from one slot up to, and without, a later one; at most `atMost`. */
export function countSlots(
  line: CronLine,
  anchorMs: number,
  range: { readonly fromMs: number; readonly toMs: number },
  atMost: number,
): number {
  if (line.kind === "every") {
    return Math.min(atMost, Math.round((range.toMs - range.fromMs) / line.periodMs));
  }
  let counted = 0;
  let slot: number | undefined = range.fromMs;
  while (slot !== undefined && slot < range.toMs && counted < atMost) {
    counted += 1;
    slot = nextSlot(line, anchorMs, slot);
  }
  return counted;
}

/** A slot's time in RFC 3339, whole seconds without a fraction. */
export function slotText(slotMs: number): string {
  return new Date(slotMs).toISOString().replace(".000Z", "Z");
}

function lastAfter(
  line: CronLine,
  anchorMs: number,
  afterMs: number,
  nowMs: number,
): number | undefined {
  let last: number | undefined;
  let slot = nextSlot(line, anchorMs, afterMs);
  while (slot !== undefined && slot <= nowMs) {
    last = slot;
    slot = nextSlot(line, anchorMs, slot);
  }
  return last;
}

function readFields(fields: string, timezone: string): ReadLine {
  const read = cronOf(fields, timezone);
  if (typeof read === "string") {
    return fault(`is no cron line: ${findFieldProblem(fields) ?? read}`);
  }
  if (read.nextRun(SOME_TIME) === null) return fault("names a time that never comes");
  return { ok: true, line: { kind: "fields", cron: read } };
}

/** What croner makes of a line, or its words why it is none. */
function cronOf(fields: string, timezone: string): Cron | string {
  try {
    return new Cron(fields, {
      timezone,
      paused: true,
      mode: "5-or-6-parts",
      fixedTimeRule: "no-wildcard",
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The first field that is wrong by itself: croner's words count fields and days from another end than authors do. */
function findFieldProblem(line: string): string | undefined {
  const written = line.split(/\s+/);
  const parts = PARTS.slice(PARTS.length - written.length);
  const wrong = parts.findIndex(({ name }, place) => {
    const alone = parts.map((part) => (part.name === name ? (written[place] ?? "*") : "*"));
    return typeof cronOf(alone.join(" "), "UTC") === "string";
  });
  const part = parts[wrong];
  return part === undefined ? undefined : `"${written[wrong]}" is no ${part.name} (${part.values})`;
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    // The one way to ask: a zone that does not exist is a RangeError.
    return false;
  }
}

function readPeriod(text: string): ReadLine {
  const match = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(text);
  const [, hours = "0", minutes = "0", seconds = "0"] = match ?? [];
  const periodMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * SECOND_MS;
  if (match === null || text === "") {
    return fault('needs a duration after "@every", such as 90s, 5m or 1h30m');
  }
  if (periodMs < SECOND_MS || periodMs > LONGEST_PERIOD_MS) {
    return fault(`must repeat every 1s to ${LONGEST_PERIOD_MS / 3_600_000}h`);
  }
  return { ok: true, line: { kind: "every", periodMs } };
}

function fault(problem: string): ReadLine {
  return { ok: false, problem };
}
