/**
 * What watchers of inboxes see, read once for all who watch the same view.
 * Boundary: memory and pace; what a view reads is the watcher's. The open items are the truth, so there is no log of changes:
 * a watcher compares what it knows with what there is.
 * Invariants:
 * 1. A view is read once a second at most, however many watch it, and not at all when no watcher is left.
 * 2. Watchers and views are bounded, in all and for each workspace.
 */
import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { type InboxItem, InboxItemSchema } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Refusal } from "../../process/refusal.ts";

/** The items of a view at a time. */
export interface Snapshot {
  /** The same for the same items, at each replica. */
  readonly etag: string;
  /** By id, each with its print: another one where the item changed. */
  readonly items: ReadonlyMap<string, { readonly item: InboxItem; readonly print: string }>;
}

/** One watcher of a view. */
interface InboxWatch {
  readonly isStopping: boolean;
  /** The items now, or a second ago. The same object while nothing has changed. */
  current(): Promise<Snapshot>;
  /** Resolves after a second, when the replica stops, or when `signal` aborts. */
  pause(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The feed of one replica. */
export interface InboxFeed {
  /** `key` names the view; `read` reads its items. Refuses overloaded when too many watch. */
  watch(key: string, workspaceId: string, read: () => Promise<InboxItem[]>): InboxWatch;
  /** Ends all watches. */
  stop(): void;
}

interface View {
  readonly read: () => Promise<InboxItem[]>;
  watchers: number;
  readAtMs: number;
  snapshot: Snapshot;
  reading: Promise<Snapshot> | undefined;
}

const POLL_MS = 1_000;
const AT_MOST = {
  all: { watchers: 2_000, views: 200 },
  ofWorkspace: { watchers: 500, views: 40 },
};

/** Makes a feed; it does nothing by itself. */
export function createInboxFeed(): InboxFeed {
  const views = new Map<string, View>();
  const places = new Places();
  const wakes = new Set<() => void>();
  let isStopping = false;

  function leave(workspaceId: string, key: string, view: View): void {
    view.watchers -= 1;
    const isLast = view.watchers === 0;
    if (isLast) views.delete(key);
    places.giveBack(workspaceId, isLast);
  }

  return {
    watch(key, workspaceId, read) {
      places.take(workspaceId, !views.has(key));
      const view = views.get(key) ?? newView(read);
      views.set(key, view);
      view.watchers += 1;
      let isOpen = true;
      return {
        get isStopping() {
          return isStopping;
        },
        current: () => currentOf(view),
        pause: (signal) => (isStopping ? Promise.resolve() : paused(wakes, signal)),
        close() {
          if (isOpen) leave(workspaceId, key, view);
          isOpen = false;
        },
      };
    },
    stop() {
      isStopping = true;
      for (const wake of [...wakes]) wake();
    },
  };
}

/** What is watched, in all and of each workspace. */
class Places {
  readonly #all = { watchers: 0, views: 0 };
  readonly #ofWorkspaces = new Map<string, { watchers: number; views: number }>();

  /** Refuses overloaded where there is none left. */
  take(workspaceId: string, isNewView: boolean): void {
    const own = this.#ofWorkspaces.get(workspaceId) ?? { watchers: 0, views: 0 };
    const isFull = (taken: typeof own, atMost: typeof own) =>
      taken.watchers >= atMost.watchers || (isNewView && taken.views >= atMost.views);
    if (isFull(own, AT_MOST.ofWorkspace) || isFull(this.#all, AT_MOST.all)) {
      throw new Refusal("overloaded", "too many inboxes are watched; try again later");
    }
    this.#ofWorkspaces.set(workspaceId, own);
    for (const taken of [own, this.#all]) {
      taken.watchers += 1;
      if (isNewView) taken.views += 1;
    }
  }

  giveBack(workspaceId: string, isLastOfView: boolean): void {
    const own = this.#ofWorkspaces.get(workspaceId);
    if (own === undefined) throw new Error(`no inbox of ${workspaceId} is watched`);
    for (const taken of [own, this.#all]) {
      taken.watchers -= 1;
      if (isLastOfView) taken.views -= 1;
    }
    if (own.watchers === 0) this.#ofWorkspaces.delete(workspaceId);
  }
}

function newView(read: View["read"]): View {
  const snapshot = { etag: "", items: new Map<string, never>() };
  return { read, watchers: 0, readAtMs: -POLL_MS, snapshot, reading: undefined };
}

async function currentOf(view: View): Promise<Snapshot> {
  // A watcher's pause is as long: half of it, so that none of them sees what is older than two.
  if (performance.now() - view.readAtMs < POLL_MS / 2) return view.snapshot;
  view.reading ??= readView(view).finally(() => {
    view.reading = undefined;
  });
  return view.reading;
}

async function readView(view: View): Promise<Snapshot> {
  const items = await view.read();
  const known = new Map(items.map((item) => [item.id, { item, print: printOf(item) }]));
  const hash = createHash("sha256");
  for (const [id, { print }] of known) hash.update(`${id} ${print}\n`);
  const etag = hash.digest("hex").slice(0, 32);
  if (etag !== view.snapshot.etag) view.snapshot = { etag, items: known };
  view.readAtMs = performance.now();
  return view.snapshot;
}

function printOf(item: InboxItem): string {
  return createHash("sha256").update(toBinary(InboxItemSchema, item)).digest("base64");
}

function paused(wakes: Set<() => void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      wakes.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, POLL_MS);
    wakes.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
