/**
 * The edits of Inbox.Decide: what an approver changes in the input that a gate asks about.
 * Boundary: reads and judges the patch; the run keeps it (engine/inputs/edits.ts) before the owner of approvals records the
 * decision, and takes it up when that decision comes back.
 */
import type { InboxDecideRequest } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Verdict } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { PayloadKind } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { editableOf, findEditFault, readMark } from "../../engine/steps/approvals/edits.ts";
import { approvalDigest } from "../../engine/values/digest.ts";
import type { EditsOrder } from "../../engine/values/input.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { mergePatch } from "../../engine/values/merge-patch.ts";
import type { Edited } from "../../engine/values/step-detail.ts";
import { type Faults, invalidFields } from "./fields.ts";
import type { FoundItem, ItemDeps } from "./inbox-items.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { answerGetPayload } from "./payloads.ts";
import type { WriteDeps } from "./service-deps.ts";

/** Adds the faults that edits and comment have whatever the item is. */
export function checkEdits({ verdict, edits, comment }: InboxDecideRequest, faults: Faults): void {
  if (edits !== undefined && verdict === Verdict.DENY) {
    faults.add("edits", "come with an approval; a denial changes nothing");
  }
  if (readMark(comment).digest !== undefined) {
    faults.add("comment", "begins as the mark of an edited input does");
  }
}

/** The edits with the digest of what is approved by them; undefined: they change nothing. Refuses what the gate does not allow. */
export async function readEdits(
  deps: ItemDeps,
  { row, step }: FoundItem,
  patch: JsonObject | undefined,
): Promise<Edited | undefined> {
  if (patch === undefined) return undefined;
  const { runId, definitionVersion, detail } = row;
  const { payload = {} } = await answerGetPayload(deps, {
    $typeName: "workflows.ops.v1.GetPayloadRequest",
    ...{ runId, stepId: step.def.id, kind: PayloadKind.INPUT },
  });
  const fault = findEditFault(editableOf(step.def), payload, patch);
  if (fault !== undefined) {
    const field = fault.path === "" ? "edits" : `edits.${fault.path}`;
    throw invalidFields([{ field, description: fault.problem }]);
  }
  const digest = approvalDigest(step.def.id, definitionVersion, mergePatch(payload, patch));
  return digest === detail?.digest ? undefined : { patch, digest };
}

/** Has the run keep the edits until their decision comes back. */
export async function keepEdits(
  deps: WriteDeps,
  { row, step }: FoundItem,
  edits: Omit<EditsOrder, "stepId">,
): Promise<void> {
  const order = { ...edits, stepId: step.def.id };
  await submitInput(deps, row.runId, { kind: "edits_kept", order, cause: causeOf(deps, "Decide") });
}
