/** Takes steps out of a file, with the paths from them and to them. Boundary: the document; wiring.ts takes paths away. */
import { type Document, isMap } from "yaml";
import { keyOfWire, type Wire } from "../wires.ts";
import { rewriteChoice } from "./conditions.ts";
import { dropKey, keyOf, scalarOf, stepIn, stepsIn } from "./documents.ts";
import type { Drawn, PictureEdge } from "./picture.ts";
import { unwire } from "./wiring.ts";

/** Gives the paths that the file is to have then. `isBridged`: where one step was between two others these are joined. */
export function removeSteps(
  document: Document,
  drawn: Drawn,
  ids: ReadonlySet<string>,
  isBridged: boolean,
): Wire[] {
  const { edges, steps = [] } = drawn;
  const inside = withInner(document, ids);
  const isTouched = ({ from, to }: Wire) => inside.has(from) || inside.has(to);
  const touching = edges.filter(isTouched);
  const bridged = isBridged ? bridgesOf(document, drawn, ids, touching) : [];
  for (const edge of touching.toReversed()) {
    const goesWithIt = inside.has(edge.from) && !document.has("edges");
    if (goesWithIt || isLedOn(document, drawn, edge, ids, bridged)) continue;
    unwire(document, edge, steps);
  }
  const all = stepsIn(document);
  for (const { node } of all) {
    if (inside.has(String(scalarOf(node.get("undo", true))))) dropKey(node, "undo");
  }
  for (const { id, pair, around } of all) if (ids.has(id)) dropKey(around, keyOf(pair));
  return [...edges.filter((edge) => !isTouched(edge)), ...bridged];
}

/** With what stands inside of them. */
export function withInner(document: Document, ids: ReadonlySet<string>): Set<string> {
  const all = new Set<string>();
  const nodes = new Set<unknown>();
  for (const { id, node, around } of stepsIn(document)) {
    if (!ids.has(id) && !nodes.has(around)) continue;
    all.add(id);
    nodes.add(node);
    const children = node.get("parallel");
    if (isMap(children)) nodes.add(children);
  }
  return all;
}

/** Whether a path to the step that is taken out was led on to the one behind it as the choice that it is. */
function isLedOn(
  document: Document,
  { edges }: Drawn,
  edge: PictureEdge,
  ids: ReadonlySet<string>,
  bridged: readonly Wire[],
): boolean {
  const wire = bridged.find(({ from, label }) => from === edge.from && label === edge.label);
  if (wire === undefined || !ids.has(edge.to)) return false;
  const key = keyOfWire(wire);
  if (edges.some((each) => keyOfWire(each) === key)) return false;
  return rewriteChoice(document, edge, { to: wire.to });
}

/** Paths that lead on where one step was: under its condition, where it had one. */
function bridgesOf(
  document: Document,
  { edges }: Drawn,
  ids: ReadonlySet<string>,
  touching: readonly PictureEdge[],
): Wire[] {
  const [id = "", ...more] = ids;
  if (more.length > 0) return [];
  const [out, ...others] = touching.filter(({ from, label }) => from === id && label === "");
  if (out === undefined || others.length > 0 || out.condition !== "") return [];
  const into = touching.filter(({ to }) => to === id);
  const bridged = into.map(({ from, label }) => ({ from, label, to: out.to }));
  const when = stepsIn(document)
    .find((each) => each.id === id)
    ?.node.get("when", true);
  if (bridged.length === 0 || when === undefined) return bridged;
  const { node: target } = stepIn(document, out.to);
  const isOnly = edges.filter(({ to }) => to === out.to).length === 1;
  if (!isOnly || bridged.length > 1 || target.has("when")) return [];
  target.set("when", when);
  return bridged;
}
