/**
 * What goes wrong on purpose: calls that hang, die, fail, or whose answers are lost.
 *
 * Boundary: says which trouble a call meets; the handler makes it happen. Nothing goes wrong unless
 * a test asks for it.
 */

/** One way in which a call goes wrong. */
export type Trouble =
  /** It is taken and no answer ever comes. */
  | "hang"
  /** It breaks before anything was done; a keeper of idempotency keys never learns its end. */
  | "die"
  /** All is done and the answer is known, but it does not reach the caller. */
  | "lose_answer"
  /** All is done, and the connection breaks in the middle of the answer's body. */
  | "reset_in_body"
  /** It is done, and answered, after this time. */
  | { readonly delayMs: number }
  /** Nothing is done, and this is the answer. */
  | { readonly status: number; readonly body?: string };

/** The troubles of one sandbox. */
export interface Troubles {
  /**
   * Calls whose path begins so meet this trouble: `objectives.` all of a service's,
   * `objectives.v1.ObjectiveService/Create` one RPC's. The next `times` calls, or all until `end`.
   */
  begin(pathPrefix: string, trouble: Trouble, times?: number): void;
  /** Ends all troubles with this prefix. Calls that hang go on hanging. */
  end(pathPrefix: string): void;
  /** The trouble that a call to this path meets, which is thereby counted. */
  meet(path: string): Trouble | undefined;
}

/** No troubles yet. */
export function makeTroubles(): Troubles {
  const open = new Map<string, { trouble: Trouble; left: number }>();
  return {
    begin(pathPrefix, trouble, times = Number.POSITIVE_INFINITY) {
      open.set(pathPrefix, { trouble, left: times });
    },
    end: (pathPrefix) => void open.delete(pathPrefix),
    meet(path) {
      for (const [pathPrefix, entry] of open) {
        if (entry.left === 0 || !path.startsWith(`/${pathPrefix}`)) continue;
        entry.left -= 1;
        return entry.trouble;
      }
      return undefined;
    },
  };
}
