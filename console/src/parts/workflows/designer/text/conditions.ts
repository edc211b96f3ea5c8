/** The condition of a path, where the file says it: with the path's choice, or as `when` of the step that it leads to. */
import { type Document, isMap, isSeq, type YAMLMap, type YAMLSeq } from "yaml";
import type { Wire } from "../wires.ts";
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
  const listed = listedEdge(document, edge);
  if (listed !== undefined && !stepIn(document, to).node.has("when")) {
    write(document, listed, condition);
    return;
  }
  const source = stepIn(document, from).node;
  const target = stepIn(document, to).node;
  const choice = choiceIn(source, to, label);
  if (choice !== undefined) {
    write(document, choice.item, condition);
    const isPlain = choice.key === "next" && choice.item.items.length === 1;
    if (isPlain && choice.list === undefined) source.set("next", document.createNode(to));
    else if (isPlain && choice.list) choice.list.items[choice.at] = document.createNode(to);
    return;
  }
  const isOnly = edges.filter((other) => other.to === to).length === 1;
  if (target.has("when")) {
    // It was made for another path than this one.
    if (!isOnly) {
      throw new CannotEdit(
        `Several paths lead to "${to}", which has a "when": change it in the text`,
      );
    }
    write(document, target, condition);
    return;
  }
  if (condition === "") return;
  if (isOnly) {
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

/**
 * Leads a path to another step, or by another label, where the file has it as an item of its own: its condition and its place stay.
 * False: the file says it in another way.
 */
export function rewriteChoice(
  document: Document,
  edge: PictureEdge,
  { to, label }: Partial<Wire>,
): boolean {
  const listed = listedEdge(document, edge);
  const item = listed ?? choiceIn(stepIn(document, edge.from).node, edge.to, edge.label)?.item;
  if (item === undefined) return false;
  if (to !== undefined) item.set(listed === undefined ? "go" : "to", to);
  if (label === "") dropKey(item, "label");
  else if (label !== undefined) item.set("label", label);
  return true;
}

/** The item of `edges:` that is the path. */
function listedEdge(document: Document, { path }: PictureEdge): YAMLMap | undefined {
  const at = /^edges\[(\d+)\]/.exec(path)?.[1];
  const edges = document.get("edges");
  const item = at === undefined || !isSeq(edges) ? undefined : edges.items[Number(at)];
  return isMap(item) ? item : undefined;
}

/** The `{ when, go }` that leads to a step; one that has no label goes by that of its path. */
function choiceIn(source: YAMLMap, to: string, label: string) {
  for (const key of ["next", "branch"] as const) {
    const value = source.get(key);
    const items: readonly unknown[] = isSeq(value) ? value.items : [value];
    const at = items.findIndex(
      (each) => isMap(each) && each.get("go") === to && (each.get("label") ?? label) === label,
    );
    const item = items[at];
    if (isMap(item)) return { key, list: isSeq(value) ? value : undefined, at, item };
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
