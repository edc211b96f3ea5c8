/**
 * Takes messages a second time that a server may have skipped.
 *
 * nats-server before 2.11 may pass over messages of a replicated consumer when another node becomes its leader: they
 * count as acknowledged, and are never delivered. So after a change of the leader all messages since the last known
 * floor are taken again, by a consumer of their own. What was handled already has no effect, by the ids of the events.
 *
 * Boundary: which messages; they are handled like all others. Costs nothing as long as the leader stays, since the
 * consumer is asked about its floor anyway. Each replica takes them again, so one that ends meanwhile is no matter.
 * Invariant: they are due until all of them are acknowledged, whatever fails in between.
 */
import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  DeliverPolicy,
  type NatsConnection,
  nanos,
} from "nats";
import { createCondition } from "../../process/condition.ts";
import type { Log } from "../../process/log.ts";
import { ACK_WAIT_MS, type SourceMemory } from "./durable-consumer.ts";
import { isMissing } from "./nats-errors.ts";
import type { ConsumerPlan } from "./sources.ts";

/** What it works with. */
export interface SecondDeliveryDeps {
  readonly connection: NatsConnection;
  readonly plan: ConsumerPlan;
  readonly memory: SourceMemory;
  readonly log: Log;
}

/** Messages that are taken again. */
export interface SecondDelivery {
  /** Pulls some of them beside everything else, if any are due and none are being pulled. */
  begin(pullOnce: (consumer: Consumer) => Promise<void>): void;
  /** Resolves when nothing is being pulled. */
  settled(): Promise<void>;
}

/** The server forgets the consumer when nobody asks for so long. */
const FORGOTTEN_AFTER_MS = 60_000;

/** Watches the source that `memory` is of. */
export function createSecondDelivery(deps: SecondDeliveryDeps): SecondDelivery {
  const { memory, plan, log } = deps;
  const condition = createCondition(`second delivery of ${plan.durable}`, log);
  let current: { readonly consumer: Consumer; readonly due: object } | undefined;
  let pulling: Promise<void> | undefined;

  async function pull(pullOnce: (consumer: Consumer) => Promise<void>): Promise<void> {
    const { due } = memory;
    if (due === undefined) return;
    if (current?.due !== due) current = { consumer: await openSecond(deps, due.from), due };
    const { consumer } = current;
    await pullOnce(consumer);
    if (!hasPassed(await consumer.info(), due.to)) return;
    if (memory.due === due) memory.due = undefined;
    current = undefined;
    await consumer.delete();
  }

  async function pullSafely(pullOnce: (consumer: Consumer) => Promise<void>): Promise<void> {
    try {
      await pull(pullOnce);
      condition.be(undefined);
    } catch (error) {
      // It may be lost with its node: a new one begins where it began.
      current = undefined;
      if (!isMissing(error)) condition.be(error instanceof Error ? error.message : String(error));
    } finally {
      pulling = undefined;
    }
  }

  return {
    begin(pullOnce) {
      if (memory.due !== undefined) pulling ??= pullSafely(pullOnce);
    },
    async settled() {
      await pulling;
    },
  };
}

async function openSecond(
  { connection, plan, log }: SecondDeliveryDeps,
  from: number,
): Promise<Consumer> {
  log.info("another node leads a consumer; what it may have skipped is taken again", {
    consumer: plan.durable,
    from,
  });
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const { name } = await manager.consumers.add(plan.stream, {
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    filter_subject: plan.subject,
    inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
  });
  return await connection.jetstream().consumers.get(plan.stream, name);
}

function hasPassed({ ack_floor, num_pending, num_ack_pending }: ConsumerInfo, to: number): boolean {
  return ack_floor.stream_seq >= to || num_pending + num_ack_pending === 0;
}
