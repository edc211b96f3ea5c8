/**
 * The gate before one collaborator: so many calls at a time, the others wait, all wait while its breaker is open.
 * Boundary: in memory only; a call that finds no room is NotSent and stays in its table.
 * Invariants:
 * 1. At most `concurrency` calls are open and at most `waitingAtMost` wait. Workspaces take turns; within one, first come
 *    first served.
 * 2. A collaborator that hangs delays its own calls only.
 * 3. A caller who can go on without an answer is turned away rather than kept waiting; it may still be the probe.
 */
import { TurnQueue } from "../process/turn-queue.ts";
import type { Breaker } from "./breaker.ts";
import { createBreaker } from "./breaker.ts";
import { CallFailure, NoTurn, NotSent } from "./call-failure.ts";
import { countsAgainstCollaborator } from "./call-policy.ts";

/** The gate of one collaborator. */
export interface Gate {
  /** Runs the call when the turn of its workspace comes. Rejects as it does, or with NotSent. */
  run<T>(workspaceId: string, call: () => Promise<T>): Promise<T>;
  /** As run, but NoTurn while the collaborator is left alone and when the turn does not come within half a second. */
  runSoon<T>(workspaceId: string, call: () => Promise<T>): Promise<T>;
  /** Sends nothing more; those that wait are NotSent. */
  close(): void;
}

/** More than the rooms of the dispatcher (rooms.ts) let wait for one collaborator. */
const WAITING_AT_MOST = 8_192;
const SOON_MS = 500;

interface Waiter {
  enter(): void;
  turnAway(): void;
}

/** Makes a gate; `onBreaker` hears when the collaborator is left alone (true) and taken up again (false). */
export function createGate(
  concurrency: number,
  onBreaker: (open: boolean) => void,
  breaker: Breaker = createBreaker(),
  waitingAtMost = WAITING_AT_MOST,
): Gate {
  const waiting = new TurnQueue<Waiter>();
  let out = 0;
  let closed = false;
  let wake: NodeJS.Timeout | undefined;

  const mayEnter = () => out < concurrency && breaker.waitMs(performance.now()) === 0;
  const admit = () => {
    while (waiting.size > 0 && mayEnter()) {
      enter(waiting.shift());
    }
    const waitMs = waiting.size === 0 ? Infinity : breaker.waitMs(performance.now());
    if (waitMs > 0 && waitMs < Infinity && wake === undefined) {
      wake = setTimeout(() => {
        wake = undefined;
        admit();
      }, waitMs);
    }
  };
  const enter = (waiter: Waiter | undefined) => {
    out += 1;
    breaker.begin();
    waiter?.enter();
  };
  const leave = (judge: () => void) => {
    out -= 1;
    const wasOpen = breaker.isOpen;
    judge();
    if (breaker.isOpen !== wasOpen) onBreaker(breaker.isOpen);
    admit();
  };

  async function run<T>(workspaceId: string, call: () => Promise<T>): Promise<T> {
    if (closed) throw new NotSent("the service stops");
    if (waiting.size === 0 && mayEnter()) enter(undefined);
    else await takeTurn(workspaceId);
    return finish(call);
  }

  async function runSoon<T>(workspaceId: string, call: () => Promise<T>): Promise<T> {
    if (closed) throw new NotSent("the service stops");
    if (mayEnter()) enter(undefined);
    else await takeTurnSoon(workspaceId);
    return finish(call);
  }

  async function finish<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      leave(() => breaker.succeeded());
      return result;
    } catch (error) {
      leave(() => judgeEnd(breaker, error));
      throw error;
    }
  }

  function takeTurn(workspaceId: string): Promise<void> {
    if (waiting.size >= waitingAtMost) throw new NotSent("too many calls wait");
    return new Promise((resolve, reject) => {
      const turnAway = () => reject(new NotSent("the service stops"));
      waiting.push(workspaceId, { enter: resolve, turnAway });
      admit();
    });
  }

  function takeTurnSoon(workspaceId: string): Promise<void> {
    if (breaker.isOpen) throw new NoTurn("the collaborator is left alone");
    if (waiting.size >= waitingAtMost) throw new NoTurn("too many calls wait");
    return new Promise((resolve, reject) => {
      const leave = setTimeout(() => {
        waiting.remove(workspaceId, waiter);
        reject(new NoTurn(`no turn within ${SOON_MS} ms`));
      }, SOON_MS);
      const waiter: Waiter = {
        enter() {
          clearTimeout(leave);
          resolve();
        },
        turnAway() {
          clearTimeout(leave);
          reject(new NotSent("the service stops"));
        },
      };
      waiting.push(workspaceId, waiter);
    });
  }

  return {
    run,
    runSoon,
    close() {
      closed = true;
      clearTimeout(wake);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next.turnAway();
    },
  };
}

function judgeEnd(breaker: Breaker, error: unknown): void {
  if (!(error instanceof CallFailure)) breaker.withdrawn();
  else if (countsAgainstCollaborator(error)) breaker.failed(performance.now());
  else breaker.succeeded();
}
