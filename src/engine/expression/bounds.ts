// What an expression may cost, checked before it is ever evaluated.
//
// Boundary: sizes and counts; names and functions are looked at in syntax.ts, the cost of large
// values in fuel.ts.
// Invariant: the text is checked before it is parsed, so the parser's time and stack are bounded too.

import { textSizeBytes } from "../values/json.ts";
import { shapeOf } from "./lexing.ts";
import { childrenOf, type MacroCalls, type Node } from "./tree.ts";

/** Bytes of an expression's text in UTF-8. */
export const MAX_SOURCE_BYTES = 4096;
const MAX_NODES = 250;
const MAX_BODY_NODES = 30;
const MAX_BRACKET_DEPTH = 50;

/** The first thing wrong with an expression, in words; thrown while it is read. */
export class RefusalError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "RefusalError";
  }
}

/** Refuses a text that is empty, too long, nested too deeply or surely has too many nodes. */
export function requireModestText(source: string): void {
  if (source.trim() === "") throw new RefusalError("the expression is empty");
  const bytes = textSizeBytes(source);
  if (bytes > MAX_SOURCE_BYTES) {
    throw new RefusalError(`the expression has ${bytes} bytes, the limit is ${MAX_SOURCE_BYTES}`);
  }
  const { words, depth } = shapeOf(source);
  // A number may be two words, and a comprehension's names are no nodes: surely above the limit.
  if (words > 2 * MAX_NODES + 10) throw new RefusalError(tooManyNodes(`over ${MAX_NODES}`));
  if (depth > MAX_BRACKET_DEPTH) {
    throw new RefusalError(
      `the expression nests ${depth} brackets, the limit is ${MAX_BRACKET_DEPTH}`,
    );
  }
}

function tooManyNodes(count: string | number): string {
  return `the expression costs too much: it has ${count} nodes, the limit is ${MAX_NODES}`;
}

/** What a tree holds, as its author wrote it. */
export interface Census {
  nodes: number;
  comprehensions: number;
  largestBody: number;
  /** Names of the functions it calls. */
  calls: Set<string>;
}

/** Counts a tree, and refuses one with too many nodes or comprehensions, or too large a body. */
export function requireModestTree(tree: Node, macroCalls: MacroCalls): Census {
  const census: Census = {
    nodes: 0,
    comprehensions: 0,
    largestBody: 0,
    calls: new Set(),
  };
  count(tree, census, macroCalls);
  if (census.nodes > MAX_NODES) throw new RefusalError(tooManyNodes(census.nodes));
  if (census.comprehensions > 1) {
    throw new RefusalError(
      `the expression costs too much: it has ${census.comprehensions} comprehensions (all, exists, map, filter …), the limit is 1`,
    );
  }
  if (census.largestBody > MAX_BODY_NODES) {
    throw new RefusalError(
      `the expression costs too much: the body of its comprehension has ${census.largestBody} nodes, the limit is ${MAX_BODY_NODES}`,
    );
  }
  return census;
}

/** Counts what the author wrote, not what the library's macros expand to. */
function count(node: Node, census: Census, macroCalls: MacroCalls): void {
  census.nodes += 1;
  if (node.exprKind.case === "callExpr") census.calls.add(node.exprKind.value.function);
  const written = macroCalls[String(node.id)]?.exprKind;
  if (node.exprKind.case === "comprehensionExpr") {
    census.comprehensions += 1;
    const { iterRange } = node.exprKind.value;
    if (iterRange !== undefined) count(iterRange, census, macroCalls);
    const before = census.nodes;
    for (const arg of argumentsOf(written).slice(1)) count(arg, census, macroCalls);
    census.largestBody = Math.max(census.largestBody, census.nodes - before);
  } else if (node.exprKind.case === undefined) {
    countWritten(written, census, macroCalls);
  } else {
    for (const child of childrenOf(node)) count(child, census, macroCalls);
  }
}

/** A macro inside a macro is only a reference to what was written there. */
function countWritten(
  written: Node["exprKind"] | undefined,
  census: Census,
  macroCalls: MacroCalls,
): void {
  if (written?.case !== "callExpr") return;
  const { function: name, target, args } = written.value;
  if (name !== "has") census.comprehensions += 1;
  for (const child of target === undefined ? args : [target, ...args]) {
    count(child, census, macroCalls);
  }
}

function argumentsOf(kind: Node["exprKind"] | undefined): readonly Node[] {
  return kind?.case === "callExpr" ? kind.value.args : [];
}
