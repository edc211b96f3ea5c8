/**
 * A bus that treats events badly: each comes up to three times, under another id too, out of order, late, or never.
 * Boundary: stands between the sandbox and the bus. Events that nobody could ask for again (of taps) always come: their
 * publisher repeats them until the bus has them.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "nats";
import { type OutgoingEvent, type Publish, publishEvent } from "../../../../src/sandbox/bus.ts";
import type { RandomNumbers } from "../../random/random-numbers.ts";

/** What is done to events; all 0 is a bus that does nothing to them. */
export interface ChaosSettings {
  /** How often an event comes, at most. */
  readonly copies: number;
  /** Each copy comes up to so many ms late, which shuffles them too. */
  readonly lateMs: number;
  readonly dropPercent: number;
}

/** The bus's part of a fault plan. */
export interface BusChaos {
  readonly disturb: (publish: Publish) => Publish;
  /** From here on events are treated so. */
  set(settings: ChaosSettings): void;
  /** How many events were dropped, repeated or late. */
  readonly disturbed: number;
  /** Drops what is late, and closes its connection. */
  stop(): Promise<void>;
}

/** A bus that does nothing. */
export const CALM: ChaosSettings = { copies: 1, lateMs: 0, dropPercent: 0 };

const PAUSE_MS = 100;

/** Begins calm. */
export async function startBusChaos(natsUrl: string, random: RandomNumbers): Promise<BusChaos> {
  const connection = await connect({ servers: natsUrl, maxReconnectAttempts: -1 });
  const client = connection.jetstream();
  let settings = CALM;
  let disturbed = 0;
  let stopped = false;
  async function publishSurely(event: OutgoingEvent): Promise<void> {
    while (!stopped) {
      try {
        await publishEvent(client, event);
        return;
      } catch {
        await delay(PAUSE_MS);
      }
    }
  }
  return {
    set(next) {
      settings = next;
    },
    get disturbed() {
      return disturbed;
    },
    async stop() {
      stopped = true;
      await connection.close();
    },
    disturb: (publish) => (event) => {
      const isOfTap = event.type.startsWith("siphon.");
      const send = (copy: OutgoingEvent) => {
        if (isOfTap) void publishSurely(copy);
        else publish(copy);
      };
      const { copies, lateMs, dropPercent } = settings;
      if (settings === CALM) return send(event);
      disturbed += 1;
      if (!isOfTap && random.chance(dropPercent)) return;
      const known = { ...event, id: event.id ?? randomUUID() };
      const count = 1 + random.below(copies);
      for (let copy = 0; copy < count; copy += 1) {
        const sent = copyOf(known, copy, !isOfTap);
        setTimeout(() => !stopped && send(sent), random.below(lateMs + 1)).unref();
      }
    },
  };
}

/** The server would drop a second message with the same `Nats-Msg-Id`. A tap's event keeps its id: it is the same event. */
function copyOf(event: OutgoingEvent, copy: number, mayHaveOtherId: boolean): OutgoingEvent {
  if (copy === 0) return event;
  const id = mayHaveOtherId && copy > 1 ? randomUUID() : event.id;
  return { ...event, id, messageId: randomUUID() };
}
