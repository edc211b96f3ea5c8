/**
 * What is done with the chosen steps: they are taken out, copied, cut, pasted, duplicated and moved, each as one change.
 * Boundary: changes of the text are the designer's; the clipboard is the browser's, and the page's own where the browser gives none.
 */
import { useMemo } from "react";
import type { Point } from "../../graph/layout.ts";
import type { Places } from "../draft/places.ts";
import { type Chosen, chosenOf } from "./chosen.ts";
import type { Designer } from "./use-designer.ts";

export interface Selection {
  remove(ids: readonly string[]): void;
  copy(ids: readonly string[]): Promise<void>;
  cut(ids: readonly string[]): Promise<void>;
  /** `text`: what the clipboard holds. */
  paste(text: string): void;
  duplicate(ids: readonly string[]): void;
  /** In px, from where they stand. `isHeld`: see Designer.arrange. */
  move(ids: readonly string[], by: Point, isHeld: boolean): void;
}

/** Copies stand so far to the right of what they are copies of, and below it. */
const ASIDE = 48;

/** What this page has copied last: browsers give a clipboard to pages of https and of this machine alone. */
let copied: { readonly text: string; readonly places: Places } | undefined;

/** `all`: where the steps stand now; `isOwn`: somebody has put them there. */
export function useSelection(
  designer: Pick<Designer, "edit" | "copy" | "arrange">,
  all: Places | undefined,
  isOwn: boolean,
  onChoose: (chosen: Chosen) => void,
): Selection {
  const { edit, copy, arrange } = designer;
  return useMemo(() => {
    const places = all ?? {};
    const make = async (change: Parameters<typeof edit>[0], from: Places) => {
      const beside = (
        _: readonly string[],
        copies: Readonly<Record<string, string>>,
        now: Places,
      ) => {
        const all = { ...places, ...now };
        return isOwn ? { ...all, ...placesBeside(copies, from, all) } : undefined;
      };
      const made = await edit(change, beside);
      if (made !== undefined) onChoose(chosenOf(made));
    };
    const keep = async (ids: readonly string[]) => {
      const text = await copy(ids);
      if (text === undefined) return false;
      copied = { text, places };
      await navigator.clipboard?.writeText(text).catch(() => undefined);
      return true;
    };
    const remove = (ids: readonly string[]) => {
      onChoose(undefined);
      void edit({ do: "remove", ids });
    };
    return {
      remove,
      copy: async (ids) => void (await keep(ids)),
      cut: async (ids) => {
        if (await keep(ids)) remove(ids);
      },
      paste: (text) => {
        const fragment = isFile(text) ? text : copied?.text;
        if (fragment === undefined) return;
        const from = fragment === copied?.text ? copied.places : {};
        void make({ do: "paste", fragment }, from);
      },
      duplicate: (ids) => void make({ do: "copy", ids }, places),
      move: (ids, { x, y }, isHeld) => {
        const moved = ids.flatMap((id) => {
          const at = places[id];
          return at === undefined ? [] : [[id, { x: at.x + x, y: at.y + y }] as const];
        });
        if (moved.length > 0) arrange({ ...places, ...Object.fromEntries(moved) }, isHeld);
      },
    };
  }, [edit, copy, arrange, all, isOwn, onChoose]);
}

/** Two patterns: one for the beginning of lines would read a text of blank lines as often as it has lines. */
function isFile(text: string): boolean {
  return /^\s*\{/.test(text) || /^(?:steps|workflow):/m.test(text);
}

/** All of them so far aside that none covers a step. */
function placesBeside(copies: Readonly<Record<string, string>>, from: Places, all: Places): Places {
  const known = Object.entries(copies).flatMap(([id, source]) => {
    const at = Object.hasOwn(from, source) ? from[source] : undefined;
    return at === undefined ? [] : [{ id, ...at }];
  });
  const taken = new Set(Object.values(all).map(({ x, y }) => `${x} ${y}`));
  let aside = ASIDE;
  while (known.some(({ x, y }) => taken.has(`${x + aside} ${y + aside}`))) aside += ASIDE;
  return Object.fromEntries(known.map(({ id, x, y }) => [id, { x: x + aside, y: y + aside }]));
}
