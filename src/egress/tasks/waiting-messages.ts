/** Messages of tasks that the stream has not taken yet, the oldest first. Boundary: memory, bounded in number and bytes. */
import type { TaskMessage } from "./task-messages.ts";

const AT_MOST = 20_000;
const BYTES_AT_MOST = 32 * 1024 * 1024;

/** See the file's head. */
export class WaitingMessages {
  readonly #messages = new Map<string, TaskMessage>();
  #bytes = 0;

  /** Gives false when there is no room. */
  add(message: TaskMessage): boolean {
    // A return that was delivered twice has one message.
    if (this.#messages.has(message.id)) return true;
    const bytes = message.body.length;
    if (this.#messages.size >= AT_MOST || this.#bytes + bytes > BYTES_AT_MOST) return false;
    this.#messages.set(message.id, message);
    this.#bytes += bytes;
    return true;
  }
  /** Takes out the oldest. */
  take(atMost: number): TaskMessage[] {
    const taken = [...this.#messages.values()].slice(0, atMost);
    for (const { id, body } of taken) {
      this.#messages.delete(id);
      this.#bytes -= body.length;
    }
    return taken;
  }
  has({ id }: TaskMessage): boolean {
    return this.#messages.has(id);
  }
}
