/**
 * Workers by their heartbeats: who serves which queue.
 * Boundary: memory of this replica, by its monotonic clock; heartbeats are read by ingress.
 * Invariant: bounded. What a worker says of itself is a hint: nothing is lost when it is wrong.
 */

/** A queue of a workspace. */
export interface WorkedQueue {
  readonly workspaceId: string;
  readonly queue: string;
}

/** A worker as it said last. */
export interface SeenWorker {
  readonly worker: string;
  readonly running: number;
  readonly concurrency: number;
}

interface Entry extends SeenWorker {
  readonly atMs: number;
}

/** A worker that was silent for so long counts as gone. */
const GONE_AFTER_MS = 10_000;
const WORKERS_AT_MOST = 10_000;

/** See the file's head. */
export class WorkersSeen {
  readonly #queues = new Map<string, Map<string, Entry>>();
  readonly #nowMs: () => number;
  #workers = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  note(place: WorkedQueue, worker: SeenWorker): void {
    const key = keyOf(place);
    const ofQueue = this.#queues.get(key) ?? new Map<string, Entry>();
    if (!ofQueue.has(worker.worker)) {
      if (this.#workers >= WORKERS_AT_MOST) this.#dropGone();
      if (this.#workers >= WORKERS_AT_MOST) return;
      this.#workers += 1;
    }
    this.#queues.set(key, ofQueue);
    ofQueue.set(worker.worker, { ...worker, atMs: this.#nowMs() });
  }

  /** The workers that serve a queue now. */
  of(place: WorkedQueue): readonly SeenWorker[] {
    const since = this.#nowMs() - GONE_AFTER_MS;
    return [...(this.#queues.get(keyOf(place))?.values() ?? [])].filter(({ atMs }) => atMs > since);
  }

  #dropGone(): void {
    const since = this.#nowMs() - GONE_AFTER_MS;
    for (const [key, ofQueue] of this.#queues) {
      for (const [worker, { atMs }] of ofQueue) {
        if (atMs <= since && ofQueue.delete(worker)) this.#workers -= 1;
      }
      if (ofQueue.size === 0) this.#queues.delete(key);
    }
  }
}

function keyOf({ workspaceId, queue }: WorkedQueue): string {
  return JSON.stringify([workspaceId, queue]);
}
