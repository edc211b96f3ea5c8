/** The picture of a run that `workflows watch` draws on a terminal. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { ExplanationSchema, ReasonCode } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  WorkflowRunSchema,
  WorkflowState,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { linesOf } from "../../../src/cli/live-tree.ts";

const run = create(WorkflowRunSchema, {
  id: "wfr_1",
  state: WorkflowState.RUNNING,
  startedAt: timestampFromMs(0),
  totalCostUsd: 0.5,
  steps: [
    {
      stepId: "charge",
      state: StepRunState.COMPLETED,
      startedAt: timestampFromMs(0),
      completedAt: timestampFromMs(1_500),
      costUsd: 0.5,
    },
    { stepId: "gate", state: StepRunState.WAITING, startedAt: timestampFromMs(2_000) },
    { stepId: "ship", state: StepRunState.PENDING },
  ],
});
const explanation = create(ExplanationSchema, {
  waits: [
    { code: ReasonCode.DEADLINE_NEAR, sentence: "the run FAILS at noon" },
    {
      stepId: "gate",
      code: ReasonCode.APPROVAL,
      sentence: "step gate waits\n\u001b[31mfor user_ann",
    },
  ],
});
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are not judged.
const plain = (lines: string[]) => lines.map((line) => line.replaceAll(/\u001b\[\d+m/g, ""));

test("shows each step with its state, its time and what it waits for, on one line each", () => {
  expect(plain(linesOf({ run, explanation }, 80, 20, 5_000))).toEqual([
    "wfr_1  RUNNING  5.0 s  0.5 USD",
    "  the run FAILS at noon",
    "├─ ✓ charge  COMPLETED  1.5 s  0.5 USD",
    "├─ … gate    WAITING  3.0 s",
    "│     step gate waits [31mfor user_ann",
    "└─ · ship    PENDING",
  ]);
});

test("fits into the terminal", () => {
  const lines = plain(linesOf({ run, explanation }, 20, 4, 5_000));
  expect(lines).toHaveLength(4);
  expect(lines.every((line) => line.length < 20)).toBe(true);
  expect(lines.at(-1)).toBe("   3 more lines");
});
