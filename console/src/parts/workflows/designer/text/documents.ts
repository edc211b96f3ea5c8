/**
 * A workflow file as a document of YAML whose parts are changed in place: comments and order stay.
 * Boundary: where steps stand. What they say is read by src/file; how they are wired, wiring.ts.
 */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  Scalar,
  type YAMLMap,
} from "yaml";
import { type FlowText, flowTextOf } from "./flow-text.ts";

/** A change that cannot be made, in words for the person who asked for it. */
export class CannotEdit extends Error {
  override readonly name = "CannotEdit";
}

/** A step of the document, and what it stands in. */
export interface FoundStep {
  readonly id: string;
  readonly pair: Pair;
  readonly node: YAMLMap;
  readonly around: YAMLMap;
  readonly role: "top" | "child" | "undo";
}

/** Throws CannotEdit for a text that is no YAML. */
export function parseFile(text: string): Document {
  const document = parseDocument(text.trim() === "" ? "steps: {}\n" : text, {
    ...{ prettyErrors: false, uniqueKeys: false },
  });
  if (document.errors.length > 0 || !isMap(document.contents)) {
    throw new CannotEdit("The text cannot be read: mend it first");
  }
  const flow = flowTextOf(document, text);
  if (flow !== undefined) flowTexts.set(document, flow);
  return document;
}

const flowTexts = new WeakMap<Document, FlowText>();

/** As it was written: to the letter in flow form, in lines as far as the library keeps it. */
export function writeFile(document: Document): string {
  return flowTexts.get(document)?.write(document) ?? document.toString({ lineWidth: 0 });
}

/** All steps, in the order of the file. */
export function stepsIn(document: Document): FoundStep[] {
  const steps = document.get("steps");
  const found: FoundStep[] = [];
  if (isMap(steps)) for (const pair of steps.items) addStep(pair, steps, "top", found);
  return found;
}

function addStep(
  pair: Pair,
  around: YAMLMap,
  role: FoundStep["role"],
  found: FoundStep[],
  id = keyOf(pair),
): void {
  const node = pair.value;
  if (!isMap(node)) return;
  found.push({ id, pair, node, around, role });
  const undo = pairOf(node, "undo");
  if (undo !== undefined && isMap(undo.value)) {
    const own = undo.value.get("id");
    addStep(undo, node, "undo", found, typeof own === "string" ? own : `undo-${id}`);
  }
  const children = node.get("parallel");
  if (isMap(children)) for (const child of children.items) addStep(child, children, "child", found);
}

/** Throws CannotEdit where there is no such step. */
export function stepIn(document: Document, id: string): FoundStep {
  const found = stepsIn(document).find((step) => step.id === id);
  if (found === undefined) throw new CannotEdit(`There is no step "${id}" any more`);
  return found;
}

/** The mapping of all steps; it is made where there is none. */
export function stepMap(document: Document): YAMLMap {
  const steps = document.get("steps");
  if (isMap(steps)) {
    // `steps: {}` goes on in lines.
    if (steps.items.length === 0) steps.flow = false;
    return steps;
  }
  const made = document.createNode({}) as YAMLMap;
  made.flow = false;
  document.set("steps", made);
  return made;
}

/** The key of a pair as a text. */
export function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** The pair of a key. */
export function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => keyOf(pair) === key);
}

/** Takes a pair out. */
export function dropKey(map: YAMLMap, key: string): void {
  const at = map.items.findIndex((pair) => keyOf(pair) === key);
  if (at >= 0) map.items.splice(at, 1);
}

/** The plain value of a node that is a scalar; undefined for any other. */
export function scalarOf(node: unknown): unknown {
  return isScalar(node) ? node.value : undefined;
}

/** Calls `change` with each scalar of a node that is no key. */
export function eachScalar(node: unknown, change: (scalar: Scalar) => void): void {
  if (isScalar(node)) change(node);
  else if (isSeq(node)) for (const item of node.items) eachScalar(item, change);
  else if (isMap(node)) for (const { value } of node.items) eachScalar(value, change);
}

/** Text with line feeds as a block, which is how people write it. */
export function nodeOf(document: Document, value: unknown) {
  const node = document.createNode(value);
  eachScalar(node, (scalar) => {
    if (typeof scalar.value === "string" && /\n/.test(scalar.value)) {
      scalar.type = Scalar.BLOCK_LITERAL;
    }
  });
  return node;
}
