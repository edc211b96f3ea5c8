/**
 * Inbox.Watch of workflows.ops.v1: the open items of a view as a stream of changes.
 * Boundary: one watcher; what all watchers of a view share is inbox-feed.ts.
 * Invariant: the cursor says what a caller knows after it, so that at any replica the stream goes on there, or begins anew with
 * all items.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type InboxWatchRequest,
  InboxWatchRequestSchema,
  type InboxWatchResponse,
  InboxWatchResponseSchema,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Refusal } from "../../process/refusal.ts";
import { sees } from "../../store/reads/visibility.ts";
import { settleWorkspace } from "./call-workspace.ts";
import { checkFields, type Faults } from "./fields.ts";
import type { InboxFeed, Snapshot } from "./inbox-feed.ts";
import { type ActorDeps, hashOf, itemsOfView, readFilters } from "./inbox-list.ts";

/** What a watch needs besides a read. */
export interface InboxWatchDeps extends ActorDeps {
  readonly inboxFeed: InboxFeed;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  nowMs(): number;
}

type Change = MessageInitShape<typeof InboxWatchResponseSchema>;

/** How long a caller may leave a message untaken. */
const TAKEN_WITHIN_MS = 30_000;
const SIGN_OF_LIFE_MS = 30_000;
const CURSOR = /^([0-9a-f]{16})\/([0-9a-f]{32})$/;

/** Watch: goes on until the caller leaves. Rejects with a Refusal when the caller is slow or the replica stops. */
export async function* answerWatchInbox(
  deps: InboxWatchDeps,
  request: InboxWatchRequest,
): AsyncGenerator<InboxWatchResponse> {
  // Of unary calls the interceptor does it.
  if (deps.caller !== undefined) settleWorkspace(InboxWatchRequestSchema, request, deps.caller);
  const faults = checkFields(InboxWatchRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  const hash = hashOf(filters);
  const after = readCursor(request.after, hash, faults);
  faults.refuseIfAny();
  const { workspaceId } = filters;
  const isSeen = sees(deps.visibility, workspaceId);
  const key = JSON.stringify([isSeen, workspaceId, hash]);
  const watch = deps.inboxFeed.watch(key, workspaceId, () => itemsOfView(deps, filters));
  try {
    let known: Snapshot | undefined;
    let saidAtMs = deps.nowMs();
    while (!deps.signal.aborted) {
      const now = await watch.current();
      const cursor = Buffer.from(`${hash}/${now.etag}`).toString("base64url");
      const changes = known === undefined ? begin(now, after) : changesSince(known, now);
      const isQuiet = known !== undefined && deps.nowMs() - saidAtMs >= SIGN_OF_LIFE_MS;
      if (changes.length === 0 && (known === undefined || isQuiet)) changes.push({});
      for (const [at, change] of changes.entries()) {
        saidAtMs = deps.nowMs();
        const isLast = at === changes.length - 1;
        yield create(InboxWatchResponseSchema, { ...change, ...(isLast ? { cursor } : {}) });
        if (deps.nowMs() - saidAtMs > TAKEN_WITHIN_MS) throw tooSlow();
      }
      known = now;
      if (watch.isStopping) throw stopping();
      await watch.pause(deps.signal);
    }
  } finally {
    watch.close();
  }
}

/** All items, oldest first, unless the caller has them. */
function begin(now: Snapshot, after: string | undefined): Change[] {
  if (after === now.etag) return [];
  return [{ reset: true }, ...[...now.items.values()].reverse().map(({ item }) => ({ item }))];
}

function changesSince(known: Snapshot, now: Snapshot): Change[] {
  if (known === now) return [];
  const gone = [...known.items.keys()].filter((id) => !now.items.has(id));
  const changed = [...now.items].filter(([id, { print }]) => known.items.get(id)?.print !== print);
  return [
    ...gone.map((id) => ({ gone: id })),
    ...changed.reverse().map(([, { item }]) => ({ item })),
  ];
}

function readCursor(text: string, hash: string, faults: Faults): string | undefined {
  if (text === "") return undefined;
  const [, ofHash, etag] = CURSOR.exec(Buffer.from(text, "base64url").toString()) ?? [];
  if (etag === undefined) faults.add("after", "is no cursor of this service");
  else if (ofHash !== hash) faults.add("after", "is of a watch with other filters");
  return etag;
}

function tooSlow(): Refusal {
  const message = `a message was not taken within ${TAKEN_WITHIN_MS / 1000} s; watch again after the last cursor`;
  return new Refusal("overloaded", message);
}

function stopping(): Refusal {
  return new Refusal("unavailable", "the service stops; watch again after the last cursor");
}
