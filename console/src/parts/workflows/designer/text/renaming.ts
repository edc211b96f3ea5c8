/** Other ids for steps, wherever the file names them: in paths and in expressions. Boundary: the document. */
import { type Document, isMap, isScalar, isSeq, type Scalar } from "yaml";
import { eachScalar, keyOf, stepsIn } from "./documents.ts";
import { plainId } from "./new-steps.ts";

/** Keys whose texts are ids of steps. */
const NAMING = ["next", "on", "then", "else", "needs"];
/** Keys whose texts are expressions. In other texts these stand between `{{` and `}}`. */
const EXPRESSIONS = ["when", "branch", "for_each", "repeat_while"];

/** By the ids that they have. The new ones must be free. */
export function renameSteps(document: Document, names: ReadonlyMap<string, string>): void {
  const rename = (scalar: Scalar) => {
    scalar.value = names.get(String(scalar.value)) ?? scalar.value;
  };
  const all = stepsIn(document);
  for (const { node } of all) {
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
  for (const { id, role, node, pair } of all) {
    const to = names.get(id);
    if (to === undefined) continue;
    if (role === "undo") node.set("id", document.createNode(to));
    else if (isScalar(pair.key)) pair.key.value = to;
  }
  const inOne = renamer(names);
  for (const part of [document.get("steps"), edges]) inExpressions(part, inOne);
}

/** Of a choice its `go` alone is an id. */
function renameTargets(node: unknown, rename: (scalar: Scalar) => void): void {
  if (isSeq(node)) for (const item of node.items) renameTargets(item, rename);
  else if (isMap(node) && node.has("go")) eachScalar(node.get("go", true), rename);
  else eachScalar(node, rename);
}

/** Changes the expressions of a part of the file. `isInput`: its keys are the author's. */
function inExpressions(
  node: unknown,
  change: (expression: string) => string,
  isInput = false,
): void {
  const inText = (text: string) => text.replaceAll(/\{\{[\s\S]*?\}\}/g, change);
  if (isSeq(node)) for (const item of node.items) inExpressions(item, change, isInput);
  else if (isMap(node)) {
    for (const pair of node.items) {
      const key = keyOf(pair);
      const isExpression = !isInput && EXPRESSIONS.includes(key) && isScalar(pair.value);
      if (isExpression) changeText(pair.value, change);
      else inExpressions(pair.value, change, isInput || key === "with");
    }
  } else changeText(node, inText);
}

function changeText(node: unknown, change: (text: string) => string): void {
  if (isScalar(node) && typeof node.value === "string") node.value = change(node.value);
}

/** How expressions name a step: `steps["check-receipt"]`, `steps.check_receipt` or `check_receipt.output`. Other texts in quotes are values. */
const NAMES =
  /\bsteps\[(["'])([^"']*)\1\]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\bsteps\.(\w+)\b(?!-)|(?<![.\w])(\w+)(?=\.(?:output|input|state)\b)/g;

function renamer(names: ReadonlyMap<string, string>): (expression: string) => string {
  const inWords = new Map([...names].map(([id, to]) => [plainId(id), plainId(to)]));
  const other = (word: string) => inWords.get(word) ?? word;
  return (expression) =>
    expression.replaceAll(
      NAMES,
      (all: string, quote?: string, id?: string, member?: string, word?: string) => {
        if (id !== undefined) return `steps[${quote}${names.get(id) ?? id}${quote}]`;
        if (member !== undefined) return `steps.${other(member)}`;
        return word === undefined ? all : other(word);
      },
    );
}
