/**
 * Performs the calls that moves want and hands their results back as inputs.
 * Boundary: takes calls where there is room for them. Leases are call-leases.ts, a call's tries finish-call.ts, what is
 * asked of whom performers/.
 * Invariants:
 * 1. A call comes here only after its commit, by hand-over or by claim.
 * 2. What is in hand is bounded for each collaborator and workspace (rooms.ts). The others are given back and stay in the
 *    table until a replica has room for them.
 * 3. A call leaves by its committed result, by release, or when its row is gone; nothing else ends it. One that its
 *    attempt does not wait for any more has the result that it was given up, and is not tried again.
 */
import { NotSent } from "../../collaborators/call-failure.ts";
import type { Clients } from "../../collaborators/clients.ts";
import { createLoop } from "../../process/standing-loop.ts";
import type { CallSeen } from "../../runtime/replica-view.ts";
import type { LeasedCall } from "../../runtime/submission.ts";
import { type ClaimedCall, claimCalls, dropCalls } from "../../store/calls.ts";
import type { Database } from "../../store/database.ts";
import { CallInHand } from "./call-in-hand.ts";
import { CallLeases } from "./call-leases.ts";
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
  /** The call as this replica performs it; undefined: it does not. */
  find(callId: string): CallSeen | undefined;
  /** Begins to claim calls whose lease ran out, and to renew those in hand. */
  start(): void;
  /** Sends nothing new, waits up to 10 s for calls under way, releases the rest. */
  stop(): Promise<void>;
}

const CLAIM_EVERY_MS = 2_000;
const RENEW_EVERY_MS = 10_000;
const FINISH_MS = 10_000;
/** After a fault of ours a call rests longer, so that it does not spin. */
const FAULT_REST_MS = 60_000;

/** Makes a dispatcher; `take` works before `start`. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { database, replicaId } = deps;
  const leases = new CallLeases(deps);
  const underWay = new Set<Promise<void>>();
  const rooms = createRooms();

  /** Performs a call that has its place in a room. */
  function hold(call: LeasedCall, ageMs: number, isWanted = true): void {
    const item = new CallInHand(call, ageMs);
    if (!isWanted) item.giveUp();
    leases.hold(item);
    const work = perform(deps, leases, item).finally(() => {
      leases.letGo(item);
      underWay.delete(work);
      if (rooms.leave(call)) claiming.wake();
    });
    underWay.add(work);
  }

  async function claim(): Promise<boolean> {
    if (leases.stopping) return false;
    const { places, without } = rooms.free();
    const claim = await claimCalls(database, replicaId, places, without);
    for (const call of claim.claimed) {
      if (leases.has(call.callId)) continue;
      rooms.enter(call);
      hold(callOf(call), call.ageMs, call.isWanted);
    }
    return rooms.note(claim) || claim.moreExpired;
  }

  const { claiming, renewing } = createLoops(deps, claim, () => leases.renew());

  return {
    take(calls) {
      const noRoom: LeasedCall[] = [];
      for (const call of calls) {
        if (leases.has(call.callId)) continue;
        if (!leases.stopping && rooms.admit(call)) hold(call, 0);
        else noRoom.push(call);
      }
      // A claim before they are given back finds nothing, so the rooms hear of them after.
      void leases.release(noRoom.map(callIdOf), 0).then(() => {
        if (rooms.noteFree(noRoom)) claiming.wake();
      });
    },
    find: (callId) => leases.find(callId)?.seen,
    start() {
      claiming.start();
      renewing.start();
    },
    async stop() {
      leases.beginStop();
      await Promise.all([claiming.stop(), renewing.stop()]);
      await endWork(deps, leases, underWay);
    },
  };
}

async function endWork(
  { clients }: DispatcherDeps,
  leases: CallLeases,
  underWay: ReadonlySet<Promise<void>>,
): Promise<void> {
  leases.endTries();
  clients.close();
  await finishWithin([...underWay], FINISH_MS);
  await leases.releaseAll();
  clients.disconnect();
}

function callIdOf({ callId }: LeasedCall): string {
  return callId;
}

function createLoops(
  { log, claimEveryMs = CLAIM_EVERY_MS, renewEveryMs = RENEW_EVERY_MS }: DispatcherDeps,
  claim: () => Promise<boolean>,
  renew: () => Promise<void>,
) {
  const claiming = createLoop({ name: "claim calls", everyMs: claimEveryMs, log, round: claim });
  const renewing = createLoop({
    name: "renew leases of calls",
    everyMs: renewEveryMs,
    log,
    round: () => renew().then(() => false),
  });
  return { claiming, renewing };
}

/** Finishes a call, or gives it back. Never rejects. */
async function perform(deps: DispatcherDeps, leases: CallLeases, item: CallInHand): Promise<void> {
  const { callId, runId } = item.call;
  try {
    const end = await finishCall(deps, item);
    if (end === "settled") return;
    deps.log.warn("the run of a call does not exist; the call is forgotten", { callId, runId });
    await dropCalls(deps.database, [callId]);
  } catch (error) {
    if (leases.stopping || error instanceof NotSent) {
      await leases.releaseUnsent(callId);
      return;
    }
    deps.log.error("a call is not finished and taken up later", { callId, runId, error });
    await leases.release([callId], FAULT_REST_MS);
  }
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
