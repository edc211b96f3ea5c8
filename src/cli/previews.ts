/** `workflows cancel --preview` and `compensate --preview`: what the change would do, and no change. */
import { toJson } from "@bufbuild/protobuf";
import {
  KeptReason,
  type KeptStep,
  PreviewCancelResponseSchema,
  PreviewCompensationResponseSchema,
  type StepInFlight,
  type UndoneStep,
} from "../../gen/workflows/ops/v1/previews_pb.ts";
import { StepRunState } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Output } from "./output.ts";
import type { Service } from "./service.ts";
import { nameOf } from "./show-run.ts";

const HEAD = ["STEP", "WOULD BE", "STATE", "WHY"];
const NAMES = { useProtoFieldName: true };
const KEPT: Readonly<Record<number, string>> = {
  [KeptReason.UNSPECIFIED]: "",
  [KeptReason.CANCEL_ALONE]: "only compensate undoes it",
  [KeptReason.NO_COMPENSATION]: "it has no undo",
  [KeptReason.SKIPPED_BY_ORDER]: "it was skipped by an order",
  [KeptReason.NO_SUCCESS]: "it did not succeed",
  [KeptReason.PASSED_TO_RERUN]: "its rerun undoes it",
  [KeptReason.LEFT_TO_OLDER_RUN]: "the run that was rerun undoes it",
};

/** PreviewCancel. */
export async function previewCancel({ runs }: Service, runId: string, out: Output): Promise<void> {
  const answer = await runs.previewCancel({ runId });
  if (out.json) {
    out.object(toJson(PreviewCancelResponseSchema, answer, NAMES) as Json);
    return;
  }
  const notBegun = answer.notBegunStepIds.map((id) => [id, "cancelled", "PENDING", ""]);
  print(out, [...answer.inFlight.map(inFlightRow), ...notBegun], answer.kept);
  if (answer.unchanged) out.talk(`${runId} is cancelled already`);
}

/** PreviewCompensation. */
export async function previewCompensation(
  { runs }: Service,
  runId: string,
  out: Output,
): Promise<void> {
  const answer = await runs.previewCompensation({ runId });
  if (out.json) {
    out.object(toJson(PreviewCompensationResponseSchema, answer, NAMES) as Json);
    return;
  }
  print(out, [...answer.inFlight.map(inFlightRow), ...answer.undone.map(undoneRow)], answer.kept);
  if (answer.unchanged) out.talk(`${runId}: compensate would change nothing`);
}

function print(out: Output, changed: string[][], kept: readonly KeptStep[]): void {
  if (out.quiet) for (const id of new Set(changed.map(([first = ""]) => first))) out.line(id);
  else out.table(HEAD, [...changed, ...kept.map(keptRow)]);
}

function inFlightRow(step: StepInFlight): string[] {
  const { objectiveId, queue, childRunIds, moreChildRuns, openApprovalRequestIds } = step;
  const why = [
    objectiveId && `objective ${objectiveId}`,
    queue && `task of queue ${queue}`,
    ...childRunIds.map((id) => `child run ${id}`),
    moreChildRuns > 0 ? `${moreChildRuns} more child runs` : "",
    ...openApprovalRequestIds.map((id) => `request ${id} stays open`),
  ];
  const text = why.filter((each) => each !== "").join(", ");
  return [step.stepId, "cancelled", nameOf(StepRunState, step.state), text];
}

function undoneRow(step: UndoneStep): string[] {
  const { compensationStepId, hasChildren, compensationState, lastError, isUncertain } = step;
  const state = nameOf(StepRunState, compensationState);
  const why = [
    hasChildren ? "its child runs first" : "",
    compensationStepId && `by ${compensationStepId}`,
    compensationState === StepRunState.UNSPECIFIED ? "" : `which is ${state}`,
    isUncertain ? "it may have had an effect" : "",
    lastError,
  ];
  const text = why.filter((each) => each !== "").join(", ");
  return [step.stepId, `undone (${step.stage})`, nameOf(StepRunState, step.state), text];
}

function keptRow({ stepId, state, reason }: KeptStep): string[] {
  return [stepId, "kept", nameOf(StepRunState, state), KEPT[reason] ?? ""];
}
