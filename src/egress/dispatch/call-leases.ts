/**
 * The leases of the calls in hand: held while a call is performed, renewed many at once, released when it is not finished.
 * Boundary: knows who holds a call, not what is done with it. Releasing never rejects: a lease that is not released runs out.
 * Invariants:
 * 1. A call is in hand at most once.
 * 2. A call whose lease is lost is dropped; its key keeps a late send harmless.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { releaseCalls, renewCalls } from "../../store/calls.ts";
import type { Database } from "../../store/database.ts";
import type { CallInHand } from "./call-in-hand.ts";

/** What leases are kept with. */
export interface LeaseDeps {
  readonly database: Database;
  readonly replicaId: string;
  readonly log: Log;
}

/** Leases renewed in one transaction: a commit that ends one of these calls waits for it. */
const RENEWED_AT_ONCE = 500;
/** A call that was not sent, because too many wait at its collaborator's gate, rests in the table. */
const NOT_SENT_REST_MS = 5_000;

/** See the file's head. */
export class CallLeases {
  readonly #deps: LeaseDeps;
  readonly #inHand = new Map<string, CallInHand>();
  #unsent: { readonly ids: string[]; readonly released: Promise<void> } | undefined;
  #stopping = false;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  /** Whether the service stops: no call is taken in hand any more. */
  get stopping(): boolean {
    return this.#stopping;
  }
  has(callId: string): boolean {
    return this.#inHand.has(callId);
  }
  find(callId: string): CallInHand | undefined {
    return this.#inHand.get(callId);
  }
  hold(item: CallInHand): void {
    this.#inHand.set(item.call.callId, item);
  }
  /** The call is finished or released. */
  letGo(item: CallInHand): void {
    this.#inHand.delete(item.call.callId);
  }

  /** Renews all leases; calls that no step waits for are given up. */
  async renew(): Promise<void> {
    const ids = [...this.#inHand.keys()];
    for (let from = 0; from < ids.length; from += RENEWED_AT_ONCE) {
      await this.#renewSome(ids.slice(from, from + RENEWED_AT_ONCE));
    }
  }
  async #renewSome(ids: readonly string[]): Promise<void> {
    const kept = await renewCalls(this.#deps.database, this.#deps.replicaId, ids);
    await reached("leases.renewed");
    const keptIds = new Set(kept.map(({ id }) => id));
    for (const id of ids) if (!keptIds.has(id)) this.#inHand.get(id)?.drop();
    for (const { id, isWanted } of kept) if (!isWanted) this.#inHand.get(id)?.giveUp();
  }

  /** Gives calls back: a replica that has room claims them after a rest, with the same key and bytes. */
  async release(ids: readonly string[], restMs: number): Promise<void> {
    if (ids.length === 0) return;
    const { database, replicaId, log } = this.#deps;
    try {
      await releaseCalls(database, replicaId, ids, this.#stopping ? 0 : restMs);
    } catch (error) {
      log.warn("calls could not be released; their leases run out", { error });
    }
  }
  /** Gives back a call that was not sent. Those of one turn of the event loop are released together. */
  releaseUnsent(callId: string): Promise<void> {
    this.#unsent ??= this.#gatherUnsent();
    this.#unsent.ids.push(callId);
    return this.#unsent.released;
  }
  #gatherUnsent() {
    const ids: string[] = [];
    const released = nextTurn().then(() => {
      this.#unsent = undefined;
      return this.release(ids, NOT_SENT_REST_MS);
    });
    return { ids, released };
  }

  /** From here on calls are released without a rest. */
  beginStop(): void {
    this.#stopping = true;
  }
  /** Calls in hand are not tried again. */
  endTries(): void {
    for (const item of this.#inHand.values()) item.stop();
  }
  /** Gives back what is still in hand. */
  releaseAll(): Promise<void> {
    return this.release([...this.#inHand.keys()], 0);
  }
}
