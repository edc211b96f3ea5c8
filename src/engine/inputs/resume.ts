/**
 * ResumeRun and ResumeWith: apply the consequences of what ended or fell due during the pause, in order.
 * Boundary: who may change an input is judged by ingress; advance.ts gives it to the step.
 * Invariant: the input of a step that has begun is never changed.
 */
import type { Draft } from "../draft/draft.ts";
import { payloadBytes } from "../values/budget.ts";
import type { JsonObject } from "../values/json.ts";
import type { Reply } from "../values/reply.ts";
import type { InputPatches } from "../values/run.ts";
import { touchTimers } from "./pause.ts";
import { refuseMove } from "./refused.ts";

/** Bytes of the patches of a run: its row is read with each of its moves. */
const PATCH_BYTES = 64 * 1024;
const KEYS_SHOWN = 20;
const KEY_CHARS = 100;

/** PAUSED to RUNNING; a running run stays as it is, unless inputs are to be changed. */
export function resumeRun(draft: Draft, inputs?: Readonly<Record<string, JsonObject>>): Reply {
  const { state, unsettled } = draft.run;
  if (state === "RUNNING" && inputs === undefined) return { kind: "unchanged" };
  const what = inputs === undefined ? "resume" : "change inputs of";
  if (state !== "PAUSED") return refuseMove(what, state, "RUNNING");
  const refusal = inputs === undefined ? undefined : patchInputs(draft, inputs);
  if (refusal !== undefined) return refusal;
  draft.moveRun("RUNNING", "resume");
  draft.run.unsettled = [];
  touchTimers(draft);
  draft.rows.require(unsettled);
  for (const index of unsettled) draft.work.settle({ index });
  // Steps that ended come before timers that fell due: a PARALLEL may have waited for such a step.
  draft.work.isResuming = true;
  return { kind: "applied" };
}

/** Keeps the patches, and notes the fields of each step in the history; or says why not, and keeps none. */
function patchInputs(
  draft: Draft,
  inputs: Readonly<Record<string, JsonObject>>,
): Reply | undefined {
  const patches = new Map<number, JsonObject>();
  for (const [stepId, patch] of Object.entries(inputs)) {
    const index = draft.graph.indexById.get(stepId);
    if (index === undefined) {
      const message = `run ${draft.run.id} has no step ${stepId}`;
      return { kind: "refused", reason: "unknown_step", from: "", to: "", message };
    }
    const why = whyFixed(draft, index);
    if (why !== undefined) {
      const message = `the input of step ${stepId} cannot be changed: ${why}`;
      const from = draft.marks.state(index);
      return { kind: "refused", reason: "illegal_move", from, to: from, message };
    }
    patches.set(index, patch);
  }
  const all: InputPatches = { ...draft.run.inputPatches, ...Object.fromEntries(patches) };
  const bytes = Object.values(all).reduce((sum, patch) => sum + payloadBytes(patch), 0);
  if (bytes > PATCH_BYTES) {
    const message = `the changes of the run have ${bytes} bytes, over the limit of ${PATCH_BYTES}`;
    return { kind: "refused", reason: "bad_input", from: "", to: "", message, field: "inputs" };
  }
  draft.run.inputPatches = all;
  for (const [index, patch] of patches) {
    draft.noteReason(index, shown(Object.keys(patch)));
    draft.noteStep(index, draft.marks.state(index), { note: "edited" });
  }
  return undefined;
}

/** The first fields, each cut: a name may be as long as the patch. */
function shown(fields: readonly string[]): string {
  return fields
    .slice(0, KEYS_SHOWN)
    .map((field) =>
      field.length > KEY_CHARS ? `${field.slice(0, KEY_CHARS).toWellFormed()}…` : field,
    )
    .join(", ");
}

function whyFixed(draft: Draft, index: number): string | undefined {
  if (draft.step(index).isCompensation) return "it undoes another step";
  const state = draft.marks.state(index);
  if (state === "PENDING") return undefined;
  return state === "RUNNING" || state === "WAITING" ? "it has begun" : `it is ${state}`;
}
