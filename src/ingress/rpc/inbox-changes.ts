/**
 * Inbox.Claim, Release, Delegate and Comment of workflows.ops.v1.
 * Boundary: changes of open items alone; no run moves by them. Who may act is inbox-rights.ts.
 * Invariant: rights are judged by the item as it is changed: an item that another call changed meanwhile is judged anew.
 */
import { randomUUID } from "node:crypto";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  type InboxClaimRequest,
  InboxClaimRequestSchema,
  type InboxCommentRequest,
  InboxCommentRequestSchema,
  type InboxDelegateRequest,
  InboxDelegateRequestSchema,
  type InboxItem,
  type InboxReleaseRequest,
  InboxReleaseRequestSchema,
  ItemKind,
  ItemState,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Refusal } from "../../process/refusal.ts";
import { NOTES_AT_MOST, type NoteKind } from "../../store/inbox-notes.ts";
import { findItemNotes } from "../../store/reads/inbox-notes.ts";
import { recordedActor } from "./actor.ts";
import { checkFields, type Faults } from "./fields.ts";
import { notOpen, readItem, requireOpen } from "./inbox.ts";
import {
  assigneeOf,
  claimantOf,
  type FoundItem,
  listedMessage,
  requireItem,
} from "./inbox-items.ts";
import {
  requireActing,
  requireCommenter,
  requireDelegator,
  requireReleaser,
} from "./inbox-rights.ts";
import type { WriteDeps } from "./service-deps.ts";

const TRIES = 3;
const NAME = /^[\x21-\x7e]+$/;

/** What one RPC does to an item. */
interface Doing {
  readonly kind: NoteKind;
  readonly to?: string;
  readonly text: string;
  /** Refuses a caller who may not. */
  judge(item: FoundItem): Promise<void> | void;
  /** Whether the item is as it would be after. */
  isDone(item: FoundItem): boolean;
}

/** Claim: the caller alone acts on the item, until it is released. */
export async function answerClaim(deps: WriteDeps, request: InboxClaimRequest) {
  const faults = readId(InboxClaimRequestSchema, request);
  faults.refuseIfAny();
  const me = recordedActor(deps);
  return changed(deps, request.id, {
    kind: "claimed",
    text: request.reason,
    judge: (item) => requireActing(deps, item),
    isDone: (item) => claimantOf(item) === me,
  });
}

/** Release: the claim is over. */
export async function answerRelease(deps: WriteDeps, request: InboxReleaseRequest) {
  const faults = readId(InboxReleaseRequestSchema, request);
  faults.refuseIfAny();
  return changed(deps, request.id, {
    kind: "released",
    text: request.reason,
    judge: (item) => requireReleaser(deps, item),
    isDone: (item) => claimantOf(item) === "",
  });
}

/** Delegate: another person is asked instead. */
export async function answerDelegate(deps: WriteDeps, request: InboxDelegateRequest) {
  const { id, to, reason: text } = request;
  const faults = readId(InboxDelegateRequestSchema, request);
  faults.require("to", to);
  if (to !== "" && !NAME.test(to)) faults.add("to", "must be visible ASCII characters");
  faults.refuseIfAny();
  return changed(deps, id, {
    ...{ kind: "delegated", to, text },
    judge: (item) => requireDelegator(deps, item, to),
    isDone: (item) => assigneeOf(item) === to,
  });
}

/** Comment: kept with the item. */
export async function answerComment(deps: WriteDeps, request: InboxCommentRequest) {
  const faults = readId(InboxCommentRequestSchema, request);
  faults.require("comment", request.comment);
  faults.refuseIfAny();
  return changed(deps, request.id, {
    kind: "commented",
    text: request.comment,
    judge: () => void requireCommenter(deps),
    isDone: () => false,
  });
}

function readId<Desc extends DescMessage>(
  desc: Desc,
  request: MessageShape<Desc> & { readonly id: string },
): Faults {
  const faults = checkFields(desc, request);
  faults.require("id", request.id);
  return faults;
}

async function changed(
  deps: WriteDeps,
  id: string,
  { kind, to = "", text, judge, isDone }: Doing,
): Promise<{ item: InboxItem }> {
  const noteId = deps.write.repeatableId ?? randomUUID();
  for (let tried = 0; tried < TRIES; tried += 1) {
    const item = await requireItem(deps, id);
    const { runId, stepIndex } = item.row;
    const { place } = item;
    const at = { runId, stepIndex, place };
    const notes = await findItemNotes(deps.database.callers, deps.visibility, at);
    // A repeat whose answer was lost: the item may ask another person now, and it may be over.
    if (notes.some((note) => note.id === noteId)) return { item: await readItem(deps, id) };
    await judge(item);
    requireOpen(item);
    if (isDone(item)) return { item: await readItem(deps, id) };
    const by = recordedActor(deps) ?? "";
    const seen = { ...at, assignee: assigneeOf(item), claimedBy: claimantOf(item) };
    const change = { id: noteId, kind, by, to, text, via: deps.via ?? "" };
    const { title, workspaceId, kind: asked } = listedMessage(item);
    const passed = { itemId: id, workspaceId, title, isApproval: asked === ItemKind.APPROVAL };
    const outcome = await deps.write.changeItem(seen, change, passed);
    if (outcome === "done") return { item: await readItem(deps, id) };
    if (outcome === "gone") throw notOpen(id, ItemState.VOID);
    if (outcome === "full") throw full(id, kind);
  }
  throw new Refusal("lost_race", "another call was faster; try again");
}

function full(id: string, kind: NoteKind): Refusal {
  const resource = { type: "inbox_item", name: id };
  const message =
    kind === "commented"
      ? `the item has ${NOTES_AT_MOST.commented} comments, which is the limit`
      : `the caller has delegated the item ${NOTES_AT_MOST.delegated} times, which is the limit`;
  return new Refusal("illegal_move", message, { resource });
}
