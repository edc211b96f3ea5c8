/**
 * Hooks of one set of entities: before a verb in the process that calls it, after a verb wherever it was called.
 * Boundary: who is called when. Where a stream goes on after a cut is the client's.
 * Invariants:
 * 1. The cursor of a change is saved when all its hooks, and those of the changes before it, have resolved: each is handled at least once.
 * 2. Hooks after verbs are called one after the other, in the order of the changes. One that fails is tried again beside the others, and
 *    what comes after waits for that hook alone.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { WorkflowChange } from "../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import { WorkflowsError } from "../client/errors.ts";
import { pause, pauseAfter } from "../client/pauses.ts";
import type { CursorStore } from "../client/watches.ts";
import { NO_CONTENT } from "./compile/content.ts";
import type { summaryOf, WorkflowEntity } from "./entity.ts";
import { createHandover, type Handover } from "./handover.ts";
import { createHookLanes, type HookLanes, type Trying } from "./hook-lanes.ts";
import { followStarts, type SeenStarts } from "./starts.ts";
import type { Verb } from "./states.ts";
import { load, type Store } from "./store.ts";

/** What a verb has done. */
export interface VerbEvent {
  readonly verb: Verb;
  /** The same when the change is handled again. */
  readonly id: string;
  readonly at: Date | undefined;
  /** Who acted; empty: the call did not say. */
  readonly by: string;
  readonly reason: string;
  /** The run, of `trigger`. */
  readonly runId: string | undefined;
}

/** Called after a verb. */
export type AfterHook<$> = (
  workflow: WorkflowEntity,
  $: $,
  event: VerbEvent,
) => void | Promise<void>;

/** What hooks after verbs are called with, and what they need. */
export interface AfterHooksOptions<$> {
  readonly store: Store;
  readonly cursors: CursorStore;
  readonly onError: (error: unknown) => void;
  get$(): $;
}

/** See the file's head. */
export class AfterHooks<$> {
  readonly #options: AfterHooksOptions<$>;
  readonly #hooks = new Map<Verb, Set<AfterHook<$>>>();
  readonly #closing = new AbortController();
  readonly #lanes: HookLanes<AfterHook<$>>;
  readonly #handover: Handover;
  readonly #seenStarts: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  #changes: Following | undefined;
  #starts: Following | undefined;

  constructor(options: AfterHooksOptions<$>) {
    const { cursors, onError } = options;
    this.#options = options;
    this.#lanes = createHookLanes({ onError, signal: this.#closing.signal });
    this.#handover = createHandover(cursors, onError);
  }

  /** Calls `hook` after each such verb from now on; the result ends that. */
  add(verb: Verb, hook: AfterHook<$>): () => void {
    const hooks = this.#hooks.get(verb) ?? new Set();
    this.#hooks.set(verb, hooks.add(hook));
    const { signal } = this.#closing;
    const { onError } = this.#options;
    if (signal.aborted) throw new Error("the entities are closed");
    if (verb === "trigger")
      this.#starts ??= following((begun) => this.#followStarts(begun), onError, signal);
    else this.#changes ??= following((begun) => this.#followChanges(begun), onError, signal);
    return () => {
      hooks.delete(hook);
    };
  }

  /** Resolves when what changes from now on will be handled, or when the service cannot be reached. */
  async begun(): Promise<void> {
    await Promise.all([this.#changes?.begun, this.#starts?.begun]);
  }

  /** Ends the streams; resolves when no hook runs any more. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the entities are closed"));
    await Promise.all([this.#changes?.ended, this.#starts?.ended]);
    await this.#lanes.ended();
    await this.#handover.ended();
  }

  async #followChanges(begun: () => void): Promise<void> {
    const { client, workspaceId } = this.#options.store;
    const handover = this.#handover;
    const told: CursorStore = {
      async load() {
        const cursor = await handover.load();
        if (cursor) begun();
        return cursor;
      },
      async save(cursor) {
        await handover.save(cursor);
        begun();
      },
    };
    const request = { workspaceId, operations: Object.keys(VERBS) };
    const { signal } = this.#closing;
    await client.watches.afterVerbs(request, told, (change) => this.#handle(change), { signal });
  }

  /** Resolves when the next change may come: all hooks but those that are tried again have resolved. */
  async #handle(change: WorkflowChange): Promise<void> {
    const verb = verbOf(change);
    if (verb === undefined) return;
    const { eventId: id, at, by, reason, definitionId } = change;
    const event = { verb, id, by, reason, at: at && timestampDate(at), runId: undefined };
    const { name } = change.data ?? {};
    const named = typeof name === "string" ? name : "";
    this.#handover.take(await this.#call(event, definitionId, named));
  }

  /** Starts have no cursor: those that happen while the program does not run are not seen. */
  async #followStarts(begun: () => void): Promise<void> {
    const { store, onError } = this.#options;
    const { client, workspaceId } = store;
    const { signal } = this.#closing;
    const seen = this.#seenStarts;
    const starts = followStarts({ runs: client.runs, workspaceId, signal, seen, begun, onError });
    for await (const { runId, definitionId, at } of starts) {
      const id = `started/${runId}`;
      const event = { verb: "trigger" as const, id, at, by: "", reason: "", runId };
      await this.#call(event, definitionId, "");
    }
  }

  /** Calls the hooks of an event; gives what is tried again. */
  async #call(event: VerbEvent, id: string, name: string): Promise<Trying[]> {
    const trying: Trying[] = [];
    const hooks = this.#hooks.get(event.verb) ?? new Set();
    for (const hook of [...hooks]) {
      const later = await this.#lanes.call(hook, async () => {
        // One that was ended is not tried again.
        if (hooks.has(hook)) await hook(await this.#read(id, name), this.#options.get$(), event);
      });
      if (later !== undefined) trying.push(later);
    }
    return trying;
  }

  /** The workflow as it is now; of one that is gone what the event says. */
  async #read(id: string, name: string): Promise<WorkflowEntity> {
    const { store } = this.#options;
    try {
      return (await load(store, id)).entity;
    } catch (error) {
      if (WorkflowsError.from(error).code !== "NOT_FOUND") throw error;
      const gone = { $id: id, name, organization: store.workspaceId, status: "Archived" } as const;
      return { ...GONE, ...NO_CONTENT, ...gone };
    }
  }
}

const GONE = {
  ...{ $id: "", $type: "Workflow", name: "", description: "", organization: "" },
  ...{ status: "Archived", statusReasons: ["It was deleted."], version: 0, lastRunAt: undefined },
  ...{ runCount: 0, successCount: 0, failureCount: 0, openRuns: 0 },
} as const satisfies ReturnType<typeof summaryOf>;

/** The verbs that operations of changes stand for. */
const VERBS: Readonly<Record<string, Verb>> = {
  created: "create",
  updated: "update",
  draft_saved: "update",
  // An editor that saves by itself: once for a session of edits.
  edited: "update",
  published: "update",
  activated: "activate",
  paused: "pause",
  archived: "archive",
  deleted: "delete",
};

function verbOf({ operation, data }: WorkflowChange): Verb | undefined {
  // The first version is the draft that was activated.
  if (operation === "published" && data?.version === 1) return undefined;
  return VERBS[operation];
}

interface Following {
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
}

/** Follows a stream until the signal, again and again: what ends it is told. */
function following(
  once: (begun: () => void) => Promise<void>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Following {
  const { promise, resolve } = withResolvers();
  const run = async () => {
    for (let failed = 1; !signal.aborted; failed += 1) {
      const beganMs = performance.now();
      try {
        await once(resolve);
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
      // A verb does not wait for a service that is away.
      resolve();
      if (performance.now() - beganMs > STEADY_MS) failed = 1;
      await pause(pauseAfter(failed), signal).catch(() => {});
    }
  };
  return { begun: promise, ended: run() };
}

/** A stream that was open for so long begins with short pauses again. */
const STEADY_MS = 60_000;

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
