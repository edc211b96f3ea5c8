/**
 * What handlers get: for a read nothing by which they could change anything, for a write a Write.
 * Boundary: types, so that handlers and the service's table do not import each other.
 */
import type { Caller } from "../../collaborators/identity/callers.ts";
import type { DecideApproval } from "../../engine/values/approval-decision.ts";
import type { Entities } from "../../engine/values/entities.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { Database } from "../../store/database.ts";
import type { Visibility } from "../../store/reads/visibility.ts";
import type { Write } from "./write.ts";

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
  /** Who says to call, without authentication (header Workflows-Actor); unset: the call does not say. */
  readonly actor?: string | undefined;
  /** The program through which the caller comes, as it says (header Workflows-Via). */
  readonly via?: string | undefined;
  /** Where the call starts what it starts (header Workflows-Environment); unset: in production. */
  readonly environment?: string | undefined;
  readonly entities?: Entities | undefined;
  readonly decideApproval?: DecideApproval | undefined;
}
