/**
 * Items of the Inbox: found by their ids, and as messages.
 * Boundary: reads; who may act on an item is inbox-rights.ts.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type InboxItem,
  InboxItemSchema,
  ItemKind,
  ItemState,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import type { Graph, GraphStep } from "../../engine/graph/graph.ts";
import { approvalsCounted, isOpenTicket } from "../../engine/steps/approvals/tickets.ts";
import { HELD_PLACE, type PersonItemKind, personKindOf } from "../../engine/steps/person-items.ts";
import { type Json, ownValue } from "../../engine/values/json.ts";
import type { ApprovalTicket } from "../../engine/values/step-detail.ts";
import { Refusal } from "../../process/refusal.ts";
import {
  type AskingStep,
  findAskingStep,
  LISTED_CHARS,
  type OpenInboxItem,
} from "../../store/reads/inbox.ts";
import { findRunHead } from "../../store/reads/run-heads.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

/** An item with what it is read from. */
export interface FoundItem {
  readonly kind: PersonItemKind;
  readonly place: number;
  readonly step: GraphStep;
  readonly row: AskingStep;
  /** Of an approval alone. */
  readonly ticket?: ApprovalTicket;
}

export const KINDS: Readonly<Record<PersonItemKind, ItemKind>> = {
  approval: ItemKind.APPROVAL,
  task: ItemKind.TASK,
  held: ItemKind.HELD,
};

/** What a read of an item gets besides. */
export type ItemDeps = ReadDeps & Pick<WriteDeps, "caller">;
/** As stored: a smallint. */
const PLACE_AT_MOST = 2 ** 15 - 1;
const ID = /^([^/]+)\/([^/]+)\/(0|[1-9]\d{0,4})$/;

/** The item with this id; not_found when the call sees none. */
export async function requireItem(deps: ItemDeps, id: string): Promise<FoundItem> {
  const found = await findItem(deps, id);
  if (found === undefined) throw unknownItem(id);
  return found;
}

/** The item with this id; undefined when the call sees none. */
export async function findItem(deps: ItemDeps, id: string): Promise<FoundItem | undefined> {
  const [, runId = "", stepId = "", digits = ""] = ID.exec(id) ?? [];
  const { callers } = deps.database;
  const head = await findRunHead(callers, deps.visibility, runId);
  if (head === undefined) return undefined;
  const graph = (await deps.graphs.require([head.versionId])).get(head.versionId);
  const index = graph?.indexById.get(stepId);
  if (index === undefined) return undefined;
  const place = Number(digits);
  const row =
    place > PLACE_AT_MOST
      ? undefined
      : await findAskingStep(callers, deps.visibility, runId, index, place);
  const found = row && itemOf(graph, row, place);
  return found !== undefined && seesKind(deps, found.kind) ? found : undefined;
}

/** Held steps are for those who may give orders for them. */
export function seesKind({ caller }: Pick<WriteDeps, "caller">, kind: PersonItemKind): boolean {
  return kind !== "held" || caller === undefined || caller.scopes.has("workflows:transition");
}

/** The items of a page; those that are not open any more are left out. */
export async function itemsOfPage(
  deps: ReadDeps,
  rows: readonly OpenInboxItem[],
): Promise<FoundItem[]> {
  const graphs = await deps.graphs.require([...new Set(rows.map(({ versionId }) => versionId))]);
  return rows.flatMap((row) => {
    const found = itemOf(graphs.get(row.versionId), row, row.place);
    if (found === undefined || stateOf(found) !== ItemState.OPEN) return [];
    return [found];
  });
}

function itemOf(graph: Graph | undefined, row: AskingStep, place: number): FoundItem | undefined {
  const step = graph?.steps[row.stepIndex];
  if (step === undefined) return undefined;
  if (place === HELD_PLACE) {
    return step.onError === "hold" ? { kind: "held", place, step, row } : undefined;
  }
  const kind = personKindOf(step);
  if (kind === undefined) return undefined;
  if (kind === "task") {
    return place > row.retryCount + 1 ? undefined : { kind, place, step, row };
  }
  const ticket = row.detail?.approvals?.[place - 1];
  return ticket === undefined ? undefined : { kind, place, step, row, ticket };
}

function unknownItem(id: string): Refusal {
  return new Refusal("not_found", `there is no item ${id}`, {
    resource: { type: "inbox_item", name: id },
  });
}

/** Where an item stands. */
export function stateOf({ kind, place, row, ticket }: FoundItem): ItemState {
  const isWaiting = row.state === "WAITING" && !isOver(row.runState);
  if (kind === "task") {
    // The task of a held step is over.
    if (place !== row.retryCount + 1 || row.detail?.held !== undefined) return ItemState.VOID;
    if (isWaiting) return ItemState.OPEN;
    return row.state === "COMPLETED" ? ItemState.DONE : ItemState.VOID;
  }
  if (kind === "held") {
    if (isWaiting && row.detail?.held !== undefined) return ItemState.OPEN;
    return row.state === "COMPLETED" ? ItemState.DONE : ItemState.VOID;
  }
  // A held step has no requests any more.
  if (ticket === undefined) return ItemState.VOID;
  if (ticket.decision === "expired") return ItemState.EXPIRED;
  if (!isOpenTicket(ticket)) return ItemState.DONE;
  if (!isWaiting) return ItemState.VOID;
  const dueMs = expiryOf(row, ticket);
  return dueMs !== undefined && dueMs <= row.readAt.getTime() ? ItemState.EXPIRED : ItemState.OPEN;
}

function isOver(runState: string): boolean {
  return runState !== "RUNNING" && runState !== "PAUSED" && runState !== "COMPENSATING";
}

function expiryOf({ startedAt }: AskingStep, { dueAfterMs }: ApprovalTicket): number | undefined {
  return dueAfterMs === undefined ? undefined : startedAt.getTime() + dueAfterMs;
}

/** Who is asked: by a delegation, else by the step. "": no person is named. */
export function assigneeOf({ kind, row, ticket }: FoundItem): string {
  const named = kind === "task" ? row.detail?.asked?.assignee : ticket?.approver;
  return row.assignee ?? named ?? "";
}

/** Who has claimed an open item, as it is recorded; "": no one. */
export function claimantOf({ row }: FoundItem): string {
  return row.claimedBy ?? "";
}

/** An item's id. */
export function itemId({ row, step, place }: FoundItem): string {
  return `${row.runId}/${step.def.id}/${place}`;
}

type ItemInit = MessageInitShape<typeof InboxItemSchema>;

/** An item as a list shows it, so that 500 of them fit into an answer. */
export function listedMessage(item: FoundItem): InboxItem {
  const message = messageOf(item);
  message.title = cut(message.title);
  message.instructions = cut(message.instructions);
  message.lastError = cut(message.lastError);
  return message;
}

// The cut may split a surrogate pair.
function cut(text: string): string {
  if (text.length <= LISTED_CHARS) return text;
  return `${text.slice(0, LISTED_CHARS - 1).toWellFormed()}…`;
}

/** An item as a message, without its payload and schema. */
export function itemMessage(item: FoundItem, more: ItemInit = {}): InboxItem {
  return messageOf(item, { decisions: decisionsOf(item), ...more });
}

function messageOf(item: FoundItem, more: ItemInit = {}): InboxItem {
  const { step, row } = item;
  const { def } = step;
  const dueMs = dueOf(item);
  return create(InboxItemSchema, {
    id: itemId(item),
    kind: KINDS[item.kind],
    ...claimFields(item),
    assignee: assigneeOf(item),
    title: titleOf(item),
    workspaceId: row.workspaceId,
    runId: row.runId,
    stepId: def.id,
    definitionId: row.definitionId,
    requestedBy: row.initiatorUserId || row.initiatorAgentId,
    createdAt: createdAtOf(item),
    ...(dueMs === undefined ? {} : { dueAt: timestampFromMs(dueMs) }),
    ...fieldsOfKind(item),
    ...more,
  });
}

/** A file gives a task its text alone. */
function titleOf({ step, row }: FoundItem): string {
  const { def } = step;
  const title = row.detail?.asked?.title ?? text(ownValue(def.config, "title"));
  const given = title || def.name;
  if (given !== "" || personKindOf(step) !== "task") return given || def.id;
  const [line = ""] = instructionsOf(def, row).trim().split("\n", 1);
  return line.trim() || def.id;
}

function claimFields(item: FoundItem) {
  const state = stateOf(item);
  const { claimedAt } = item.row;
  const claimedBy = claimantOf(item);
  if (state !== ItemState.OPEN || claimedBy === "" || claimedAt === null) return { state };
  return { state: ItemState.CLAIMED, claimedBy, claimedAt: timestampFromDate(claimedAt) };
}

function createdAtOf({ kind, row }: FoundItem) {
  if (kind === "held" && row.detail?.held !== undefined) {
    return timestampFromMs(row.detail.held.sinceMs);
  }
  return timestampFromDate(row.openedAt ?? row.startedAt);
}

function fieldsOfKind(item: FoundItem) {
  switch (item.kind) {
    case "approval":
      return approvalFields(item);
    case "task":
      return taskFields(item);
    case "held":
      return { actionType: item.step.def.actionType, lastError: item.row.errorMessage ?? "" };
  }
}

function dueOf({ row, ticket }: FoundItem): number | undefined {
  const expiry = ticket && expiryOf(row, ticket);
  const due = Math.min(row.timeoutAt?.getTime() ?? Infinity, expiry ?? Infinity);
  return due === Infinity ? undefined : due;
}

function taskFields({ step: { def }, row }: FoundItem) {
  return { instructions: instructionsOf(def, row) };
}

function instructionsOf({ config }: GraphStep["def"], { detail }: AskingStep): string {
  return detail?.asked?.instructions ?? text(ownValue(config, "instructions"));
}

function approvalFields({ step: { def }, row, ticket, place }: FoundItem) {
  const { approvals = [], digest = "", requiredApprovals = 1, riskLevel = "" } = row.detail ?? {};
  return {
    actionType: def.actionType || def.name,
    riskLevel,
    digest,
    approvalRequestId: requestIdOf({ row, ticket, place }),
    needed: requiredApprovals,
    given: approvalsCounted(approvals),
  };
}

/** All requests of a gate; none of another item. */
function decisionsOf({ kind, row }: FoundItem): ItemInit["decisions"] {
  if (kind !== "approval") return [];
  return (row.detail?.approvals ?? []).map((each, at) => ({
    approvalRequestId: requestIdOf({ row, ticket: each, place: at + 1 }),
    approver: each.approver,
    decision: each.decision,
    decidedBy: each.decidedBy,
    reason: each.reason,
    ...(each.edited === undefined
      ? {}
      : { edits: each.edited.patch, editedDigest: each.edited.digest }),
  }));
}

/** A caller may have recorded the first request's id before the reply of its call arrived. */
export function requestIdOf(
  item: Pick<FoundItem, "row" | "place"> & { readonly ticket?: ApprovalTicket | undefined },
): string {
  const { row, ticket, place } = item;
  return ticket?.requestId || (place === 1 ? (row.approvalRequestId ?? "") : "");
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
