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
import type { InboxFilters } from "../../store/reads/inbox.ts";
import { sees } from "../../store/reads/visibility.ts";
import { settleWorkspace } from "./call-workspace.ts";
import { checkFields, type Faults } from "./fields.ts";
import { requireScope } from "./guard.ts";
import { showsDeployments } from "./inbox-deployments.ts";
import type { InboxFeed, Snapshot } from "./inbox-feed.ts";
import { type ActorDeps, hashOf, itemsOfView, readFilters } from "./inbox-list.ts";
import { STREAM_LIMITS, type StreamLimits } from "./stream-limits.ts";
import { onCutOff, type StreamCall, startClock, stopping } from "./streams.ts";

/** What a watch needs besides a read. */
export interface InboxWatchDeps extends ActorDeps, StreamCall {
  readonly inboxFeed: InboxFeed;
}

type Change = MessageInitShape<typeof InboxWatchResponseSchema>;

const CURSOR = /^([0-9a-f]{16})\/([0-9a-f]{32})$/;

/**
 * Watch: goes on until the caller leaves. Rejects with a Refusal when the caller is slow, its token or the stream's time is over,
 * or the replica stops.
 */
export async function* answerWatchInbox(
  deps: InboxWatchDeps,
  request: InboxWatchRequest,
  limits: StreamLimits = STREAM_LIMITS,
): AsyncGenerator<InboxWatchResponse> {
  // Of unary calls the interceptor does it.
  if (deps.caller !== undefined) settleWorkspace(InboxWatchRequestSchema, request, deps.caller);
  const faults = checkFields(InboxWatchRequestSchema, request);
  const filters = readFilters(deps, request, faults);
  const { kinds } = request;
  const hash = hashOf(filters, ...(showsDeployments(kinds) ? ["deployments"] : []));
  const after = readCursor(request.after, hash, faults);
  faults.refuseIfAny();
  const { workspaceId } = filters;
  const isSeen = sees(deps.visibility, workspaceId);
  const key = JSON.stringify([isSeen, workspaceId, hash]);
  const watch = deps.inboxFeed.watch(key, workspaceId, () => itemsOfView(deps, filters, kinds));
  const release = onCutOff(deps, watch.close);
  const clock = startClock(withScopes(deps, filters), limits);
  try {
    let known: Snapshot | undefined;
    while (!deps.signal.aborted) {
      await clock.check();
      const now = await watch.current();
      const cursor = Buffer.from(`${hash}/${now.etag}`).toString("base64url");
      const changes = known === undefined ? begin(now, after) : changesSince(known, now);
      if (changes.length === 0 && (known === undefined || clock.isSilent())) changes.push({});
      for (const [at, change] of changes.entries()) {
        const isLast = at === changes.length - 1;
        const message = { ...change, ...(isLast ? { cursor } : {}) };
        yield clock.sent(create(InboxWatchResponseSchema, message));
        await clock.check();
      }
      known = now;
      if (watch.isStopping) throw stopping();
      await watch.pause(deps.signal);
    }
  } finally {
    release();
    watch.close();
  }
}

/** Held steps are for those alone who may give orders for them: that scope may go while the stream lives. */
function withScopes({ nowMs, hasToken, requireCaller }: StreamCall, { kinds }: InboxFilters) {
  return {
    ...{ nowMs, hasToken },
    async requireCaller() {
      const caller = await requireCaller();
      if (caller !== undefined && kinds.includes("held")) {
        requireScope(caller, "workflows:transition");
      }
      return caller;
    },
  };
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
