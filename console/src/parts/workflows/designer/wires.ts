/** Paths by their names. Boundary: what wiring.ts names alike, without the reader of files. */
import type { PictureEdge } from "./text/picture.ts";

/** Names a path; a step may have several to another one, with other labels. */
export type Wire = Pick<PictureEdge, "from" | "to" | "label">;

/** Two wires are the same when their keys are. */
export function keyOfWire({ from, to, label }: Wire): string {
  return JSON.stringify([from, to, label]);
}
