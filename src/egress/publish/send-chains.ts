/**
 * Sends chains of events side by side: an event of a chain goes out after the acknowledgement of the last one.
 * Boundary: one round; what is not sent stays in the outbox, and the next round reads it again.
 */
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import type { OutgoingEvent } from "../../wire/events/cloud-events.ts";
import type { AckedPublish } from "./acked-publish.ts";
import type { EventChain } from "./event-chains.ts";

/** One round of sending. */
export interface SendRound {
  readonly bus: AckedPublish;
  readonly log: Log;
  /** Whether the replica may still send. */
  mayGoOn(): boolean;
  /** Batches with events that were not sent. */
  readonly open: Set<number>;
  /** Why an event was not stored, in words; undefined: none was refused. */
  refusal: string | undefined;
}

const CHAINS_AT_ONCE = 256;
const TRIES_A_ROUND = 4;
const FIRST_PAUSE_MS = 50;

/** Sends all chains; what was not sent is in the round's `open`. Rejects when rows that events need cannot be read. */
export async function sendChains(round: SendRound, chains: readonly EventChain[]): Promise<void> {
  const left = chains.values();
  const sendNext = async () => {
    for (const chain of left) await sendChain(round, chain);
  };
  const senders = Array.from({ length: Math.min(CHAINS_AT_ONCE, chains.length) }, sendNext);
  // Of a round that fails nothing is under way any more when the next one begins.
  for (const ended of await Promise.allSettled(senders)) {
    if (ended.status === "rejected") throw ended.reason;
  }
}

async function sendChain(round: SendRound, { links }: EventChain): Promise<void> {
  let broken = false;
  for (const { batchId, events } of links) {
    if (!broken) broken = !(await sendLink(round, events));
    if (broken) round.open.add(batchId);
  }
}

async function sendLink(
  round: SendRound,
  events: EventChain["links"][number]["events"],
): Promise<boolean> {
  for (const make of events) {
    const made = make();
    const event = made instanceof Promise ? await made : made;
    if (event !== undefined && !(await sendUntilStored(round, event))) return false;
  }
  return true;
}

async function sendUntilStored(round: SendRound, event: OutgoingEvent): Promise<boolean> {
  const { bus, log } = round;
  // What is not stored by then is tried again with the next round: nothing else waits for it for ever.
  for (let tries = 1; tries <= TRIES_A_ROUND && round.mayGoOn(); tries += 1) {
    const answer = bus.publish(event);
    await reached("outbox.sent");
    const outcome = await answer;
    await reached("outbox.acknowledged");
    if (outcome === "stored") return true;
    if (outcome === "too_large") {
      log.error("an event is larger than the bus takes and is skipped", { eventId: event.id });
      return true;
    }
    if (!bus.connected) return false;
    // The round ends here; the next one begins with a look at the stream.
    if (outcome !== "lost" || tries === TRIES_A_ROUND) round.refusal = bus.refusal;
    if (outcome !== "lost") return false;
    await pause(FIRST_PAUSE_MS * 2 ** tries);
  }
  return false;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
