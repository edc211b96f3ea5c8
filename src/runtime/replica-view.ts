/**
 * What one replica knows by its memory alone: breakers, calls in hand, workers. Runs.Explain shows it beside the rows.
 * Boundary: a type; main.ts fills it from the parts that know.
 */
import type { LastHeard, WorkedQueue } from "./workers-seen.ts";

/** A call that this replica performs. */
export interface CallSeen {
  /** Tries that found the collaborator away. */
  readonly tries: number;
  /** What the last of them failed with; "" before the first. */
  readonly lastError: string;
  /** Until the next try, in ms; undefined: one is under way or waits for its turn. */
  readonly nextTryInMs?: number | undefined;
}

/** Who serves a queue, by heartbeats. */
export interface QueueSeen {
  readonly workers: number;
  /** The worker that was heard last of a queue that has none now; undefined: none was. */
  readonly last?: LastHeard | undefined;
}

/** See the file's head. Collaborators are named as in collaborators/names.ts. */
export interface ReplicaView {
  isConfigured(collaborator: string): boolean;
  /** How long its breaker stays open, in ms; 0: until a probe has ended; undefined: it is closed. */
  breakerRestMs(collaborator: string): number | undefined;
  /** Undefined: another replica performs the call, or none does yet. */
  findCall(callId: string): CallSeen | undefined;
  /** Undefined: the replica has no bus yet, and hears no worker. */
  findQueue(queue: WorkedQueue): QueueSeen | undefined;
}
