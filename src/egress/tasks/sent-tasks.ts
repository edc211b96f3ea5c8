/**
 * The tasks that this replica sends, and where those that it sent lately are on the stream.
 * Boundary: memory; what is old is taken out by whoever writes it to the table (store/task-places.ts).
 */
import type { PlacedTask, StreamPlace } from "../../store/task-places.ts";
import type { TaskMessage } from "./task-messages.ts";

interface SentTask extends PlacedTask {
  readonly sentAtMs: number;
}

/** See the file's head. */
export class SentTasks {
  /** Of tasks in messages that are not stored yet, the latest message. */
  readonly #sending = new Map<string, string>();
  /** In the order of sending. */
  readonly #sent = new Map<string, SentTask>();

  /** The message is about to be sent. */
  begin({ id: messageId, tasks }: TaskMessage): void {
    for (const { id } of tasks) this.#sending.set(id, messageId);
  }
  /** The stream has the message. A task that ended meanwhile has no place. */
  note({ id: messageId, tasks }: TaskMessage, { created, seq }: StreamPlace): void {
    const sentAtMs = performance.now();
    for (const { id, runId, stepIndex, attempt } of tasks) {
      if (this.#sending.get(id) !== messageId) continue;
      this.#sending.delete(id);
      const known = this.#sent.get(id);
      // A repeat was stored before: the task may have moved on since.
      if (known?.created === created && known.seq > seq) continue;
      this.#sent.delete(id);
      this.#sent.set(id, { runId, stepIndex, attempt, created, seq, sentAtMs });
    }
  }
  /** The message is not sent any more. */
  giveUp({ id: messageId, tasks }: TaskMessage): void {
    for (const { id } of tasks) if (this.#sending.get(id) === messageId) this.#sending.delete(id);
  }
  /** The stream does not have it there any more. */
  dropPlace(id: string): void {
    this.#sent.delete(id);
  }
  /** The task has ended. */
  forget(id: string): void {
    this.#sent.delete(id);
    this.#sending.delete(id);
  }
  /** Whether one of the message's tasks has not ended, and is in no later message. */
  isWanted({ id: messageId, tasks }: TaskMessage): boolean {
    return tasks.some(({ id }) => this.#sending.get(id) === messageId);
  }
  /** Where a task is; `sending`: not on the stream yet; undefined: not known here. */
  find(id: string): StreamPlace | "sending" | undefined {
    return this.#sending.has(id) ? "sending" : this.#sent.get(id);
  }
  /** Those that were sent `ageMs` ago or before, `atMost` of them. */
  old(ageMs: number, atMost: number): [id: string, task: PlacedTask][] {
    const before = performance.now() - ageMs;
    const found: [string, SentTask][] = [];
    for (const entry of this.#sent) {
      if (entry[1].sentAtMs > before || found.length === atMost) break;
      found.push(entry);
    }
    return found;
  }
  /** Forgets the places of these, unless they were sent again meanwhile. */
  dropOld(old: readonly (readonly [id: string, task: PlacedTask])[]): void {
    for (const [id, task] of old) if (this.#sent.get(id) === task) this.#sent.delete(id);
  }
}
