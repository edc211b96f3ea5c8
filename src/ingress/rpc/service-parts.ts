/**
 * The service's parts, of which the service's table, the Write and the keys of calls are made.
 * Boundary: types. Handlers get service-deps.ts instead, which hold no way past the Write and the Visibility.
 */
import type { Callers } from "../../collaborators/identity/callers.ts";
import type { DecideApproval } from "../../engine/values/approval-decision.ts";
import type { Entities } from "../../engine/values/entities.ts";
import type { Log } from "../../process/log.ts";
import type { PublishForCaller } from "../../runtime/caller-events.ts";
import type { CallerKeys } from "../../runtime/caller-keys.ts";
import type { Redeliver } from "../../runtime/dead-letters.ts";
import type { EndpointSettings } from "../../runtime/endpoints.ts";
import type { EventFeed } from "../../runtime/event-feed.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { HeldKeys } from "../../runtime/held-keys.ts";
import type { HookSettings } from "../../runtime/hooks.ts";
import type { Committed, Processor } from "../../runtime/processor.ts";
import type { ReplicaView } from "../../runtime/replica-view.ts";
import type { RunFeed } from "../../runtime/run-feed.ts";
import type { WorkflowFeed } from "../../runtime/workflow-feed.ts";
import type { Database } from "../../store/database.ts";
import type { ItemChange, ItemNotice } from "../../store/inbox-notes.ts";
import type { InboxFeed } from "./inbox-feed.ts";
import type { SourceReader } from "./source-reader.ts";
import type { StreamLimits } from "./stream-limits.ts";

/** An item of the inbox, for those whom it is passed on to. */
export interface PassedItem {
  readonly itemId: string;
  readonly workspaceId: string;
  readonly title: string;
  readonly isApproval: boolean;
}

/** How people are told of items that are passed on to them. */
export interface Delegations {
  /** What is kept with the change; undefined: the person is not reached. `noteId` is the same for each try of the call. */
  noticeOf(
    passed: PassedItem & Pick<ItemChange, "by" | "to"> & { noteId: string; reason: string },
  ): ItemNotice | undefined;
  /** Called after notices are kept. */
  onKept(): void;
}

/** The same for every call. */
export interface ServiceParts {
  readonly database: Database;
  readonly processor: Processor;
  readonly graphs: GraphCache;
  readonly log: Log;
  readonly callerKeys: CallerKeys;
  readonly heldKeys: HeldKeys;
  /** Who knows canonical entities; unset: none is checked. */
  readonly entities?: Entities | undefined;
  /** Who knows callers; unset: everybody may do everything. */
  readonly callers?: Callers | undefined;
  /** The owner of approvals, who records decisions; unset: none is configured. */
  readonly decideApproval?: DecideApproval | undefined;
  /** Moves of runs that are watched. */
  readonly feed: RunFeed;
  /** Of the streams; unset: those of the service. */
  readonly streamLimits?: StreamLimits | undefined;
  /** Inboxes that are watched. */
  readonly inboxFeed: InboxFeed;
  /** Workspaces whose workflows are watched. */
  readonly workflowFeed: WorkflowFeed;
  /** Events that are tailed. */
  readonly eventFeed: EventFeed;
  /** Reads source texts of versions. */
  readonly sources: SourceReader;
  /** Publishes an event of a caller where the service listens. */
  readonly publishEvent?: PublishForCaller | undefined;
  /** Handles a message again that was put aside. */
  readonly redeliver?: Redeliver | undefined;
  /** Unset: endpoints have no secrets, and no address is known. */
  readonly endpoints?: EndpointSettings | undefined;
  /** How hooks are asked before a workflow is changed; unset: none can be, and what a hook guards is refused. */
  readonly hooks?: HookSettings | undefined;
  /** How people are told of items that are passed on to them; unset: they are not. */
  readonly delegations?: Delegations | undefined;
  /** How the parts of the service are, as /readyz shows them. */
  probe(): Promise<{ readonly parts: Readonly<Record<string, string>> }>;
  /** What this replica knows by itself; without it Explain goes by the rows alone, and System answers WhoAmI alone. */
  readonly replica?: ReplicaView | undefined;
  /** Called after a commit that leaves something to publish; without it the publisher finds it a little later. */
  readonly onCommitted?: (committed: Committed) => void;
  /** Called after a commit that may have changed what is deployed of a definition. */
  readonly onDeployed?: (definitionId: string) => void;
}
