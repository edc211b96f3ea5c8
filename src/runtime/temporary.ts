/** Whether a failure passes by itself. Boundary: judges an error; when the work is tried again is decided by its caller. */
import { isTemporaryReason, Refusal } from "../process/refusal.ts";
import { isAway, isLostRace } from "../store/pg-errors.ts";

/** Whether the same work may succeed later as it is. A refusal is judged by its reason alone, whatever its cause. */
export function isTemporary(error: unknown): boolean {
  return error instanceof Refusal
    ? isTemporaryReason(error.reason)
    : isAway(error) || isLostRace(error);
}
