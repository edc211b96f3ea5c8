/** What a worker has in hand: messages as the bus gave them, and their tasks. Boundary: types. */
import type { Task } from "./protocol.ts";

/** A message with tasks, as the bus gave it. */
export interface HeldMessage {
  /** Tells the server that the message is held. */
  working(): void;
  ack(): void;
  /** Lets the server deliver the message again at once. */
  nak(): void;
}

/** A message whose tasks are not all answered. */
export interface Held {
  readonly message: HeldMessage;
  /** Tasks that are not answered, given back or without need of a result. */
  left: number;
}

/** A task from its message to its result. */
export interface InHand {
  readonly task: Task;
  readonly abort: AbortController;
  /** More than one where the message came again. */
  readonly messages: Set<Held>;
  /** Since when it might begin, by the monotonic clock. */
  waitsSinceMs: number;
  state: "waiting" | "asked" | "running" | "answered";
}
