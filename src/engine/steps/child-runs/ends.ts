/**
 * Applies the starts and ends of child runs to their step.
 * Boundary: counts results and decides the step. start.ts starts children, compensated.ts applies compensations.
 * Invariants:
 * 1. A child's row is compared with a report before it counts, so a repeat counts for nothing.
 * 2. Each child changes its own row and a few counts of the step: no data grows with the number of children.
 */

import type { Draft } from "../../draft/draft.ts";
import { setCounts } from "../../flow/compensate-children.ts";
import { childrenWentOn } from "../../flow/compensation.ts";
import { addCost, failure, goBadly, succeed, type Trouble } from "../../flow/ending.ts";
import { isLate, noteLate } from "../../flow/late.ts";
import { releaseAttempt } from "../../flow/release.ts";
import { numbersOfCall, type ReturnedCall } from "../../values/call.ts";
import type { ChildReport, ChildRun, ChildState } from "../../values/child-run.ts";
import { type Json, type JsonObject, jsonSizeBytes } from "../../values/json.ts";
import { MAX_PAYLOAD_BYTES } from "../../values/limits.ts";
import type { Reply } from "../../values/reply.ts";
import type { ChildCounts } from "../../values/step-detail.ts";
import { compensationReported, noteCost } from "./compensated.ts";
import { repeats, roundCompleted } from "./repeat.ts";
import { startNextChildren } from "./start.ts";

/** The answer to a start: the child's id, or why it was refused. */
export function startReturned(draft: Draft, returned: ReturnedCall): Reply {
  const { stepIndex: index, attempt, result } = returned;
  const [child = 0] = numbersOfCall(returned.callId);
  const { children } = draft.rows.peek(index).detail;
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
  if (!isAwaited) return reportedLate(draft, index);
  if (!result.ok) childFailed(draft, index, found, failure(result.message, true));
  else startNextChildren(draft, index);
  return { kind: "applied" };
}

/** A child ended, or its compensation ended. */
export function childReported(draft: Draft, report: ChildReport): Reply {
  const { stepIndex: index, attempt, seq, runId, costUsd } = report;
  const isStep = draft.graph.steps[index] !== undefined && draft.marks.hasRow(index);
  const found = isStep ? draft.children.find(index, report) : undefined;
  if (found === undefined || found.seq >= seq) return { kind: "unchanged" };
  if (found.runId !== "" && found.runId !== runId) return { kind: "unchanged" };
  const heard = { ...found, seq, runId };
  if (found.state !== "new" && found.state !== "open") {
    return compensationReported(draft, index, { found, heard, report });
  }
  const isAwaited = awaits(draft, index, attempt);
  const { output } = report;
  // The output of a round goes on to the next one, or ends the step.
  const isKept = isAwaited && !repeats(draft, index);
  const kept = isKept && output !== undefined ? { output } : {};
  // While the run compensates, a child's cost counts whichever attempt started the child.
  const counts = isAwaited || draft.run.state === "COMPENSATING";
  // A child that compensated itself also gets a request at its turn, and reports its cost then.
  const news = counts ? { state: stateOf(report), costUsd } : { state: endOf(report) };
  draft.children.put({ ...heard, ...news, ...kept });
  if (!counts) return reportedLate(draft, index);
  addCost(draft, index, costUsd);
  if (!isAwaited) return reportedBeforeCompensation(draft, index);
  if (report.state === "COMPLETED" && output !== undefined) {
    childCompleted(draft, index, heard, output);
  } else {
    // A retry would not help: the child was cancelled elsewhere, or its output is missing or too large.
    childFailed(draft, index, heard, failure(report.errorMessage, report.state === "FAILED"));
  }
  if (costUsd > 0 && awaits(draft, index, attempt)) noteCost(draft, index);
  return { kind: "applied" };
}

/** Whether the attempt that started a child still waits for it. */
function awaits(draft: Draft, index: number, attempt: number): boolean {
  if (isLate(draft, index)) return false;
  const { retryCount, detail } = draft.rows.peek(index);
  // Between two attempts the next one is current, and has no children yet.
  return retryCount + 1 === attempt && detail.held === undefined;
}

function cancelLate(draft: Draft, index: number, { attempt, child }: ChildRun, runId: string) {
  const reason = "the step does not wait for it any more";
  draft.call(index, { kind: "cancel_run", runId, reason }, `-${attempt}-${child}`);
}

function reportedBeforeCompensation(draft: Draft, index: number): Reply {
  noteCost(draft, index);
  childrenWentOn(draft);
  return { kind: "applied" };
}

function reportedLate(draft: Draft, index: number): Reply {
  const reply = noteLate(draft, index);
  childrenWentOn(draft);
  return reply;
}

function stateOf(report: ChildReport): ChildState {
  return report.undoing === "done" ? "undone" : endOf(report);
}

function endOf({ state }: ChildReport): ChildState {
  if (state === "COMPLETED") return "completed";
  return state === "FAILED" ? "failed" : "cancelled";
}

/**
 * Bytes of each list output that do not count: what BRANCH and the other transparent steps copy from a small item and
 * add to it. With 10,000 children they are 1.25 MiB.
 */
const FREE_BYTES_A_CHILD = 128;

function childCompleted(draft: Draft, index: number, child: ChildRun, output: JsonObject): void {
  const { runId } = child;
  if (repeats(draft, index)) {
    roundCompleted(
      draft,
      index,
      { ...child, output },
      counted(draft, index, { failed: 0, bytes: 0 }),
    );
    return;
  }
  const bytes = Math.max(0, jsonSizeBytes(output) - FREE_BYTES_A_CHILD);
  const children = counted(draft, index, { failed: 0, bytes });
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
  const place = repeats(draft, index) ? `round ${child + 1}` : `item ${child}`;
  const name = runId === "" ? place : `${place} (${runId})`;
  releaseAttempt(draft, index, "another child of the step failed");
  goBadly(draft, index, { ...trouble, message: `${name}: ${trouble.message}` });
}

function counted(
  draft: Draft,
  index: number,
  news: Pick<ChildCounts, "failed" | "bytes">,
): ChildCounts {
  const { children } = draft.rows.peek(index).detail;
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
    const attempt = draft.rows.peek(index).retryCount + 1;
    const rows = draft.children.list({ kind: "attempt", step: index, attempt });
    const outputs = rows.map((row): Json => row.output ?? null);
    const output = { items: outputs, run_ids: rows.map(({ runId }) => runId) };
    // Each output was counted when it came. The ids have 30 bytes each and are bounded by the number of children.
    succeed(draft, index, { output, extendsInput: false, countedBytes: bytes });
  } else {
    startNextChildren(draft, index);
  }
}
