/**
 * A failed attempt and what failed it: the next attempt of an open step, and the steps that failed a run.
 * Boundary: pure. What failed an attempt stands in the history (notes), the replica knows what is configured.
 */
import type { ReasonCode as Code } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { Party_Kind, ReasonCode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { HELD_PLACE } from "../../../engine/steps/person-items.ts";
import { type CallKind, OWN_CALLS } from "../../../engine/values/call.ts";
import type { RunNote } from "../../../store/reads/run-waits.ts";
import { missingSetting } from "./owners.ts";
import { at, type OpenStep, type Reason } from "./reason.ts";
import type { RunFacts } from "./run-facts.ts";

/** The attempt failed, and another one follows. */
export function retryReason(facts: RunFacts, open: OpenStep): Reason {
  const { step, row } = open;
  const failed = failureOf(facts, open);
  const wakeAtMs = row.wakeAtMs ?? facts.nowMs;
  // Attempts that a caller ordered come on top.
  const left = Math.max(0, step.retry.maxRetries - row.retryCount);
  const next = `attempt ${row.retryCount + 1} of step ${step.def.id} begins at ${at(wakeAtMs)}`;
  const after = left === 0 ? "it is the last one" : `${left} more may follow`;
  return {
    ...causeOf(facts, open, failed.call, ReasonCode.RETRY),
    sentence: `${next}, for the one before failed (${after}): ${row.errorMessage}`,
    nextTryAtMs: wakeAtMs,
    endsBy: [{ kind: Party_Kind.TIME, id: at(wakeAtMs) }],
    ...(failed.atMs === undefined ? {} : { sinceMs: failed.atMs }),
  };
}

/** The step failed for good, and config.on_error holds it. */
export function heldReason({ step, row }: OpenStep, sinceMs: number): Reason {
  const ways = "an order to retry, skip, complete or fail it ends that";
  return {
    code: ReasonCode.HELD,
    sentence: `step ${step.def.id} failed and is held; ${ways}: ${row.errorMessage}`,
    sinceMs,
    itemPlace: HELD_PLACE,
    endsBy: [{ kind: Party_Kind.PERSON, id: "" }],
  };
}

/** The step failed for good, and its run with it. */
export function failedReason(facts: RunFacts, open: OpenStep): Reason {
  const { step, row } = open;
  const failed = failureOf(facts, open);
  return {
    ...causeOf(facts, open, failed.call, ReasonCode.FAILED),
    sentence: `step ${step.def.id} failed: ${row.errorMessage}`,
    sinceMs: row.completedAtMs ?? row.startedAtMs,
  };
}

/**
 * The steps that made the run FAIL: those that failed in the same row of the history, of a run that was to be undone the compensations
 * that failed, for others may have ended after them. Else none.
 */
export function failingSteps({ notes, graph, steps }: RunFacts): ReadonlySet<number> {
  const last = notes.find(({ moves }) =>
    moves.some((move) => move.of === "run" && move.to === "FAILED"),
  );
  const moves = last?.moves ?? [];
  if (moves.some((move) => move.of === "run" && move.from === "COMPENSATING")) {
    const failed = graph.steps.filter(
      ({ index, isCompensation }) => isCompensation && steps.get(index)?.state === "FAILED",
    );
    return new Set(failed.map(({ index }) => index));
  }
  const failed = moves.filter((move) => move.of === "step" && move.op === "failed");
  return new Set(failed.flatMap((move) => (move.of === "step" ? [move.step] : [])));
}

function causeOf(
  { replica }: RunFacts,
  { step }: OpenStep,
  call: CallKind | undefined,
  plain: Code,
): { readonly code: Code; readonly setting?: string } {
  if (call === undefined) return { code: plain };
  const setting = missingSetting(replica, call, step.def);
  if (setting !== undefined) return { code: ReasonCode.NOT_CONFIGURED, setting };
  return { code: call === "look_up" ? ReasonCode.NO_AGENT : plain };
}

/** The refused call that failed the last attempt, and when it failed; empty where the history read does not say. */
function failureOf({ notes }: RunFacts, { step }: OpenStep): { call?: CallKind; atMs?: number } {
  const note = notes.find(({ moves }) =>
    moves.some(
      (move) =>
        move.of === "step" &&
        move.step === step.index &&
        (move.op === "retrying" || move.op === "failed"),
    ),
  );
  if (note === undefined) return {};
  const call = callOf(note, step.def.id);
  return { atMs: note.recordedAt.getTime(), ...(call === undefined ? {} : { call }) };
}

/** The call of this step whose result made the moves. */
function callOf({ cause }: RunNote, stepId: string): CallKind | undefined {
  if (cause.kind !== "call") return undefined;
  const [, ofStep, , name = ""] = cause.id.split("/");
  const kind = name.replace(/-.*$/, "");
  return ofStep === stepId && isKind(kind) ? kind : undefined;
}

const KINDS: ReadonlySet<string> = new Set<CallKind>([
  ...OWN_CALLS,
  "look_up",
  "create_objective",
  "delegate",
  "read_output",
  "query_usage",
  "request_approval",
  "evaluate_action",
  "send_notification",
]);

function isKind(text: string): text is CallKind {
  return KINDS.has(text);
}
