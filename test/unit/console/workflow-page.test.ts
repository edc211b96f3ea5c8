/** Pure parts of the pages of workflows: filters of the list, environments, days of statistics, what-ifs of a simulation. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { sortEnvironments } from "../../../console/src/parts/workflows/environments.ts";
import {
  listCommandOf,
  listRequestOf,
  readListFilters,
} from "../../../console/src/parts/workflows/list-filters.ts";
import {
  mockArgs,
  mocksOf,
  readAnswers,
  withAnswer,
} from "../../../console/src/parts/workflows/simulate/what-if.ts";
import { chartDays } from "../../../console/src/parts/workflows/statistics/days.ts";
import { RunOutcome } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { MockOutcome } from "../../../gen/workflows/ops/v1/simulations_pb.ts";
import { WorkflowStatus } from "../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { DayStatsSchema } from "../../../gen/workflows/ops/v1/workflow_stats_pb.ts";
import { WorkflowOrder } from "../../../gen/workflows/ops/v1/workflows_pb.ts";

describe("the filters of the list", () => {
  const params = new URLSearchParams(
    "q=pay&status=paused,nothing,pending_approval&contains=agent,approval&order=name&owner=&x=1",
  );

  it("are a request, without what it does not know", () => {
    expect(listRequestOf(readListFilters(params))).toEqual({
      ...{ text: "pay", tag: "", owner: "", team: "", orderBy: WorkflowOrder.NAME },
      statuses: [WorkflowStatus.PAUSED, WorkflowStatus.PENDING_APPROVAL],
      contains: { agent: true, mcp: false, skill: false, approval: true },
    });
  });

  it("without any ask for all", () => {
    const request = listRequestOf(readListFilters(new URLSearchParams()));
    expect(request).toMatchObject({ statuses: [], orderBy: WorkflowOrder.UNSPECIFIED });
    expect(request).not.toHaveProperty("contains");
  });

  it("are a command line", () => {
    expect(listCommandOf(readListFilters(new URLSearchParams("q=pay&team=finance")))).toEqual([
      ...["list", "--text", "pay", "--team", "finance"],
    ]);
  });
});

it("the usual environments come first, each once", () => {
  const names = ["eu", "staging", "a", "production", "staging"];
  expect(sortEnvironments(names)).toEqual(["production", "staging", "a", "eu"]);
});

it("a chart has each day of the window, with zeros where nothing was", () => {
  const day = 86_400_000;
  const ended = [
    { outcome: RunOutcome.SUCCEEDED, runs: 3n },
    { outcome: RunOutcome.TIMED_OUT, runs: 2n },
    { outcome: RunOutcome.CANCELLED, runs: 1n },
  ];
  const known = create(DayStatsSchema, { day: timestampFromMs(day), started: 7n, ended });
  const days = chartDays([known], 0, 2 * day + 5);
  expect(
    days.map(({ started, succeeded, failed, other }) => [started, succeeded, failed, other]),
  ).toEqual([
    [0, 0, 0, 0],
    [7, 3, 2, 1],
    [0, 0, 0, 0],
  ]);
});

describe("the what-ifs of a simulation", () => {
  const answers = readAnswers("pay:fail,manager:deny,a:b:silent,x:nonsense,:fail");

  it("are read from an address, without what is none", () => {
    expect(answers).toEqual({ pay: "fail", manager: "deny", "a:b": "silent" });
  });

  it("change one step at a time", () => {
    expect(withAnswer(answers, "pay", undefined)).toBe("manager:deny,a:b:silent");
    expect(readAnswers(withAnswer(answers, "pay", "silent"))).toMatchObject({ pay: "silent" });
  });

  it("are mocks and a command line", () => {
    expect(mocksOf(readAnswers("manager:expire"))).toEqual([
      { stepId: "manager", outcome: MockOutcome.EXPIRED },
    ]);
    expect(mockArgs(readAnswers("a:fail,b:fail,c:expire"))).toEqual([
      ...["--fail", "a,b", "--mock", 'c={"outcome":"expired"}'],
    ]);
  });
});
