/**
 * Private data of a step's type, as its row stores it: tickets, waits, counts of child runs, endings.
 * Boundary: plain values; only the behaviours of the types (steps/) and what follows a step's end (flow/) give them a meaning.
 */
import type { EdgeRole } from "../graph/graph.ts";
import type { JsonObject } from "./json.ts";

/** Private data of a step's type, stored with its row while it is open (and after, for reads). */
export interface StepDetail {
  /** Digest of an approval request: SHA-256 of the canonical JSON, hex. */
  digest?: string;
  /** Approval requests of a gate, in the order in which they were made. */
  approvals?: readonly ApprovalTicket[];
  /** How many approvals the gate requires; unset: one. */
  requiredApprovals?: number;
  /** What approvers would change in the input, until the gate ends. */
  edits?: readonly KeptEdits[];
  /** What happens when a request expires; unset: the gate does not escalate. */
  escalation?: Escalation;
  /** Resolved patterns of an event wait. */
  wait?: EventWait;
  /** Source of the event that ended a wait, within which `eventId` is unique. Unset matches every source. */
  eventSource?: string;
  /** Skill and prompt found for the attempt; unset when there is neither. The row has the agent. */
  resolved?: Omit<Resolution, "agentId">;
  /** The attempt ended, and the engine queries other services for its output or its cost. */
  pendingEnd?: PendingEnd;
  /** The risk level with which governance required an approval. */
  riskLevel?: string;
  /** A governance decision that arrived before the evaluation's answer; it counts if that answer decides nothing. */
  heard?: GovernanceAnswer;
  /** Children of a PARALLEL that succeeded when it ended, as step indexes (its output's `children`). */
  joined?: readonly number[];
  /** BRANCH: index of the edge that was chosen. */
  chosen?: number;
  /** BRANCH: how many of its conditions are known to be false; the next transition evaluates the others. */
  tried?: number;
  /** Whom a task asks, and what a task or a gate asks, where its config was rendered; unset where the version says it all. */
  asked?: { readonly assignee?: string; readonly title?: string; readonly instructions?: string };
  /** The attempt failed and the next one begins at `wakeAtMs`. */
  retrying?: true;
  /** The attempt failed, and config.on_error holds the step until a caller mends it. */
  held?: { readonly sinceMs: number };
  /** A caller ended the step without its work: it counts for a PARALLEL, and is never compensated. */
  skipped?: true;
  /** The step is COMPLETED by what an earlier run made: nothing was done for it in this one. */
  reused?: true;
  /** The attempt is a task of a worker that has no result yet. */
  task?: OpenTask;
  /** Latest attempts whose task was taken back before its result came: that result is late, and noted once. */
  unanswered?: readonly number[];
  /** Objects whose owners had not ended them when the step or its attempt ended: such an end is late, and noted once. */
  leftOpen?: readonly string[];
  /** Ids of the latest failed attempts, newest last: a report that names one of them is late. */
  superseded?: readonly string[];
  /** Counts of the child runs. */
  children?: ChildCounts;
  /** How the step ended, stored while its edges are undecided: the run is paused, or its work pending. */
  ending?: Ending;
}

/** A task that is with the workers. */
interface OpenTask {
  /** When it was queued, or returned last. */
  readonly sinceMs: number;
  /** A worker returned it: from then on it is published in a message of its own. */
  readonly returned?: true;
}

/** Counts of a step's child runs, so that no row grows with them. Only the last two span all attempts. */
export interface ChildCounts {
  /** Items of the `for_each`, or rounds of a `repeat_while` so far; unset: one child. */
  readonly items?: number;
  /** Place of the child that starts next, which is the number of starts so far. */
  readonly next: number;
  /** Started and not ended. */
  readonly open: number;
  readonly failed: number;
  /** Bytes of all outputs so far. */
  readonly bytes: number;
  /** Starts of all attempts that have no answer yet. */
  readonly starting: number;
  /** Progress of their compensation; unset before it. */
  readonly undo?: CompensationCounts;
}

/** Progress through a step's children in compensation, from the last place down. */
export interface CompensationCounts {
  /** The last child whose compensation was requested. */
  readonly attempt: number;
  readonly child: number;
  readonly open: number;
  readonly stuck: number;
  /** Number of the CompensateRun that made the requests, from 1. */
  readonly round: number;
}

/** Whether the last attempt has ended and the next one has not begun: what is reported of an attempt is late. */
export function isBetweenAttempts({ retrying, held }: StepDetail): boolean {
  return retrying === true || held !== undefined;
}

/** An attempt that ended and whose output or cost the engine still queries. */
export interface PendingEnd {
  /** The cost that reports carried, in USD, already counted; 0: none. */
  readonly costUsd: number;
  /** A poll of the owner gave the end, not an event. The stored name is older than the word "reconciled". */
  readonly healed?: true;
  /** How it ends once its cost is known; unset while its output is queried. */
  readonly end?: AttemptEnd;
}

/** How an attempt ends. */
export type AttemptEnd =
  /** `note` becomes the step's error_message although it succeeded. */
  | { readonly state: "COMPLETED"; readonly output: JsonObject; readonly note?: string }
  | { readonly state: "FAILED"; readonly message: string; readonly retryable: boolean };

/** How a step ended, for its edges. */
export type Ending =
  /** Success edges, and edges labelled with the normal outcome, can be taken. */
  | { readonly kind: "success" }
  /** An outcome label caught the failure: only edges with these roles can be taken. */
  | { readonly kind: "caught"; readonly roles: readonly EdgeRole[]; readonly label?: string }
  /** FAILED, and an `error` edge catches the failure. */
  | { readonly kind: "error" }
  /** FAILED and config.on_error continues, or `timeout_action: continue`: along success edges that name no decision. */
  | { readonly kind: "continued" }
  /** FAILED and uncaught; `stops`: whatever config.on_error says. */
  | { readonly kind: "uncaught"; readonly stops?: true }
  /** SKIPPED or CANCELLED: all its edges die. */
  | { readonly kind: "dead" };

/** One approval request of a gate. */
export interface ApprovalTicket {
  readonly approver: string;
  readonly requestId: string;
  /** "" while undecided, else approved, auto_approved, denied, expired; escalated: by its owner, still undecided. */
  readonly decision: string;
  readonly decidedBy: string;
  readonly reason: string;
  /**
   * When it expires, in ms after the step's start. On an expired ticket: it has expired, and the gate has not yet
   * requested the next approver. Unset: it never expires.
   */
  readonly dueAfterMs?: number;
  /** What its approval changed in the input; unset: nothing. */
  readonly edited?: Edited;
}

/** A change of the input that a gate asks about. */
export interface Edited {
  /** JSON merge patch. */
  readonly patch: JsonObject;
  /** Digest of the input with it, as that of a request. */
  readonly digest: string;
}

/** Edits whose decision has not come back. */
export interface KeptEdits extends Edited {
  readonly requestId: string;
  readonly by: string;
}

/** The next approvers of a request that expires. */
export interface Escalation {
  /** Time for each request from when it is recorded, in ms; unset: only its owner can expire it. */
  readonly afterMs?: number;
  /** Approvers without a request so far, in order. */
  readonly to: readonly string[];
}

/** A decision of the policy engine, by call, by event or by hand. */
export interface GovernanceAnswer {
  /** ALLOW, DENY, REQUIRE_APPROVAL or UNSPECIFIED */
  readonly decision: string;
  readonly riskLevel: string;
  readonly reasons: readonly string[];
}

/** Which events end a wait. */
export interface EventWait {
  /** Unset: any. */
  readonly typePattern?: string;
  /** Unset: any. */
  readonly subjectPattern?: string;
  /** Events that arrived at or after this time count; unset: since the run was created. */
  readonly sinceMs?: number;
  /** When the wait opened; unset: when its step began. */
  readonly openedAtMs?: number;
}

/** The result of looking up an agent, its prompt and its skill. */
export interface Resolution {
  readonly agentId: string;
  readonly skillId: string;
  readonly prompt?: { readonly name: string; readonly version: number; readonly versionId: string };
}
