import { expect, test } from "vitest";
import { sizesOf } from "../../../bench/lines/sizes.ts";
import { LINES, readOptions } from "../../../bench/options.ts";

test("without options all lines are measured three times, without peers", () => {
  const options = readOptions([]);
  expect(options).toMatchObject({ ci: false, peers: false, quick: false, only: LINES });
  expect(sizesOf(options)).toMatchObject({
    repetitions: 3,
    openSeconds: 600,
    parked: [300, 10_000],
  });
});

test("lines are measured in the order of the benchmark, not of the option", () => {
  expect(readOptions(["--only", "parked,steps"]).only).toEqual(["steps", "parked"]);
});

test("sizes follow the options", () => {
  const given = ["--quick", "--repetitions", "2", "--minutes", "0.5", "--parked", "100000,300"];
  const sizes = sizesOf(readOptions([...given, "--rate", "7.5"]));
  expect(sizes).toMatchObject({
    repetitions: 2,
    openSeconds: 30,
    parked: [300, 100_000],
    runsASecond: 7.5,
  });
});

test.each([
  [["--only", "speed"], "--only names speed"],
  [["--rate", "0"], "--rate is no number above 0"],
  [["--repetitions", "1.5"], "--repetitions is not whole"],
  [["--fast"], "--fast"],
])("%j is refused", (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});
