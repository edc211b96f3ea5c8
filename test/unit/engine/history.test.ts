/**
 * Kept histories applied back: the recorded moves of runs of every release give their stored states, by the table of
 * legal moves alone. The runs of this release are in test/scenario.
 */
import { expect, it } from "vitest";
import { IllegalHistory, replayHistory } from "../../../src/engine/replay.ts";
import { expectApplied } from "../../support/histories/applied-histories.ts";
import { keptHistories } from "../../support/histories/kept-histories.ts";
import { movesOf } from "../../support/histories/stored-history.ts";

it.each([...keptHistories()])("of release %s gives the states that were stored", (_, histories) => {
  expectApplied(histories);
});

it("is refused where a row is missing, doubled, or moves from where nothing was", () => {
  const [first] = [...keptHistories().values()][0] ?? [];
  const rows = first === undefined ? [] : movesOf(first);
  expect(rows.length).toBeGreaterThan(2);
  expect(() => replayHistory(rows.slice(1))).toThrow(IllegalHistory);
  expect(() => replayHistory([...rows.slice(0, 1), ...rows.slice(2)])).toThrow(IllegalHistory);
  expect(() => replayHistory([...rows.slice(0, 1), ...rows])).toThrow(IllegalHistory);
  const renumbered = rows.slice(1).map((row) => ({ ...row, seq: row.seq - 1 }));
  expect(() => replayHistory(renumbered)).toThrow(/moves from/);
});
