import { expect, test } from "vitest";
import type { Sample, Subject, Values } from "../../../bench/lines/sample.ts";
import type { LineName } from "../../../bench/options.ts";
import { mediansOf } from "../../../bench/report/medians.ts";
import { formatNumber, outcomesOf } from "../../../bench/report/targets.ts";

const sample = (line: LineName, subject: Subject, values: Values): Sample => ({
  line,
  subject,
  repetition: 1,
  values,
});

/** The outcome of one number, by the samples given. */
function outcome(name: string, ...samples: Sample[]) {
  return outcomesOf(mediansOf(samples)).find((each) => each.name === name);
}

const steps = (ours: number) => [
  sample("steps", "ours", { stepsASecond: ours, cpuMs: 1 }),
  sample("steps", "restate-svc", { stepsASecond: 600 }),
  sample("steps", "floor", { stepsASecond: 3_000 }),
];

test("of several goals the hardest counts", () => {
  // 1.5 × 600 is 900 and 0.4 × 3,000 is 1,200; 2.5 × 600 is 1,500 and 0.6 × 3,000 is 1,800.
  const made = outcome("stepsASecond", ...steps(1_000));
  expect(made).toMatchObject({ mustValue: 1_200, aimValue: 1_800, reached: "no, 0.83 × the goal" });
  expect(made?.must).toBe("1,200/s (1.5 × Restate svc and 0.4 × the floor)");
  expect(outcome("stepsASecond", ...steps(1_200))?.reached).toBe("must");
  expect(outcome("stepsASecond", ...steps(1_800))?.reached).toBe("aim");
});

test("where less is better, the smallest of several goals counts", () => {
  const one = (ours: number) =>
    outcome(
      "p50Ms",
      sample("one", "ours", { p50Ms: ours }),
      sample("one", "restate-svc", { p50Ms: 60 }),
      sample("one", "floor", { p50Ms: 25 }),
    );
  expect(one(61)).toMatchObject({ mustValue: 60, reached: "no, 1.02 × the goal" });
  expect(one(60)?.reached).toBe("must");
  expect(one(45)?.reached).toBe("aim");
});

test("an aim that is easier than the must does not count without it", () => {
  const made = outcome(
    "p50Ms",
    sample("one", "ours", { p50Ms: 80 }),
    sample("one", "restate-svc", { p50Ms: 60 }),
    sample("one", "floor", { p50Ms: 50 }),
  );
  expect(made).toMatchObject({ mustValue: 60, aimValue: 90, reached: "no, 1.33 × the goal" });
});

test("worker steps are compared with DBOS, their own floor, and Restate with two partitions", () => {
  const made = outcome(
    "stepsASecond",
    sample("worker-steps", "ours", { stepsASecond: 2_400 }),
    sample("worker-steps", "worker-floor", { stepsASecond: 5_000 }),
    sample("worker-steps", "dbos", { stepsASecond: 700 }),
    sample("worker-steps", "restate-2", { stepsASecond: 2_300 }),
  );
  expect(made).toMatchObject({ mustValue: 2_500, aimValue: 2_300 });
  expect(made?.must).toBe("2,500/s (3 × DBOS and 0.5 × the worker floor)");
  expect(made?.reached).toBe("no, 0.96 × the goal");
});

test("a goal beside a peer that was not measured is words without a number", () => {
  const [ours, svc] = steps(2_000);
  const made = ours && svc && outcome("stepsASecond", ours, svc);
  expect(made).toMatchObject({ mustValue: undefined, reached: "–" });
  expect(made?.must).toBe("1.5 × Restate svc and 0.4 × the floor");
});

test("the first wake after a kill is compared with the start of the same run", () => {
  const made = outcome(
    "firstWakeMs",
    sample("start", "ours", { readyMs: 700 }),
    sample("parked", "ours", { firstWakeMs: 950 }),
  );
  expect(made).toMatchObject({ mustValue: 900, reached: "no, 1.06 × the goal" });
  expect(made?.must).toBe("900 ms (start + 200 ms)");
});

test.each([
  ["long", "chains.cpuMs", 1.5, "in chains of 10"],
  ["replicas", "one.cpuMs", 1.2, "one replica"],
] as const)("the goal of %s is computed from %s of the same line", (line, base, factor, of) => {
  const made = (cpuMs: number) => outcome("cpuMs", sample(line, "ours", { cpuMs, [base]: 2 }));
  const must = 2 * factor;
  expect(made(must)).toMatchObject({ mustValue: must, reached: "must" });
  expect(made(must)?.must).toBe(`${must} ms (${factor} × ${of})`);
  expect(made(2 * must)?.reached).toBe("no, 2.00 × the goal");
});

test("each number beside stored runs is compared with that of the empty database", () => {
  const values = { cpuMs: 1.26, listRunsMs: 3, worstSweep: 1.6 };
  const empty = { "empty.cpuMs": 1, "empty.listRunsMs": 2 };
  const outcomes = outcomesOf(mediansOf([sample("stored", "ours", { ...values, ...empty })]));
  const reached = Object.fromEntries(outcomes.map((each) => [each.name, each.reached]));
  expect(reached).toMatchObject({
    cpuMs: "no, 1.01 × the goal",
    statements: "not measured",
    listRunsMs: "must",
    worstSweep: "no, 1.07 × the goal",
  });
});

test("a goal beside a number of the same line that is missing is words without a number", () => {
  const made = outcome("cpuMs", sample("replicas", "ours", { cpuMs: 3 }));
  expect(made).toMatchObject({ mustValue: undefined, must: "1.2 × one replica", reached: "–" });
});

test("a line that was not measured has no outcome, and a number that is missing says so", () => {
  const outcomes = outcomesOf(mediansOf([sample("start", "ours", {})]));
  expect(outcomes.map(({ name, reached }) => [name, reached])).toEqual([
    ["readyMs", "not measured"],
  ]);
});

test("numbers have three digits that count", () => {
  expect([0.017_94, 1.2, 99.96, 12_345.6].map(formatNumber)).toEqual([
    "0.0179",
    "1.2",
    "100",
    "12,346",
  ]);
});
