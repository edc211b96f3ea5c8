/** Ids sort by the time they were made and never repeat. */
import { describe, expect, it } from "vitest";
import { newDefinitionId, newRunId, newVersionId } from "../../../src/process/ids.ts";

describe("ids", () => {
  it("carry their prefix and 26 digits of Crockford's base 32", () => {
    expect(newRunId()).toMatch(/^wfr_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    expect(newDefinitionId()).toMatch(/^wf_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    expect(newVersionId()).toMatch(/^wfv_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  });

  it("rise within one process, also within a millisecond", () => {
    const ids = Array.from({ length: 2_000 }, newRunId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("begin with the time in their first 48 bits", () => {
    const before = Date.now();
    const digits = newRunId().slice("wfr_".length, "wfr_".length + 10);
    const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    const time = [...digits].reduce((sum, digit) => sum * 32 + alphabet.indexOf(digit), 0);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now() + 1);
  });
});
