/**
 * Calls of hooks one after the other, where one that fails is tried again and keeps no other hook.
 * Boundary: calls and pauses; what a hook is called with is not known here.
 * Invariant: the calls of one hook keep their order.
 */
import { pause, pauseAfter } from "../client/pauses.ts";

/** Calls of one hook that wait for an earlier one; from then on all hooks wait for it. */
const WAITING_AT_MOST = 1_000;

/** A call that is not over. */
export interface Trying {
  /** Resolves when the hook has resolved; rejects when the lanes are closed before. */
  readonly done: Promise<void>;
}

/** The hooks of a program. */
export interface HookLanes<Hook> {
  /**
   * Calls a hook by `work`, which rejects when the hook fails. Resolves when it is over, with undefined; or when it has failed, or an earlier
   * call of the hook is still tried again, with what goes on beside. Rejects when the lanes are closed.
   */
  call(hook: Hook, work: () => Promise<void>): Promise<Trying | undefined>;
  /** Resolves when no call is under way, after the signal. */
  ended(): Promise<void>;
}

/** What lanes need. */
interface HookLanesOptions {
  /** What a hook fails with, each time. */
  readonly onError: (error: unknown) => void;
  /** Closes them. */
  readonly signal: AbortSignal;
}

interface Lane {
  last: Promise<void>;
  waiting: number;
}

/** Lanes in which nothing is tried yet. */
export function createHookLanes<Hook>({ onError, signal }: HookLanesOptions): HookLanes<Hook> {
  const lanes = new Map<Hook, Lane>();

  /** Resolves with whether it is over. */
  async function once(work: () => Promise<void>): Promise<boolean> {
    signal.throwIfAborted();
    try {
      await work();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      onError(error);
      return false;
    }
  }

  async function untilDone(work: () => Promise<void>, tries: number): Promise<void> {
    for (let failed = tries; ; failed += 1) {
      if (failed > 0) await pause(pauseAfter(failed), signal);
      if (await once(work)) return;
    }
  }

  function goOn(hook: Hook, lane: Lane, work: () => Promise<void>, tries: number): Trying {
    lanes.set(hook, lane);
    lane.waiting += 1;
    const done = lane.last
      .then(() => untilDone(work, tries))
      .finally(() => {
        lane.waiting -= 1;
        if (lane.waiting === 0) lanes.delete(hook);
      });
    // Each rejects when the lanes are closed, which their owner knows.
    done.catch(() => {});
    lane.last = done;
    return { done };
  }

  return {
    async call(hook, work) {
      const lane = lanes.get(hook);
      if (lane !== undefined) {
        if (lane.waiting < WAITING_AT_MOST) return goOn(hook, lane, work, 0);
        await lane.last;
      }
      if (await once(work)) return undefined;
      // Of two streams that call it at once, the other one's call may be tried again by now.
      const free = { last: Promise.resolve(), waiting: 0 };
      return goOn(hook, lanes.get(hook) ?? free, work, 1);
    },
    async ended() {
      await Promise.allSettled([...lanes.values()].map(({ last }) => last));
    },
  };
}
