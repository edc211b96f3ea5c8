/**
 * What handlers get: of one that reads nothing by which it could change anything, of one that writes a Write.
 * Boundary: types, so that handlers and the service's table do not import each other.
 */
import type { Caller, Callers } from "../../collaborators/identity/callers.ts";
import type { Entities } from "../../engine/values/entities.ts";
import type { Log } from "../../process/log.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { HeldKeys } from "../../runtime/held-keys.ts";
import type { Committed, Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";
import type { Visibility } from "../../store/reads/visibility.ts";
import type { Write } from "./write.ts";

/** The service's parts, the same for every call. Handlers do not get them. */
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
  /** Called after a commit that leaves something to publish; without it the publisher finds it a little later. */
  readonly onCommitted?: (committed: Committed) => void;
}

/** What the handler of a call that reads gets. */
export interface ReadDeps {
  /** What the call may see: every read asks for it. */
  readonly visibility: Visibility;
  /** The connections of callers' reads. */
  readonly database: Pick<Database, "callers" | "lists">;
  /** Compiled versions, by ids from rows that the call sees. */
  readonly graphs: GraphCache;
  /** Headers of the call's answer. */
  readonly answerHeader: Headers;
}

/** What the handler of a call that writes gets. */
export interface WriteDeps extends ReadDeps {
  /** The only way to change anything. */
  readonly write: Write;
  /** Who calls; unset without authentication. */
  readonly caller?: Caller | undefined;
  readonly entities?: Entities | undefined;
}
