/**
 * The gate before one collaborator: so many calls at a time, the others wait, all wait while its breaker is open.
 * Boundary: in memory only; a call that finds no room is NotSent and stays in its table.
 * Invariants:
 * 1. At most `concurrency` calls are open and at most `waitingAtMost` wait. Workspaces take turns; within one, first come
 *    first served.
 * 2. A collaborator that hangs delays its own calls only.
 * 3. A caller who can go on without an answer is turned away rather than kept waiting; it may still be the probe.
 */
import { type Breaker, createBreaker } from "./breaker.ts";
import { CallFailure, NoTurn, NotSent } from "./call-failure.ts";
import { countsAgainstCollaborator } from "./call-policy.ts";
import { Turns, type Waiter } from "./turns.ts";

/** The gate of one collaborator. */
export interface Gate {
  /** Runs the call when the turn of its workspace comes. Rejects as it does, or with NotSent. */
  run<T>(workspaceId: string, call: () => Promise<T>): Promise<T>;
  /** As run, but NoTurn while the collaborator is left alone and when the turn does not come within half a second. */
  runSoon<T>(workspaceId: string, call: () => Promise<T>): Promise<T>;
  /** How long the breaker stays open, in ms; 0: until the probe has ended; undefined: it is closed. */
  restMs(): number | undefined;
  /** Sends nothing more; those that wait are NotSent. */
  close(): void;
}

/** More than the rooms of the dispatcher (rooms.ts) let wait for one collaborator. */
const WAITING_AT_MOST = 8_192;
const SOON_MS = 500;
const STOPS = "the service stops";
const MANY_WAIT = "too many calls wait";

/** Makes a gate; `onBreaker` is called with true when the breaker opens and with false when it closes. */
export function createGate(
  concurrency: number,
  onBreaker: (open: boolean) => void,
  breaker: Breaker = createBreaker(),
  waitingAtMost = WAITING_AT_MOST,
): Gate {
  const turns = new Turns(concurrency, breaker, onBreaker);
  let closed = false;

  async function finish<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      turns.end(() => breaker.succeeded());
      return result;
    } catch (error) {
      turns.end(() => judgeEnd(breaker, error));
      throw error;
    }
  }

  return {
    async run(workspaceId, call) {
      if (closed) throw new NotSent(STOPS);
      if (turns.waiting === 0 && turns.isFree) turns.begin();
      else if (turns.waiting >= waitingAtMost) throw new NotSent(MANY_WAIT);
      else await takeTurn(turns, workspaceId);
      return finish(call);
    },
    async runSoon(workspaceId, call) {
      if (closed) throw new NotSent(STOPS);
      if (turns.isFree) turns.begin();
      else if (breaker.isOpen) throw new NoTurn("the collaborator is left alone");
      else if (turns.waiting >= waitingAtMost) throw new NoTurn(MANY_WAIT);
      else await takeTurnSoon(turns, workspaceId);
      return finish(call);
    },
    restMs: () => turns.restMs,
    close() {
      closed = true;
      turns.close();
    },
  };
}

function takeTurn(turns: Turns, workspaceId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    turns.push(workspaceId, { enter: resolve, turnAway: () => reject(new NotSent(STOPS)) });
    turns.admit();
  });
}

function takeTurnSoon(turns: Turns, workspaceId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = setTimeout(() => {
      turns.remove(workspaceId, waiter);
      reject(new NoTurn(`no turn within ${SOON_MS} ms`));
    }, SOON_MS);
    const waiter: Waiter = {
      enter() {
        clearTimeout(leave);
        resolve();
      },
      turnAway() {
        clearTimeout(leave);
        reject(new NotSent(STOPS));
      },
    };
    turns.push(workspaceId, waiter);
  });
}

function judgeEnd(breaker: Breaker, error: unknown): void {
  if (!(error instanceof CallFailure)) breaker.withdrawn();
  else if (countsAgainstCollaborator(error)) breaker.failed(performance.now());
  else breaker.succeeded();
}
