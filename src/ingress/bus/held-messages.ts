/**
 * Messages that this replica holds: they say that they are in work, or the server would deliver them again.
 *
 * Boundary: time; what becomes of a message is decided elsewhere, and one that was ended says nothing any more.
 * Invariant: one timer for all messages of a source, none while nothing is held.
 */
import type { JsMsg } from "nats";
import { ACK_WAIT_MS } from "./durable-consumer.ts";

/** The messages of one source. */
export interface HeldMessages {
  add(message: JsMsg): void;
  /** These were acknowledged, put aside or given back. */
  remove(messages: readonly JsMsg[]): void;
}

/** Holds nothing yet. */
export function createHeldMessages(): HeldMessages {
  const held = new Set<JsMsg>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add(message) {
      held.add(message);
      timer ??= setInterval(() => {
        for (const each of held) each.working();
      }, ACK_WAIT_MS / 3);
    },
    remove(messages) {
      for (const message of messages) held.delete(message);
      if (held.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}
