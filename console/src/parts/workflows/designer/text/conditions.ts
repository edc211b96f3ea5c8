/** The condition of a path, where the file says it: with the path's choice, or as `when` of the step that it leads to. */
import { type Document, isMap, isSeq, type YAMLMap, type YAMLSeq } from "yaml";
import { CannotEdit, dropKey, scalarOf, stepIn } from "./documents.ts";
import type { PictureEdge } from "./picture.ts";

/** `condition` "": the path has none. */
export function setCondition(
  document: Document,
  edge: PictureEdge,
  edges: readonly PictureEdge[],
  condition: string,
): void {
  const { from, to, label } = edge;
  const source = stepIn(document, from).node;
  const target = stepIn(document, to).node;
  const choice = choiceIn(source, to);
  if (choice !== undefined) {
    write(document, choice.item, condition);
    const isPlain = choice.key === "next" && choice.item.items.length === 1;
    if (isPlain) choice.list.items[choice.at] = document.createNode(to);
    return;
  }
  if (target.has("when")) {
    write(document, target, condition);
    return;
  }
  if (condition === "") return;
  if (edges.filter((other) => other.to === to).length === 1) {
    write(document, target, condition);
    return;
  }
  if (label !== "") {
    throw new CannotEdit("Several paths lead there: write the condition of this one in the text");
  }
  const made = document.createNode({ when: condition, go: to });
  const next = source.get("next", true);
  if (isSeq(next)) {
    const at = next.items.findIndex((item) => scalarOf(item) === to);
    if (at >= 0) next.items[at] = made;
    else next.items.push(made);
    next.flow = false;
    return;
  }
  const list = document.createNode([]) as YAMLSeq;
  list.items.push(made);
  source.set("next", list);
}

function choiceIn(source: YAMLMap, to: string) {
  for (const key of ["next", "branch"] as const) {
    const list = source.get(key);
    if (!isSeq(list)) continue;
    const at = list.items.findIndex((item) => isMap(item) && item.get("go") === to);
    const item = list.items[at];
    if (isMap(item)) return { key, list, at, item };
  }
  return undefined;
}

function write(document: Document, map: YAMLMap, condition: string): void {
  if (condition === "") {
    dropKey(map, "when");
    return;
  }
  const isNew = !map.has("when");
  map.set("when", document.createNode(condition));
  const pair = map.items.at(-1);
  // A choice reads: when this, go there.
  if (isNew && pair !== undefined && map.has("go")) map.items.unshift(...map.items.splice(-1));
}
