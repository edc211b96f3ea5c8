/**
 * The feed of one replica: which workspaces have new changes of workflows, for all who watch them.
 * Boundary: memory and one read; a watcher reads the changes themselves at its own pace, and nothing is kept for it.
 * Invariants:
 * 1. One loop asks the table once a second for all watched workspaces, whichever replica made the changes. While nobody watches it asks
 *    nothing, and a commit costs the feed nothing.
 * 2. Watchers are bounded. A slow one holds nothing up.
 */
import type { Log } from "../process/log.ts";
import { createLoop } from "../process/standing-loop.ts";
import type { Database } from "../store/database.ts";
import { findChangeHeads } from "../store/service-reads/change-heads.ts";
import { type Wakes, wakeAll } from "./wakes.ts";
import { WatcherPlaces } from "./watcher-places.ts";

/** One watcher of a workspace. */
interface WorkflowsWatch {
  /** Whether there is a change after this number, or the replica stops. */
  hasChanged(seq: number): boolean;
  /** Whether the replica stops. */
  readonly isStopping: boolean;
  /** Who waits for a change. */
  readonly wakes: Wakes;
  close(): void;
}

/** The feed. */
export interface WorkflowFeed {
  /** Refuses overloaded when too many watch. */
  watch(workspaceId: string): WorkflowsWatch;
  /** Ends all watches. */
  stop(): Promise<void>;
}

interface Entry {
  head: number;
  readonly wakes: Wakes;
  watchers: number;
}

const POLL_MS = 1_000;
const WATCHERS_AT_MOST = { workspace: 200, all: 1_000 };

/** Makes a feed; its loop asks nothing while nobody watches. */
export function createWorkflowFeed({
  database,
  log,
}: {
  readonly database: Database;
  readonly log: Log;
}): WorkflowFeed {
  const entries = new Map<string, Entry>();
  const places = new WatcherPlaces("workflows", WATCHERS_AT_MOST);
  let isStopping = false;
  const polling = createLoop({
    name: "look at watched workflows",
    log,
    async round() {
      // The first watcher wakes it.
      if (entries.size === 0) return false;
      for (const { workspaceId, seq } of await findChangeHeads(database.read, [
        ...entries.keys(),
      ])) {
        const entry = entries.get(workspaceId);
        if (entry === undefined || entry.head === seq) continue;
        entry.head = seq;
        wakeAll(entry.wakes);
      }
      return POLL_MS;
    },
  });
  polling.start();
  return {
    watch(workspaceId) {
      places.take(workspaceId);
      const entry = entries.get(workspaceId) ?? { head: 0, wakes: new Set(), watchers: 0 };
      entries.set(workspaceId, entry);
      entry.watchers += 1;
      polling.wake();
      let isOpen = true;
      return {
        hasChanged: (seq) => isStopping || seq < entry.head,
        get isStopping() {
          return isStopping;
        },
        wakes: entry.wakes,
        close() {
          if (!isOpen) return;
          isOpen = false;
          entry.watchers -= 1;
          if (entry.watchers === 0) entries.delete(workspaceId);
          places.giveBack(workspaceId);
        },
      };
    },
    async stop() {
      isStopping = true;
      for (const { wakes } of entries.values()) wakeAll(wakes);
      await polling.stop();
    },
  };
}
