/**
 * What one replica knows by itself: breakers, calls in hand, workers, its settings. Runs.Explain and System show it beside
 * the rows.
 * Boundary: types; replica-facts.ts beside main.ts fills them from the parts that know.
 */
import type { HeardWorker, LastHeard, WorkedQueue } from "./workers-seen.ts";

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

/** A queue of tasks that has messages. */
export interface QueueLook extends WorkedQueue {
  readonly messages: number;
  /** Of the oldest message; 0 where it was not asked for. */
  readonly oldestSeconds: number;
}

/** A service that this one calls. */
export interface CollaboratorSeen {
  readonly name: string;
  readonly isConfigured: boolean;
  readonly isBuiltIn: boolean;
  /** As breakerRestMs. */
  readonly breakerRestMs: number | undefined;
}

/** What the replica is since its start. */
export interface ReplicaFacts {
  readonly id: string;
  readonly version: string;
  /** By the database's clock. */
  readonly startedAt: Date;
  /** What is switched on, as SystemInfo.features names it. */
  readonly features: readonly string[];
  readonly retentionDays: number;
  readonly reconcileIntervalMs: number;
}

/** See the file's head. Collaborators are named as in collaborators/names.ts. */
export interface ReplicaView {
  readonly facts: ReplicaFacts;
  /** All there are, configured or not. */
  collaborators(): readonly CollaboratorSeen[];
  /** The workers of a workspace, of every one for ""; undefined: the replica has no bus yet. */
  findWorkers(workspaceId: string): readonly HeardWorker[] | undefined;
  /**
   * The queues of a workspace, of every one for "", that have messages, fullest first; undefined: the replica has no bus
   * yet. Rejects when the bus does not answer within 2 s.
   */
  lookAtQueues(workspaceId: string): Promise<readonly QueueLook[] | undefined>;
  isConfigured(collaborator: string): boolean;
  /** How long its breaker stays open, in ms; 0: until a probe has ended; undefined: it is closed. */
  breakerRestMs(collaborator: string): number | undefined;
  /** Undefined: another replica performs the call, or none does yet. */
  findCall(callId: string): CallSeen | undefined;
  /** Undefined: the replica has no bus yet, and hears no worker. */
  findQueue(queue: WorkedQueue): QueueSeen | undefined;
}
