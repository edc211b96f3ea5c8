/**
 * Keys of the page: single ones such as `/`, and two in a row such as `g r`.
 * Boundary: a key that is typed into a field, or with Ctrl, Alt or Meta, is not ours.
 */
import { useEffect, useRef } from "react";

const SECOND_KEY_MS = 1_000;

/** Calls what stands at the keys that are pressed. */
export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    let first = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
      const pair = `${first} ${event.key}`;
      const found = first === "" ? undefined : latest.current[pair];
      const act = found ?? latest.current[event.key];
      clearTimeout(timer);
      first = act === undefined ? event.key : "";
      timer = setTimeout(() => {
        first = "";
      }, SECOND_KEY_MS);
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", onKey);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", onKey);
    };
  }, []);
}

/** Whether keys go into a field, or a dialog is open. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable], [role=dialog]")) return true;
  return document.querySelector("[role=dialog]") !== null;
}

/** The attribute of links that `j` and `k` go through, from row to row. */
export const ROW_LINK = { "data-row-link": "" } as const;

/** Sets the focus on the link of the next row, or of the one before. */
export function moveRow(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("[data-row-link]")];
  const { activeElement } = document;
  const at = activeElement instanceof HTMLElement ? links.indexOf(activeElement) : -1;
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}
