/**
 * Edits of an approver: kept with the step before the decision is recorded with its owner.
 * Boundary: refuses what the version does not allow; who may decide is judged by ingress. approval.ts takes them up.
 * Invariant: what is kept is bounded, and is dropped when the gate ends.
 */
import type { Draft } from "../draft/draft.ts";
import { inputOf } from "../draft/payloads.ts";
import { isLate } from "../flow/late.ts";
import { editableOf, fieldsOf, findEditFault } from "../steps/approvals/edits.ts";
import { findTicket, isOpenTicket } from "../steps/approvals/tickets.ts";
import { payloadBytes } from "../values/budget.ts";
import { approvalDigest } from "../values/digest.ts";
import type { EditsOrder } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import { MAX_PAYLOAD_BYTES, payloadProblem } from "../values/limits.ts";
import { mergePatch } from "../values/merge-patch.ts";
import type { Reply } from "../values/reply.ts";

/** Edits of one gate that may be kept, of all approvers. */
const KEPT_AT_MOST = 16;
/** What the output has besides the edited input and the edits: the decisions with their reasons. */
const ROOM_BYTES = 32 * 1024;

/** Keeps edits of an open request. The same again changes nothing. */
export function editsKept(draft: Draft, { stepId, requestId, patch, by }: EditsOrder): Reply {
  const index = draft.graph.indexById.get(stepId);
  if (index === undefined) {
    const message = `run ${draft.run.id} has no step ${stepId}`;
    return { kind: "refused", reason: "unknown_step", from: "", to: "", message };
  }
  if (isLate(draft, index)) return notOpen(draft, index);
  const row = draft.rows.peek(index);
  const { approvals = [], edits = [] } = row.detail;
  const ticket = approvals[findTicket(row, requestId) ?? -1];
  if (ticket === undefined || !isOpenTicket(ticket)) return notOpen(draft, index);
  const { def } = draft.step(index);
  const input = inputOf(draft.payloads, index);
  const fault = findEditFault(editableOf(def), input, patch);
  if (fault !== undefined) return faulty(fault.path, fault.problem);
  const edited = mergePatch(input, patch);
  const problem = sizeProblem(edited, patch);
  if (problem !== undefined) return faulty("", problem);
  const digest = approvalDigest(def.id, draft.run.definitionVersion, edited);
  const isSame = (kept: (typeof edits)[number]) =>
    kept.requestId === requestId && kept.by === by && kept.digest === digest;
  if (edits.some(isSame)) return { kind: "unchanged" };
  const bytes = edits.reduce((sum, kept) => sum + payloadBytes(kept.patch), payloadBytes(patch));
  if (edits.length >= KEPT_AT_MOST || bytes > MAX_PAYLOAD_BYTES) {
    const message = `the gate has ${edits.length} edits that no decision took up: approve it without edits, or deny it`;
    return refuse(draft, index, message);
  }
  draft.rows.row(index).detail = {
    ...row.detail,
    edits: [...edits, { requestId, by, digest, patch }],
  };
  draft.noteReason(index, `edits ${fieldsOf(editableOf(def), patch)}`);
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  return { kind: "applied" };
}

/** The output has both: what is too large is refused now, not when the gate is approved. */
function sizeProblem(edited: JsonObject, patch: JsonObject): string | undefined {
  const bytes = payloadBytes(edited) + payloadBytes(patch) + ROOM_BYTES;
  return payloadProblem("the output with the edited input", { ...edited, edits: patch }, bytes);
}

function notOpen(draft: Draft, index: number): Reply {
  return refuse(draft, index, `the request of step ${draft.step(index).def.id} is not open`);
}

function refuse(draft: Draft, index: number, message: string): Reply {
  const from = draft.marks.state(index);
  return { kind: "refused", reason: "illegal_move", from, to: from, message };
}

function faulty(path: string, message: string): Reply {
  const field = path === "" ? "edits" : `edits.${path}`;
  return { kind: "refused", reason: "bad_input", from: "", to: "", message, field };
}
