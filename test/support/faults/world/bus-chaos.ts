/**
 * A bus that treats events badly: each comes up to three times, under another id too, out of order, late, or never.
 * Boundary: stands between the sandbox and the bus. Events that nobody could ask for again (of taps) are never dropped.
 */
import { randomUUID } from "node:crypto";
import type { OutgoingEvent, Publish } from "../../../../src/sandbox/bus.ts";
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
}

/** A bus that does nothing. */
export const CALM: ChaosSettings = { copies: 1, lateMs: 0, dropPercent: 0 };

/** Begins calm. */
export function createBusChaos(random: RandomNumbers): BusChaos {
  let settings = CALM;
  let disturbed = 0;
  return {
    set(next) {
      settings = next;
    },
    get disturbed() {
      return disturbed;
    },
    disturb: (publish) => (event) => {
      const { copies, lateMs, dropPercent } = settings;
      if (settings === CALM) return publish(event);
      disturbed += 1;
      const canBeAskedFor = !event.type.startsWith("siphon.");
      if (canBeAskedFor && random.chance(dropPercent)) return;
      const known = { ...event, id: event.id ?? randomUUID() };
      const count = 1 + random.below(copies);
      for (let copy = 0; copy < count; copy += 1) {
        const sent = copyOf(known, copy, canBeAskedFor);
        // Unref: what is late when the test ends is never published.
        setTimeout(() => publish(sent), random.below(lateMs + 1)).unref();
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
