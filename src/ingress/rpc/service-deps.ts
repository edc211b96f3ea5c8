/** What every handler gets. Boundary: types, so that handlers and the service's table do not import each other. */
import type { Caller, Callers } from "../../collaborators/identity/callers.ts";
import type { Entities } from "../../engine/values/entities.ts";
import type { Log } from "../../process/log.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { HeldKeys } from "../../runtime/held-keys.ts";
import type { Committed, Processor } from "../../runtime/processor.ts";
import type { KeyClaim } from "../../store/caller-keys.ts";
import type { Database } from "../../store/database.ts";

/** The service's parts, the same for every call. */
export interface ServiceParts {
  readonly database: Database;
  readonly processor: Processor;
  readonly graphs: GraphCache;
  readonly log: Log;
  readonly heldKeys: HeldKeys;
  /** Who knows canonical entities; unset: none is checked. */
  readonly entities?: Entities | undefined;
  /** Who knows callers; unset: everybody may do everything. */
  readonly callers?: Callers | undefined;
  /** Told after a commit that leaves something to publish; without it the publisher finds it a little later. */
  readonly onCommitted?: (committed: Committed) => void;
}

/** What the handler of one call gets. */
export interface ServiceDeps extends ServiceParts {
  /** The only workspace that the call may see; "" sees all (call-workspace.ts). */
  readonly workspaceId: string;
  /** Who calls; unset without authentication. */
  readonly caller?: Caller | undefined;
  /** Headers of the call's answer. */
  readonly answerHeader: Headers;
  /** Of a call with an Idempotency-Key: whatever it changes is committed with this claim. */
  readonly callerKey?: KeyClaim | undefined;
  /** Of such a call: the id of the event that it is when it names none, the same on every try. */
  readonly keyEventId?: string | undefined;
}
