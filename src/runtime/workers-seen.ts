/**
 * Workers by their heartbeats: who serves which queue.
 * Boundary: memory of this replica, by its monotonic clock; heartbeats are read by ingress.
 * Invariant: bounded, each workspace by itself: one with many workers hides none of another. What a worker says of itself is
 * a hint: nothing is lost when it is wrong.
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
  /** Of its code. */
  readonly version?: string;
}

interface Entry extends SeenWorker, WorkedQueue {
  readonly atMs: number;
}

/** A worker of a queue that serves it now. */
export interface HeardWorker extends SeenWorker, WorkedQueue {
  readonly silentMs: number;
}

/** The worker that was heard last of a queue, with what it had in hand then. */
export interface LastHeard extends SeenWorker {
  readonly silentMs: number;
}

/** A worker that was silent for so long counts as gone. */
const GONE_AFTER_MS = 10_000;
const DROP_EVERY_MS = 1_000;
/** Of one workspace; and of all of them. */
const WORKERS_AT_MOST = { workspace: 1_000, all: 20_000 };
/** Queues without a worker whose last one is remembered; the one that fell silent first is forgotten first. */
const SILENT_QUEUES_AT_MOST = 5_000;

/** See the file's head. */
export class WorkersSeen {
  readonly #queues = new Map<string, Map<string, Entry>>();
  readonly #nowMs: () => number;
  readonly #ofWorkspaces = new Map<string, number>();
  /** Of queues the worker that was heard last of those that are gone. */
  readonly #last = new Map<string, Entry>();
  #workers = 0;
  #droppedMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  note(place: WorkedQueue, worker: SeenWorker): void {
    this.#dropGone();
    const key = keyOf(place);
    const ofQueue = this.#queues.get(key) ?? new Map<string, Entry>();
    if (!ofQueue.has(worker.worker)) {
      const ofWorkspace = this.#ofWorkspaces.get(place.workspaceId) ?? 0;
      if (ofWorkspace >= WORKERS_AT_MOST.workspace || this.#workers >= WORKERS_AT_MOST.all) return;
      this.#workers += 1;
      this.#ofWorkspaces.set(place.workspaceId, ofWorkspace + 1);
    }
    this.#queues.set(key, ofQueue);
    this.#last.delete(key);
    const { workspaceId, queue } = place;
    ofQueue.set(worker.worker, { ...worker, workspaceId, queue, atMs: this.#nowMs() });
  }

  /** The workers that serve a queue now. */
  of(place: WorkedQueue): readonly SeenWorker[] {
    const since = this.#nowMs() - GONE_AFTER_MS;
    return [...(this.#queues.get(keyOf(place))?.values() ?? [])].filter(({ atMs }) => atMs > since);
  }

  /** The workers that serve queues of a workspace now; those of every workspace for "". */
  list(workspaceId: string): readonly HeardWorker[] {
    const nowMs = this.#nowMs();
    return [...this.#queues.values()]
      .flatMap((ofQueue) => [...ofQueue.values()])
      .filter((entry) => workspaceId === "" || entry.workspaceId === workspaceId)
      .map(({ atMs, ...worker }) => ({ ...worker, silentMs: nowMs - atMs }))
      .filter(({ silentMs }) => silentMs < GONE_AFTER_MS);
  }

  /** The worker of this queue that was heard last, silent or not; undefined: none was. */
  lastOf(place: WorkedQueue): LastHeard | undefined {
    const key = keyOf(place);
    const heard = [...(this.#queues.get(key)?.values() ?? [])];
    const last = heard.sort((a, b) => b.atMs - a.atMs)[0] ?? this.#last.get(key);
    if (last === undefined) return undefined;
    const { worker, running, concurrency, atMs } = last;
    return { worker, running, concurrency, silentMs: this.#nowMs() - atMs };
  }

  #dropGone(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#droppedMs < DROP_EVERY_MS) return;
    this.#droppedMs = nowMs;
    for (const [key, ofQueue] of this.#queues) {
      for (const [worker, entry] of ofQueue) {
        const { atMs, workspaceId } = entry;
        if (atMs > nowMs - GONE_AFTER_MS) continue;
        ofQueue.delete(worker);
        this.#keepLast(key, entry);
        this.#workers -= 1;
        const left = (this.#ofWorkspaces.get(workspaceId) ?? 1) - 1;
        if (left > 0) this.#ofWorkspaces.set(workspaceId, left);
        else this.#ofWorkspaces.delete(workspaceId);
      }
      if (ofQueue.size === 0) this.#queues.delete(key);
    }
  }

  #keepLast(key: string, entry: Entry): void {
    const known = this.#last.get(key);
    if (known !== undefined && known.atMs > entry.atMs) return;
    this.#last.delete(key);
    this.#last.set(key, entry);
    const [first] = this.#last.keys();
    if (this.#last.size > SILENT_QUEUES_AT_MOST && first !== undefined) this.#last.delete(first);
  }
}

function keyOf({ workspaceId, queue }: WorkedQueue): string {
  return JSON.stringify([workspaceId, queue]);
}
