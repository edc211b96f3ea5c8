/**
 * Inbox.List and Inbox.Count of workflows.ops.v1: open items, page by page.
 * Boundary: reads; what an item shows is inbox-items.ts.
 */
import { createHash } from "node:crypto";
import {
  type InboxCountRequest,
  InboxCountRequestSchema,
  type InboxItem,
  type InboxListRequest,
  InboxListRequestSchema,
  ItemKind,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import type { PersonItemKind } from "../../engine/steps/person-items.ts";
import {
  countInbox,
  type InboxFilters,
  type InboxPlace,
  listInbox,
} from "../../store/reads/inbox.ts";
import { actorOf, requireActor } from "./actor.ts";
import { checkFields, type Faults, PAGE_LIMIT, readPageSize } from "./fields.ts";
import { waitingItems } from "./inbox-deployments.ts";
import { type ItemDeps, itemsOfPage, KINDS, listedMessage, seesKind } from "./inbox-items.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

// What Postgres takes, where a caller has made a token.
const LATEST_MS = Date.UTC(9_999, 0);
const SMALLINT = 2 ** 15 - 1;
const VISIBLE = /^[\x21-\x7e]+$/;
const EVERY_KIND: readonly PersonItemKind[] = ["approval", "task", "held"];

/** What a read of the caller's own items gets besides. */
export type ActorDeps = ItemDeps & Pick<WriteDeps, "actor">;

/** List: open items, newest first. */
export async function answerListInbox(deps: ActorDeps, request: InboxListRequest) {
  const faults = checkFields(InboxListRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  const size = readPageSize(request.pageSize, faults);
  const after = readToken(request.pageToken, filters, faults);
  faults.refuseIfAny();
  const { lists } = deps.database;
  const [{ items, next }, totalSize, waiting] = await Promise.all([
    listInbox(lists, deps.visibility, filters, size, after),
    countInbox(lists, deps.visibility, filters),
    waitingItems(deps, { ...filters, kinds: request.kinds }),
  ]);
  const listed = (await itemsOfPage(deps, items)).map(listedMessage);
  return {
    items: after === undefined ? [...waiting, ...listed] : listed,
    totalSize: totalSize + waiting.length,
    nextPageToken: next === undefined ? "" : tokenOf(next, filters),
  };
}

/** The newest 500 items, as List shows them, behind the deployments that wait. */
export async function itemsOfView(
  deps: ReadDeps,
  filters: InboxFilters,
  kinds: readonly ItemKind[],
): Promise<InboxItem[]> {
  const [{ items }, waiting] = await Promise.all([
    listInbox(deps.database.lists, deps.visibility, filters, PAGE_LIMIT),
    waitingItems(deps, { ...filters, kinds }),
  ]);
  return [...waiting, ...(await itemsOfPage(deps, items)).map(listedMessage)];
}

/** Count: how many List would show. */
export async function answerCountInbox(deps: ActorDeps, request: InboxCountRequest) {
  const faults = checkFields(InboxCountRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  faults.refuseIfAny();
  const [totalSize, waiting] = await Promise.all([
    countInbox(deps.database.lists, deps.visibility, filters),
    waitingItems(deps, { ...filters, kinds: request.kinds }),
  ]);
  return { totalSize: totalSize + waiting.length };
}

/** Which items a request is about; its faults are added. */
export function readFilters(
  deps: ActorDeps,
  request: { workspaceId: string; mine: boolean; kinds: ItemKind[] },
  faults: Faults,
): InboxFilters {
  const { workspaceId, mine, kinds } = request;
  faults.require("workspace_id", workspaceId);
  if (mine && actorOf(deps) === undefined) requireActor(deps);
  if (kinds.includes(ItemKind.UNSPECIFIED)) faults.add("kinds", "has ITEM_KIND_UNSPECIFIED");
  const seen = EVERY_KIND.filter((kind) => seesKind(deps, kind));
  const named = seen.filter((kind) => kinds.includes(KINDS[kind]));
  return {
    workspaceId,
    assignee: mine ? actorOf(deps) : undefined,
    kinds: kinds.length === 0 ? seen : named,
  };
}

function tokenOf(
  { openedAtMs, runId, stepIndex, place }: InboxPlace,
  filters: InboxFilters,
): string {
  const parts = [openedAtMs, runId, stepIndex, place, hashOf(filters)];
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
    const isTime = Number.isSafeInteger(openedAtMs) && Math.abs(Number(openedAtMs)) <= LATEST_MS;
    const isPlace = isTime && isSmall(stepIndex) && isSmall(place);
    if (!isPlace || typeof runId !== "string" || !VISIBLE.test(runId)) return undefined;
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

function isSmall(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= SMALLINT && Number.isInteger(value);
}

/** Tells filters apart, and what else a view shows, in 16 hexadecimal digits. */
export function hashOf(
  { workspaceId, assignee, kinds }: InboxFilters,
  ...more: readonly string[]
): string {
  const text = JSON.stringify([workspaceId, assignee ?? null, kinds, ...more]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
