/**
 * Turns folded runs into the rows of one commit, and into what is left to do after it.
 * Boundary: pure but for encoding calls; the statement is store/save-batch.ts.
 */
import type { Draft } from "../engine/draft/draft.ts";
import { mayChangeItems, openItemsOf } from "../engine/steps/person-items.ts";
import type { Call, IssuedCall } from "../engine/values/call.ts";
import type { StepRun } from "../engine/values/run.ts";
import { beginTurn } from "../process/shared-turn.ts";
import { CALL_LEASE_MS } from "../store/calls.ts";
import { rowOfChild } from "../store/child-runs.ts";
import { hexOf } from "../store/columns.ts";
import type { InboxStep } from "../store/inbox.ts";
import { changeOfRun, type IncomingRun, rowOfRun, rowOfStep } from "../store/rows.ts";
import type { Batch, ChangedStep } from "../store/save-batch.ts";
import type { Plan } from "./batch-plan.ts";
import type { FoldedRun, RunWork } from "./fold-run.ts";
import { partitionOf } from "./partition.ts";
import type { LeasedCall } from "./submission.ts";

/** What encoding a commit needs; the replica holds the new calls first. */
export interface EncodeDeps {
  encodeCall(call: Call): Uint8Array;
  readonly replicaId: string;
}

/** The rows of a commit, and the calls that it leases to this replica. */
export interface EncodedBatch {
  readonly batch: Batch;
  readonly calls: LeasedCall[];
}

/** Calls by run. */
export type CallsOfRuns = ReadonlyMap<string, readonly LeasedCall[]>;

/** Encodes the calls that folded runs want, run by run; others have the event loop in between. */
export async function encodeCallsOf(
  deps: EncodeDeps,
  folded: readonly FoldedRun[],
  nowMs: number,
): Promise<CallsOfRuns> {
  const share = beginTurn();
  const calls = new Map<string, readonly LeasedCall[]>();
  for (const { work, draft } of folded) {
    await share();
    calls.set(work.run.id, encodeCalls(deps, draft, nowMs));
  }
  return calls;
}

/** The rows of all that folded runs have changed; `nowMs` is the database's clock. */
export function encodeBatch(
  deps: EncodeDeps,
  folded: readonly FoldedRun[],
  callsOf: CallsOfRuns,
  also: Pick<Batch, "starts" | "takenEvents">,
  { nowMs, assumed }: Pick<Plan, "nowMs" | "assumed">,
): EncodedBatch {
  const calls = folded.flatMap(({ work }) => callsOf.get(work.run.id) ?? []);
  const isNew = ({ work }: FoldedRun) => work.rowVersion === undefined;
  const recordedAt = new Date(nowMs);
  const batch: Batch = {
    newRuns: folded.filter(isNew).map(newRunRow),
    changedRuns: folded
      .filter((each) => !isNew(each) && each.draft.runChanged)
      .map(({ draft }) => changeOfRun(draft.run)),
    newSteps: folded.flatMap(({ draft }) =>
      draft.rows.inserted.map((step) => rowOfStep(step, draft.run)),
    ),
    changedSteps: folded.flatMap(({ work, draft }) =>
      draft.rows.updated.map((step) => changedStep(work, draft, step)),
    ),
    newChildren: folded.flatMap(({ draft }) =>
      draft.children.inserted.map((child) => rowOfChild(draft.run.id, child)),
    ),
    changedChildren: folded.flatMap(({ draft }) =>
      draft.children.updated.map((child) => rowOfChild(draft.run.id, child)),
    ),
    inboxSteps: folded.flatMap((each) => inboxStepsOf(each, recordedAt)),
    moves: folded.flatMap(({ draft }) =>
      draft.history.map((row) => ({ ...row, ...placeOf(draft.run.id), recordedAt })),
    ),
    newCalls: calls.map((call) => callRow(call, deps.replicaId, nowMs)),
    finishedCalls: folded.flatMap(({ draft }) => draft.calls.finished),
    droppedSteps: folded.flatMap(({ draft }) =>
      draft.calls.droppedSteps.map((stepIndex) => ({ runId: draft.run.id, stepIndex })),
    ),
    ...also,
    fences: {
      ...assumed,
      runs: folded.flatMap(({ work: { run, rowVersion } }) =>
        rowVersion === undefined ? [] : [{ runId: run.id, rowVersion }],
      ),
    },
  };
  return { batch, calls };
}

/** Steps whose items may have changed; a new one without open items has none to close. */
function inboxStepsOf({ work, draft }: FoldedRun, openedAt: Date): InboxStep[] {
  const { inserted, updated } = draft.rows;
  const stepOf = (row: StepRun) => {
    const step = draft.step(row.index);
    if (!mayChangeItems(step, row, work.steps.get(row.index))) return [];
    const { id: runId, workspaceId } = draft.run;
    return [{ runId, stepIndex: row.index, workspaceId, openedAt, items: openItemsOf(step, row) }];
  };
  const opened = inserted.flatMap(stepOf).filter(({ items }) => items.length > 0);
  return [...opened, ...updated.flatMap(stepOf)];
}

function placeOf(runId: string) {
  return { runId, partition: partitionOf(runId) };
}

function newRunRow({ work, draft }: FoldedRun): Batch["newRuns"][number] {
  const row: IncomingRun = rowOfRun(draft.run);
  return { ...row, inputPayload: work.input ?? {} };
}

function changedStep(work: RunWork, draft: Draft, step: StepRun): ChangedStep {
  const loaded = work.steps.get(step.index);
  const row = rowOfStep(step, draft.run);
  // The draft copies rows but not their payloads, so an equal reference is an unchanged payload.
  const keepInput = loaded !== undefined && loaded.input === step.input;
  const keepOutput = loaded !== undefined && loaded.output === step.output;
  return Object.assign(row, {
    input: keepInput ? undefined : row.input,
    output: keepOutput ? undefined : row.output,
    keepInput,
    keepOutput,
    rowVersion: work.stepVersions.get(step.index) ?? "",
  });
}

function encodeCalls(deps: EncodeDeps, draft: Draft, nowMs: number): LeasedCall[] {
  const dropped = new Set(draft.calls.droppedSteps);
  const isDropped = (issued: IssuedCall) =>
    issued.call.kind === "send_notification" && dropped.has(issued.stepIndex);
  return draft.calls.wanted
    .filter((issued) => !isDropped(issued))
    .map((issued) => ({
      callId: issued.id,
      runId: issued.runId,
      workspaceId: issued.workspaceId,
      stepIndex: issued.stepIndex,
      attempt: issued.attempt,
      kind: issued.call.kind,
      request: deps.encodeCall(issued.call),
      createdAtMs: nowMs,
    }));
}

function callRow(call: LeasedCall, holder: string, nowMs: number): Batch["newCalls"][number] {
  return {
    id: call.callId,
    workspaceId: call.workspaceId,
    stepIndex: call.stepIndex,
    attempt: call.attempt,
    kind: call.kind,
    request: hexOf(call.request),
    createdAt: new Date(nowMs),
    leaseUntil: new Date(nowMs + CALL_LEASE_MS),
    holder,
  };
}
