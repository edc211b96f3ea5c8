/**
 * AGENT_ACTION with config.queue: gives a task to a queue of workers and ends with a worker's result.
 * Boundary: see contract.ts. A task is sent from memory after the commit (values/task.ts); `task_unsent` makes it again.
 */
import type { Draft } from "../../draft/draft.ts";
import { addCost, failure, goBadly, succeed } from "../../flow/ending.ts";
import { isLate, isSuperseded, noteLateResult } from "../../flow/late.ts";
import { releaseAttempt } from "../../flow/release.ts";
import { payloadBytes } from "../../values/budget.ts";
import type { Reply } from "../../values/reply.ts";
import { MAY_HAVE_ACTED } from "../../values/run.ts";
import type { TaskReport, TaskReturn } from "../../values/task.ts";
import { renderBrief } from "../agent-action/brief.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { completeWithOwnOutput, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";
import { queueOf, taskNameOf } from "./queue.ts";

/** An AGENT_ACTION with config.queue. */
export const workerTask: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin({ draft, index }) {
    const row = draft.rows.row(index);
    row.detail = { ...row.detail, task: { sinceMs: draft.nowMs } };
    draft.marks.addFlag(index, MAY_HAVE_ACTED);
    const problem = sendTask(draft, index);
    if (problem !== undefined) goBadly(draft, index, failure(problem, true));
  },
  completedByHand(task, report) {
    releaseTask(task);
    completeWithOwnOutput(task, report);
  },
  failedByHand(task, report) {
    releaseTask(task);
    failAttempt(task, report);
  },
  retriesTimeout: true,
};

function releaseTask({ draft, index }: StepTask): void {
  releaseAttempt(draft, index, "the step was ended by hand");
}

interface TaskAttempt {
  readonly stepId: string;
  readonly attempt: number;
}

/** A worker reported the end of an attempt. One that does not count changes nothing, or adds a line to the history. */
export function taskReported(
  draft: Draft,
  { stepId, attempt, queue }: TaskAttempt & { readonly queue: string },
  report: TaskReport,
): Reply {
  const index = taskStepOf(draft, stepId, queue);
  if (index === undefined) return { kind: "unchanged" };
  if (isLate(draft, index) || isSuperseded(draft, index, attempt)) {
    return noteLateResult(draft, index, attempt);
  }
  // Between a pause and its resume the step has ended, and its attempt is the same.
  if (draft.rows.peek(index).detail.task === undefined) return { kind: "unchanged" };
  draft.tasks.end(taskNameOf(draft, index).id);
  draft.rows.row(index).agentId = report.worker;
  addCost(draft, index, report.costUsd);
  const { end } = report;
  if (end.state === "COMPLETED") {
    succeed(draft, index, { output: end.output, extendsInput: false });
  } else {
    const { message, retryable, retryAfterMs } = end;
    goBadly(draft, index, { ...failure(message, retryable), retryAfterMs });
  }
  return { kind: "applied" };
}

/** A task was not published, was lost with its stream, or was given back: it is made again, under the same id. */
export function taskUnsent(
  draft: Draft,
  { stepId, attempt }: TaskAttempt,
  returned: TaskReturn | undefined,
): Reply {
  const index = taskStepOf(draft, stepId, returned?.queue);
  if (index === undefined || isLate(draft, index) || isSuperseded(draft, index, attempt)) {
    return { kind: "unchanged" };
  }
  if (draft.rows.peek(index).detail.task === undefined) return { kind: "unchanged" };
  if (returned !== undefined) {
    const row = draft.rows.row(index);
    row.detail = { ...row.detail, task: { sinceMs: draft.nowMs, returned: true } };
  }
  const problem = sendTask(draft, index, returned?.by);
  // What was rendered once is rendered again, for what it reads has not changed.
  if (problem !== undefined) throw new Error(`a task cannot be made again: ${problem}`);
  return { kind: "unchanged" };
}

/** The step of a task that has begun; undefined when there is none, or its tasks are not of the queue that is given. */
function taskStepOf(draft: Draft, stepId: string, queue?: string): number | undefined {
  const index = draft.graph.indexById.get(stepId);
  if (index === undefined || draft.step(index).kind !== "WORKER_TASK") return undefined;
  if (queue !== undefined && queueOf(draft.step(index).def) !== queue) return undefined;
  return draft.marks.hasRow(index) && draft.marks.state(index) !== "PENDING" ? index : undefined;
}

/** Wants the task of the present attempt, which that message returned; gives the expression that failed. */
function sendTask(draft: Draft, index: number, returnedBy?: string): string | undefined {
  const rendered = renderBrief(draft, index);
  if (!rendered.ok) return rendered.problem;
  const { brief } = rendered;
  const { def } = draft.step(index);
  const { retryCount, timeoutAtMs, detail } = draft.rows.peek(index);
  const name = taskNameOf(draft, index);
  draft.budget.spend(payloadBytes(brief.input) + payloadBytes(brief.parameters));
  draft.tasks.want({
    ...name,
    ...brief,
    runId: draft.run.id,
    stepId: def.id,
    stepIndex: index,
    attempt: retryCount + 1,
    definitionId: draft.run.definitionId,
    actionType: def.actionType,
    queuedAtMs: detail.task?.sinceMs ?? draft.nowMs,
    ...(timeoutAtMs === undefined ? {} : { timeoutAtMs }),
    ...(detail.task?.returned === true ? { alone: true } : {}),
    ...(returnedBy === undefined ? {} : { returnedBy }),
  });
  return undefined;
}
