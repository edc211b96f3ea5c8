/** Ids of new runs: their partition is one that the replica publishes. */
import { expect, it } from "vitest";
import { PARTITIONS, partitionOf } from "../../../src/runtime/partition.ts";
import { runIdIn } from "../../../src/runtime/run-ids.ts";

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

it.each([[[0, 1, 2, 3]], [[4, 6]], [ALL]])("are in one of the partitions %j", (partitions) => {
  const drawn = Array.from({ length: 200 }, () => partitionOf(runIdIn(partitions)));
  expect([...new Set(drawn)].sort()).toEqual(partitions);
});

it("are in any partition where the replica publishes none, and where chance gives no other", () => {
  const drawn = new Set(Array.from({ length: 200 }, () => partitionOf(runIdIn([]))));
  expect([...drawn].sort()).toEqual(ALL);
  const [other] = ALL.filter((partition) => partition !== partitionOf("wfr_same"));
  expect(runIdIn([other ?? 0], () => "wfr_same")).toBe("wfr_same");
});
