/**
 * Points in time as authors write them (RFC 3339, section 5.6).
 * Boundary: text to epoch milliseconds; no clock.
 */

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Epoch milliseconds of a date and time with its offset, digits below a millisecond cut off. Undefined for a text in
 * another form or with a part that does not exist (30 February, 25:00, a leap second).
 */
export function parsePointInTime(text: string): number | undefined {
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
