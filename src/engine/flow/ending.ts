/**
 * How steps end: succeeded, caught by a label, retried, failed, skipped, cancelled.
 * Boundary: sets the step's state and row and queues what follows (draft.toSettle, draft.toBegin); advance.ts drains it.
 * Invariant: a failure is handled in one order: the outcome's own label, retries, `error`, config.on_error.
 */

import type { Draft } from "../draft/draft.ts";
import { inputOf, outputOf } from "../draft/payloads.ts";
import { holdsIn, renderIn } from "../draft/scope.ts";
import type { EdgeRole, GraphEdge, GraphStep } from "../graph/graph.ts";
import { payloadBytes } from "../values/budget.ts";
import { isJsonObject, type JsonObject } from "../values/json.ts";
import { MAX_COST_USD, payloadProblem } from "../values/limits.ts";
import type { StepOperation } from "../values/move.ts";
import { type StepState, SUCCEEDED } from "../values/run.ts";
import { type Ending, isBetweenAttempts } from "../values/step-detail.ts";
import { hold, retry } from "./between-attempts.ts";

const MESSAGE_CHARS_AT_MOST = 16 * 1024;

/** How a step failed, or the outcome that is no success. */
export interface Trouble {
  /** Outcome labels that catch it first; empty for a plain failure. */
  readonly roles: readonly EdgeRole[];
  /** Another label that catches it (config.timeout_action), whatever the role of its edge. */
  readonly label?: string;
  /** Value of `outcome` in the output when a label catches it. */
  readonly outcome: string;
  readonly message: string;
  /** Whether another attempt may succeed. */
  readonly retryable: boolean;
  /** The next attempt begins no earlier than that, in ms; unset: as the retry policy says. */
  readonly retryAfterMs?: number;
  /** The failure ends the step as `config.on_error: stop` does, whatever its config says. */
  readonly stops?: true;
  /** Further fields of the output when a label catches it. */
  readonly facts?: JsonObject;
}

/** The output of a step; `extendsInput`: only what it adds to its input. */
export interface Product {
  /** Unset: a caller completed the step and sent none. Others read `{}`. */
  readonly output: JsonObject | undefined;
  readonly extendsInput: boolean;
  /** The bytes that count towards the payload limit; unset: those of the whole output. */
  readonly countedBytes?: number;
}

/** A plain failure of an attempt. */
export function failure(message: string, retryable: boolean): Trouble {
  return { roles: [], outcome: "error", message, retryable };
}

/** The step ends by its normal outcome. An output over the limits fails it for good. */
export function succeed(draft: Draft, index: number, product: Product): void {
  complete(draft, index, product, { kind: "success" });
}

/** A caller ends the step without its work. An output over the limits fails it for good. */
export function skipByHand(draft: Draft, index: number, product: Product): void {
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, skipped: true };
  complete(draft, index, product, { kind: "continued" });
}

/** The step ends by `timeout_action: continue`: it succeeded without an approval. */
export function goOnAfterTimeout(draft: Draft, index: number): void {
  const product = { output: { timed_out: true }, extendsInput: true };
  complete(draft, index, product, { kind: "continued" });
}

function complete(draft: Draft, index: number, product: Product, ending: Ending): void {
  const problem = setOutput(draft, index, product);
  if (problem !== undefined) {
    goBadly(draft, index, failure(problem, false));
    return;
  }
  // The step was completed by hand between two attempts: the failure of the last attempt is not its end.
  if (isBetweenAttempts(draft.rows.peek(index).detail)) draft.rows.row(index).errorMessage = "";
  if (draft.rows.peek(index).detail.skipped !== true) draft.marks.addFlag(index, SUCCEEDED);
  end(draft, index, "COMPLETED", "completed", ending);
}

/** Keeps an output, or says why it is refused: the added fields or their merge with the input. */
function setOutput(draft: Draft, index: number, product: Product): string | undefined {
  const row = draft.rows.row(index);
  if (product.output === undefined) delete row.output;
  else row.output = product.output;
  row.outputExtendsInput = product.extendsInput;
  draft.budget.spend(payloadBytes(product.output ?? {}));
  draft.payloads.payloadMemo.delete(`o${index}`);
  const problem = payloadProblem("output", outputOf(draft.payloads, index), product.countedBytes);
  if (problem === undefined) return undefined;
  delete row.output;
  row.outputExtendsInput = false;
  const { joined: _joined, ...detail } = row.detail;
  row.detail = detail;
  return problem;
}

/** The step's attempt did not succeed: it is caught, retried or failed, in that order. Cuts its message to 16 KiB. */
export function goBadly(draft: Draft, index: number, given: Trouble): void {
  const row = draft.rows.row(index);
  const trouble = { ...given, message: shorten(given.message) };
  row.errorMessage = trouble.message;
  const step = draft.step(index);
  if (isCaught(draft, step, trouble)) {
    const { roles, label } = trouble;
    setTroubleOutput(draft, index, trouble);
    const caught = { kind: "caught", roles, ...(label === undefined ? {} : { label }) } as const;
    end(draft, index, "COMPLETED", "completed", caught);
  } else if (trouble.retryable && row.retryCount < step.retry.maxRetries) {
    retry(draft, index, trouble.retryAfterMs);
  } else if (isCaught(draft, step, { ...failure(trouble.message, false), roles: ["error"] })) {
    setTroubleOutput(draft, index, failure(trouble.message, false));
    end(draft, index, "FAILED", "failed", { kind: "error" });
  } else {
    failForGood(draft, step, trouble);
  }
}

/** Cuts a message to what one bus event can carry. The cut may split a surrogate pair. */
function shorten(message: string): string {
  if (message.length <= MESSAGE_CHARS_AT_MOST) return message;
  return `${message.slice(0, MESSAGE_CHARS_AT_MOST - 1).toWellFormed()}…`;
}

/** Cancels a step that has not ended; `message` becomes its error_message. */
export function cancelStep(draft: Draft, index: number, message = ""): void {
  if (draft.marks.hasRow(index) && message !== "") draft.rows.row(index).errorMessage = message;
  end(draft, index, "CANCELLED", "cancelled", { kind: "dead" });
}

/** All incoming edges died. */
export function skipStep(draft: Draft, index: number): void {
  end(draft, index, "SKIPPED", "skipped", { kind: "dead" });
}

/** Adds what a step cost, to it and to the run; kept to 1e-9 USD. */
export function addCost(draft: Draft, index: number, costUsd: number): void {
  // Only a finite number of dollars can be stored.
  if (!(costUsd > 0) || costUsd > MAX_COST_USD) return;
  const row = draft.rows.row(index);
  row.costUsd = roundUsd(row.costUsd + costUsd);
  draft.run.totalCostUsd = roundUsd(draft.run.totalCostUsd + costUsd);
  draft.touchRun();
}

function roundUsd(usd: number): number {
  return Math.round(usd * 1e9) / 1e9;
}

function isCaught(draft: Draft, step: GraphStep, trouble: Trouble): boolean {
  // Compensation steps have no edges: nothing catches their failure.
  const edges = step.outgoing.flatMap((i) => draft.graph.edges[i] ?? []);
  const catching = edges.filter((edge) => catches(edge, trouble));
  if (catching.length === 0) return false;
  const added = troubleOutput(trouble);
  const output = { ...inputOf(draft.payloads, step.index), ...added };
  const before = draft.budget.spent;
  return catching.some((edge) => {
    if (draft.budget.spent - before <= CATCHING_UNITS)
      return holdsIn(draft, edge.condition, output);
    draft.failedExpressions.set(
      `the edges that may catch step ${step.def.id} cost too much`,
      "edge",
    );
    return false;
  });
}

/** Upper bound for the conditions of all edges that may catch one failure: they are evaluated in one transition. */
const CATCHING_UNITS = 2_000_000;

/** Whether an edge's label is one that catches this outcome. */
export function catches(
  edge: GraphEdge,
  outcome: { readonly roles: readonly EdgeRole[]; readonly label?: string },
): boolean {
  return outcome.roles.includes(edge.role) || (edge.label !== "" && edge.label === outcome.label);
}

function troubleOutput({ outcome, message, facts }: Trouble): JsonObject {
  return outcome === "error" ? { outcome, error_message: message } : { outcome, ...facts };
}

function setTroubleOutput(draft: Draft, index: number, trouble: Trouble): void {
  const row = draft.rows.row(index);
  row.output = troubleOutput(trouble);
  row.outputExtendsInput = true;
}

function failForGood(draft: Draft, step: GraphStep, { stops }: Trouble): void {
  const { index } = step;
  const isOwn = step.isCompensation || stops === true;
  if (step.onError === "hold" && !isOwn) {
    hold(draft, index);
    return;
  }
  const goesOn = isOwn ? undefined : outputAfterFailure(draft, step);
  const row = draft.rows.row(index);
  if (goesOn?.ok !== true) {
    if (goesOn !== undefined) row.errorMessage = shorten(`${goesOn.problem}; ${row.errorMessage}`);
    const uncaught = { kind: "uncaught", ...(stops === undefined ? {} : { stops }) } as const;
    end(draft, index, "FAILED", "failed", uncaught);
    return;
  }
  row.output = goesOn.value;
  row.outputExtendsInput = false;
  end(draft, index, "FAILED", "failed", { kind: "continued" });
}

type GoingOn =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: string };

/** The output that the run continues with after a failure (config.on_error); undefined when it does not continue. */
function outputAfterFailure(draft: Draft, step: GraphStep): GoingOn | undefined {
  if (step.onError === "continue") return { ok: true, value: {} };
  if (step.onError !== "fallback" || step.fallback === undefined) return undefined;
  const rendered = renderIn(draft, step.fallback, inputOf(draft.payloads, step.index));
  if (!rendered.ok) return rendered;
  const { value } = rendered;
  if (!isJsonObject(value)) return { ok: false, problem: "fallback_output is no object" };
  const problem = payloadProblem("fallback_output", value);
  return problem === undefined ? { ok: true, value } : { ok: false, problem };
}

function end(
  draft: Draft,
  index: number,
  state: StepState,
  op: StepOperation,
  ending: Ending,
): void {
  draft.payloads.payloadMemo.delete(`o${index}`);
  draft.moveStep(index, state, { op });
  if (draft.marks.hasRow(index)) trimDetail(draft, index);
  if (draft.run.state !== "PAUSED") {
    draft.work.settle({ index, ending });
    return;
  }
  // A paused run acts on nothing: the step's row keeps the ending until the resume.
  if (draft.marks.hasRow(index)) draft.rows.row(index).detail.ending = ending;
  draft.run.unsettled = [...draft.run.unsettled, index];
}

/** Drops the details that only an open step needs. */
function trimDetail(draft: Draft, index: number): void {
  const row = draft.rows.row(index);
  const { wait: _w, retrying: _r, pendingEnd: _p, heard: _h, escalation: _e, ...rest } = row.detail;
  const { tried: _t, task: _task, held: _held, edits: _edits, ...kept } = rest;
  row.detail = kept;
}
