/**
 * Points in time as authors write them (RFC 3339, section 5.6).
 * Boundary: text to epoch milliseconds; no clock.
 */

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Years 1 to 9999 in UTC: what Postgres, JSON and google.protobuf.Timestamp can all write. */
const EARLIEST_MS = Date.parse("0001-01-01T00:00:00.000Z");
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** What is wrong with a text that parsePointInTime does not take, to follow its name. */
export function pointInTimeProblem(text: string): string {
  return readRfc3339(text) === undefined
    ? "is no RFC 3339 time"
    : "is outside of the years 1 to 9999 in UTC";
}

/**
 * Epoch milliseconds of a date and time with its offset, digits below a millisecond cut off. Undefined for a text in
 * another form, with a part that does not exist (30 February, 25:00, a leap second), or outside of the years 1 to 9999
 * in UTC.
 */
export function parsePointInTime(text: string): number | undefined {
  const ms = readRfc3339(text);
  return ms !== undefined && ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : undefined;
}

function readRfc3339(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const part = (at: number): number => Number(match[at] ?? "0");
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  const [offsetHours, offsetMinutes] = [part(9), part(10)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) {
    return undefined;
  }
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // A day that the month has not rolls over into the next one.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second, Number((match[7] ?? "").slice(0, 3).padEnd(3, "0")));
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return match[8] === "-" ? date.getTime() + offsetMs : date.getTime() - offsetMs;
}
