/** Another id for a step, wherever the file names it: in paths and in expressions. Boundary: the document. */
import { type Document, isMap, isScalar, isSeq, type Scalar } from "yaml";
import { eachScalar, keyOf, stepIn, stepsIn } from "./documents.ts";

/** Keys whose texts are ids of steps. */
const NAMING = ["next", "on", "then", "else", "needs"];
/** Keys whose texts are expressions. In other texts these stand between `{{` and `}}`. */
const EXPRESSIONS = ["when", "branch", "for_each", "repeat_while"];

/** The id must be free. */
export function renameStep(document: Document, id: string, to: string): void {
  const step = stepIn(document, id);
  const rename = (scalar: Scalar) => {
    if (scalar.value === id) scalar.value = to;
  };
  for (const { node } of stepsIn(document)) {
    for (const key of NAMING) renameTargets(node.get(key, true), rename);
    const { parallel, branch } = { parallel: node.get("parallel"), branch: node.get("branch") };
    if (isSeq(parallel)) renameTargets(parallel, rename);
    if (isSeq(branch)) renameTargets(branch, rename);
    const undo = node.get("undo", true);
    if (isScalar(undo)) rename(undo);
  }
  const edges = document.get("edges");
  if (isSeq(edges)) {
    for (const item of edges.items) {
      if (!isMap(item)) continue;
      for (const key of ["from", "to"]) eachScalar(item.get(key, true), rename);
    }
  }
  if (step.role === "undo") step.node.set("id", document.createNode(to));
  else if (isScalar(step.pair.key)) step.pair.key.value = to;
  const steps = document.get("steps");
  for (const part of [steps, edges]) inExpressions(part, renamer(id, to));
}

/** Of a choice its `go` alone is an id. */
function renameTargets(node: unknown, rename: (scalar: Scalar) => void): void {
  if (isSeq(node)) for (const item of node.items) renameTargets(item, rename);
  else if (isMap(node) && node.has("go")) eachScalar(node.get("go", true), rename);
  else eachScalar(node, rename);
}

/** Changes the expressions of a part of the file. */
function inExpressions(node: unknown, change: (expression: string) => string): void {
  const inText = (text: string) => text.replaceAll(/\{\{[\s\S]*?\}\}/g, change);
  if (isSeq(node)) for (const item of node.items) inExpressions(item, change);
  else if (isMap(node)) {
    for (const pair of node.items) {
      const isExpression = EXPRESSIONS.includes(keyOf(pair)) && isScalar(pair.value);
      if (isExpression) changeText(pair.value, change);
      else inExpressions(pair.value, change);
    }
  } else changeText(node, inText);
}

function changeText(node: unknown, change: (text: string) => string): void {
  if (isScalar(node) && typeof node.value === "string") node.value = change(node.value);
}

/** Expressions name a step as `check_receipt.output`, `steps.check_receipt` or `steps["check-receipt"]`. */
function renamer(id: string, to: string): (text: string) => string {
  const name = (each: string) => each.replaceAll("-", "_");
  const plain = id.replaceAll(/[^\w-]/g, "\\$&");
  const dotted = new RegExp(`\\bsteps\\.${name(plain)}\\b(?!-)`, "g");
  const quoted = new RegExp(`\\bsteps\\[(["'])${plain}\\1\\]`, "g");
  const bare = new RegExp(`(?<![.\\w])${name(plain)}\\.(?=(?:output|input|state)\\b)`, "g");
  return (text) =>
    text
      .replaceAll(dotted, `steps.${name(to)}`)
      .replaceAll(quoted, `steps[$1${to}$1]`)
      .replaceAll(bare, `${name(to)}.`);
}
