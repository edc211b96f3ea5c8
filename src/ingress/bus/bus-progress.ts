/**
 * Whether everything that was on the source streams at a time has been handled since.
 *
 * Boundary: asks JetStream; what depends on the answer is the asker's. A message counts as handled when it is
 * acknowledged, which it is only after its effects are committed.
 * Invariant: a source that cannot be asked has not been handled; one whose stream does not exist has nothing.
 */
import type { JetStreamManager, NatsConnection } from "nats";
import { isMissing } from "./nats-errors.ts";
import { type BusSource, type ConsumerPlan, planConsumers } from "./sources.ts";

/** What markBus needs. */
export interface BusProgressDeps {
  readonly connection: NatsConnection;
  readonly sources: readonly BusSource[];
  /** Asked first, for a request to a server that is away takes long to fail. */
  busState(): "ok" | "down";
}

/** Checks whether all that came before the mark has been handled. Rejects when JetStream cannot be asked. */
export type BusMark = () => Promise<boolean>;

interface Place {
  readonly plan: ConsumerPlan;
  /** When the stream was made: another one of that name knows nothing of the old one's messages. */
  readonly created: string;
  readonly lastSeq: number;
}

/** Remembers where the source streams end now. Rejects while the bus is down. */
export async function markBus({
  connection,
  sources,
  busState,
}: BusProgressDeps): Promise<BusMark> {
  if (busState() === "down") throw new Error("the bus is down");
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const found = await Promise.all(planConsumers(sources).map((plan) => findPlace(manager, plan)));
  const places = found.filter((place) => place !== undefined);
  return async () => {
    if (busState() === "down") return false;
    const passed = await Promise.all(places.map((place) => hasPassed(manager, place)));
    return passed.every((each) => each);
  };
}

async function findPlace(
  manager: JetStreamManager,
  plan: ConsumerPlan,
): Promise<Place | undefined> {
  try {
    const { created, state } = await manager.streams.info(plan.stream);
    return { plan, created, lastSeq: state.last_seq };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function hasPassed(
  manager: JetStreamManager,
  { plan, created, lastSeq }: Place,
): Promise<boolean> {
  try {
    const stream = await manager.streams.info(plan.stream);
    if (stream.created !== created) return true;
    const { num_pending, num_ack_pending, ack_floor } = await manager.consumers.info(
      plan.stream,
      plan.durable,
    );
    // Of a consumer for some subjects of the stream the floor may stay behind, though nothing is left for it.
    return ack_floor.stream_seq >= lastSeq || num_pending + num_ack_pending === 0;
  } catch (error) {
    if (!isMissing(error)) throw error;
    // A consumer that is missing is about to be made again and takes up where it was.
    return (await findPlace(manager, plan)) === undefined;
  }
}
