/**
 * Workflows.WatchWorkflows of workflows.ops.v1: the changes of the workflows of a workspace as a stream.
 * Boundary: one watcher; what all watchers share is runtime/workflow-feed.ts. It reads the table at the pace of its caller.
 * Invariant: changes have numbers without gaps in the order of their commits (store/changes.ts), so that a cursor says all, at any
 * replica. A gap is what was deleted, and ends the stream: no change is left out unsaid.
 */
import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type WatchWorkflowsRequest,
  WatchWorkflowsRequestSchema,
  type WatchWorkflowsResponse,
  WatchWorkflowsResponseSchema,
  type WorkflowChangeSchema,
} from "../../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import { woken } from "../../runtime/wakes.ts";
import type { WorkflowFeed } from "../../runtime/workflow-feed.ts";
import { findChangePlaces, listChangesAfter } from "../../store/reads/workflow-changes.ts";
import { settleWorkspace } from "./call-workspace.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import type { WriteDeps } from "./service-deps.ts";
import { STREAM_LIMITS, type StreamLimits } from "./stream-limits.ts";
import { onCutOff, type StreamCall, startClock, stopping } from "./streams.ts";

/** What a watch needs. */
export interface WorkflowWatchDeps extends Omit<WriteDeps, "write">, StreamCall {
  readonly workflowFeed: WorkflowFeed;
}

const OPERATIONS_AT_MOST = 32;
const READ_AT_ONCE = 100;
const CURSOR = /^([0-9a-f]{16})\/(0|[1-9][0-9]{0,14})$/;

/**
 * WatchWorkflows: goes on until the caller leaves. Rejects with a Refusal when the caller is slow, its token or the stream's time is
 * over, or the replica stops.
 */
export async function* answerWatchWorkflows(
  deps: WorkflowWatchDeps,
  request: WatchWorkflowsRequest,
  limits: StreamLimits = STREAM_LIMITS,
): AsyncGenerator<WatchWorkflowsResponse> {
  // Of unary calls the interceptor does it.
  if (deps.caller !== undefined) settleWorkspace(WatchWorkflowsRequestSchema, request, deps.caller);
  const { workspaceId } = request;
  let after = await firstPlace(deps, request);
  const watch = deps.workflowFeed.watch(workspaceId);
  const release = onCutOff(deps, watch.close);
  const clock = startClock(deps, limits);
  const sent = (change?: JsonObject) =>
    clock.sent(create(WatchWorkflowsResponseSchema, messageOf(workspaceId, after, change)));
  try {
    yield sent();
    for (let isFirst = true; !deps.signal.aborted; isFirst = false) {
      await clock.check();
      if (watch.isStopping) throw stopping();
      const hasChanged = watch.hasChanged(after);
      const rows = isFirst || hasChanged ? await nextRows(deps, workspaceId, after) : [];
      if (hasChanged && rows.length === 0) throw tooOld();
      for (const { seq, change } of rows) {
        if (seq !== after + 1) throw tooOld();
        after = seq;
        if (!isWanted(request, change)) continue;
        yield sent(change);
        await clock.check();
      }
      if (clock.isSilent()) yield sent();
      if (rows.length === READ_AT_ONCE || watch.hasChanged(after)) continue;
      await woken([watch.wakes], deps.signal, clock.untilNextMs());
    }
  } finally {
    release();
    watch.close();
  }
}

function nextRows({ database, visibility }: WorkflowWatchDeps, workspaceId: string, after: number) {
  const page = { workspaceId, after, limit: READ_AT_ONCE };
  return listChangesAfter(database.callers, visibility, page);
}

/** The number of the change after which the stream begins. */
async function firstPlace(
  deps: WorkflowWatchDeps,
  request: WatchWorkflowsRequest,
): Promise<number> {
  const { workspaceId, after, fromOldest, operations } = request;
  const faults = checkFields(WatchWorkflowsRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  if (operations.length > OPERATIONS_AT_MOST) {
    faults.add("operations", `has ${operations.length}, over the limit of ${OPERATIONS_AT_MOST}`);
  }
  if (after !== "" && fromOldest) faults.add("from_oldest", "is given beside after: leave one out");
  const place = after === "" ? undefined : readCursor(after, workspaceId, faults);
  faults.refuseIfAny();
  const { database, visibility } = deps;
  const { head, oldest } = await findChangePlaces(database.callers, visibility, workspaceId);
  if (place === undefined) return fromOldest ? oldest - 1 : head;
  if (place > head) throw wrongCursor("is of the future: the database has no such change");
  if (place < oldest - 1) throw tooOld();
  return place;
}

function readCursor(text: string, workspaceId: string, faults: Faults): number {
  const [, hash, seq] = CURSOR.exec(Buffer.from(text, "base64url").toString()) ?? [];
  if (seq === undefined) faults.add("after", "is no cursor of this service");
  else if (hash !== hashOf(workspaceId)) faults.add("after", "is of another workspace");
  return Number(seq);
}

function messageOf(
  workspaceId: string,
  seq: number,
  change: JsonObject | undefined,
): MessageInitShape<typeof WatchWorkflowsResponseSchema> {
  const cursor = Buffer.from(`${hashOf(workspaceId)}/${seq}`).toString("base64url");
  return change === undefined ? { cursor } : { cursor, change: changeMessage(change) };
}

function changeMessage(change: JsonObject): MessageInitShape<typeof WorkflowChangeSchema> {
  const data = isJsonObject(change.payload) ? change.payload : {};
  return {
    ...{ eventId: textOf(change.id), definitionId: textOf(change.aggregateId) },
    ...{ operation: textOf(change.operation), by: textOf(data.by), reason: textOf(data.reason) },
    via: textOf(data.via),
    ...{ at: timestampFromDate(new Date(textOf(change.recordedAt))), data },
  };
}

function isWanted(
  { definitionId, operations }: WatchWorkflowsRequest,
  change: JsonObject,
): boolean {
  if (definitionId !== "" && change.aggregateId !== definitionId) return false;
  return operations.length === 0 || operations.includes(textOf(change.operation));
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function hashOf(workspaceId: string): string {
  return createHash("sha256").update(workspaceId).digest("hex").slice(0, 16);
}

function tooOld() {
  return wrongCursor(
    "is older than the changes that are kept, which are those of 30 days: read the workflows by List, and watch without a cursor",
  );
}

function wrongCursor(description: string) {
  return invalidFields([{ field: "after", description }]);
}
