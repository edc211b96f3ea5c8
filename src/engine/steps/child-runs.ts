/**
 * AGENT_ACTION with config.workflow: starts child runs and ends with them, one, or one for each item of a list.
 * Boundary: see contract.ts. Starts and ends are told by effects (effect.ts); undoing is undo-children.ts.
 * Invariants:
 * 1. A child's row is looked at before anything it tells is counted, so that a repeat counts for nothing.
 * 2. What changes with every child is its own row and a few numbers of the step: nothing that grows with their count.
 * 3. At most `max_parallel` children are open; a paused run starts none.
 */
import {
  type ChildReport,
  type ChildRun,
  type ChildSet,
  type ChildState,
  MAX_CHILDREN,
  MAX_DEPTH,
  PLAN,
} from "../child-run.ts";
import { childrenWentOn } from "../compensation.ts";
import type { Draft } from "../draft.ts";
import { type CallResult, numbersOfEffect } from "../effect.ts";
import { addCost, failure, goBadly, succeed, type Trouble } from "../ending.ts";
import type { ChildSettings } from "../graph/graph.ts";
import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  ownValue,
} from "../json.ts";
import { isLate, noteLate } from "../late.ts";
import { MAX_PAYLOAD_BYTES, payloadProblem } from "../limits.ts";
import type { Reply } from "../outcome.ts";
import { releaseAttempt } from "../release.ts";
import { type ChildCounts, HAS_CHILDREN, MAY_HAVE_EFFECT } from "../run.ts";
import { renderIn } from "../scope.ts";
import { countUndone, setCounts } from "../undo-children.ts";
import type { StepTask } from "./contract.ts";

/** What all children of an attempt have in common; the PLAN row of a list keeps it. */
type Plan = {
  readonly definition_id: string;
  readonly name: string;
  readonly version: number;
  readonly input: JsonObject;
};

type Planned =
  | { readonly ok: true; readonly plan: Plan; readonly items?: readonly Json[] }
  | { readonly ok: false; readonly trouble: Trouble };

/** An attempt begins: the first children are asked for. */
export function beginChildren({ draft, index }: StepTask, input: JsonObject): void {
  const planned = planChildren(draft, index, input);
  if (!planned.ok) {
    goBadly(draft, index, planned.trouble);
    return;
  }
  const { plan, items } = planned;
  if (items?.length === 0) {
    succeed(draft, index, { output: { items: [], run_ids: [] }, extendsInput: false });
    return;
  }
  draft.addFlag(index, MAY_HAVE_EFFECT | HAS_CHILDREN);
  const { children, ...detail } = draft.row(index).detail;
  const starting = children?.starting ?? 0;
  const none = { next: 0, open: 0, failed: 0, bytes: 0, starting };
  draft.row(index).detail = detail;
  setCounts(draft, index, items === undefined ? none : { items: items.length, ...none });
  if (items === undefined) {
    draft.children.insert(newChild(draft, index, 0));
    startChild(draft, index, plan, plan.input);
    return;
  }
  draft.children.insert({ ...newChild(draft, index, PLAN), input: { ...plan } });
  for (const [child, item] of items.entries()) {
    draft.children.insert({ ...newChild(draft, index, child), input: item });
  }
  startNextChildren(draft, index);
}

/** Of several steps that may start children, asks for all rows that they need for it. */
export function requireNextChildren(draft: Draft, indexes: readonly number[]): void {
  draft.children.require(indexes.flatMap((index) => missingNext(draft, index)));
}

/** Starts as many children of a list as may be open. */
export function startNextChildren(draft: Draft, index: number): void {
  const { attempt, first, count } = nextChildren(draft, index);
  if (count <= 0) return;
  requireNextChildren(draft, [index]);
  const plan = readPlan(draft.children.find(index, { attempt, child: PLAN })?.input);
  for (let child = first; child < first + count; child += 1) {
    const item = draft.children.find(index, { attempt, child })?.input ?? null;
    startChild(draft, index, plan, { ...plan.input, item, index: child });
  }
}

/** A step that is ended by hand has no use for its children. */
export function releaseChildren({ draft, index }: StepTask): void {
  if (draft.step(index).children === undefined) return;
  releaseAttempt(draft, index, "the step was ended by hand");
}

/** The answer to a start: the child's id, or why there is none. */
export function startReturned(
  draft: Draft,
  returned: {
    readonly effectId: string;
    readonly stepIndex: number;
    readonly attempt: number;
    readonly result: CallResult;
  },
): Reply {
  const { stepIndex: index, attempt, result } = returned;
  const [child = 0] = numbersOfEffect(returned.effectId);
  const { children } = draft.peek(index).detail;
  const found = draft.children.find(index, { attempt, child });
  if (children === undefined || found === undefined) return { kind: "unchanged" };
  setCounts(draft, index, { ...children, starting: children.starting - 1 });
  const isAwaited = awaits(draft, index, attempt);
  if (found.state === "new") {
    if (!result.ok) draft.children.put({ ...found, state: "refused" });
    else if (result.value.kind === "start_run") {
      const { runId } = result.value;
      draft.children.put({ ...found, state: "open", runId });
      if (!isAwaited) cancelLate(draft, index, found, runId);
    }
  }
  if (!isAwaited) return heardLate(draft, index);
  if (!result.ok) childFailed(draft, index, found, failure(result.message, true));
  return { kind: "applied" };
}

/** A child ended, or its compensation did. */
export function childHeard(draft: Draft, told: ChildReport): Reply {
  const { stepIndex: index, attempt, seq, runId, costUsd } = told;
  const isStep = draft.graph.steps[index] !== undefined && draft.hasRow(index);
  const found = isStep ? draft.children.find(index, told) : undefined;
  if (found === undefined || found.seq >= seq) return { kind: "unchanged" };
  if (found.runId !== "" && found.runId !== runId) return { kind: "unchanged" };
  const heard = { ...found, seq, runId, costUsd };
  if (found.state !== "new" && found.state !== "open") {
    return undoHeard(draft, index, { found, heard, told });
  }
  const isAwaited = awaits(draft, index, attempt);
  const problem = told.output === undefined ? undefined : payloadProblem("output", told.output);
  const isKept = isAwaited && problem === undefined && told.output !== undefined;
  draft.children.put({
    ...heard,
    state: stateOf(told),
    ...(isKept && told.output !== undefined ? { output: told.output } : {}),
  });
  if (!isAwaited) return heardLate(draft, index);
  addCost(draft, index, costUsd);
  if (problem !== undefined) childFailed(draft, index, heard, failure(problem, false));
  else if (told.state === "COMPLETED") childCompleted(draft, index, runId, told.output ?? {});
  else {
    // As an objective that was cancelled elsewhere: nobody wants it tried again.
    const trouble = failure(told.errorMessage, told.state !== "CANCELLED");
    childFailed(draft, index, heard, trouble);
  }
  return { kind: "applied" };
}

/** A child was asked to compensate: it may have had nothing to undo. */
export function undoReturned(
  draft: Draft,
  returned: {
    readonly effectId: string;
    readonly stepIndex: number;
    readonly result: CallResult;
  },
): Reply {
  const { stepIndex: index, result } = returned;
  const [, attempt = 0, child = 0] = numbersOfEffect(returned.effectId);
  const found = draft.children.find(index, { attempt, child });
  if (found?.state !== "undoing") return { kind: "unchanged" };
  if (result.ok && result.value.kind === "compensate_run" && !result.value.undone) {
    return { kind: "unchanged" };
  }
  draft.children.put({ ...found, state: result.ok ? "undone" : "stuck" });
  countUndone(draft, index, !result.ok);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** The children of a list that start now. */
function nextChildren(draft: Draft, index: number) {
  const { detail, retryCount } = draft.peek(index);
  const { children } = detail;
  const attempt = retryCount + 1;
  if (children?.items === undefined || detail.retrying === true || !mayStart(draft, index)) {
    return { attempt, first: 0, count: 0 };
  }
  const limit = draft.step(index).children?.maxParallel ?? 1;
  const count = Math.min(limit - children.open, children.items - children.next);
  return { attempt, first: children.next, count };
}

/** Children of a batch often end together: the rows of those that follow are asked for at once. */
const ROWS_AHEAD = 200;

function missingNext(draft: Draft, index: number): ChildSet[] {
  const { attempt, first, count } = nextChildren(draft, index);
  if (count <= 0) return [];
  const last = first + count - 1;
  const isThere = [PLAN, last].every((child) => draft.children.has(index, { attempt, child }));
  if (isThere) return [];
  const limit = count + ROWS_AHEAD;
  return [
    { kind: "one", step: index, attempt, child: PLAN },
    { kind: "next", step: index, attempt, child: first, limit },
  ];
}

function planChildren(draft: Draft, index: number, input: JsonObject): Planned {
  const settings = draft.step(index).children;
  if (settings === undefined) throw new Error(`step ${index} has no config.workflow`);
  const depth = depthOf(draft);
  if (depth > MAX_DEPTH) return refuse(`child runs nest at most ${MAX_DEPTH} deep`, false);
  const target = renderIn(draft, settings.target, input);
  if (!target.ok) return refuse(target.problem);
  const base = settings.input === undefined ? undefined : renderIn(draft, settings.input, input);
  if (base?.ok === false) return refuse(base.problem);
  const given = base !== undefined && isJsonObject(base.value) ? base.value : input;
  const plan = { ...targetOf(target.value), input: given };
  if (settings.forEach === undefined) return { ok: true, plan };
  const list = renderIn(draft, settings.forEach, input);
  if (!list.ok) return refuse(list.problem);
  if (!Array.isArray(list.value)) {
    return refuse(`for_each ${settings.forEachText} gave ${kindOf(list.value)}, not a list`);
  }
  const items = list.value;
  if (items.length > MAX_CHILDREN) {
    return refuse(`for_each gave ${items.length} items, over the limit of ${MAX_CHILDREN}`, false);
  }
  const tooFew = whatIsMissing(settings, items.length);
  if (tooFew !== undefined) return refuse(tooFew, false);
  const common = base === undefined ? withoutList(input, items) : given;
  return { ok: true, plan: { ...plan, input: common }, items };
}

function refuse(message: string, retryable = true): Planned {
  return { ok: false, trouble: failure(message, retryable) };
}

function whatIsMissing({ required = 0 }: ChildSettings, items: number): string | undefined {
  if (items === 0 || items >= required) return undefined;
  return `for_each gave ${items} items, ${required} are required to succeed`;
}

/** Each child gets its item, and not all of them once more: together they would be the square of the list. */
function withoutList(input: JsonObject, items: readonly Json[]): JsonObject {
  const text = canonicalJson([...items]);
  const isList = (value: Json) =>
    Array.isArray(value) && value.length === items.length && canonicalJson(value) === text;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => !isList(value)));
}

function targetOf(value: Json): Omit<Plan, "input"> {
  const text = (key: string) => {
    const part = isJsonObject(value) ? ownValue(value, key) : undefined;
    return typeof part === "string" ? part : "";
  };
  const version = isJsonObject(value) ? ownValue(value, "version") : undefined;
  return {
    definition_id: text("definition_id"),
    name: text("name"),
    // What is no number is told by the start: there is no such version.
    version: version === undefined ? 0 : version === null ? Number.NaN : Number(version),
  };
}

function readPlan(value: Json | undefined): Plan {
  const input = isJsonObject(value) ? ownValue(value, "input") : undefined;
  return { ...targetOf(value ?? null), input: isJsonObject(input) ? input : {} };
}

function newChild(draft: Draft, step: number, child: number): ChildRun {
  const attempt = draft.peek(step).retryCount + 1;
  return { step, attempt, child, state: "new", runId: "", costUsd: 0, seq: 0 };
}

function startChild(draft: Draft, index: number, plan: Plan, input: JsonObject): void {
  const { run } = draft;
  const { children } = draft.peek(index).detail;
  if (children === undefined) throw new Error(`step ${index} has no count of its children`);
  const { next: child } = children;
  setCounts(draft, index, {
    ...children,
    next: child + 1,
    open: children.open + 1,
    starting: children.starting + 1,
  });
  const attempt = draft.peek(index).retryCount + 1;
  draft.call(
    index,
    {
      kind: "start_run",
      workspaceId: run.workspaceId,
      definitionId: plan.definition_id,
      name: plan.name,
      version: plan.version,
      parentRunId: run.id,
      parentDefinitionId: run.definitionId,
      parentStep: { index, attempt, child, depth: depthOf(draft) },
      initiatorAgentId: run.initiatorAgentId,
      initiatorUserId: run.initiatorUserId,
      entityId: run.entityId,
      entityType: run.entityType,
      hops: run.hops,
      input,
    },
    `-${child}`,
  );
}

function depthOf(draft: Draft): number {
  return (draft.run.parentStep?.depth ?? 0) + 1;
}

function mayStart(draft: Draft, index: number): boolean {
  return draft.run.state === (draft.step(index).isCompensation ? "COMPENSATING" : "RUNNING");
}

/** Whether the attempt that started a child still waits for it. */
function awaits(draft: Draft, index: number, attempt: number): boolean {
  const { retryCount, detail } = draft.peek(index);
  return !isLate(draft, index) && retryCount + 1 === attempt && detail.retrying !== true;
}

function cancelLate(draft: Draft, index: number, { attempt, child }: ChildRun, runId: string) {
  const reason = "the step does not wait for it any more";
  draft.call(index, { kind: "cancel_run", runId, reason }, `-${attempt}-${child}`);
}

function heardLate(draft: Draft, index: number): Reply {
  const reply = noteLate(draft, index);
  childrenWentOn(draft);
  return reply;
}

function stateOf({ state, undoing }: ChildReport): ChildState {
  if (undoing === "done") return "undone";
  if (state === "COMPLETED") return "completed";
  return state === "FAILED" ? "failed" : "cancelled";
}

function childCompleted(draft: Draft, index: number, runId: string, output: JsonObject): void {
  const children = counted(draft, index, { failed: 0, bytes: jsonSizeBytes(output) });
  if (children.items === undefined) {
    succeed(draft, index, { output: { ...output, run_ids: [runId] }, extendsInput: false });
    return;
  }
  goOn(draft, index, children);
}

function childFailed(draft: Draft, index: number, { child, runId }: ChildRun, trouble: Trouble) {
  const children = counted(draft, index, { failed: 1, bytes: 0 });
  if (children.items === undefined) {
    goBadly(draft, index, trouble);
    return;
  }
  const required = draft.step(index).children?.required ?? children.items;
  if (children.items - children.failed >= required) {
    goOn(draft, index, children);
    return;
  }
  const name = runId === "" ? `item ${child}` : `item ${child} (${runId})`;
  releaseAttempt(draft, index, "another child of the step failed");
  goBadly(draft, index, { ...trouble, message: `${name}: ${trouble.message}` });
}

function counted(
  draft: Draft,
  index: number,
  news: Pick<ChildCounts, "failed" | "bytes">,
): ChildCounts {
  const { children } = draft.peek(index).detail;
  if (children === undefined) throw new Error(`step ${index} has no count of its children`);
  const sum = {
    ...children,
    open: children.open - 1,
    failed: children.failed + news.failed,
    bytes: children.bytes + news.bytes,
  };
  setCounts(draft, index, sum);
  return sum;
}

function goOn(draft: Draft, index: number, { items = 0, next, open, bytes }: ChildCounts): void {
  if (bytes > MAX_PAYLOAD_BYTES) {
    const size = `the outputs of the children have ${bytes} bytes so far`;
    releaseAttempt(draft, index, "the outputs are too large together");
    goBadly(draft, index, failure(`${size}, over the limit of ${MAX_PAYLOAD_BYTES}`, false));
  } else if (next === items && open === 0) {
    const attempt = draft.peek(index).retryCount + 1;
    const rows = draft.children.list({ kind: "attempt", step: index, attempt });
    const outputs = rows.map((row): Json => row.output ?? null);
    const output = { items: outputs, run_ids: rows.map(({ runId }) => runId) };
    // Ids are this service's own, 30 bytes each, and bounded by the number of children.
    succeed(draft, index, { output, extendsInput: false, counted: { items: outputs } });
  } else {
    startNextChildren(draft, index);
  }
}

interface UndoNews {
  readonly found: ChildRun;
  readonly heard: ChildRun;
  readonly told: ChildReport;
}

/** A child that had ended, or was asked to compensate, told something more. */
function undoHeard(draft: Draft, index: number, { found, heard, told }: UndoNews): Reply {
  const isAsked = found.state === "undoing";
  const isStuck = told.undoing === "failed" && isAsked;
  const state = isStuck ? "stuck" : told.undoing === "done" ? "undone" : found.state;
  draft.children.put({ ...heard, state });
  if (!isAsked || state === "undoing") return { kind: "unchanged" };
  if (draft.run.state === "COMPENSATING") addCost(draft, index, told.costUsd - found.costUsd);
  countUndone(draft, index, isStuck);
  childrenWentOn(draft);
  return { kind: "applied" };
}

function kindOf(value: Json): string {
  if (value === null) return "null";
  return isJsonObject(value) ? "an object" : `a ${typeof value}`;
}
