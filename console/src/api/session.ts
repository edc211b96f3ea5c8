/**
 * Who is signed in: the token; where the service has no authentication, the workspace and the name of who acts.
 * Boundary: memory and the storage of the browser. The token is in that of this tab alone: never in a cookie, a URL or localStorage.
 */
import { useSyncExternalStore } from "react";

/** What the calls of this tab carry. */
export interface Session {
  readonly token?: string | undefined;
  /** The header Workflows-Actor. Without authentication alone. */
  readonly actor?: string | undefined;
  /** Whose runs are shown. Without authentication alone: a token has its own. */
  readonly workspace?: string | undefined;
  /** The service refused the last token. */
  readonly isRefused: boolean;
}

const TOKEN = "workflows.token";
const ACTOR = "workflows.actor";
const WORKSPACE = "workflows.workspace";

const listeners = new Set<() => void>();
let session: Session = {
  token: sessionStorage.getItem(TOKEN) ?? undefined,
  actor: localStorage.getItem(ACTOR) ?? undefined,
  workspace: takeWorkspace() ?? localStorage.getItem(WORKSPACE) ?? undefined,
  isRefused: false,
};

/** The session, and each change of it. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  change({ token, isRefused: false });
}

/** Forgets the token. `isRefused`: because the service did not take it. */
export function signOut(isRefused = false): void {
  sessionStorage.removeItem(TOKEN);
  change({ token: undefined, isRefused });
}

/** Sets the name of who acts; empty: nobody says. */
export function actAs(name: string): void {
  keep(ACTOR, name);
  change({ actor: name || undefined });
}

/** Sets whose runs are shown; empty: it is asked for. */
export function enterWorkspace(name: string): void {
  keep(WORKSPACE, name);
  change({ workspace: name || undefined });
}

/** The workspace that a link names, as `?workspace=ws_demo`; it is taken out of the address. */
function takeWorkspace(): string | undefined {
  const url = new URL(location.href);
  const name = url.searchParams.get("workspace");
  if (name === null || name === "") return undefined;
  url.searchParams.delete("workspace");
  history.replaceState(history.state, "", url);
  keep(WORKSPACE, name);
  return name;
}

function keep(key: string, value: string): void {
  if (value === "") localStorage.removeItem(key);
  else localStorage.setItem(key, value);
}

function change(changed: Partial<Session>): void {
  session = { ...session, ...changed };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
