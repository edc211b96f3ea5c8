/**
 * What the parties of a simulated run answer, and when: by the step's mock, or as it is assumed without one.
 * Boundary: makes inputs; player.ts puts them in when their time has come.
 */
import type { GraphStep } from "../graph/graph.ts";
import { outputSchemaOf } from "../steps/human-task/output-schema.ts";
import type { CallResult, CallValue, IssuedCall } from "../values/call.ts";
import type { ArrivedEvent, StepReport } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import type { StepRun } from "../values/run.ts";
import type { WorkerTask } from "../values/task.ts";
import { emptyOutput } from "./empty-output.ts";
import { type Mock, type Mocks, partyOfStep } from "./mocks.ts";
import type { BareInput } from "./virtual-run.ts";

/** An input that is put in later. */
export interface Answer {
  readonly input: BareInput;
  /** Unset: at once. */
  readonly afterMs?: number;
  /** The attempt's end, which comes after what only records something at the same time. */
  readonly isEnd?: true;
  /** It is dropped where the step has ended before it comes: nobody reports on it any more. */
  readonly isOfOpen?: true;
  /** What no mock said, as a sentence. */
  readonly assumed?: string;
}

/** Of which attempt of which step. */
interface Asked {
  readonly step: GraphStep;
  readonly row: StepRun;
  readonly attempt: number;
}

/** The mock of the n-th attempt of a step, from 1; undefined without one. */
function mockOf(mocks: Mocks, stepId: string, attempt: number): Mock | undefined {
  const list = mocks.get(stepId) ?? [];
  return list[Math.min(attempt, list.length) - 1];
}

/** The answers to a call; none where nobody answers it. */
export function answersToCall(issued: IssuedCall, { step, row }: Asked, mocks: Mocks): Answer[] {
  const { call } = issued;
  const at = (attempt: number) => mockOf(mocks, step.def.id, attempt);
  switch (call.kind) {
    case "create_objective": {
      const objectiveId = `objective of ${issued.id}`;
      const created = returned(issued, { kind: call.kind, objectiveId });
      return [created, ...objectiveEnd(issued, objectiveId, at(issued.attempt))];
    }
    case "delegate": {
      const delegationId = `delegation of ${issued.id}`;
      return [returned(issued, { kind: call.kind, delegationId, agentId: call.toAgentId })];
    }
    case "request_approval": {
      const isGate = partyOfStep(step) === "approver";
      const mock = at(isGate ? call.ticket + 1 : issued.attempt);
      const recorded = { kind: call.kind, requestId: issued.id, autoApproved: false };
      const decided = decision(issued, call.approver, mock, row);
      return [returned(issued, recorded), ...decided];
    }
    case "evaluate_action":
      return governanceAnswer(issued, at(issued.attempt));
    case "send_notification": {
      const { error, delayMs } = at(issued.attempt) ?? {};
      const value = { kind: call.kind, notificationId: `notification of ${issued.id}` } as const;
      const answer = error === undefined ? returned(issued, value) : refused(issued, error);
      return [{ ...answer, ...later(delayMs) }];
    }
    case "start_run": {
      const runId = `run of ${issued.id}`;
      const started = returned(issued, { kind: call.kind, runId });
      // Rounds of a repetition are answered in their order, as attempts are.
      const repeats = step.children?.repeatWhile !== undefined;
      const mock = at(repeats ? call.parentStep.child + 1 : issued.attempt);
      return [started, ...childEnd(issued, runId, mock)];
    }
    case "compensate_run":
      return [returned(issued, { kind: call.kind, compensated: true })];
    case "read_output":
      return [returned(issued, { kind: call.kind, output: {} })];
    case "query_usage":
      return [returned(issued, { kind: call.kind, costUsd: 0 })];
    case "cancel_objective":
    case "escalate_approval":
    case "cancel_run":
      return [returned(issued, { kind: call.kind })];
    // Agents are found at once, and the run has neither a parent nor a rerun.
    case "look_up":
    case "tell_parent":
    case "start_rerun":
      return [];
  }
}

/** The result of a worker's task. */
export function answerToTask(task: WorkerTask, mocks: Mocks): Answer[] {
  const mock = mockOf(mocks, task.stepId, task.attempt);
  if (mock?.silent === true) return [];
  const { error, output = {}, costUsd = 0 } = mock ?? {};
  const failed = {
    state: "FAILED",
    message: error ?? "",
    retryable: true,
    retryAfterMs: 0,
  } as const;
  const end = error === undefined ? ({ state: "COMPLETED", output } as const) : failed;
  const { stepId, attempt, queue } = task;
  const report = { worker: "a worker", costUsd, end };
  const input = { kind: "task_reported", stepId, attempt, queue, report } as const;
  return [{ input, ...ending(mock), ...assumedOutput(mock, "a worker answers {}") }];
}

/** What a person hands in; none where no mock says it and no empty output fits the task. */
export function answerOfPerson({ step, attempt }: Asked, mocks: Mocks): Answer[] {
  const mock = mockOf(mocks, step.def.id, attempt);
  const output = mock?.output ?? emptyOutput(outputSchemaOf(step.def));
  const { error } = mock ?? {};
  if (mock?.silent === true || (error === undefined && output === undefined)) return [];
  const report = reportOf(step.def.id, attempt, error, output ?? {});
  const sentence = `a person hands in ${JSON.stringify(output)}`;
  const input = { kind: "step_reported", report } as const;
  return [{ input, ...OF_OPEN, ...ending(mock), ...assumedOutput(mock, sentence) }];
}

/** The event that a step waits for. */
export function arrivingEvent({ step, row, attempt }: Asked, mocks: Mocks): Answer[] {
  const mock = mockOf(mocks, step.def.id, attempt);
  if (mock?.silent === true) return [];
  if (mock?.data === undefined) {
    // Which data would pass its filter is not known.
    const report = reportOf(step.def.id, attempt, undefined, {});
    const assumed = "the event arrives, without data";
    return [{ input: { kind: "step_reported", report }, ...OF_OPEN, ...ending(mock), assumed }];
  }
  const { typePattern = "", subjectPattern = "" } = row.detail.wait ?? {};
  const event: ArrivedEvent = {
    ...{ id: `event of ${step.def.id}/${attempt}`, source: "simulation", time: "" },
    ...{ type: fitting(typePattern), subject: fitting(subjectPattern), data: mock.data },
  };
  const input = { kind: "event_arrived", stepIndex: step.index, event } as const;
  return [{ input, ...OF_OPEN, ...ending(mock) }];
}

const OF_OPEN = { isOfOpen: true } as const;

/** A name that fits a pattern. */
function fitting(pattern: string): string {
  return pattern.replace(/[*>]/g, "any");
}

function returned(issued: IssuedCall, value: CallValue): Answer {
  return resultOf(issued, { ok: true, value });
}

function refused(issued: IssuedCall, message: string): Answer {
  return resultOf(issued, { ok: false, message });
}

function resultOf({ id, stepIndex, attempt, call }: IssuedCall, result: CallResult): Answer {
  const input = { kind: "call_returned", callId: id, call: call.kind, stepIndex, attempt } as const;
  return { input: { ...input, result } };
}

function objectiveEnd(issued: IssuedCall, id: string, mock: Mock | undefined): Answer[] {
  if (mock?.silent === true) return [];
  const { error, output = {}, costUsd = 0 } = mock ?? {};
  const facts = {
    owner: "objective",
    id,
    costUsd,
    agentId: "",
    errorMessage: error ?? "",
  } as const;
  const report =
    error === undefined
      ? ({ ...facts, state: "COMPLETED", output } as const)
      : ({ ...facts, state: "FAILED" } as const);
  const input = { kind: "owner_reported", stepIndex: issued.stepIndex, report } as const;
  return [{ input, ...ending(mock), ...assumedOutput(mock, "an agent answers {}") }];
}

function decision(
  issued: IssuedCall,
  approver: string,
  mock: Mock | undefined,
  row: StepRun,
): Answer[] {
  const { outcome = "approved", silent } = mock ?? {};
  // The gate itself expires a request that it escalates.
  const hasTimer = row.detail.escalation?.afterMs !== undefined;
  const isLeftToTimer = outcome === "expired" && hasTimer && mock?.delayMs === undefined;
  if (silent === true || isLeftToTimer) return [];
  const report = {
    ...{ requestId: issued.id, decision: outcome.toUpperCase(), reason: "", digest: "" },
    decidedBy: approver === "" ? "an approver" : approver,
  };
  const input = { kind: "approval_decided", stepIndex: issued.stepIndex, report } as const;
  const who = approver === "" ? "" : ` by ${approver}`;
  const assumed = mock?.outcome === undefined ? { assumed: `approved${who}` } : {};
  return [{ input, ...ending(mock), ...assumed }];
}

function governanceAnswer(issued: IssuedCall, mock: Mock | undefined): Answer[] {
  if (mock?.silent === true) return [];
  if (mock?.error !== undefined) return [{ ...refused(issued, mock.error), ...ending(mock) }];
  const decided = mock?.decision ?? "allow";
  const value = {
    kind: "evaluate_action",
    decision: decided.toUpperCase(),
    riskLevel: "",
    reasons: decided === "deny" ? ["denied in the simulation"] : [],
  } as const;
  const assumed = mock?.decision === undefined ? { assumed: "governance allows it" } : {};
  return [{ ...returned(issued, value), ...ending(mock), ...assumed }];
}

function childEnd(issued: IssuedCall, runId: string, mock: Mock | undefined): Answer[] {
  const { call } = issued;
  if (call.kind !== "start_run" || mock?.silent === true) return [];
  const { index: stepIndex, attempt, child } = call.parentStep;
  const { error, output = {}, costUsd = 0 } = mock ?? {};
  const facts = { stepIndex, attempt, child, runId, seq: 1, costUsd, undoing: "no" } as const;
  const report =
    error === undefined
      ? ({ ...facts, state: "COMPLETED", output, errorMessage: "" } as const)
      : ({ ...facts, state: "FAILED", errorMessage: error } as const);
  const input = { kind: "child_ended", report } as const;
  return [{ input, ...ending(mock), ...assumedOutput(mock, "a child run ends with {}") }];
}

function reportOf(
  stepId: string,
  attempt: number,
  error: string | undefined,
  output: JsonObject,
): StepReport {
  const facts = {
    ...{ stepId, attempt, objectiveId: "", agentId: "", delegationId: "", approvalRequestId: "" },
    ...{ governanceDecision: "", eventId: "", notificationId: "", costUsd: 0 },
  };
  return error === undefined
    ? { ...facts, state: "COMPLETED", output, errorMessage: "" }
    : { ...facts, state: "FAILED", errorMessage: error };
}

function later(delayMs: number | undefined): { readonly afterMs?: number } {
  return delayMs === undefined ? {} : { afterMs: delayMs };
}

function ending(mock: Mock | undefined) {
  return { isEnd: true as const, ...later(mock?.delayMs) };
}

function assumedOutput(mock: Mock | undefined, assumed: string) {
  return mock?.output === undefined && mock?.error === undefined ? { assumed } : {};
}
