/**
 * Performs the calls that moves want and hands their results back as inputs.
 * Boundary: leases and room; a call's tries are finish-call.ts, what is asked of whom is performers/.
 * Invariants:
 * 1. A call comes here only after its commit, by hand-over or by claim, and is in hand at most once.
 * 2. Leases of all calls in hand are renewed, many in a statement; a call whose lease is lost is dropped, its key keeps a
 *    late send harmless.
 * 3. What is in hand is bounded for each collaborator and workspace (rooms.ts). The others are given back and stay in the
 *    table until a replica has room for them.
 * 4. A call leaves by its committed result, by release, or when its row is gone; nothing else ends it. One that its
 *    attempt does not wait for any more has the result that it was given up, and is not tried again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { NotSent } from "../../collaborators/call-failure.ts";
import type { Clients } from "../../collaborators/clients.ts";
import { createRounds } from "../../process/rounds.ts";
import type { LeasedCall } from "../../runtime/submission.ts";
import {
  type ClaimedCall,
  claimCalls,
  dropCalls,
  releaseCalls,
  renewCalls,
} from "../../store/calls.ts";
import type { Database } from "../../store/database.ts";
import { CallInHand } from "./call-in-hand.ts";
import { type FinishCallDeps, finishCall } from "./finish-call.ts";
import { createRooms } from "./rooms.ts";

/** What the dispatcher works with. */
export interface DispatcherDeps extends FinishCallDeps {
  readonly database: Database;
  /** Those that the performers use; closed by `stop`. */
  readonly clients: Pick<Clients, "close" | "disconnect">;
  readonly replicaId: string;
  /** How often calls are claimed whose lease ran out; 2 s unless given. */
  readonly claimEveryMs?: number;
  /** How often leases are renewed, and calls given up that no step waits for; 10 s unless given. */
  readonly renewEveryMs?: number;
}

/** The dispatcher of one replica. */
export interface Dispatcher {
  /** Performs calls that were just committed, at once and in no order. Never rejects, never waits. */
  take(calls: readonly LeasedCall[]): void;
  /** Begins to claim calls whose lease ran out, and to renew those in hand. */
  start(): void;
  /** Sends nothing new, waits up to 10 s for calls under way, releases the rest. */
  stop(): Promise<void>;
}

const CLAIM_EVERY_MS = 2_000;
const RENEW_EVERY_MS = 10_000;
/** Leases renewed in one transaction: a commit that ends one of these calls waits for it. */
const RENEWED_AT_ONCE = 500;
const FINISH_MS = 10_000;
/** A call that was not sent, because too many wait at its collaborator's gate, rests in the table. */
const NOT_SENT_REST_MS = 5_000;
/** After a fault of ours a call rests longer, so that it does not spin. */
const FAULT_REST_MS = 60_000;

/** Makes a dispatcher; `take` works before `start`. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { database, log, replicaId } = deps;
  const inHand = new Map<string, CallInHand>();
  const underWay = new Set<Promise<void>>();
  const rooms = createRooms();
  let turnedAway: { readonly ids: string[]; readonly released: Promise<void> } | undefined;
  let stopping = false;

  /** Performs a call that has its place in a room. */
  function hold(call: LeasedCall, ageMs: number, isWanted = true): void {
    const item = new CallInHand(call, ageMs);
    if (!isWanted) item.giveUp();
    inHand.set(call.callId, item);
    const work = finish(item).finally(() => {
      inHand.delete(call.callId);
      underWay.delete(work);
      if (rooms.leave(call)) claiming.wake();
    });
    underWay.add(work);
  }

  async function finish(item: CallInHand): Promise<void> {
    const { callId, runId } = item.call;
    try {
      const end = await finishCall(deps, item);
      if (end === "settled") return;
      log.warn("the run of a call does not exist; the call is forgotten", { callId, runId });
      await dropCalls(database, [callId]);
    } catch (error) {
      if (stopping || error instanceof NotSent) {
        await turnAway(callId);
        return;
      }
      log.error("a call is not finished and taken up later", { callId, runId, error });
      await release([callId], FAULT_REST_MS);
    }
  }

  /** Those that are turned away in one turn of the event loop are released together. */
  function turnAway(callId: string): Promise<void> {
    turnedAway ??= gather();
    turnedAway.ids.push(callId);
    return turnedAway.released;
  }

  function gather() {
    const ids: string[] = [];
    const released = nextTurn().then(() => {
      turnedAway = undefined;
      return release(ids, NOT_SENT_REST_MS);
    });
    return { ids, released };
  }

  /** Gives calls back: a replica that has room claims them, with the same key and bytes. */
  async function release(ids: readonly string[], restMs: number): Promise<void> {
    if (ids.length === 0) return;
    try {
      await releaseCalls(database, replicaId, ids, stopping ? 0 : restMs);
    } catch (error) {
      log.warn("calls could not be released; their leases run out", { error });
    }
  }

  async function claim(): Promise<boolean> {
    if (stopping) return false;
    const { places, without } = rooms.free();
    const claim = await claimCalls(database, replicaId, places, without);
    for (const call of claim.claimed) {
      if (inHand.has(call.callId)) continue;
      rooms.enter(call);
      hold(callOf(call), call.ageMs, call.isWanted);
    }
    const more = rooms.note(claim);
    return more || claim.moreExpired;
  }

  async function renew(): Promise<boolean> {
    const ids = [...inHand.keys()];
    for (let from = 0; from < ids.length; from += RENEWED_AT_ONCE) {
      await renewSome(ids.slice(from, from + RENEWED_AT_ONCE));
    }
    return false;
  }

  async function renewSome(ids: readonly string[]): Promise<void> {
    const kept = await renewCalls(database, replicaId, ids);
    const keptIds = new Set(kept.map(({ id }) => id));
    for (const id of ids) if (!keptIds.has(id)) inHand.get(id)?.drop();
    for (const { id, isWanted } of kept) if (!isWanted) inHand.get(id)?.giveUp();
  }

  const claiming = createRounds({
    name: "claim calls",
    everyMs: deps.claimEveryMs ?? CLAIM_EVERY_MS,
    log,
    round: claim,
  });
  const renewing = createRounds({
    name: "renew leases of calls",
    everyMs: deps.renewEveryMs ?? RENEW_EVERY_MS,
    log,
    round: renew,
  });

  return {
    take(calls) {
      const noRoom: string[] = [];
      for (const call of calls) {
        if (inHand.has(call.callId)) continue;
        if (!stopping && rooms.admit(call)) hold(call, 0);
        else noRoom.push(call.callId);
      }
      void release(noRoom, 0);
    },
    start() {
      claiming.start();
      renewing.start();
    },
    async stop() {
      stopping = true;
      await Promise.all([claiming.stop(), renewing.stop()]);
      for (const item of inHand.values()) item.stop();
      deps.clients.close();
      await finishWithin([...underWay], FINISH_MS);
      await release([...inHand.keys()], 0);
      deps.clients.disconnect();
    },
  };
}

function callOf({ ageMs: _, isWanted: __, ...call }: ClaimedCall): LeasedCall {
  return call;
}

async function finishWithin(work: readonly Promise<void>[], limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([Promise.all(work), limit]);
  clearTimeout(timer);
}
