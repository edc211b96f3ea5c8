/**
 * What performs one kind of call.
 * Boundary: a performer asks collaborators and reads their answers; when to try again is decided by the dispatcher.
 */

import type { CallOrigin, Clients } from "../../collaborators/clients.ts";
import type { CallResult } from "../../engine/values/call.ts";
import type { LeasedCall } from "../../runtime/submission.ts";

/** A call that is performed now. */
type PerformedCall = LeasedCall & Pick<CallOrigin, "isOver">;

/**
 * Performs a call once; `nowMs` is the database's clock, as well as it is known here. Gives a result that is final for
 * the attempt. Rejects with CallFailure, NotSent or NotConfigured.
 */
export type Performer = (call: PerformedCall, nowMs: number) => Promise<CallResult>;

/** What performers of one collaborator work with. */
export interface PerformerDeps {
  readonly clients: Clients;
}
