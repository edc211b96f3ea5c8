import { expect, test } from "vitest";
import { worstCaseWords } from "../../../src/file/worst-case-words.ts";

test.each([
  [
    { seconds: 90, attempts: 4 },
    ["a run lasts 1m 30s at most", "4 attempts of agents and workers at most"],
  ],
  [{ seconds: 0, attempts: 0 }, ["no step of a run waits"]],
  [
    { endlessStepIds: ["ask"], attempts: 1 },
    ["ask may last for ever", "1 attempt of agents and workers at most"],
  ],
  [{ endlessStepIds: ["a", "b", "c"] }, ["a and 2 more may last for ever"]],
  // The service lists 20 of them.
  [
    { endlessStepIds: Array.from({ length: 20 }, (_, n) => `s${n}`) },
    ["s0 and others may last for ever"],
  ],
  [{ seconds: 60, endlessStepIds: ["ask"] }, ["a run lasts 1m at most"]],
  [{}, []],
])("the worst case %j is %j", (worst, words) => {
  expect(worstCaseWords({ endlessStepIds: [], ...worst })).toEqual(words);
});
