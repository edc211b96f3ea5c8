/**
 * Filters of runs that somebody has given a name to.
 * Boundary: kept in the browser for this origin, for all its tabs. What a view shows is its address.
 */
import { useSyncExternalStore } from "react";
import { keep, kept } from "../../api/storage.ts";

/** One view. */
export interface SavedView {
  /** No other one has it. */
  readonly name: string;
  /** The filters, as `queryOf` writes them. */
  readonly query: string;
}

const KEY = "workflows.views";
const MOST_VIEWS = 50;
export const MOST_NAME_CHARS = 60;

const listeners = new Set<() => void>();
let text = kept("origin", KEY) ?? "";
let views = readViews(text);

/** The views in the order in which they were saved, as they change in any tab. */
export function useViews(): readonly SavedView[] {
  return useSyncExternalStore(subscribe, current);
}

/** What is wrong with the name of a view; "": nothing. `before`: the name that the view has. */
export function faultOfName(name: string, before = ""): string {
  if (name === "") return "A view needs a name";
  const isTaken = name !== before && current().some((view) => view.name === name);
  if (isTaken) return "Another view has this name";
  return before === "" && current().length >= MOST_VIEWS ? "There are 50 views already" : "";
}

/** Gives whether the view outlives the page. */
export function saveView(view: SavedView): boolean {
  return write([...current(), view]);
}

export function renameView(before: string, name: string): boolean {
  return write(current().map((view) => (view.name === before ? { ...view, name } : view)));
}

export function deleteView(name: string): boolean {
  return write(current().filter((view) => view.name !== name));
}

function current(): readonly SavedView[] {
  return views;
}

function write(next: readonly SavedView[]): boolean {
  text = next.length === 0 ? "" : JSON.stringify(next);
  views = next;
  const isKept = keep("origin", KEY, text);
  for (const listener of listeners) listener();
  return isKept;
}

/** What something else wrote is no view. */
function readViews(written: string): readonly SavedView[] {
  try {
    const found: unknown = JSON.parse(written || "[]");
    return Array.isArray(found) ? found.filter(isView).slice(0, MOST_VIEWS) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is SavedView {
  if (typeof value !== "object" || value === null) return false;
  const { name, query } = value as Partial<SavedView>;
  return typeof name === "string" && name !== "" && typeof query === "string";
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) addEventListener("storage", readAgain);
  listeners.add(listener);
  readAgain();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) removeEventListener("storage", readAgain);
  };
}

/** Another tab may have written. */
function readAgain(): void {
  const written = kept("origin", KEY) ?? "";
  if (written === text) return;
  text = written;
  views = readViews(written);
  for (const listener of listeners) listener();
}
