/** The tasks that a fold gives to workers, or takes back. Boundary: nothing of them is stored; see values/task.ts. */
import type { TaskName, WorkerTask } from "../values/task.ts";

/** See the file's head. */
export class Tasks {
  readonly #wanted = new Map<string, WorkerTask>();
  readonly #cancelled: TaskName[] = [];
  readonly #ended: string[] = [];

  want(task: WorkerTask): void {
    this.#wanted.set(task.id, task);
  }
  /** A task needs no result any more. */
  cancel(name: TaskName): void {
    if (!this.#wanted.delete(name.id)) this.#cancelled.push(name);
  }
  /** A task ended; one that this fold made anew is not sent. */
  end(id: string): void {
    this.#wanted.delete(id);
    this.#ended.push(id);
  }
  get wanted(): readonly WorkerTask[] {
    return [...this.#wanted.values()];
  }
  /** Those that were given out by an earlier commit. */
  get cancelled(): readonly TaskName[] {
    return this.#cancelled;
  }
  /** Ids of those whose result came. */
  get ended(): readonly string[] {
    return this.#ended;
  }
}
