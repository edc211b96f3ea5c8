/** Cron lines: what is one, and when their slots are, also where clocks are put forward or back. */
import { describe, expect, it } from "vitest";
import {
  type CronLine,
  countSlots,
  latestSlot,
  nextSlot,
  readCronLine,
  slotText,
} from "../../../../src/engine/values/cron.ts";

function lineOf(text: string): CronLine {
  const read = readCronLine(text);
  if (!read.ok) throw new Error(`${text} ${read.problem}`);
  return read.line;
}

/** The first slots after a time, shown as the test writes them. */
function slotsAfter(text: string, after: string, many: number, anchor = after): string[] {
  const line = lineOf(text);
  const slots: string[] = [];
  let at: number | undefined = Date.parse(after);
  while (slots.length < many) {
    at = nextSlot(line, Date.parse(anchor), at);
    if (at === undefined) break;
    slots.push(slotText(at));
  }
  return slots;
}

describe("a line", () => {
  it.each([
    ["*/15 * * * *", "2026-01-01T00:15:00Z"],
    ["*/20 * * * * *", "2026-01-01T00:00:20Z"],
    ["  30 6 * * MON-FRI  ", "2026-01-01T06:30:00Z"],
    ["@hourly", "2026-01-01T01:00:00Z"],
    ["@daily", "2026-01-02T00:00:00Z"],
    ["@midnight", "2026-01-02T00:00:00Z"],
    ["@weekly", "2026-01-04T00:00:00Z"],
    ["@monthly", "2026-02-01T00:00:00Z"],
    ["@yearly", "2027-01-01T00:00:00Z"],
    ["@annually", "2027-01-01T00:00:00Z"],
    ["@every 90s", "2026-01-01T00:01:30Z"],
    ["@every 1h30m", "2026-01-01T01:30:00Z"],
    ["CRON_TZ=Asia/Tokyo 0 9 * * *", "2026-01-02T00:00:00Z"],
    ["CRON_TZ=Europe/Paris @daily", "2026-01-01T23:00:00Z"],
    ["CRON_TZ=Europe/Paris @every 5m", "2026-01-01T00:05:00Z"],
    ["0 0 29 2 *", "2028-02-29T00:00:00Z"],
  ])("%s comes next at %s", (text, next) => {
    expect(slotsAfter(text, "2026-01-01T00:00:00Z", 1)).toEqual([next]);
  });

  it.each([
    "",
    " ",
    "* * * *",
    "* * * * * * *",
    "60 * * * *",
    "*/0 * * * *",
    "0 0 30 2 *",
    "0 0 31 4,6 *",
    "tomorrow at nine in the morning",
    "2030-01-01T00:00:00Z",
    "@reboot",
    "@fortnightly",
    "@every",
    "@every 0s",
    "@every 500ms",
    "@every -5m",
    "@every 9999999h",
    "@every 5 m",
    "CRON_TZ=Mars/Olympus @daily",
    "CRON_TZ=Mars/Olympus @every 5m",
    "CRON_TZ= 0 0 * * *",
    "CRON_TZ=UTC",
    `${"0,".repeat(200)}0 * * * *`,
  ])("'%s' is refused with a sentence", (text) => {
    expect(readCronLine(text)).toEqual({ ok: false, problem: expect.stringMatching(/\w+ \w+/) });
  });
});

describe("a refusal", () => {
  it.each([
    ["0 0 32 1 *", '"0 0 32 1 *" is no cron line: "32" is no day of the month (1 to 31)'],
    ["0 0 1 13 *", '"0 0 1 13 *" is no cron line: "13" is no month (1 to 12 or JAN to DEC)'],
    ["60 * * * *", '"60 * * * *" is no cron line: "60" is no minute (0 to 59)'],
    ["99 0 9 * * *", '"99 0 9 * * *" is no cron line: "99" is no second (0 to 59)'],
    [
      "0 9 * * FRY",
      '"0 9 * * FRY" is no cron line: "FRY" is no day of the week (0 to 7 or SUN to SAT)',
    ],
    ["0 0 30 2 *", '"0 0 30 2 *" names a time that never comes'],
    [
      "CRON_TZ=Mars/Olympus 0 9 * * *",
      '"CRON_TZ=Mars/Olympus 0 9 * * *" names "Mars/Olympus", which is no time zone',
    ],
    [
      " @reboot ",
      expect.stringMatching(/^"@reboot" has no name "@reboot": the names are @hourly,/),
    ],
    ["@every 5", expect.stringMatching(/^"@every 5" needs a duration/)],
    ["* * * *", expect.stringMatching(/^"\* \* \* \*" needs 5 or 6 fields/)],
  ])("of '%s' names what was written", (text, problem) => {
    expect(readCronLine(text)).toEqual({ ok: false, problem });
  });
});

describe("@every", () => {
  it("counts from its anchor, to the millisecond", () => {
    const slots = slotsAfter("@every 90s", "2026-01-01T00:05:00Z", 2, "2026-01-01T00:00:00.250Z");
    expect(slots).toEqual(["2026-01-01T00:06:00.250Z", "2026-01-01T00:07:30.250Z"]);
  });

  it("has no slot at or before its anchor", () => {
    const anchor = "2026-01-01T00:00:00Z";
    const next = ["2026-01-01T00:00:10Z"];
    expect(slotsAfter("@every 10s", "2025-12-31T00:00:00Z", 1, anchor)).toEqual(next);
    expect(slotsAfter("@every 10s", anchor, 1, anchor)).toEqual(next);
  });
});

// A line of numbers, lists and ranges: once after the gap, once where an hour comes twice.
// A line with * or a step: real time goes on.
describe("daylight saving", () => {
  it.each([
    [
      "Paris, spring",
      "CRON_TZ=Europe/Paris 30 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "Paris, spring, a list: once for all of the gap",
      "CRON_TZ=Europe/Paris 15,45 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z"],
    ],
    [
      "Paris, spring, where the gap's end is a slot itself",
      "CRON_TZ=Europe/Paris 0 2,3 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"],
    ],
    [
      "Paris, spring, a step: nothing in the gap",
      "CRON_TZ=Europe/Paris */30 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "Paris, spring, every half hour",
      "CRON_TZ=Europe/Paris */30 * * * *",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
    ],
    [
      "Paris, autumn: the first of the two",
      "CRON_TZ=Europe/Paris 30 2 * * *",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "Paris, autumn, asked between the two",
      "CRON_TZ=Europe/Paris 30 2 * * *",
      "2026-10-25T00:45:00Z",
      ["2026-10-26T01:30:00Z"],
    ],
    [
      "Paris, autumn, hourly: both",
      "CRON_TZ=Europe/Paris @hourly",
      "2026-10-24T23:30:00Z",
      ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    ],
    [
      "New York, spring",
      "CRON_TZ=America/New_York 30 2 * * *",
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    ],
    [
      "New York, autumn",
      "CRON_TZ=America/New_York 30 1 * * *",
      "2026-10-31T12:00:00Z",
      ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    ],
    [
      "Lord Howe, spring: half an hour is missing",
      "CRON_TZ=Australia/Lord_Howe 15 2 * * *",
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ],
    [
      "Lord Howe, autumn: half an hour comes twice",
      "CRON_TZ=Australia/Lord_Howe 45 1 * * *",
      "2026-04-04T00:00:00Z",
      ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    ],
    [
      "Cairo, spring: midnight is missing",
      "CRON_TZ=Africa/Cairo @daily",
      "2026-04-23T12:00:00Z",
      ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
    ],
    [
      "Cairo, autumn",
      "CRON_TZ=Africa/Cairo @daily",
      "2026-10-28T12:00:00Z",
      ["2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z"],
    ],
    [
      "Santiago, spring in September: midnight is missing",
      "CRON_TZ=America/Santiago @daily",
      "2026-09-05T12:00:00Z",
      ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"],
    ],
    [
      "Santiago, autumn in April: the hour before midnight comes twice",
      "CRON_TZ=America/Santiago 30 23 * * *",
      "2026-04-04T12:00:00Z",
      ["2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"],
    ],
    [
      "Auckland, spring",
      "CRON_TZ=Pacific/Auckland 30 2 * * *",
      "2026-09-25T20:00:00Z",
      ["2026-09-26T14:00:00Z", "2026-09-27T13:30:00Z"],
    ],
    [
      "Auckland, autumn",
      "CRON_TZ=Pacific/Auckland 30 2 * * *",
      "2026-04-04T00:00:00Z",
      ["2026-04-04T13:30:00Z", "2026-04-05T14:30:00Z"],
    ],
    [
      "St. John's, spring, with seconds: the gap's end has none",
      "CRON_TZ=America/St_Johns 15 30 2 * * *",
      "2026-03-07T12:00:00Z",
      ["2026-03-08T05:30:00Z", "2026-03-09T05:00:15Z"],
    ],
    [
      "London, autumn, with seconds",
      "CRON_TZ=Europe/London 30 0 1 * * *",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:00:30Z", "2026-10-26T01:00:30Z"],
    ],
    [
      "Paris, spring, every 20 seconds: real time",
      "CRON_TZ=Europe/Paris */20 * * * * *",
      "2026-03-29T00:59:30Z",
      ["2026-03-29T00:59:40Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:20Z"],
    ],
    [
      "Paris, spring, @every: the zone has no say",
      "CRON_TZ=Europe/Paris @every 1h",
      "2026-03-29T00:30:00Z",
      ["2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"],
    ],
    [
      "Kolkata, which changes nothing",
      "CRON_TZ=Asia/Kolkata 30 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-28T21:00:00Z", "2026-03-29T21:00:00Z"],
    ],
  ])("%s", (_name, text, after, slots) => {
    expect(slotsAfter(text, after, slots.length)).toEqual(slots);
  });

  it.each([
    ["CRON_TZ=Europe/Paris 15,45 2 * * *", "2026-10-24T12:00:00Z"],
    ["CRON_TZ=Europe/Paris 15,45 2,3 * * *", "2026-03-28T12:00:00Z"],
    ["CRON_TZ=America/New_York */20 1 * * *", "2026-10-31T12:00:00Z"],
    ["CRON_TZ=Australia/Lord_Howe */20 * * * *", "2026-04-04T00:00:00Z"],
  ])("%s: a slot is the same whenever it is asked for", (text, from) => {
    const line = lineOf(text);
    const start = Date.parse(from);
    const asked = Array.from({ length: 70 }, (_, n) => start + n * 31 * 60_000);
    // Three an hour at the most.
    const slots = slotsAfter(text, from, 3 * 37).map((slot) => Date.parse(slot));
    const next = asked.map((after) => slots.find((slot) => slot > after));
    expect(asked.map((after) => nextSlot(line, start, after))).toEqual(next);
  });
});

describe("missed slots", () => {
  it.each([
    ["* * * * * *", "2026-01-01T00:00:00Z", "2026-03-01T12:34:56.789Z", "2026-03-01T12:34:56Z"],
    ["*/5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z"],
    ["*/5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:04:59.999Z", "2026-01-01T00:00:00Z"],
    ["* 9 * * *", "2026-01-01T09:00:00Z", "2026-01-20T08:00:00Z", "2026-01-19T09:59:00Z"],
    ["@yearly", "2020-01-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-01-01T00:00:00Z"],
    ["@every 7s", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T00:59:58Z"],
  ])("of %s from %s until %s the latest is %s", (text, first, now, latest) => {
    const anchor = Date.parse(first);
    expect(slotText(latestSlot(lineOf(text), anchor, anchor, Date.parse(now)))).toBe(latest);
  });

  it("are counted without the latest, up to a limit", () => {
    const fromMs = Date.parse("2026-01-01T00:00:00Z");
    const range = { fromMs, toMs: fromMs + 3_600_000 };
    expect(countSlots(lineOf("*/5 * * * *"), fromMs, range, 1_000)).toBe(12);
    expect(countSlots(lineOf("@every 10s"), fromMs, range, 1_000)).toBe(360);
    expect(countSlots(lineOf("* * * * * *"), fromMs, range, 100)).toBe(100);
    expect(countSlots(lineOf("@every 1s"), fromMs, range, 100)).toBe(100);
  });
});
