/**
 * The stream that the service's events go to: made when it is missing, looked at before anything is published.
 * Boundary: made with the limits that are set, never changed when it is there: it belongs to the operator of the bus.
 * Invariants:
 * 1. It is looked at on every new connection, when the replica has other partitions, after a round in which it refused an event or
 *    went back, and once a minute.
 * 2. Nothing is published before the events that it lost are in the outbox again (lost-events.ts). So a round ends with its
 *    connection: over the next one another stream may listen, and what is lost would come after what is sent.
 */
import {
  ErrorCode,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  type StreamInfo,
} from "nats";
import { type Condition, createCondition } from "../../process/condition.ts";
import type { Log } from "../../process/log.ts";
import { limitDifferences, limitSettings, type StreamLimits } from "../../runtime/stream-limits.ts";
import type { Database } from "../../store/database.ts";
import { OWN_SUBJECTS } from "../../wire/events/cloud-events.ts";
import type { AckedPublish } from "./acked-publish.ts";
import { createLostEvents } from "./lost-events.ts";

/** Repeats of an event come within this time, but for a bus that was away for longer. */
const DUPLICATES_MS = 10 * 60 * 1000;
const STREAM_NOT_FOUND = 10_059;
const SUBJECTS_OVERLAP = 10_065;
/** What it means when JetStream gives no answer of its own, by the client's code. */
const ANSWERLESS: Readonly<Record<string, string>> = {
  [ErrorCode.NoResponders]: "JetStream is not enabled there",
  [ErrorCode.Timeout]: "JetStream does not answer in time",
};
const LOOK_EVERY_MS = 60_000;
const LOOK_AGAIN_MS = 1_000;

/** What the stream needs. */
export interface OwnStreamDeps {
  readonly connection: NatsConnection;
  readonly bus: AckedPublish;
  readonly stream: string;
  readonly limits: StreamLimits;
  readonly database: Database;
  readonly log: Log;
  /** What has to end before the stream is looked at. */
  beforeLook(): Promise<void>;
}

/** The stream, as the publisher of one replica sees it. */
export interface OwnStream {
  /** Whether events may be published now; `partitions` are those that the replica publishes. */
  ready(partitions: readonly number[]): Promise<boolean>;
  /** The next `ready` looks. */
  lookAgain(): void;
  /** Whether the connection is still the one that it was looked at over, and the stream has not gone back since. */
  readonly isCurrent: boolean;
  /** Takes how a round ended: why an event was not stored; undefined: none was refused. */
  report(refusal: string | undefined): void;
  /** Why nothing can be published; undefined: nothing is wrong. */
  readonly trouble: string | undefined;
}

/** Opens it; the first `ready` looks. */
export function openOwnStream(deps: OwnStreamDeps): OwnStream {
  const { connection, bus, stream, log } = deps;
  const lostEvents = createLostEvents(deps);
  const condition: Condition = createCondition("stream", log);
  let good = false;
  let [lookAtMs, connections] = [0, -1];
  let wasCompared = false;
  /** A look was asked for: it may be asked for while one is under way. */
  let isAsked = false;

  /** Gives what is wrong with the stream. */
  async function look(partitions: readonly number[]): Promise<string | undefined> {
    const manager = await connection.jetstreamManager({ checkAPI: false });
    try {
      const info = await lostEvents.recover(partitions, () => requireStream(manager, deps));
      if (!wasCompared) noteLimits(deps, info);
      wasCompared = true;
      return faultOf(info);
    } catch (error) {
      if (error instanceof NatsError) return causeOf(error, manager, stream);
      throw error;
    }
  }

  return {
    get trouble() {
      return condition.trouble;
    },
    get isCurrent() {
      return bus.connected && connections === bus.connections && !hasGoneBack(bus);
    },
    async ready(partitions) {
      const nowMs = performance.now();
      const isSame = connections === bus.connections && !(good && hasGoneBack(bus));
      if (isSame && nowMs < lookAtMs) return good;
      lookAtMs = nowMs + LOOK_AGAIN_MS;
      connections = bus.connections;
      good = false;
      isAsked = false;
      await deps.beforeLook();
      const fault = await look(partitions);
      good = fault === undefined;
      if (good) lookAtMs = isAsked ? 0 : nowMs + LOOK_EVERY_MS;
      else condition.be(fault);
      return good;
    },
    lookAgain() {
      isAsked = true;
      lookAtMs = 0;
    },
    report(refusal) {
      condition.be(refusal);
      if (refusal === undefined) return;
      good = false;
      lookAtMs = performance.now() + LOOK_AGAIN_MS;
    },
  };
}

function noteLimits({ stream, limits, log }: OwnStreamDeps, { config }: StreamInfo): void {
  const differences = limitDifferences(config, limits);
  if (differences === undefined) return;
  const message = "our stream has other limits than are set; it stays as it is";
  log.info(message, { stream, ...differences });
}

/** Whether the stream gave a sequence for a second time since it was looked at. */
function hasGoneBack({ acked }: AckedPublish): boolean {
  return acked.repeated < Number.POSITIVE_INFINITY;
}

/** The stream; made when it is missing. */
async function requireStream(
  manager: JetStreamManager,
  { stream, limits, log }: OwnStreamDeps,
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== STREAM_NOT_FOUND)
      throw error;
  }
  log.info("our stream is missing and is made", { stream, ...limits });
  const { maxAgeMs } = limits;
  return await manager.streams.add({
    name: stream,
    subjects: [OWN_SUBJECTS],
    ...limitSettings(limits),
    // The server takes no window that is longer than messages live.
    duplicate_window: nanos(maxAgeMs === 0 ? DUPLICATES_MS : Math.min(DUPLICATES_MS, maxAgeMs)),
  });
}

/** The setting that keeps a stream from taking our events; undefined when none does. */
function faultOf({ config }: StreamInfo): string | undefined {
  if (config.no_ack) return `the stream ${config.name} acknowledges nothing (no_ack)`;
  if (config.sealed) return `the stream ${config.name} is sealed`;
  if (config.mirror !== undefined) return `the stream ${config.name} is a mirror`;
  return undefined;
}

/** Why the stream cannot be asked or made, in words. */
async function causeOf(
  error: NatsError,
  manager: JetStreamManager,
  stream: string,
): Promise<string> {
  const why = error.api_error?.description ?? ANSWERLESS[error.code] ?? error.code;
  if (error.api_error?.err_code !== SUBJECTS_OVERLAP) {
    return `the stream ${stream} cannot be used: ${why}`;
  }
  const owners: string[] = [];
  for await (const name of manager.streams.names(OWN_SUBJECTS)) owners.push(name);
  return `the stream ${stream} cannot be made: ${owners.join(", ")} has subjects of ${OWN_SUBJECTS}`;
}
