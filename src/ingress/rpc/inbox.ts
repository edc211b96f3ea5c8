/**
 * Inbox.Get, Decide and CompleteTask of workflows.ops.v1.
 * Boundary: a decision goes to the owner of approvals and comes back as its event; a task's output goes the way of
 * TransitionStep.
 */
import { randomUUID } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type InboxCompleteTaskRequest,
  InboxCompleteTaskRequestSchema,
  type InboxDecideRequest,
  InboxDecideRequestSchema,
  type InboxGetRequest,
  InboxGetRequestSchema,
  type InboxItem,
  ItemState,
  ItemStateSchema,
  NoteKind,
  Verdict,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { PayloadKind } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { editableOf } from "../../engine/steps/approvals/edits.ts";
import { isOpenTicket } from "../../engine/steps/approvals/tickets.ts";
import { outputSchemaOf } from "../../engine/steps/human-task/output-schema.ts";
import type { PersonItemKind } from "../../engine/steps/person-items.ts";
import type { ApprovalTicket } from "../../engine/values/step-detail.ts";
import { Refusal } from "../../process/refusal.ts";
import { findItemNotes, type StoredNote } from "../../store/reads/inbox-notes.ts";
import { findHistoryOfStep } from "../../store/reads/run-history.ts";
import { recordedActor } from "./actor.ts";
import { checkFields, invalidFields } from "./fields.ts";
import { decideDeploymentItem, isDeploymentItem, readDeploymentItem } from "./inbox-deployments.ts";
import { checkEdits, keepEdits, readEdits } from "./inbox-edits.ts";
import {
  type FoundItem,
  findItem,
  type ItemDeps,
  itemId,
  itemMessage,
  requestIdOf,
  requireItem,
  stateOf,
} from "./inbox-items.ts";
import { requireActing, requireCommenter } from "./inbox-rights.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { answerGetPayload } from "./payloads.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import { checkOutput } from "./steps.ts";

const NOTES: Readonly<Record<StoredNote["kind"], NoteKind>> = {
  claimed: NoteKind.CLAIMED,
  released: NoteKind.RELEASED,
  delegated: NoteKind.DELEGATED,
  commented: NoteKind.COMMENTED,
};
const DECISIONS: ReadonlyMap<Verdict, "approved" | "denied"> = new Map([
  [Verdict.APPROVE, "approved"],
  [Verdict.DENY, "denied"],
]);

const OTHER_WAYS: Readonly<Record<PersonItemKind, string>> = {
  approval: "is an approval: Decide decides it",
  task: "is a task: CompleteTask completes it",
  held: "is a held step: RetryStep, SkipStep, CompleteStep or FailStep of Runs ends that",
};

/** Get: an item with what is to be decided, or the schema of its output. */
export async function answerGetItem(deps: ItemDeps, request: InboxGetRequest) {
  const faults = checkFields(InboxGetRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  return { item: await readItem(deps, request.id) };
}

/** An item as it stands now, with its payload. */
export async function readItem(deps: ItemDeps, id: string): Promise<InboxItem> {
  if (isDeploymentItem(id)) return readDeploymentItem(deps, id);
  const item = await requireItem(deps, id);
  const payload = await answerGetPayload(deps, {
    $typeName: "workflows.ops.v1.GetPayloadRequest",
    runId: item.row.runId,
    stepId: item.step.def.id,
    kind: PayloadKind.INPUT,
  });
  const outputSchema = outputSchemaOf(item.step.def);
  return itemMessage(item, {
    ...(await completionOf(deps, item)),
    editable: item.kind === "approval" ? [...editableOf(item.step.def)] : [],
    notes: await notesOf(deps, item),
    ...(payload.payload === undefined ? {} : { payload: payload.payload }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
  });
}

async function notesOf({ database, visibility }: ReadDeps, { row, place }: FoundItem) {
  const { runId, stepIndex } = row;
  const notes = await findItemNotes(database.callers, visibility, { runId, stepIndex, place });
  return notes.map(({ kind, by, to, text, via, madeAt }) => ({
    ...{ kind: NOTES[kind], by, to, text, via },
    madeAt: timestampFromDate(madeAt),
  }));
}

/** Who completed a task, and why; nothing of an item that is no task or not done. */
async function completionOf(deps: ReadDeps, item: FoundItem) {
  if (item.kind !== "task" || stateOf(item) !== ItemState.DONE) return {};
  const { runId, stepIndex } = item.row;
  const rows = await findHistoryOfStep(deps.database.callers, deps.visibility, runId, stepIndex);
  for (const { cause, moves } of rows) {
    const move = moves.find((each) => each.of === "step" && each.step === stepIndex);
    if (move?.of !== "step" || move.to !== "COMPLETED" || move.from === move.to) continue;
    return { completedBy: cause.by ?? "", completionReason: move.reason ?? "" };
  }
  return {};
}

/** Decide: the item with the decision that its owner has recorded. */
export async function answerDecide(deps: WriteDeps, request: InboxDecideRequest) {
  const { id, comment, digest } = request;
  const faults = checkFields(InboxDecideRequestSchema, request);
  faults.require("id", id);
  faults.require("digest", digest);
  const decision = DECISIONS.get(request.verdict);
  if (decision === undefined) faults.add("verdict", "is required: APPROVE or DENY");
  checkEdits(request, faults);
  faults.refuseIfAny();
  if (isDeploymentItem(id)) return decideDeploymentItem(deps, request);
  const item = await requireItem(deps, id);
  const { ticket, row } = item;
  if (ticket === undefined || decision === undefined) {
    throw invalidFields([{ field: "id", description: OTHER_WAYS[item.kind] }]);
  }
  requireCommenter(deps);
  const decidedBy = recordedActor(deps) ?? "";
  const isMade = ticket.decision === decision && ticket.decidedBy === decidedBy;
  // A decided item has lost its delegation: its ticket alone says who decided.
  if (!isMade) await requireActing(deps, item);
  if (digest.toLowerCase() !== row.detail?.digest) throw staleDigest(id);
  // The owner answers a repeat under the same key as it did then.
  if (!isMade || deps.write.repeatableId === undefined) requireOpen(item);
  const requestId = requestIdOf(item);
  if (requestId === "") throw new Refusal("unavailable", "the request is not recorded yet");
  const edited = await readEdits(deps, item, request.edits);
  // A repeat of a decision that was made: its edits are known.
  if (edited !== undefined && !isMade) {
    await keepEdits(deps, item, { requestId, patch: edited.patch, by: decidedBy });
  }
  const callId = `inbox/${id}/${deps.write.repeatableId ?? randomUUID()}`;
  const { workspaceId } = row;
  if (deps.decideApproval === undefined) throw new Error("no function records decisions");
  await deps.decideApproval({
    requestId,
    workspaceId,
    decision,
    decidedBy,
    reason: comment,
    ...(edited === undefined ? {} : { editedDigest: edited.digest }),
    ...(deps.via === undefined ? {} : { via: deps.via }),
    callId,
  });
  const made: ApprovalTicket = {
    ...{ ...ticket, decision, decidedBy, reason: comment },
    ...(edited === undefined ? {} : { edited }),
  };
  return { item: itemMessage(await requireCounted(deps, item, requestId, made)) };
}

/** CompleteTask: the item, done. */
export async function answerCompleteTask(deps: WriteDeps, request: InboxCompleteTaskRequest) {
  const { id, output, reason } = request;
  const faults = checkFields(InboxCompleteTaskRequestSchema, request);
  faults.require("id", id);
  faults.refuseIfAny();
  const item = await requireItem(deps, id);
  if (item.kind !== "task") {
    throw invalidFields([{ field: "id", description: OTHER_WAYS[item.kind] }]);
  }
  await requireActing(deps, item);
  requireOpen(item);
  const { runId } = item.row;
  const report = output === undefined ? {} : { output };
  await checkOutput(deps, runId, item.step, report);
  const cause = causeOf(deps, "CompleteTask");
  // The attempt may have failed meanwhile, and the next one may ask another person.
  const of = { stepId: item.step.def.id, attempt: item.place, reason };
  const done = await submitInput(deps, runId, {
    kind: "step_reported",
    report: { ...NO_REPORT, ...report, ...of },
    cause,
  });
  if (done === "unchanged") throw notOpen(id, stateOf(await requireItem(deps, id)));
  return { item: await readItem(deps, id) };
}

const NO_REPORT = {
  state: "COMPLETED",
  objectiveId: "",
  agentId: "",
  delegationId: "",
  approvalRequestId: "",
  governanceDecision: "",
  eventId: "",
  notificationId: "",
  errorMessage: "",
  costUsd: 0,
} as const;

/**
 * The item, as it was read before, with a decision that its owner has recorded. Refuses illegal_move when the gate went on without it
 * meanwhile, asks anew, or was approved with another input.
 */
async function requireCounted(
  deps: ReadDeps,
  before: FoundItem,
  requestId: string,
  made: ApprovalTicket,
): Promise<FoundItem> {
  const id = itemId(before);
  const now = await findItem(deps, id);
  const isOther = now === undefined || requestIdOf(now) !== requestId;
  // The denial was counted already: the gate was held (config.on_error), and may ask anew since a retry.
  if (isOther && made.decision === "denied") return withTicket(before, made);
  if (now === undefined) throw notOpen(id, ItemState.VOID);
  if (isOther) throw askedAnew(id);
  const { ticket, row } = now;
  const isAsMade = ticket?.edited?.digest === made.edited?.digest;
  if (ticket?.decision === made.decision && isAsMade) return now;
  const isAwaited = ticket !== undefined && isOpenTicket(ticket) && row.state === "WAITING";
  if (isAwaited) return withTicket(now, made);
  throw notOpen(id, stateOf(now));
}

function withTicket(item: FoundItem, ticket: ApprovalTicket): FoundItem {
  const { row, place } = item;
  const approvals = (row.detail?.approvals ?? []).map((each, at) =>
    at === place - 1 ? ticket : each,
  );
  return { ...item, ticket, row: { ...row, detail: { ...row.detail, approvals } } };
}

/** Refuses illegal_move for an item that is not open. */
export function requireOpen(item: FoundItem): void {
  const state = stateOf(item);
  if (state !== ItemState.OPEN) throw notOpen(itemId(item), state);
}

/** The refusal of what an open item alone takes. */
export function notOpen(id: string, state: ItemState): Refusal {
  const from = ItemStateSchema.value[state]?.localName ?? "";
  const resource = { type: "inbox_item", name: id };
  return new Refusal("illegal_move", `the item is ${from.toLowerCase()}`, { from, resource });
}

/** Another attempt of the gate, or another request, has the item's place. */
function askedAnew(id: string): Refusal {
  const resource = { type: "inbox_item", name: id };
  const message = "the request that was decided is not open any more: read the item again";
  return new Refusal("illegal_move", message, { resource });
}

function staleDigest(id: string): Refusal {
  const resource = { type: "inbox_item", name: id };
  const message = "the digest is not that of the item: read it again";
  return new Refusal("illegal_move", message, { resource });
}
