/**
 * What the graph draws on its nodes, from the picture of a run, its explanation and its tree.
 * Boundary: pure but for what it keeps of the last time: facts that did not change are the same objects.
 */
import {
  type Explanation,
  ReasonCode,
  type RunNode,
  type WaitReason,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { ChildCounts, NodeFacts } from "../../parts/graph/node-facts.ts";
import { isFinalStep, type RunPicture, type StepPicture } from "./run-picture.ts";

/** What a wait is for, in a word or two. */
const WAIT_WORDS: Readonly<Record<ReasonCode, string>> = {
  [ReasonCode.UNSPECIFIED]: "",
  [ReasonCode.CALL]: "the service is at work",
  [ReasonCode.DEADLINE_NEAR]: "deadline is near",
  [ReasonCode.FAILED]: "failed",
  [ReasonCode.APPROVAL]: "waits for approval",
  [ReasonCode.TASK]: "waits for a person",
  [ReasonCode.EVENT]: "waits for an event",
  [ReasonCode.TIMER]: "waits for a time",
  [ReasonCode.RETRY]: "tries again soon",
  [ReasonCode.COLLABORATOR_AWAY]: "service away",
  [ReasonCode.BREAKER_OPEN]: "service left alone",
  [ReasonCode.NO_AGENT]: "no agent",
  [ReasonCode.CHILD]: "waits for runs",
  [ReasonCode.PAUSED]: "paused",
  [ReasonCode.NOT_CONFIGURED]: "not configured",
  [ReasonCode.DEAD_LETTER]: "message put aside",
  [ReasonCode.WORKER_LOST]: "worker lost",
  [ReasonCode.QUEUE_UNSERVED]: "no worker",
  [ReasonCode.AGENT]: "agent at work",
  [ReasonCode.WORKER]: "with a worker",
  [ReasonCode.GOVERNANCE]: "waits for governance",
  [ReasonCode.HELD]: "held",
  [ReasonCode.STEPS]: "waits for its steps",
  [ReasonCode.RUN_LIMIT]: "waits for its turn",
};

/** What a wait is for, as a label. */
export function waitWords(code: ReasonCode): string {
  return WAIT_WORDS[code] ?? "";
}

/** Keeps what it gave the last time. */
export function createNodeFacts() {
  let last = new Map<string, NodeFacts>();

  return (
    run: RunPicture,
    explanation: Explanation | undefined,
    descendants: readonly RunNode[],
    runId: string,
    isCut: boolean,
  ): ReadonlyMap<string, NodeFacts> => {
    const waits = byStep(explanation?.waits ?? []);
    const children = childCounts(descendants, runId, isCut);
    const next = new Map<string, NodeFacts>();
    for (const [id, step] of run.steps) {
      const made = factsOf(step, waits.get(id), children.get(id));
      const before = last.get(id);
      next.set(id, before !== undefined && isSame(before, made) ? before : made);
    }
    last = next;
    return next;
  };
}

function factsOf(
  step: StepPicture,
  wait: WaitReason | undefined,
  children: ChildCounts | undefined,
): NodeFacts {
  const { state, isHeld, isReused, costUsd, errorMessage } = step;
  const last = step.attempts.at(-1);
  // An explanation that is a second old may speak of a step that has ended meanwhile.
  const isOpen = !isFinalStep(state) && wait !== undefined;
  return {
    ...{ state, isHeld, isReused, costUsd, children },
    attempts: last?.attempt ?? 0,
    startedAtMs: last?.startedAtMs,
    endedAtMs: last?.endedAtMs,
    wait: isOpen ? waitWords(wait.code) : "",
    sentence: isOpen ? wait.sentence : errorMessage,
  };
}

/** The first reason of each step, which tells most. */
function byStep(waits: readonly WaitReason[]): Map<string, WaitReason> {
  const first = new Map<string, WaitReason>();
  for (const wait of waits) if (!first.has(wait.stepId)) first.set(wait.stepId, wait);
  return first;
}

function childCounts(
  descendants: readonly RunNode[],
  runId: string,
  isCut: boolean,
): Map<string, ChildCounts> {
  const counts = new Map<string, ChildCounts>();
  for (const { parentRunId, parentStepId, state } of descendants) {
    if (parentRunId !== runId || parentStepId === "") continue;
    const { total, done, failed } = counts.get(parentStepId) ?? { total: 0, done: 0, failed: 0 };
    const hasFailed = state === WorkflowState.FAILED || state === WorkflowState.CANCELLED;
    counts.set(parentStepId, {
      total: total + 1,
      done: done + (state === WorkflowState.COMPLETED ? 1 : 0),
      failed: failed + (hasFailed ? 1 : 0),
      isCut,
    });
  }
  return counts;
}

function isSame(one: NodeFacts, other: NodeFacts): boolean {
  const [{ children: a, ...left }, { children: b, ...right }] = [one, other];
  const isSameCount = a?.total === b?.total && a?.done === b?.done && a?.failed === b?.failed;
  const [values, others] = [Object.values(left), Object.values(right)];
  return isSameCount && values.every((value, at) => Object.is(value, others[at]));
}
