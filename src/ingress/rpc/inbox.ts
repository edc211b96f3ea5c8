/**
 * The RPCs of workflows.ops.v1.Inbox.
 * Boundary: a decision goes to the owner of approvals and comes back as its event; a task's output goes the way of
 * TransitionStep.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  type InboxCompleteTaskRequest,
  InboxCompleteTaskRequestSchema,
  type InboxCountRequest,
  InboxCountRequestSchema,
  type InboxDecideRequest,
  InboxDecideRequestSchema,
  type InboxGetRequest,
  InboxGetRequestSchema,
  type InboxItem,
  type InboxListRequest,
  InboxListRequestSchema,
  type ItemKind,
  ItemState,
  ItemStateSchema,
  Verdict,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { PayloadKind } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { outputSchemaOf } from "../../engine/steps/human-task/output-schema.ts";
import type { PersonItemKind } from "../../engine/steps/person-items.ts";
import type { ApprovalTicket } from "../../engine/values/step-detail.ts";
import { Refusal } from "../../process/refusal.ts";
import {
  countInbox,
  type InboxFilters,
  type InboxPlace,
  listInbox,
} from "../../store/reads/inbox.ts";
import { actorOf, recordedActor, requireActor } from "./actor.ts";
import { checkFields, type Faults, invalidFields, readPageSize } from "./fields.ts";
import {
  type FoundItem,
  type ItemDeps,
  itemId,
  itemMessage,
  itemsOfPage,
  KINDS,
  listedMessage,
  requestIdOf,
  requireItem,
  seesKind,
  stateOf,
} from "./inbox-items.ts";
import { requireDecider, requireDoer } from "./inbox-rights.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { answerGetPayload } from "./payloads.ts";
import type { WriteDeps } from "./service-deps.ts";
import { checkOutput } from "./steps.ts";

const EVERY_KIND: readonly PersonItemKind[] = ["approval", "task", "held"];
const DECISIONS: ReadonlyMap<Verdict, "approved" | "denied"> = new Map([
  [Verdict.APPROVE, "approved"],
  [Verdict.DENY, "denied"],
]);

const OTHER_WAYS: Readonly<Record<PersonItemKind, string>> = {
  approval: "is an approval: Decide decides it",
  task: "is a task: CompleteTask completes it",
  held: "is a held step: RetryStep, SkipStep, CompleteStep or FailStep of Runs ends that",
};

/** What a read of the caller's own items gets besides. */
type ActorDeps = ItemDeps & Pick<WriteDeps, "actor">;

/** List: open items, newest first. */
export async function answerListInbox(deps: ActorDeps, request: InboxListRequest) {
  const faults = checkFields(InboxListRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  const size = readPageSize(request.pageSize, faults);
  const after = readToken(request.pageToken, filters, faults);
  faults.refuseIfAny();
  const { lists } = deps.database;
  const [rows, totalSize] = await Promise.all([
    listInbox(lists, deps.visibility, filters, size, after),
    countInbox(lists, deps.visibility, filters),
  ]);
  const items = (await itemsOfPage(deps, rows)).map(listedMessage);
  const last = rows.length < size ? undefined : rows.at(-1);
  return { items, totalSize, nextPageToken: last === undefined ? "" : tokenOf(last, filters) };
}

/** Count: how many List would show. */
export async function answerCountInbox(deps: ActorDeps, request: InboxCountRequest) {
  const faults = checkFields(InboxCountRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  faults.refuseIfAny();
  return { totalSize: await countInbox(deps.database.lists, deps.visibility, filters) };
}

/** Get: an item with what is to be decided, or the schema of its output. */
export async function answerGetItem(deps: ItemDeps, request: InboxGetRequest) {
  const faults = checkFields(InboxGetRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  return { item: await readItem(deps, request.id) };
}

/** An item as it stands now, with its payload. */
export async function readItem(deps: ItemDeps, id: string): Promise<InboxItem> {
  const item = await requireItem(deps, id);
  const payload = await answerGetPayload(deps, {
    $typeName: "workflows.ops.v1.GetPayloadRequest",
    runId: item.row.runId,
    stepId: item.step.def.id,
    kind: PayloadKind.INPUT,
  });
  const outputSchema = outputSchemaOf(item.step.def);
  return itemMessage(item, {
    ...(payload.payload === undefined ? {} : { payload: payload.payload }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
  });
}

/** Decide: the item with the decision that its owner has recorded. */
export async function answerDecide(deps: WriteDeps, request: InboxDecideRequest) {
  const { id, comment, digest } = request;
  const faults = checkFields(InboxDecideRequestSchema, request);
  faults.require("id", id);
  faults.require("digest", digest);
  const decision = DECISIONS.get(request.verdict);
  if (decision === undefined) faults.add("verdict", "is required: APPROVE or DENY");
  faults.refuseIfAny();
  const item = await requireItem(deps, id);
  const { ticket, row } = item;
  if (ticket === undefined || decision === undefined) {
    throw invalidFields([{ field: "id", description: OTHER_WAYS[item.kind] }]);
  }
  requireDecider(deps, item);
  if (digest.toLowerCase() !== row.detail?.digest) throw staleDigest(id);
  const decidedBy = recordedActor(deps) ?? "";
  const made: ApprovalTicket = { ...ticket, decision, decidedBy, reason: comment };
  if (!isRepeat(deps, ticket, made)) requireOpen(item);
  const requestId = requestIdOf(item);
  const callId = `inbox/${id}/${deps.write.repeatableId ?? randomUUID()}`;
  const { workspaceId } = row;
  if (deps.decideApproval === undefined) throw new Error("no function records decisions");
  await deps.decideApproval({
    requestId,
    workspaceId,
    decision,
    decidedBy,
    reason: comment,
    callId,
  });
  return { item: itemMessage(withTicket(item, made)) };
}

/** CompleteTask: the item, done. */
export async function answerCompleteTask(deps: WriteDeps, request: InboxCompleteTaskRequest) {
  const { id, output } = request;
  const faults = checkFields(InboxCompleteTaskRequestSchema, request);
  faults.require("id", id);
  faults.refuseIfAny();
  const item = await requireItem(deps, id);
  if (item.kind !== "task") {
    throw invalidFields([{ field: "id", description: OTHER_WAYS[item.kind] }]);
  }
  requireDoer(deps, item);
  requireOpen(item);
  const { runId } = item.row;
  const report = output === undefined ? {} : { output };
  await checkOutput(deps, runId, item.step, report);
  const cause = causeOf(deps, "CompleteTask");
  const done = await submitInput(deps, runId, {
    kind: "step_reported",
    report: { ...NO_REPORT, ...report, stepId: item.step.def.id },
    cause,
  });
  if (done === "unchanged") throw notOpen(id, ItemState.DONE);
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

/** A call with a key that has recorded this decision before: the owner answers it as it did then. */
function isRepeat(
  { write }: WriteDeps,
  { decision, decidedBy }: ApprovalTicket,
  made: ApprovalTicket,
): boolean {
  const isSame = decision === made.decision && decidedBy === made.decidedBy;
  return write.repeatableId !== undefined && isSame;
}

function withTicket(item: FoundItem, ticket: ApprovalTicket): FoundItem {
  const { row, place } = item;
  const approvals = (row.detail?.approvals ?? []).map((each, at) =>
    at === place - 1 ? ticket : each,
  );
  return { ...item, ticket, row: { ...row, detail: { ...row.detail, approvals } } };
}

function requireOpen(item: FoundItem): void {
  const state = stateOf(item);
  if (state !== ItemState.OPEN) throw notOpen(itemId(item), state);
}

function notOpen(id: string, state: ItemState): Refusal {
  const from = ItemStateSchema.value[state]?.localName ?? "";
  const resource = { type: "inbox_item", name: id };
  return new Refusal("illegal_move", `the item is ${from.toLowerCase()}`, { from, resource });
}

function staleDigest(id: string): Refusal {
  const resource = { type: "inbox_item", name: id };
  const message = "the digest is not that of the item: read it again";
  return new Refusal("illegal_move", message, { resource });
}

function readFilters(
  deps: ActorDeps,
  request: { workspaceId: string; mine: boolean; kinds: ItemKind[] },
  faults: Faults,
): InboxFilters {
  const { workspaceId, mine, kinds } = request;
  faults.require("workspace_id", workspaceId);
  if (mine && actorOf(deps) === undefined) requireActor(deps);
  const seen = EVERY_KIND.filter((kind) => seesKind(deps, kind));
  const named = seen.filter((kind) => kinds.includes(KINDS[kind]));
  return {
    workspaceId,
    assignee: mine ? actorOf(deps) : undefined,
    kinds: kinds.length === 0 ? seen : named,
  };
}

function tokenOf(
  { openedAt, runId, stepIndex, place }: Omit<InboxPlace, "openedAtMs"> & { openedAt: Date },
  filters: InboxFilters,
): string {
  const parts = [openedAt.getTime(), runId, stepIndex, place, hashOf(filters)];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

function readToken(token: string, filters: InboxFilters, faults: Faults): InboxPlace | undefined {
  if (token === "") return undefined;
  const place = placeOf(token, hashOf(filters));
  if (place === undefined) faults.add("page_token", "is not of a list with these filters");
  return place;
}

function placeOf(token: string, hash: string): InboxPlace | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (!Array.isArray(parts) || parts[4] !== hash) return undefined;
    const [openedAtMs, runId, stepIndex, place]: unknown[] = parts;
    const isPlace = [openedAtMs, stepIndex, place].every(Number.isSafeInteger);
    if (!isPlace || typeof runId !== "string") return undefined;
    return {
      openedAtMs: Number(openedAtMs),
      runId,
      stepIndex: Number(stepIndex),
      place: Number(place),
    };
  } catch {
    return undefined;
  }
}

function hashOf({ workspaceId, assignee, kinds }: InboxFilters): string {
  const text = JSON.stringify([workspaceId, assignee ?? null, kinds]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
