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
}

interface Clients {
  readonly runs: Client<typeof Runs>;
  readonly inbox: Client<typeof Inbox>;
}

const AWAY_MS = 60_000;

/** The watches of these clients. */
export function watchesOf({ runs, inbox }: Clients): Watches {
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
  };
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
