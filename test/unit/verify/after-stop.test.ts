/** I5 (tools/verify/after-stop.ts): what may be made in other services after a run was cancelled. */
import { describe, expect, it } from "vitest";
import { checkAfterStop, type Made } from "../../../tools/verify/after-stop.ts";
import type { LedgerItem } from "../../../tools/verify/ledgers.ts";
import { beginFindings } from "../../../tools/verify/report.ts";
import { wholeRun } from "../../support/builders/whole-run.ts";

const CANCELLED_MS = Date.parse("2026-01-01T00:01:00Z");
const RUN = wholeRun({
  version: [
    {
      id: "a",
      stepType: "AGENT_ACTION",
      timeoutSeconds: 0,
      delay: null,
      until: null,
      escalateAfter: null,
      approvers: 1,
      backoffSeconds: 0,
      backoffMultiplier: 1,
    },
  ],
  rows: [
    {
      seq: 1,
      recordedAt: new Date(CANCELLED_MS - 1_000),
      cause: { kind: "rpc", id: "StartRun" },
      moves: [
        { of: "run", from: "PENDING", to: "RUNNING", op: "started" },
        { of: "step", step: 0, from: "PENDING", to: "RUNNING", op: "started" },
      ],
    },
    {
      seq: 2,
      recordedAt: new Date(CANCELLED_MS),
      cause: { kind: "rpc", id: "CancelRun" },
      moves: [{ of: "run", from: "RUNNING", to: "CANCELLED", op: "cancel" }],
    },
  ],
});

/** What I5 says of an object that came so long after the cancel. */
function judge(
  kind: string,
  lateMs: number,
  made: Partial<Made> = {},
  run = RUN,
): readonly string[] {
  const item: LedgerItem = {
    id: "made_1",
    parts: { runId: "wfr_1", stepId: "a", attempt: 1, call: kind },
    kind,
    recordedAt: new Date(CANCELLED_MS + lateMs),
    line: "wfr_1: made_1",
  };
  const findings = beginFindings("I5");
  const entries = new Map([["wfr_1", [item]]]);
  checkAfterStop(findings, run, { entries, cancelled: undefined, lateObjectsMs: 5_000, ...made });
  return findings.report().violations;
}

describe("an object that comes after the cancel", () => {
  it("may be of a call that was leased before, for as long as the caller says", () => {
    expect(judge("delegate", 5_000)).toEqual([]);
    expect(judge("delegate", 5_001)).toEqual([
      "wfr_1: made_1 was made 5001 ms after the run was cancelled",
    ]);
  });
});

describe("an object of a call that was given up after the cancel", () => {
  const givenUp = (afterMs: number) => ({
    ...RUN,
    rows: [
      ...RUN.rows,
      {
        ...{ runId: "wfr_1", batchId: 3, seq: 3, recordedAt: new Date(CANCELLED_MS + afterMs) },
        cause: { kind: "call", id: "wfr_1/a/1/delegate" } as const,
        moves: [],
      },
    ],
  });

  it("may come later still, for its request was on its way", () => {
    expect(judge("delegate", 40_000, {}, givenUp(1_200))).toEqual([]);
  });

  it("counts by when the call was given up", () => {
    expect(judge("delegate", 40_000, {}, givenUp(6_000))).toEqual([
      "wfr_1: made_1 was made 6000 ms after the run was cancelled",
    ]);
  });
});

describe("an objective that comes after the cancel", () => {
  const open = "wfr_1: made_1 was made 1 ms after the run was cancelled, and was not cancelled";

  it("must be cancelled, however late it comes", () => {
    expect(judge("create_objective", 1, { cancelled: new Set() })).toEqual([open]);
    expect(judge("create_objective", 60_000, { cancelled: new Set(["made_1"]) })).toEqual([]);
  });

  it("is not judged before the cancel or while its cancellation may be under way", () => {
    expect(judge("create_objective", 0, { cancelled: new Set() })).toEqual([]);
    expect(judge("create_objective", 60_000)).toEqual([]);
  });
});
