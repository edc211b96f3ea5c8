/**
 * An event from the bus (or from HandleTrigger), decoded.
 * Boundary: a value. The wire layer decodes it, the runtime routes it, the engine matches it.
 */
import type { TriggerType } from "./definition.ts";
import type { ApprovalReport, ArrivedEvent, GovernanceReport, OwnerReport } from "./input.ts";

/** What an event reports about an object that a step waits for; at most one. */
export type EventReport =
  | { readonly kind: "owner"; readonly report: OwnerReport }
  | { readonly kind: "approval"; readonly report: ApprovalReport }
  | {
      readonly kind: "governance";
      readonly runId: string;
      readonly report: GovernanceReport;
    };

/** A report about an object that a step waits for by its id. */
export type ObjectReport = Exclude<EventReport, { readonly kind: "governance" }>;

/** The fields of a tap event (tap.v1.TapEventData). */
export interface TapFacts {
  readonly provider: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: string;
}

/** What an event of the identity service says about a member, each a word in lower case; "": it does not say. */
export interface MemberChange {
  readonly userId: string;
  /** Such as `updated` or `removed`. */
  readonly operation: string;
  readonly status: string;
  readonly role: string;
}

/** A decoded event. */
export interface BusEvent extends ArrivedEvent {
  readonly workspaceId: string;
  /** An RPC sent it without data: the runs that it starts have no input. */
  readonly dataUnset?: true;
  readonly report?: EventReport;
  readonly tap?: TapFacts;
  readonly member?: MemberChange;
  /** The acting agent's id, when an agent caused the event; else "". */
  readonly actorAgentId: string;
  /** Runs of this service that led to the event: extension `workflowhops`, 0 when absent. */
  readonly hops: number;
  /** Extension `environment`: it starts what is deployed there. Unset: production. */
  readonly environment?: string;
  /** Set when it came by an RPC (HandleTrigger): it starts only triggers of this type. */
  readonly onlyTrigger?: TriggerType;
  /** The cron line that the RPC named, trimmed: for SCHEDULE triggers. */
  readonly cronLine?: string;
  /** The fields that the RPC sets on the runs it starts; unset texts are "". */
  readonly caller?: {
    /** Who calls, as the history names it. */
    readonly by: string;
    readonly initiatorUserId: string;
    readonly entityId: string;
    readonly entityType: string;
  };
}
