/**
 * Reads a caller out of the facts about a token.
 * Boundary: pure; the same for tokens that are introspected and for those that are verified here.
 */

import { isId } from "../../wire/calls/replies.ts";
import { type Caller, grantedScopes, ledGroups } from "./callers.ts";

/** The facts of a token. */
export interface TokenClaims {
  readonly subject: string;
  readonly workspaceId: string;
  /** Scopes and names of roles. */
  readonly words: readonly string[];
  readonly isAgent: boolean;
  /** It stands for no person. */
  readonly isService: boolean;
}

/** The caller; undefined when subject or workspace is missing or can be none. */
export function readCaller({
  subject,
  workspaceId,
  words,
  isAgent,
  isService,
}: TokenClaims): Caller | undefined {
  if (!isId(subject) || !isId(workspaceId)) return undefined;
  const leads = ledGroups(words);
  return {
    ...{ subject, workspaceId, scopes: grantedScopes(words, isAgent), isAgent },
    ...(isService ? { isService } : {}),
    ...(leads.size === 0 ? {} : { leads }),
  };
}
