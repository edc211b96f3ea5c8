/** What is laid out of a picture, and places for steps that have none. Boundary: pure; the layout is graph/layout.ts's. */
import { BESIDE_GAP, type LayoutTask, NODE_HEIGHT, NODE_WIDTH } from "../../graph/layout.ts";
import type { Places } from "../draft/places.ts";
import type { Picture } from "./text/picture.ts";

const ROW = NODE_HEIGHT + 56;
const COLUMN = NODE_WIDTH + BESIDE_GAP;

/** The steps that undo another one, by their ids: that one. */
export function undoneBy({ steps }: Pick<Picture, "steps">): ReadonlyMap<string, string> {
  return new Map(steps.filter(({ undoId }) => undoId !== "").map(({ id, undoId }) => [undoId, id]));
}

/** What the layout of a picture depends on. */
export function taskOf({ steps, edges }: Pick<Picture, "steps" | "edges">): LayoutTask {
  const undone = undoneBy({ steps });
  const own = steps.filter(({ id }) => !undone.has(id));
  const known = new Set(own.map(({ id }) => id));
  const isKnown = ({ from, to }: { from: string; to: string }) => known.has(from) && known.has(to);
  const links = new Map(
    edges
      .filter(isKnown)
      .map(({ from, to }) => [`${from} ${to}`, { id: `${from} ${to}`, from, to }]),
  );
  const parallels = new Set(own.filter(({ kind }) => kind === "parallel").map(({ id }) => id));
  const joins = edges.filter(({ from, label }) => parallels.has(from) && label === "joined");
  const above = joins.flatMap(({ from, to }) =>
    edges
      .filter((edge) => edge.from === from && edge.label === "" && edge.to !== to)
      .map((edge) => ({ from: edge.to, to }))
      .filter((pair) => isKnown(pair) && !links.has(`${pair.from} ${pair.to}`)),
  );
  return {
    nodes: own.map(({ id, undoId }) => ({ id, hasUndo: undoId !== "" })),
    links: [...links.values()],
    above,
  };
}

/** Steps without a place stand below what leads to them, beside what they undo, or below all others. */
export function placeAll(
  { steps, edges }: Pick<Picture, "steps" | "edges">,
  known: Places,
): Places {
  const placed: Record<string, { x: number; y: number }> = {};
  for (const { id } of steps) {
    // A step may be called as what every object has.
    const place = Object.hasOwn(known, id) ? known[id] : undefined;
    if (place !== undefined) placed[id] = place;
  }
  const taken = new Set(Object.values(placed).map(cell));
  const undone = undoneBy({ steps });
  const before = new Map(edges.map(({ from, to }) => [to, from]));
  for (const { id } of steps) {
    if (Object.hasOwn(placed, id)) continue;
    const owner = placed[undone.get(id) ?? ""];
    const above = placed[before.get(id) ?? ""];
    let at =
      owner !== undefined
        ? { x: owner.x + COLUMN, y: owner.y }
        : above !== undefined
          ? { x: above.x, y: above.y + ROW }
          : { x: 0, y: lowest(placed) };
    while (taken.has(cell(at))) at = { x: at.x + COLUMN, y: at.y };
    taken.add(cell(at));
    placed[id] = at;
  }
  return placed;
}

function lowest(placed: Places): number {
  return Object.values(placed).reduce((most, { y }) => Math.max(most, y + ROW), 0);
}

/** Two in one cell would cover one another. */
function cell({ x, y }: { readonly x: number; readonly y: number }): string {
  return `${Math.round(x / COLUMN)} ${Math.round(y / ROW)}`;
}
