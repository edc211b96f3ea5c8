/**
 * Parses cron lines and computes their slots.
 * Boundary: pure; every time is a parameter, in ms since 1970. Fields are read and searched by croner.
 * Invariants:
 * 1. A slot depends on the line and its anchor alone, not on the time of the query.
 * 2. Daylight saving: a line whose second, minute and hour are numbers, lists or ranges runs once for all slots of a
 *    gap, at the first moment after it, and once (the first time) where an hour occurs twice. A line with `*` or a step
 *    in these fields follows real time: it has no slot in the gap, and slots in both passes of the repeated hour.
 */
import { Cron } from "croner";

/** A parsed line, from which slots are computed. */
export type CronLine =
  | { readonly kind: "fields"; readonly cron: Cron }
  | { readonly kind: "every"; readonly periodMs: number };

/** A line, or the reason why the text is not one. */
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
/** The pattern of a line repeats within 28 years, so a search from any time finds out whether a slot exists. */
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

/** The normalised line, as it is compared and stored. */
export function trimLine(text: string): string {
  return text.trim();
}

/** The first slot after a time; undefined when there is none. `@every` counts from the anchor. */
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

/** The number of slots from one slot to a later one, which is not counted; at most `atMost`. */
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

/** The line as croner reads it, or croner's reason why it cannot. */
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

/** The first field that is wrong by itself. Croner counts fields and days differently from authors. */
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
    // Intl has no other test: it throws a RangeError for an unknown time zone.
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
