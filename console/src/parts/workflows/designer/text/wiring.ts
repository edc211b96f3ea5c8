/**
 * Paths between the steps of a document: each is made and taken away where the file says it (`next`, `on`, `then`, `parallel`, `needs`, the order).
 * Boundary: the document. Which paths a text has is read by src/file, so a change is made by wishing for paths until the text has them.
 */
import { type Document, isMap, isSeq, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import { factsOf } from "../../../../../../src/engine/steps/registry.ts";
import { STEP_KINDS } from "../../../../../../src/file/step-keys.ts";
import { keyOfWire, type Wire } from "../wires.ts";
import {
  CannotEdit,
  dropKey,
  type FoundStep,
  keyOf,
  pairOf,
  parseFile,
  scalarOf,
  stepIn,
  stepMap,
  writeFile,
} from "./documents.ts";
import { drawText, type PictureEdge, type PictureStep } from "./picture.ts";

const MOST_ROUNDS = 6;

/** The text with these paths and no others. What the order of the file says is written out where it would say something else. */
export function wiredAs(text: string, wanted: readonly Wire[]): string {
  let current = text;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { steps, edges } = drawText(current);
    if (steps === undefined) throw new CannotEdit("The text cannot be read: mend it first");
    const ids = new Set(steps.map(({ id }) => id));
    const known = wanted.filter(({ from, to }) => ids.has(from) && ids.has(to));
    const wishes = new Map(known.map((wire) => [keyOfWire(wire), wire]));
    const has = new Set(edges.map(keyOfWire));
    const extra = edges.filter((edge) => !wishes.has(keyOfWire(edge)));
    const missing = [...wishes.values()].filter((wire) => !has.has(keyOfWire(wire)));
    if (extra.length + missing.length === 0) return current;
    const document = parseFile(current);
    // From the end, so that the places of the others in a list stay.
    for (const edge of extra.toReversed()) unwire(document, edge, steps);
    for (const wire of missing) addWire(document, wire);
    const next = writeFile(document);
    if (next === current) break;
    current = next;
  }
  throw new CannotEdit("These steps cannot be joined so: write it in the text");
}

/** Takes a path away where the file says it. */
export function unwire(
  document: Document,
  { from, to, label, path }: PictureEdge,
  steps: readonly Pick<PictureStep, "id">[],
): void {
  if (!steps.some(({ id }) => id === from)) return;
  if (path.startsWith("edges[")) {
    dropItem(document.get("edges"), placeIn(path, "edges"));
    return;
  }
  const source = stepIn(document, from);
  const { node } = source;
  const key = sayingKey(source, { to, path, label }, document);
  if (key === "order") {
    setNext(document, node, "end");
    return;
  }
  if (key === "needs") {
    const target = stepIn(document, to).node;
    dropTarget(target, "needs", (each) => scalarOf(each) === from);
    return;
  }
  if (key === "parallel" && isMap(node.get("parallel"))) {
    moveOut(document, source, to);
    return;
  }
  if (key === "next") {
    dropNext(document, node, to, label);
    return;
  }
  if (key === "else") {
    dropKey(node, "else");
    return;
  }
  if (key === "on" || key === "then") {
    const labels = node.get(key);
    if (!isMap(labels)) return;
    dropTarget(labels, label, (each) => scalarOf(each) === to);
    if (labels.items.length === 0) dropKey(node, key);
    return;
  }
  const items = node.get(key);
  if (isSeq(items)) dropFirst(items, (each) => targetOf(each) === to);
}

/** The key of the step, or of the one that the path leads to, that makes a path. */
function sayingKey(
  { node }: FoundStep,
  { to, path, label }: Pick<PictureEdge, "to" | "path" | "label">,
  document: Document,
): string {
  const last = /(?:^|\.)(needs|next|on|then|else|branch|parallel)(?:[.[].*)?$/.exec(
    lastPart(path),
  )?.[1];
  const target = stepIn(document, to).node;
  if (last === "needs" && target.has("needs")) return "needs";
  if (last !== undefined && node.has(last)) {
    if (last !== "parallel" || label === "") return last;
  }
  // A child inside of its `parallel:` stands at its own path.
  const children = node.get("parallel");
  if (label === "" && isMap(children) && pairOf(children, to) !== undefined) return "parallel";
  return "order";
}

/** What of a path names keys of a step: a step may be called as a key is. */
function lastPart(path: string): string {
  const match =
    /(?:^|\.)(needs(?:\[\d+\])?|next(?:\[\d+\](?:\.go)?)?|on\..*|then\..*|else|branch\[\d+\]\.go|parallel\[\d+\])$/.exec(
      path,
    );
  return match?.[1] ?? "";
}

function placeIn(path: string, key: string): number {
  return Number(new RegExp(`${key}\\[(\\d+)\\]`).exec(path)?.[1] ?? -1);
}

function dropItem(list: unknown, at: number): void {
  if (isSeq(list) && at >= 0) list.items.splice(at, 1);
}

function dropFirst(list: YAMLSeq, isIt: (item: unknown) => boolean): void {
  const at = list.items.findIndex(isIt);
  if (at >= 0) list.items.splice(at, 1);
}

/** A target, or one of a list of them; the key goes with the last one. */
function dropTarget(map: YAMLMap, key: string, isIt: (item: unknown) => boolean): void {
  const value = pairOf(map, key)?.value;
  if (isSeq(value)) {
    dropFirst(value, isIt);
    if (value.items.length > 0) return;
  }
  dropKey(map, key);
}

/** After it nothing follows by order. */
function dropNext(document: Document, node: YAMLMap, to: string, label: string): void {
  const value = node.get("next", true);
  if (!isSeq(value)) {
    setNext(document, node, "end");
    return;
  }
  const labelled = (item: unknown) => !isMap(item) || (item.get("label") ?? label) === label;
  dropFirst(value, (item) => targetOf(item) === to && labelled(item));
  if (value.items.length === 0) setNext(document, node, "end");
}

function setNext(document: Document, node: YAMLMap, to: string): void {
  node.set("next", document.createNode(to));
}

/** The step that an item of a list leads to: a text, or the `go` of a choice. */
function targetOf(item: unknown): unknown {
  return isMap(item) ? item.get("go") : scalarOf(item);
}

/** A child becomes a step of its own, behind its parallel. */
function moveOut(document: Document, parent: FoundStep, childId: string): void {
  const children = parent.node.get("parallel");
  if (!isMap(children)) return;
  const pair = pairOf(children, childId);
  if (pair === undefined) return;
  dropKey(children, childId);
  if (children.items.length === 0) parent.node.set("parallel", document.createNode([]));
  insertAfter(document, pair, parent.id);
}

/** Puts a step behind the one that a step of the first level is or stands in; at the end where there is none. */
export function insertAfter(document: Document, pair: Pair, after: string | undefined): void {
  const steps = stepMap(document);
  const at = steps.items.findIndex((each) => holds(each, after));
  if (at < 0) steps.items.push(pair);
  else steps.items.splice(at + 1, 0, pair);
}

/** Whether a step is this one or has it inside. */
function holds(pair: Pair, id: string | undefined): boolean {
  if (id === undefined) return false;
  if (keyOf(pair) === id) return true;
  const children = isMap(pair.value) ? pair.value.get("parallel") : undefined;
  return isMap(children) && children.items.some((child) => holds(child, id));
}

/** Makes a path, in the shortest form that says it. */
function addWire(document: Document, { from, to, label }: Wire): void {
  const source = stepIn(document, from);
  const { node } = source;
  const edges = document.get("edges");
  if (isSeq(edges)) {
    edges.add(document.createNode({ from, to, ...(label === "" ? {} : { label }) }));
    return;
  }
  const kind = kindOf(node);
  const facts = factsOf(STEP_KINDS[kind]?.type ?? "UNSPECIFIED");
  if (kind === "parallel" && label === "") {
    addChild(document, source, to);
    return;
  }
  const normal = facts?.plainRole === "child" ? "joined" : "";
  const isOutcome = (facts?.outcomes ?? []).some((outcome) => outcome === label);
  if (kind === "branch" && !isOutcome) {
    addChoice(document, node, to, label);
    return;
  }
  if (label === normal) {
    addTarget(document, node, "next", to);
    return;
  }
  addLabelled(document, node, "on", label, to);
}

/** The key that says what a step does; "": none does. */
export function kindOf(node: YAMLMap): string {
  return node.items.map(keyOf).find((key) => Object.hasOwn(STEP_KINDS, key)) ?? "";
}

function addTarget(document: Document, map: YAMLMap, key: string, to: string): void {
  const pair = pairOf(map, key);
  const value = pair?.value;
  if (pair === undefined) map.items.push(labelled(document, key, to));
  else if (value === null || scalarOf(value) === null || scalarOf(value) === "end") {
    pair.value = document.createNode(to);
  } else if (isSeq(value)) value.add(document.createNode(to));
  else {
    const list = document.createNode([]) as YAMLSeq;
    list.flow = !isMap(value);
    list.items.push(value, document.createNode(to));
    pair.value = list;
  }
}

/** Keys `true` and `false` are written without quotes, as people write them. */
function labelled(document: Document, label: string, to: string): Pair {
  const key = label === "true" || label === "false" ? label === "true" : label;
  return document.createPair(key, to) as Pair;
}

function addLabelled(
  document: Document,
  node: YAMLMap,
  key: "on" | "then",
  label: string,
  to: string,
): void {
  const labels = node.get(key);
  if (isMap(labels)) {
    addTarget(document, labels, label, to);
    return;
  }
  const made = document.createNode({}) as YAMLMap;
  made.items.push(labelled(document, label, to));
  made.flow = true;
  node.set(key, made);
}

function addChoice(document: Document, node: YAMLMap, to: string, label: string): void {
  const choices = node.get("branch");
  if (isSeq(choices)) choices.add(document.createNode({ go: to }));
  else if (label === "default") node.set("else", document.createNode(to));
  else if (label === "") addTarget(document, node, "next", to);
  else addLabelled(document, node, "then", label, to);
}

/** A list names its children; a mapping holds them, so that the step moves into it. */
function addChild(document: Document, { node, id }: FoundStep, to: string): void {
  const children = node.get("parallel");
  if (!isMap(children) || children.items.length === 0) {
    const list = isSeq(children) ? children : (document.createNode([]) as YAMLSeq);
    list.flow = true;
    list.add(document.createNode(to));
    node.set("parallel", list);
    return;
  }
  const target = stepIn(document, to);
  if (target.role !== "top" || holds(target.pair, id)) {
    throw new CannotEdit(`"${to}" cannot be a child of "${id}": it stands inside of another step`);
  }
  dropKey(target.around, to);
  children.items.push(target.pair);
}
