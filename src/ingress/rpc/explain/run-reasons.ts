/** Reasons of the run as a whole: it waits for its turn, is paused, its deadline is near, its children are being undone; who ended it. Pure. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  Party_Kind,
  ReasonCode,
  type WaitReason,
  WaitReasonSchema,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { RunState } from "../../../engine/values/run.ts";
import { isFinalStep } from "../../../engine/values/run.ts";
import { shownKey } from "../../../engine/values/run-limit.ts";
import { at, seconds } from "./reason.ts";
import type { RunFacts } from "./run-facts.ts";

const NEAR_MS = 60_000;
const NEAR_PART = 0.1;

/** In the order in which they count. */
export function runReasons(facts: RunFacts): WaitReason[] {
  return [
    ...turnReason(facts),
    ...pausedReason(facts),
    ...deadlineReason(facts),
    ...undoingReasons(facts),
  ];
}

/** Who had an ended run cancelled or undone, and why; "": nobody did, or the history that is read does not say. */
export function endedWords({ run, notes }: RunFacts): string {
  if (run.state === "CANCELLED") return orderWords(notes, "CANCELLED", "it was cancelled");
  const end = run.state === "FAILED" ? endOf(notes) : undefined;
  if (end?.from !== "COMPENSATING") return "";
  if (end.op === "compensated") return orderWords(notes, "COMPENSATING", "it was undone");
  return `${orderWords(notes, "COMPENSATING", "it was to be undone")}; ${end.reason ?? "that failed"}`;
}

function endOf(notes: RunFacts["notes"]) {
  const moves = notes.flatMap((note) => note.moves);
  const end = moves.find(
    (move) => move.of === "run" && move.to === "FAILED" && move.from !== "FAILED",
  );
  return end?.of === "run" ? end : undefined;
}

/** The newest move of the run into a state, as `it was cancelled by sam: entered twice`. */
function orderWords(notes: RunFacts["notes"], to: RunState, what: string): string {
  for (const { moves, cause } of notes) {
    const move = moves.find((each) => each.of === "run" && each.to === to && each.from !== to);
    if (move?.of !== "run") continue;
    const by = cause.by === undefined ? "" : ` by ${cause.by}`;
    return `${what}${by}${move.reason === undefined ? "" : `: ${move.reason}`}`;
  }
  return what;
}

function turnReason({ run, turn }: RunFacts): WaitReason[] {
  // Without a limit it begins at once.
  if (turn === undefined || turn.maxOpenRuns === null) return [];
  const { maxOpenRuns, ahead } = turn;
  const key = shownKey(run.concurrencyKey ?? "");
  const runs = maxOpenRuns === 1 ? "one open run" : `${maxOpenRuns} open runs`;
  const ofKey = key === "" ? "" : ` of the key "${key}"`;
  const before = ahead === 0 ? "" : `, and ${ahead} wait before it`;
  return [
    create(WaitReasonSchema, {
      code: ReasonCode.RUN_LIMIT,
      sentence: `the run waits for its turn: the workflow has ${runs}${ofKey} at most${before}`,
      since: timestampFromMs(run.createdAtMs),
      endsBy: [{ kind: Party_Kind.RUN, id: "" }],
    }),
  ];
}

function pausedReason({ run, notes }: RunFacts): WaitReason[] {
  if (run.state !== "PAUSED") return [];
  const note = notes.find(({ moves }) =>
    moves.some((move) => move.of === "run" && move.to === "PAUSED" && move.from !== "PAUSED"),
  );
  return [
    create(WaitReasonSchema, {
      code: ReasonCode.PAUSED,
      sentence: orderWords(notes, "PAUSED", "the run is paused"),
      endsBy: [{ kind: Party_Kind.PERSON, id: "" }],
      ...(note === undefined ? {} : { since: timestampFromMs(note.recordedAt.getTime()) }),
      ...(run.deadlineAtMs === undefined ? {} : { givesUpAt: timestampFromMs(run.deadlineAtMs) }),
    }),
  ];
}

function deadlineReason({ run, nowMs }: RunFacts): WaitReason[] {
  const { deadlineAtMs, startedAtMs = run.createdAtMs, state } = run;
  if (deadlineAtMs === undefined || (state !== "RUNNING" && state !== "PAUSED")) return [];
  const leftMs = deadlineAtMs - nowMs;
  if (leftMs > Math.max(NEAR_MS, (deadlineAtMs - startedAtMs) * NEAR_PART)) return [];
  const due = at(deadlineAtMs);
  return [
    create(WaitReasonSchema, {
      code: ReasonCode.DEADLINE_NEAR,
      sentence: `the run FAILS at its deadline ${due}, in ${seconds(leftMs)}`,
      since: timestampFromMs(startedAtMs),
      givesUpAt: timestampFromMs(deadlineAtMs),
      endsBy: [{ kind: Party_Kind.TIME, id: due }],
    }),
  ];
}

/** Children of steps that have ended are open only while their compensation is. */
function undoingReasons({ children, steps, graph }: RunFacts): WaitReason[] {
  return children
    .filter(({ stepIndex }) => {
      const row = steps.get(stepIndex);
      return row !== undefined && isFinalStep(row.state);
    })
    .map(({ stepIndex, runId, state }) =>
      create(WaitReasonSchema, {
        stepId: graph.steps[stepIndex]?.def.id ?? "",
        code: ReasonCode.CHILD,
        sentence: `child run ${runId}, which is ${state ?? "not known"}, is to be undone`,
        childRunId: runId,
        endsBy: [{ kind: Party_Kind.RUN, id: runId }],
      }),
    );
}
