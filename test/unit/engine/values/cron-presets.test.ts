/** Presets of schedules: each is a line that cron.ts reads. */
import { expect, test } from "vitest";
import { readCronLine } from "../../../../src/engine/values/cron.ts";
import {
  PRESET_NAMES,
  withoutPreset,
  withZone,
} from "../../../../src/engine/values/cron-presets.ts";

test.each(PRESET_NAMES)("%s is a line", (name) => {
  expect(readCronLine(withoutPreset(name)).ok).toBe(true);
  expect(withoutPreset(name)).not.toBe(name);
});

test("a preset is known in every case and spacing, and other texts stay", () => {
  expect(withoutPreset("  Weekly   Monday ")).toBe("0 9 * * MON");
  expect(withoutPreset(" 5 4 * * * ")).toBe("5 4 * * *");
});

test("a zone stands before its line", () => {
  expect(withZone("0 9 * * *", "Europe/Berlin")).toBe("CRON_TZ=Europe/Berlin 0 9 * * *");
  expect(withZone("0 9 * * *", "")).toBe("0 9 * * *");
});
