/** Every seeded bug still fits the source and compiles; otherwise the fault suite would prove nothing by it. */
import { expect, test } from "vitest";
import { compileService } from "../../tools/test-service.ts";
import { SEEDED_BUGS } from "../support/faults/seeded-bugs.ts";

test("there are twelve at least, each with a name of its own", () => {
  const names = new Set(SEEDED_BUGS.map(({ name }) => name));
  expect(names.size).toBe(SEEDED_BUGS.length);
  expect(names.size).toBeGreaterThanOrEqual(12);
});

test.each(SEEDED_BUGS)("$name compiles", async ({ edits }) => {
  const service = await compileService({ edits });
  await service.remove();
});
