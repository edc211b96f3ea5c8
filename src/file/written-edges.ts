/** `edges:` of a file, item by item. Boundary: forms; whether the steps exist is seen in paths.ts. */
import { type FaultList, placeOf } from "./faults.ts";
import type { FileNode } from "./nodes.ts";
import { readKnown } from "./read-values.ts";

/** The keys of an item. */
export const EDGE_KEYS: readonly string[] = ["from", "to", "label", "when"];

/** An item with the nodes of its keys. */
interface WrittenEdge {
  readonly item: FileNode;
  readonly from: FileNode;
  readonly to: FileNode;
  readonly label: FileNode | undefined;
  readonly when: FileNode | undefined;
}

/** The items that name both of their steps; the others are faults. */
export function readWrittenEdges(value: FileNode, faults: FaultList): WrittenEdge[] {
  if (value.kind !== "list") {
    faults.add(placeOf(value), "edges must be a list of { from, to, label, when }");
    return [];
  }
  return value.items.flatMap((item) => {
    const entries = readKnown(item, "an edge", EDGE_KEYS, faults);
    const find = (key: string) => entries.find((entry) => entry.key === key)?.value;
    const [from, to] = [find("from"), find("to")];
    if (from !== undefined && to !== undefined) {
      return [{ item, from, to, label: find("label"), when: find("when") }];
    }
    if (item.kind === "mapping") faults.add(placeOf(item), "an edge needs from and to");
    return [];
  });
}

/** The text of a scalar as it is written; "" of anything else. */
export function textOf(node: FileNode): string {
  return node.kind === "scalar" && node.value !== null ? node.text : "";
}
