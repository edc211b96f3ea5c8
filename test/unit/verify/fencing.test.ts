/** I6 (tools/verify/fencing.ts): the result of a task moves the attempt that it belongs to, once. */
import { expect, it } from "vitest";
import type { Move } from "../../../src/engine/values/move.ts";
import { checkFencing } from "../../../tools/verify/fencing.ts";
import { beginFindings } from "../../../tools/verify/report.ts";
import type { StoredMoves } from "../../../tools/verify/stored-runs.ts";
import { wholeRun } from "../../support/builders/whole-run.ts";

type StepMove = Omit<Extract<Move, { of: "step" }>, "of" | "step" | "from" | "to">;

const RETRIED = { op: "retrying", retry: 1 } as const;
const COMPLETED = { op: "completed", retry: 1 } as const;

/** What I6 says of a run whose step is moved by these results, each with its task's id. */
function judge(...results: readonly (readonly [id: string, move: StepMove])[]) {
  const rows = results.map(
    ([id, move], at): Omit<StoredMoves, "runId" | "batchId"> => ({
      seq: at + 1,
      recordedAt: new Date(0),
      cause: { kind: "event", id, by: "worker" },
      moves: [{ of: "step", step: 0, from: "RUNNING", to: "RUNNING", ...move }],
    }),
  );
  const findings = beginFindings("I6");
  const step = {
    id: "pay",
    stepType: "AGENT_ACTION",
    timeoutSeconds: 0,
    delay: null,
    until: null,
    escalateAfter: null,
    approvers: 1,
    backoffSeconds: 0,
    backoffMultiplier: 1,
  } as const;
  checkFencing(findings, wholeRun({ version: [step], rows, step: { retryCount: 1 } }), undefined);
  return findings.report().violations;
}

it("accepts one result of each attempt", () => {
  expect(judge(["wfr_1/pay/1", RETRIED], ["wfr_1/pay/2", COMPLETED])).toEqual([]);
});

it("finds a result that moved its step twice", () => {
  expect(judge(["wfr_1/pay/1", { op: "started" }], ["wfr_1/pay/1", RETRIED])).toEqual([
    "wfr_1: row 2: wfr_1/pay/1 moved its step again",
  ]);
});

it("finds a result that moved another attempt", () => {
  expect(judge(["wfr_1/pay/1", RETRIED], ["wfr_1/pay/1", COMPLETED])).toContain(
    "wfr_1: row 2: wfr_1/pay/1 moved step 0, which was in attempt 2",
  );
});

it("takes an event that is named like a task of another run for an event", () => {
  expect(judge(["wfr_2/pay/7", RETRIED])).toEqual([]);
});
