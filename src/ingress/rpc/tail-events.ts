/**
 * Runs.TailEvents of workflows.ops.v1: what the service publishes, as it is published.
 * Boundary: one who tails; what all of them share is runtime/event-feed.ts.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type PublishedEvent as EventMessage,
  PublishedEventSchema,
  type TailEventsRequest,
  TailEventsRequestSchema,
  type TailEventsResponse,
  TailEventsResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { type Pattern, parsePattern } from "../../engine/matching/pattern.ts";
import type { PublishedEvent } from "../../engine/values/published-event.ts";
import type { EventFeed } from "../../runtime/event-feed.ts";
import { woken } from "../../runtime/wakes.ts";
import { sees } from "../../store/reads/visibility.ts";
import { settleWorkspace } from "./call-workspace.ts";
import { checkFields, type Faults } from "./fields.ts";
import type { WriteDeps } from "./service-deps.ts";
import { STREAM_LIMITS, type StreamLimits } from "./stream-limits.ts";
import { onCutOff, type StreamCall, startClock } from "./streams.ts";

/** What a tail needs. */
export interface TailDeps extends Pick<WriteDeps, "caller" | "visibility">, StreamCall {
  readonly eventFeed: EventFeed;
}

const TYPES_AT_MOST = 32;
/** An event is one message for all who tail it. */
const messages = new WeakMap<PublishedEvent, EventMessage>();

/**
 * TailEvents: goes on until the caller leaves. Rejects with a Refusal when the caller is slow, its token or the stream's time is
 * over, the bus is away, or the replica stops.
 */
export async function* answerTailEvents(
  deps: TailDeps,
  request: TailEventsRequest,
  limits: StreamLimits = STREAM_LIMITS,
): AsyncGenerator<TailEventsResponse> {
  // Of unary calls the interceptor does it.
  if (deps.caller !== undefined) settleWorkspace(TailEventsRequestSchema, request, deps.caller);
  const faults = checkFields(TailEventsRequestSchema, request);
  const { workspaceId, runId, definitionId } = request;
  faults.require("workspace_id", workspaceId);
  const types = readTypes(request, faults);
  faults.refuseIfAny();
  const tail = await deps.eventFeed.tail({ workspaceId, types, runId, definitionId });
  const release = onCutOff(deps, tail.close);
  const clock = startClock(deps, limits);
  try {
    yield clock.sent(create(TailEventsResponseSchema));
    while (!deps.signal.aborted) {
      await clock.check();
      const event = tail.next();
      if (event === undefined) {
        if (clock.isSilent()) yield clock.sent(create(TailEventsResponseSchema));
        else await woken([tail.wakes], deps.signal, clock.untilNextMs());
      } else if (sees(deps.visibility, event.workspaceId)) {
        yield clock.sent(create(TailEventsResponseSchema, { event: messageOf(event) }));
      }
    }
  } finally {
    release();
    tail.close();
  }
}

function readTypes({ types }: TailEventsRequest, faults: Faults): Pattern[] {
  if (types.length > TYPES_AT_MOST) {
    faults.add("types", `has ${types.length} patterns, over the limit of ${TYPES_AT_MOST}`);
    return [];
  }
  return types.flatMap((text, at) => {
    const read = parsePattern(text);
    if (read.ok) return [read.pattern];
    faults.add(`types[${at}]`, read.problem);
    return [];
  });
}

function messageOf(event: PublishedEvent): EventMessage {
  const made = messages.get(event) ?? newMessage(event);
  messages.set(event, made);
  return made;
}

function newMessage(event: PublishedEvent): EventMessage {
  const { id, source, type, subject, timeMs, dataSchema, extensions, data, runId, definitionId } =
    event;
  return create(PublishedEventSchema, {
    ...{ id, source, type, subject, dataSchema, data, runId, definitionId },
    extensions: { ...extensions },
    time: timestampFromMs(timeMs),
  });
}
