/** Partitions: stable for ever, and evenly filled. */
import { describe, expect, it } from "vitest";
import { newRunId } from "../../../src/process/ids.ts";
import { PARTITIONS, partitionOf } from "../../../src/runtime/partition.ts";

describe("partitionOf", () => {
  it("never changes for an id", () => {
    // Stored with every batch: another value would let two publishers have one run.
    const ids = ["", "wfr_1", "wfr_01jd8x3gqvt7p2k9m4n5r6s7t8", "wf_definition"];
    expect(ids.map(partitionOf)).toEqual([1, 7, 1, 6]);
  });

  it("fills all partitions about evenly", () => {
    const counts = new Array<number>(PARTITIONS).fill(0);
    for (let n = 0; n < 1_600; n++) {
      const partition = partitionOf(newRunId());
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(100);
    expect(Math.max(...counts)).toBeLessThan(300);
  });
});
