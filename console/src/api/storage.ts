/**
 * What the browser keeps for the console: for this origin, or for this tab alone.
 * Boundary: texts by their keys. Where the storage is off or full, a text is kept as long as the page.
 */

/** `origin`: all tabs, for good. `tab`: this tab, until it is closed. */
export type Place = "origin" | "tab";

const unwritten: Readonly<Record<Place, Map<string, string>>> = {
  origin: new Map(),
  tab: new Map(),
};

/** The text of a key; undefined: there is none. */
export function kept(place: Place, key: string): string | undefined {
  const own = unwritten[place].get(key);
  if (own !== undefined) return own;
  try {
    return storageOf(place).getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a text; "" forgets it. Gives whether it outlives the page. */
export function keep(place: Place, key: string, text: string): boolean {
  unwritten[place].delete(key);
  try {
    if (text === "") storageOf(place).removeItem(key);
    else storageOf(place).setItem(key, text);
    return true;
  } catch {
    if (text !== "") unwritten[place].set(key, text);
    return false;
  }
}

/** All keys that begin so. */
export function keysKept(place: Place, prefix: string): string[] {
  try {
    return Object.keys(storageOf(place)).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

/** The browser may refuse the object itself. */
function storageOf(place: Place): Storage {
  return place === "origin" ? localStorage : sessionStorage;
}
