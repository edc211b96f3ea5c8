/** I11 (tools/verify/timers.ts): which of a step's timers fired, and when it was due. */
import { describe, expect, it } from "vitest";
import type { Move } from "../../../src/engine/values/move.ts";
import { beginFindings } from "../../../tools/verify/report.ts";
import type { StoredMoves, StoredStep, VersionStep } from "../../../tools/verify/stored-runs.ts";
import { checkTimers } from "../../../tools/verify/timers.ts";
import { wholeRun } from "../../support/builders/whole-run.ts";

const BEGUN_MS = Date.parse("2026-01-01T00:00:00Z");

type StepMove = Omit<Extract<Move, { of: "step" }>, "of" | "step" | "from" | "to">;
type Happening = readonly [afterMs: number, cause: StoredMoves["cause"]["kind"], move: StepMove];

const STEP: VersionStep = {
  id: "a",
  stepType: "WAIT_FOR_EVENT",
  timeoutSeconds: 0,
  delay: null,
  until: null,
  escalateAfter: null,
  approvers: 1,
  backoffSeconds: 0,
  backoffMultiplier: 1,
};

/** What I11 says of a run whose only step begins, and to which these things happen then. */
function judge(
  step: Partial<VersionStep>,
  happenings: readonly Happening[],
  stored: Partial<StoredStep> = {},
) {
  const begun: Happening = [0, "engine", { op: "started" }];
  const rows = [begun, ...happenings].map(([afterMs, kind, move], at) => ({
    seq: at + 1,
    recordedAt: new Date(BEGUN_MS + afterMs),
    cause: { kind, id: kind === "timer" ? "due" : "" },
    moves: [{ of: "step", step: 0, from: "RUNNING", to: "WAITING", ...move } as const],
  }));
  const findings = beginFindings("I11");
  checkTimers(findings, wholeRun({ version: [{ ...STEP, ...step }], rows, step: stored }));
  const { violations, counts } = findings.report();
  return { violations, timers: counts.timers ?? 0 };
}

const early = (row: number, ms: number) => [
  `wfr_1: row ${row}: a timer fired ${ms} ms before it was due`,
];

describe("a step with a timeout and a delay", () => {
  const both = { timeoutSeconds: 60, delay: 2 };

  it("may time out at its timeout only", () => {
    const timedOut = { op: "failed", error: "timed out after 60 s" } as const;
    expect(judge(both, [[2_000, "timer", timedOut]]).violations).toEqual(early(2, 58_000));
    expect(judge(both, [[60_000, "timer", timedOut]])).toEqual({ violations: [], timers: 1 });
  });

  it("may go on after its timeout at that only", () => {
    const wentOn = [[2_000, "timer", { op: "completed" }]] as const;
    expect(judge(both, wentOn, { timedOut: true }).violations).toEqual(early(2, 58_000));
    expect(judge(both, wentOn)).toEqual({ violations: [], timers: 1 });
  });

  it("may end its delay at that only", () => {
    const later = { timeoutSeconds: 2, delay: "60" };
    expect(judge(later, [[2_000, "timer", { op: "completed" }]]).violations).toEqual(
      early(2, 58_000),
    );
  });
});

describe("a wait until a time", () => {
  it("ends then", () => {
    const until = { until: new Date(BEGUN_MS + 5_000).toISOString() };
    expect(judge(until, [[4_000, "timer", { op: "completed" }]]).violations).toEqual(
      early(2, 1_000),
    );
    expect(judge(until, [[5_000, "timer", { op: "completed" }]])).toEqual({
      violations: [],
      timers: 1,
    });
  });

  it("is not judged where an expression gives the time", () => {
    const until = { until: "{{ input.at }}" };
    expect(judge(until, [[0, "timer", { op: "completed" }]])).toEqual({
      violations: [],
      timers: 0,
    });
  });
});

describe("a gate with an escalation", () => {
  const gate = { stepType: "APPROVAL_GATE", escalateAfter: 10, timeoutSeconds: 3_600 } as const;
  const escalated = { note: "escalated" } as const;

  it("escalates so long after it began", () => {
    expect(judge(gate, [[9_000, "timer", escalated]]).violations).toEqual(early(2, 1_000));
    expect(judge(gate, [[10_000, "timer", escalated]])).toEqual({ violations: [], timers: 1 });
  });

  it("gives the next approver as long", () => {
    const expired = { op: "failed", error: "expired: no decision within 10 s" } as const;
    const twice = (atMs: number) =>
      [
        [10_000, "timer", escalated],
        [atMs, "timer", expired],
      ] as const;
    expect(judge(gate, twice(12_000)).violations).toEqual(early(3, 8_000));
    expect(judge(gate, twice(20_000)).violations).toEqual([]);
    // With two approvers the other one's request may expire then.
    expect(judge({ ...gate, approvers: 2 }, twice(12_000)).violations).toEqual([]);
  });

  it("is not judged after a decision of an owner, which ends a request before its time", () => {
    const rows = [
      [3_000, "event", { note: "recorded" }],
      [4_000, "timer", escalated],
    ] as const;
    expect(judge(gate, rows)).toEqual({ violations: [], timers: 0 });
  });
});

describe("a run whose deadline passes as a step falls due", () => {
  it("is judged by its deadline", () => {
    const findings = beginFindings("I11");
    const cancelled = { of: "step", step: 0, from: "WAITING", to: "CANCELLED" } as const;
    const failed = { of: "run", from: "RUNNING", to: "FAILED", reason: "deadline" } as const;
    checkTimers(
      findings,
      wholeRun({
        version: [{ ...STEP, timeoutSeconds: 60 }],
        run: { deadlineAt: new Date(BEGUN_MS + 3_000) },
        rows: [
          {
            seq: 1,
            recordedAt: new Date(BEGUN_MS + 1_000),
            cause: { kind: "timer", id: "due" },
            moves: [{ ...cancelled, op: "cancelled" }, failed],
          },
        ],
      }),
    );
    expect(findings.report().violations).toEqual(early(1, 2_000));
  });
});
