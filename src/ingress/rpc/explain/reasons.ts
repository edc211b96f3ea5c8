/**
 * Reasons why the open steps of a run wait, as messages.
 * Boundary: pure; the kinds of reasons are in the files beside this one.
 * Invariant: each open step has a reason. One whose row names nothing that it waits for is with the service itself (CALL).
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ReasonCode,
  type WaitReason,
  WaitReasonSchema,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { openItemsOf } from "../../../engine/steps/person-items.ts";
import { isFinalStep } from "../../../engine/values/run.ts";
import { callReason } from "./call-reasons.ts";
import { cut, type OpenStep, type Reason } from "./reason.ts";
import { failedReason, failingSteps, heldReason, retryReason } from "./retry-reasons.ts";
import { childReasons, rowReason, steppingReason, ticketReasons } from "./row-reasons.ts";
import { namesOf, type RunFacts, unreadChildren } from "./run-facts.ts";

const REASONS_A_STEP = 20;

/** The reasons of open steps, in the version's order; of a run that FAILED those of the steps that failed it. */
export function stepReasons(facts: RunFacts): { waits: WaitReason[]; more: number } {
  const { graph, steps, run } = facts;
  const failing = run.state === "FAILED" ? failingSteps(facts) : new Set();
  let more = 0;
  const waits = graph.steps.flatMap((step) => {
    const row = steps.get(step.index);
    if (row === undefined) return [];
    const open = { step, row };
    if (failing.has(step.index)) return [messageOf(facts, open, failedReason(facts, open))];
    if (isFinalStep(row.state)) return [];
    const reasons = reasonsOf(facts, open);
    more += Math.max(0, reasons.length - REASONS_A_STEP) + unreadChildren(facts.children, row);
    return reasons
      .slice(0, REASONS_A_STEP)
      .map((reason) => messageOf(facts, open, withLetter(facts, open, reason)));
  });
  return { waits, more };
}

function reasonsOf(facts: RunFacts, open: OpenStep): Reason[] {
  const { row } = open;
  if (row.detail.held !== undefined) return [heldReason(open, row.detail.held.sinceMs)];
  if (row.detail.retrying === true) return [retryReason(facts, open)];
  const calls = facts.calls.filter(
    ({ stepIndex, attempt }) => stepIndex === row.index && attempt === row.retryCount + 1,
  );
  const reasons = [
    ...calls.map((call) => callReason(facts, open, call)),
    ...ticketReasons(facts, open),
    ...childReasons(facts, open),
  ];
  if (reasons.length > 0) return reasons;
  return [rowReason(facts, open) ?? steppingReason(facts, open)];
}

const ENDED_BY_MESSAGES: ReadonlySet<ReasonCode> = new Set([
  ReasonCode.APPROVAL,
  ReasonCode.AGENT,
  ReasonCode.GOVERNANCE,
  ReasonCode.WORKER,
]);

/** A message that names what the step waits for was put aside: that comes before the plain reason. */
function withLetter(facts: RunFacts, { step, row }: OpenStep, reason: Reason): Reason {
  if (!ENDED_BY_MESSAGES.has(reason.code)) return reason;
  const { approvalRequestId } = reason;
  const names = approvalRequestId === undefined ? namesOf(facts.graph, row) : [approvalRequestId];
  const letter = facts.letters.find((each) => names.includes(each.names));
  if (letter === undefined) return reason;
  const { stream, streamSeq } = letter;
  const message = `message ${streamSeq} of stream ${stream}, which names ${letter.names}`;
  return {
    ...reason,
    code: ReasonCode.DEAD_LETTER,
    sentence: `step ${step.def.id} may wait in vain: ${message}, was put aside (${letter.reason})`,
    sinceMs: letter.createdAt.getTime(),
    lastError: letter.reason,
  };
}

function messageOf({ run }: RunFacts, { step, row }: OpenStep, reason: Reason): WaitReason {
  const { sinceMs = row.startedAtMs, nextTryAtMs, givesUpAtMs, endsBy = [], ...more } = reason;
  const { itemPlace, ...rest } = more;
  // A request may be recorded that the step does not ask people for, such as an agent's own.
  const isItem = openItemsOf(step, row).some(({ place }) => place === itemPlace);
  const isOpen = !isFinalStep(row.state);
  const deadlineMs = run.state === "COMPENSATING" ? undefined : run.deadlineAtMs;
  const ends = [row.timeoutAtMs, deadlineMs, givesUpAtMs].filter((ms) => ms !== undefined);
  return create(WaitReasonSchema, {
    ...rest,
    inboxItemId: isItem ? `${run.id}/${step.def.id}/${itemPlace}` : "",
    stepId: step.def.id,
    attempt: row.retryCount + 1,
    since: timestampFromMs(sinceMs),
    objectiveId: row.objectiveId,
    delegationId: row.delegationId,
    endsBy: [...endsBy],
    lastError: cut(reason.lastError ?? row.errorMessage),
    // What the replica knows is by a clock with parts of milliseconds.
    ...(nextTryAtMs === undefined ? {} : { nextTryAt: timestampFromMs(Math.round(nextTryAtMs)) }),
    ...(isOpen && ends.length > 0 ? { givesUpAt: timestampFromMs(Math.min(...ends)) } : {}),
  });
}
