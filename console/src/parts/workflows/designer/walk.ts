/** From step to step by the arrows. Boundary: pure. */
import type { Point } from "../../graph/layout.ts";

/** Sideways is less near than ahead. */
const ASIDE = 2;

/** The nearest step in a direction; undefined: there is none. */
export function nearestStep(
  places: Readonly<Record<string, Point>>,
  from: string,
  { x, y }: Point,
): string | undefined {
  const start = places[from];
  if (start === undefined) return undefined;
  let best: { id: string; far: number } | undefined;
  for (const [id, place] of Object.entries(places)) {
    const [dx, dy] = [place.x - start.x, place.y - start.y];
    const ahead = dx * x + dy * y;
    if (id === from || ahead <= 0) continue;
    const far = ahead + ASIDE * Math.abs(dx * y + dy * x);
    if (best === undefined || far < best.far) best = { id, far };
  }
  return best?.id;
}
