/** What is chosen on the canvas. Boundary: pure. */
import type { Wire } from "./wires.ts";

/** One step, several of them, or a path. */
export type Chosen =
  | { readonly kind: "step"; readonly id: string }
  | { readonly kind: "steps"; readonly ids: readonly string[] }
  | { readonly kind: "wire"; readonly wire: Wire }
  | undefined;

export function idsOf(chosen: Chosen): readonly string[] {
  if (chosen?.kind === "step") return [chosen.id];
  return chosen?.kind === "steps" ? chosen.ids : [];
}

export function chosenOf(ids: readonly string[]): Chosen {
  const [id, ...others] = ids;
  if (id === undefined) return undefined;
  return others.length === 0 ? { kind: "step", id } : { kind: "steps", ids };
}

/** With a step more, or without it where it is chosen. */
export function toggled(chosen: Chosen, id: string): Chosen {
  const ids = idsOf(chosen);
  return chosenOf(ids.includes(id) ? ids.filter((each) => each !== id) : [...ids, id]);
}
