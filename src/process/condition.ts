/**
 * Something that can be wrong for a while: one log line when it begins, one for each other cause, one when it ends.
 * Boundary: remembers and logs; who finds the cause calls `be`.
 */
import type { Log } from "./log.ts";

/** A condition of one part. */
export interface Condition {
  /** What is wrong, in words; undefined: nothing. */
  readonly trouble: string | undefined;
  /** Sets the current trouble. `key` identifies its cause when the text contains a changing figure. */
  be(trouble: string | undefined, key?: string): void;
}

/** A condition without trouble; `part` names it in the log. */
export function createCondition(part: string, log: Log): Condition {
  let trouble: string | undefined;
  let said: string | undefined;
  return {
    get trouble() {
      return trouble;
    },
    be(next, key = next) {
      trouble = next;
      if (key === said) return;
      if (next === undefined) log.info("a part of the service works again", { part });
      else log.warn("a part of the service does not work", { part, trouble: next });
      said = next === undefined ? undefined : key;
    },
  };
}
