/** Streams as iterators that go on after a cut. Boundary: where each stream goes on; opening it again is follow.ts. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type {
  Inbox,
  InboxWatchRequestSchema,
  InboxWatchResponse,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import type {
  Move,
  PublishedEvent,
  Runs,
  TailEventsRequestSchema,
  WatchManyRequestSchema,
  WatchRequestSchema,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import type {
  WatchWorkflowsRequestSchema,
  WatchWorkflowsResponse,
  WorkflowChange,
} from "../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import type { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { type ErrorCode, WorkflowsError } from "./errors.ts";
import { follow } from "./follow.ts";
import type { IteratorOptions } from "./lists.ts";

/** Of a watch. */
export interface WatchOptions extends IteratorOptions {
  /** How long the service may be away before the watch rejects, in ms; 60,000 unless given. */
  readonly awayMs?: number;
}

/** Of a tail of events. */
export interface TailOptions extends WatchOptions {
  /** Called when a stream that was cut has been opened again: events between are not given. */
  onReopened?(): void;
}

/** Where the cursor of a subscription is kept: a file, a row, anything that outlives the process. */
export interface CursorStore {
  /** The cursor that was saved last; "" or undefined: none was. */
  load(): string | undefined | Promise<string | undefined>;
  save(cursor: string): void | Promise<void>;
}

/** Each takes the request of its RPC. A cut stream is opened again after the last message; a signal that aborts ends a watch with its reason. */
export interface Watches {
  /** Runs.Watch: each move once and in order; ends when the run has ended. */
  run(
    request: MessageInitShape<typeof WatchRequestSchema>,
    options?: WatchOptions,
  ): AsyncIterable<Move>;
  /**
   * Runs.WatchMany: each move of each run once, those of a run in order; ends when all runs have ended. With `onlyNew` a run begins when
   * its first message has come, whatever is cut after that.
   */
  runs(
    request: MessageInitShape<typeof WatchManyRequestSchema>,
    options?: WatchOptions,
  ): AsyncIterable<Move>;
  /** Inbox.Watch: the open items, then each change of them, for ever. `reset`: what was known before is void. */
  inbox(
    request: MessageInitShape<typeof InboxWatchRequestSchema>,
    options?: WatchOptions,
  ): AsyncIterable<InboxWatchResponse>;
  /**
   * Runs.TailEvents: each event that the service publishes from now on, for ever. There is no place to go on from: what is published
   * while a cut stream is opened again is not given.
   */
  events(
    request: MessageInitShape<typeof TailEventsRequestSchema>,
    options?: TailOptions,
  ): AsyncIterable<PublishedEvent>;
  /** Workflows.WatchWorkflows: each change of a workflow once and in order, with the cursor behind it, for ever. */
  workflows(
    request: MessageInitShape<typeof WatchWorkflowsRequestSchema>,
    options?: WatchOptions,
  ): AsyncIterable<{ readonly cursor: string; readonly change: WorkflowChange }>;
  /**
   * A hook after a verb: calls `handle` for each change, one after the other, such as `operations: ["activated"]`. The cursor is saved
   * when `handle` has resolved, so that a change is handled at least once, whatever stops in between; without a saved cursor it begins with
   * what changes from now on. Rejects with what `handle` and the store reject with, and with the reason of a signal that aborts.
   */
  afterVerbs(
    request: MessageInitShape<typeof WatchWorkflowsRequestSchema>,
    cursors: CursorStore,
    handle: (change: WorkflowChange) => void | Promise<void>,
    options?: WatchOptions,
  ): Promise<void>;
}

interface Clients {
  readonly runs: Client<typeof Runs>;
  readonly inbox: Client<typeof Inbox>;
  readonly sources: Client<typeof Workflows>;
}

const AWAY_MS = 60_000;

/** The watches of these clients. */
export function watchesOf({ runs, inbox, sources }: Clients): Watches {
  return {
    async *run(request, options = {}) {
      let after = request.after ?? "";
      const open = (signal: AbortSignal) => runs.watch({ ...request, after }, { signal });
      for await (const { cursor, move } of follow({ open, ...following(options) })) {
        after = cursor;
        if (move !== undefined) yield move;
      }
    },
    async *runs(request, options = {}) {
      const { runIds = [], after = [] } = request;
      const places = new Map<string, string>();
      const open = (signal: AbortSignal) => {
        // The first message of a run has the cursor that was given for it: a cut may come before those of the other runs.
        const cursors = new Set([
          ...places.values(),
          ...(places.size < runIds.length ? after : []),
        ]);
        return runs.watchMany({ ...request, after: [...cursors] }, { signal });
      };
      for await (const { cursor, runId, move } of follow({ open, ...following(options) })) {
        places.set(runId, cursor);
        if (move !== undefined) yield move;
      }
    },
    async *inbox(request, options = {}) {
      let after = request.after ?? "";
      const open = (signal: AbortSignal) => inbox.watch({ ...request, after }, { signal });
      for await (const change of follow({ open, isEndless: true, ...following(options) })) {
        // Within a change of several messages there is no place to go on from.
        if (change.cursor !== "") after = change.cursor;
        if (change.reset || change.item !== undefined || change.gone !== "") yield change;
      }
    },
    async *events(request, options = {}) {
      let opened = 0;
      let begun = 0;
      const open = (signal: AbortSignal) => {
        opened += 1;
        return runs.tailEvents(request, { signal });
      };
      for await (const { event } of follow({ open, isEndless: true, ...following(options) })) {
        if (begun > 0 && begun < opened) options.onReopened?.();
        begun = opened;
        if (event !== undefined) yield event;
      }
    },
    ...watchesOfWorkflows(sources),
  };
}

function watchesOfWorkflows(
  sources: Client<typeof Workflows>,
): Pick<Watches, "workflows" | "afterVerbs"> {
  return {
    async *workflows(request, options = {}) {
      for await (const { cursor, change } of followWorkflows(sources, request, options)) {
        if (change !== undefined) yield { cursor, change };
      }
    },
    async afterVerbs(request, cursors, handle, options = {}) {
      let saved = (await cursors.load()) ?? "";
      const from = saved === "" ? request : { ...request, after: saved, fromOldest: false };
      for await (const { cursor, change } of followWorkflows(sources, from, options)) {
        if (change !== undefined) await handle(change);
        // The first message has a cursor too: what changes before it is saved must not be lost.
        if (cursor !== saved) await cursors.save(cursor);
        saved = cursor;
      }
    },
  };
}

/** All messages, also those without a change. */
async function* followWorkflows(
  sources: Client<typeof Workflows>,
  request: MessageInitShape<typeof WatchWorkflowsRequestSchema>,
  options: WatchOptions,
): AsyncGenerator<WatchWorkflowsResponse> {
  let after = request.after ?? "";
  const open = (signal: AbortSignal) => {
    // Once there is a cursor, the stream goes on there.
    const fromOldest = after === "" && request.fromOldest === true;
    return sources.watchWorkflows({ ...request, after, fromOldest }, { signal });
  };
  for await (const message of follow({ open, isEndless: true, ...following(options) })) {
    after = message.cursor;
    yield message;
  }
}

function following({ signal, awayMs = AWAY_MS }: WatchOptions) {
  return { isCut, signal, awayMs };
}

/** Codes with which a stream ends that goes on elsewhere, or later. */
const CUT: ReadonlySet<ErrorCode> = new Set([
  "UNAVAILABLE",
  "ABORTED",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
]);
/** Those of a connection that broke; the service gives a reason with each error of its own. */
const BROKEN: ReadonlySet<ErrorCode> = new Set(["CANCELLED", "INTERNAL", "UNKNOWN", "DATA_LOSS"]);

function isCut(thrown: unknown): boolean {
  const { code, reason } = WorkflowsError.from(thrown);
  return CUT.has(code) || (reason === undefined && BROKEN.has(code));
}
