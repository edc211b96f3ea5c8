/** A run as its moves tell it. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, it } from "vitest";
import { afterMoves, NO_MOVES, tookMs } from "../../../console/src/pages/run/run-picture.ts";
import {
  Cause_Kind,
  MoveSchema,
  type StateChangeSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";

const { CANCELLED, COMPLETED, FAILED, PENDING, RUNNING, SKIPPED, WAITING } = StepRunState;
type Change = MessageInitShape<typeof StateChangeSchema>;

function move(seq: number, atMs: number, ...changes: Change[]) {
  const cause = { kind: Cause_Kind.RPC, id: "TransitionStep" };
  return create(MoveSchema, {
    seq: BigInt(seq),
    cursor: `c${seq}`,
    at: timestampFromMs(atMs),
    cause,
    changes,
  });
}

const started = (stepId: string, more: Change = {}): Change[] => [
  { stepId, stepFrom: PENDING, stepTo: RUNNING, operation: "started", ...more },
  { stepId, stepFrom: RUNNING, stepTo: WAITING, operation: "waiting", ...more },
];
const runTo = (runFrom: WorkflowState, state: WorkflowState): Change => ({ runFrom, runTo: state });

/** A step that fails, is tried again, and completes. */
const RETRIED = [
  move(1, 1_000, runTo(WorkflowState.PENDING, WorkflowState.RUNNING), ...started("a")),
  move(2, 3_000, {
    ...{ stepId: "a", stepFrom: WAITING, stepTo: RUNNING, operation: "retrying" },
    ...{ retryCount: 1, errorMessage: "away", costUsd: 0.5, totalCostUsd: 0.5 },
  }),
  move(
    3,
    7_000,
    {
      stepId: "a",
      stepFrom: RUNNING,
      stepTo: RUNNING,
      operation: "started",
      retryCount: 1,
      costUsd: 0.5,
    },
    { stepId: "a", stepFrom: RUNNING, stepTo: WAITING, retryCount: 1, costUsd: 0.5 },
  ),
  move(
    4,
    9_000,
    {
      stepId: "a",
      stepFrom: WAITING,
      stepTo: COMPLETED,
      operation: "completed",
      retryCount: 1,
      costUsd: 0.75,
      totalCostUsd: 0.75,
    },
    { stepId: "b", stepFrom: PENDING, stepTo: SKIPPED },
    runTo(WorkflowState.RUNNING, WorkflowState.COMPLETED),
  ),
];

it("tells attempts with their ends, errors and costs", () => {
  const run = afterMoves(NO_MOVES, RETRIED);
  expect(run).toMatchObject({
    ...{ seq: 4, missing: 0, state: WorkflowState.COMPLETED, totalCostUsd: 0.75 },
    ...{ startedAtMs: 1_000, endedAtMs: 9_000 },
  });
  const a = run.steps.get("a");
  expect(a).toMatchObject({ state: COMPLETED, retryCount: 1, costUsd: 0.75, errorMessage: "" });
  expect(a?.attempts).toMatchObject([
    {
      ...{ attempt: 1, state: FAILED, startedAtMs: 1_000, endedAtMs: 3_000, waitsFromMs: 1_000 },
      ...{ errorMessage: "away", costUsd: 0.5, endedBy: { id: "TransitionStep" } },
    },
    {
      ...{ attempt: 2, state: COMPLETED, startedAtMs: 7_000, endedAtMs: 9_000, errorMessage: "" },
      costUsd: 0.25,
    },
  ]);
  expect(run.steps.get("b")).toMatchObject({
    state: SKIPPED,
    attempts: [],
    startedAtMs: undefined,
  });
});

it("is the same picture whether moves come together, one by one, or twice", () => {
  const together = afterMoves(NO_MOVES, RETRIED);
  let one = NO_MOVES;
  for (const each of RETRIED) one = afterMoves(afterMoves(one, [each]), [each]);
  expect(one).toEqual(together);
});

it("leaves steps that did not move the objects that they were", () => {
  const before = afterMoves(NO_MOVES, [move(1, 1_000, ...started("a"), ...started("b"))]);
  const after = afterMoves(before, [
    move(2, 2_000, { stepId: "a", stepFrom: WAITING, stepTo: COMPLETED }),
  ]);
  expect(after.steps.get("b")).toBe(before.steps.get("b"));
  expect(after.steps.get("a")).not.toBe(before.steps.get("a"));
  expect(before.steps.get("a")?.state).toBe(WAITING);
});

it("says when moves are missing", () => {
  const run = afterMoves(NO_MOVES, [move(1, 1_000, ...started("a")), move(4, 2_000)]);
  expect(run.missing).toBe(2);
});

it("tells a held step, whose attempt has failed, and its end by an order", () => {
  const held = afterMoves(NO_MOVES, [
    move(1, 1_000, ...started("a")),
    move(2, 2_000, {
      stepId: "a",
      stepFrom: WAITING,
      stepTo: WAITING,
      note: "held",
      errorMessage: "no",
    }),
  ]);
  const step = held.steps.get("a");
  expect(step).toMatchObject({ isHeld: true, state: WAITING, errorMessage: "no" });
  expect(step?.attempts).toMatchObject([{ state: FAILED, endedAtMs: 2_000 }]);
  expect(step && tookMs(step, 99_000)).toBe(1_000);
  const again = afterMoves(held, [
    move(3, 5_000, {
      stepId: "a",
      stepFrom: WAITING,
      stepTo: RUNNING,
      operation: "started",
      retryCount: 1,
    }),
  ]);
  expect(again.steps.get("a")).toMatchObject({ isHeld: false, state: RUNNING, errorMessage: "" });
  expect(again.steps.get("a")?.attempts).toHaveLength(2);
  const skipped = afterMoves(held, [
    move(3, 5_000, { stepId: "a", stepFrom: WAITING, stepTo: COMPLETED }),
  ]);
  expect(skipped.steps.get("a")).toMatchObject({
    isHeld: false,
    state: COMPLETED,
    endedAtMs: 5_000,
  });
  expect(skipped.steps.get("a")?.attempts).toMatchObject([{ state: FAILED, endedAtMs: 2_000 }]);
});

it("gives no attempt to a step that was cancelled before it began", () => {
  const run = afterMoves(NO_MOVES, [
    move(1, 1_000, { stepId: "a", stepFrom: PENDING, stepTo: CANCELLED }),
  ]);
  expect(run.steps.get("a")).toMatchObject({ state: CANCELLED, attempts: [], endedAtMs: 1_000 });
});

it("opens a run again that is compensated after its end", () => {
  const ended = afterMoves(NO_MOVES, RETRIED);
  const undone = afterMoves(ended, [
    move(5, 11_000, runTo(WorkflowState.COMPLETED, WorkflowState.COMPENSATING)),
  ]);
  expect(undone).toMatchObject({ state: WorkflowState.COMPENSATING, startedAtMs: 1_000 });
  expect(undone.endedAtMs).toBeUndefined();
});
