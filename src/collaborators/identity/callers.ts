/**
 * Who calls, and what a caller may do: scopes, and the roles that stand for several.
 * Boundary: a contract and its table of words; who knows callers is wired in main.ts, which RPC needs which scope is
 * ingress/rpc/scopes.ts.
 */

/** Every scope there is; a word beside them grants nothing. */
export const SCOPES = [
  "workflows:read",
  "workflows:author",
  "workflows:run",
  "workflows:transition",
  "workflows:inbox",
  "workflows:deploy",
  "workflows:admin",
] as const;
/** One scope. */
export type Scope = (typeof SCOPES)[number];

/** A caller whose token is good. */
export interface Caller {
  /** Who it is: a person, an agent or a service. */
  readonly subject: string;
  /** The token's organization: the only workspace whose objects the caller sees. */
  readonly workspaceId: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Whether it is an agent: it decides nothing, whatever its scopes. */
  readonly isAgent: boolean;
  /** Names of the groups that it leads; unset: none. */
  readonly leads?: ReadonlySet<string>;
  /** It is a service: its token stands for no person. */
  readonly isService?: true;
}

/** Who knows callers. */
export interface Callers {
  /**
   * The caller that a token stands for; undefined when it stands for none, or no longer. Rejects with `unavailable`
   * when that cannot be determined within 3 s: an unknown caller is refused.
   */
  find(token: string): Promise<Caller | undefined>;
}

const GRANTS: ReadonlyMap<string, readonly Scope[]> = new Map([
  ...SCOPES.map((scope): [string, readonly Scope[]] => [scope, [scope]]),
  ["workflows:admin", SCOPES],
  ["workflows:*", SCOPES],
  ["viewer", ["workflows:read"]],
  ["editor", ["workflows:author", "workflows:run", "workflows:deploy"]],
  ["operator", ["workflows:run", "workflows:transition"]],
  ["approver", ["workflows:inbox"]],
  ["admin", SCOPES],
]);

/** The names of the groups that the words of a token say it leads: `group:finance:lead`. */
export function ledGroups(words: Iterable<string>): ReadonlySet<string> {
  const found = [...words].flatMap((word) => /^group:([^:]+):lead$/.exec(word)?.[1] ?? []);
  return new Set(found);
}

/** What the words of a token grant, be they scopes or names of roles. Every scope may read. An agent has no inbox, and deploys nothing. */
export function grantedScopes(words: Iterable<string>, isAgent = false): ReadonlySet<Scope> {
  const granted = new Set<Scope>();
  for (const word of words) {
    for (const scope of GRANTS.get(word) ?? []) granted.add(scope);
  }
  if (granted.size > 0) granted.add("workflows:read");
  if (isAgent) {
    granted.delete("workflows:inbox");
    granted.delete("workflows:deploy");
  }
  return granted;
}
