/**
 * Who is signed in: a token, and what renews it; where the service has no authentication, the workspace and the name of who acts.
 * Boundary: memory and the storage of the browser. The token is in that of this tab alone: never in a cookie, a URL or localStorage.
 */
import { useSyncExternalStore } from "react";
import { keep, kept } from "./storage.ts";

/** What lets calls in. */
export interface Grant {
  readonly token: string;
  /** Gets the next token at the provider; "": there is none. */
  readonly refreshToken: string;
  /** When the token ends, in ms since 1970 by the clock of this browser; 0: not known. */
  readonly endsAtMs: number;
}

/** What the calls of this tab carry. */
export interface Session {
  readonly grant?: Grant | undefined;
  /** Counts who signs in: another number is another person. 0: nobody has, since the page was loaded. */
  readonly person: number;
  /** The header Workflows-Actor. Without authentication alone. */
  readonly actor?: string | undefined;
  /** Whose runs are shown. Without authentication alone: a token has its own. */
  readonly workspace?: string | undefined;
  /** The service refused the last token, or it has ended. */
  readonly isRefused: boolean;
}

const GRANT = "workflows.token";
const ACTOR = "workflows.actor";
const WORKSPACE = "workflows.workspace";

const listeners = new Set<() => void>();
const first = grantKept();
let session: Session = {
  grant: first,
  person: first === undefined ? 0 : 1,
  actor: kept("origin", ACTOR),
  workspace: takeWorkspace() ?? kept("origin", WORKSPACE),
  isRefused: false,
};

/** The session, and each change of it. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

/** The session, for calls. */
export function sessionNow(): Session {
  return session;
}

/** Keeps what lets calls in. `isSamePerson`: of who was signed in before, so that the page stays as it is. */
export function signIn(grant: Grant, isSamePerson = false): void {
  keep("tab", GRANT, JSON.stringify(grant));
  const person = isSamePerson ? session.person : session.person + 1;
  change({ grant, person, isRefused: false });
}

/** Forgets it. `isRefused`: because the service did not take the token; the page stays behind the question for another one. */
export function signOut(isRefused = false): void {
  keep("tab", GRANT, "");
  change({ grant: undefined, isRefused });
}

/** Sets the name of who acts; empty: nobody says. */
export function actAs(name: string): void {
  keep("origin", ACTOR, name);
  change({ actor: name || undefined });
}

/** Sets whose runs are shown; empty: it is asked for. */
export function enterWorkspace(name: string): void {
  keep("origin", WORKSPACE, name);
  change({ workspace: name || undefined });
}

/** The workspace that a link names, as `?workspace=ws_demo`; it is taken out of the address. */
function takeWorkspace(): string | undefined {
  const url = new URL(location.href);
  const name = url.searchParams.get("workspace");
  if (name === null || name === "") return undefined;
  url.searchParams.delete("workspace");
  history.replaceState(history.state, "", url);
  keep("origin", WORKSPACE, name);
  return name;
}

function grantKept(): Grant | undefined {
  try {
    const { token, refreshToken, endsAtMs } = JSON.parse(kept("tab", GRANT) ?? "{}");
    return typeof token === "string" ? { token, refreshToken, endsAtMs } : undefined;
  } catch {
    return undefined;
  }
}

function change(changed: Partial<Session>): void {
  session = { ...session, ...changed };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
