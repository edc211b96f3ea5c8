/**
 * Where the steps of a draft are drawn, in px: what somebody has put somewhere; the others are laid out.
 * Boundary: pure; the layout that the service keeps is `{ "steps": { "pay": { "x": 0, "y": 96 } } }`.
 */
import type { JsonObject } from "@bufbuild/protobuf";

/** Of upper left corners, by step. */
export type Places = Readonly<Record<string, { readonly x: number; readonly y: number }>>;

/** Of a layout; what is no place is left out. */
export function placesOf(layout: JsonObject | undefined): Places {
  const { steps } = layout ?? {};
  if (typeof steps !== "object" || steps === null || Array.isArray(steps)) return {};
  return Object.fromEntries(
    Object.entries(steps).flatMap(([id, place]) => {
      if (typeof place !== "object" || place === null || Array.isArray(place)) return [];
      const { x, y } = place;
      return Number.isFinite(x) && Number.isFinite(y) ? [[id, { x: Number(x), y: Number(y) }]] : [];
    }),
  );
}

/** Whether both have all steps at the same places. */
export function samePlaces(one: Places, other: Places): boolean {
  if (one === other) return true;
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every((id) => isAt(one[id], other[id]));
}

/** Theirs, with those that were moved here since both had the same. */
export function mergePlaces(base: Places, mine: Places, theirs: Places): Places {
  const merged = { ...theirs };
  for (const [id, place] of Object.entries(mine)) if (!isAt(place, base[id])) merged[id] = place;
  for (const id of Object.keys(base)) if (!(id in mine)) delete merged[id];
  return merged;
}

function isAt(one: Places[string] | undefined, other: Places[string] | undefined): boolean {
  return one?.x === other?.x && one?.y === other?.y;
}
