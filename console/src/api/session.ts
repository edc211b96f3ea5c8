/**
 * Who is signed in: the token, and the name of who acts where the service has no authentication.
 * Boundary: memory and the storage of this tab. The token is never in a cookie, in a URL or in localStorage.
 */
import { useSyncExternalStore } from "react";

/** What the calls of this tab carry. */
export interface Session {
  readonly token?: string;
  /** The header Workflows-Actor. Without authentication alone. */
  readonly actor?: string;
  /** The service refused the last token. */
  readonly isRefused: boolean;
}

const TOKEN = "workflows.token";
const ACTOR = "workflows.actor";

const listeners = new Set<() => void>();
let session: Session = {
  ...optional("token", sessionStorage.getItem(TOKEN)),
  ...optional("actor", localStorage.getItem(ACTOR)),
  isRefused: false,
};

/** The session, and each change of it. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  change({ ...session, token, isRefused: false });
}

/** Forgets the token. `isRefused`: because the service did not take it. */
export function signOut(isRefused = false): void {
  sessionStorage.removeItem(TOKEN);
  const { token: _, ...rest } = session;
  change({ ...rest, isRefused });
}

/** Sets the name of who acts; empty: nobody says. */
export function actAs(name: string): void {
  const { actor: _, ...rest } = session;
  if (name === "") localStorage.removeItem(ACTOR);
  else localStorage.setItem(ACTOR, name);
  change({ ...rest, ...optional("actor", name === "" ? null : name) });
}

function change(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function optional<Key extends string>(
  key: Key,
  value: string | null,
): Partial<Record<Key, string>> {
  const set: Partial<Record<Key, string>> = {};
  if (value !== null) set[key] = value;
  return set;
}
