/**
 * Values of a document that are set one key at a time: what says the same stays as it is written, with its comments, quotes and place.
 * Boundary: values. Which steps there are is documents.ts's; paths are wiring.ts's.
 */
import { type Document, isMap, isScalar, isSeq, type YAMLMap } from "yaml";
import type { Json, JsonObject } from "../../../../../../src/engine/values/json.ts";
import { dropKey, keyOf, nodeOf, pairOf, scalarOf } from "./documents.ts";
import { kindOf } from "./wiring.ts";

/** Sets or takes away a value of a step. The key that says what a step does stays, without a value. */
export function setValue(
  document: Document,
  node: YAMLMap,
  path: readonly string[],
  value: Json | undefined,
): void {
  const [first = "", ...rest] = path;
  const isOfKind = first === kindOf(node);
  if (value !== undefined) {
    if (rest.length > 0 && !isMap(node.get(first))) node.set(first, document.createNode({}));
    node.setIn(path, valueIn(document, node.getIn(path, true), value));
    return;
  }
  if (rest.length === 0 && isOfKind) {
    node.set(first, document.createNode(null));
    return;
  }
  if (!node.hasIn(path)) return;
  node.deleteIn(path);
  const around = node.get(first);
  if (rest.length === 0 || !isMap(around) || around.items.length > 0) return;
  // A step without it would do nothing that has a form.
  if (isOfKind) node.setIn(path, document.createNode(""));
  else dropKey(node, first);
}

/** The node of a value that stands where `found` stands. */
export function valueIn(document: Document, found: unknown, value: Json): unknown {
  if (isMap(found) && isObject(value)) return keyByKey(document, found, value);
  if (isSeq(found) && Array.isArray(value)) {
    const old = [...found.items];
    found.items = value.map((each) => {
      const at = old.findIndex((item) => isScalar(item) && item.value === each);
      return at < 0 ? nodeOf(document, each) : old.splice(at, 1)[0];
    });
    return found;
  }
  const before = scalarOf(found);
  if (before === undefined || (typeof value === "object" && value !== null)) {
    return nodeOf(document, value);
  }
  if (before === value) return found;
  const made = nodeOf(document, value) as { comment?: string | null };
  const { comment } = found as { comment?: string | null };
  if (comment) made.comment = comment;
  return made;
}

function keyByKey(document: Document, map: YAMLMap, value: JsonObject): YAMLMap {
  for (const key of map.items.map(keyOf)) if (!Object.hasOwn(value, key)) dropKey(map, key);
  for (const [key, each] of Object.entries(value)) {
    const pair = pairOf(map, key);
    if (pair === undefined) map.items.push(document.createPair(key, nodeOf(document, each)));
    else pair.value = valueIn(document, pair.value, each);
  }
  const order = Object.keys(value);
  map.items.sort((a, b) => order.indexOf(keyOf(a)) - order.indexOf(keyOf(b)));
  return map;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
