// Reads the text of an expression: its syntax tree, the names it uses, and what it may cost.
//
// Boundary: everything that is known before a run exists; values come in expression.ts.
// Invariants:
// 1. A free name is renamed in the tree to the one thing it means (reserved name, step or field), so
//    that no field of a payload can take the place of a step, and none is taken for a type's name.
// 2. An accepted tree has a bounded number of nodes and at most one comprehension, whose range is checked when
//    it is evaluated: its time is bounded before it runs.

import { parse } from "@bufbuild/cel";
import { RefusalError, requireModestText, requireModestTree } from "./bounds.ts";
import { hasFunction, hasOverload, RANGE_FUNCTION, TURN_FUNCTION } from "./functions.ts";
import { withoutComments } from "./lexing.ts";
import {
  isReserved,
  type Meaning,
  meaningOf,
  type NameContext,
  type Names,
  openNames,
} from "./names.ts";
import { findRegexProblem, regexInstructions } from "./regex.ts";
import { findNumberSlip, findStepSlip } from "./slips.ts";
import {
  type Call,
  type Comprehension,
  childrenOf,
  type Node,
  type Select,
  textConstant,
} from "./tree.ts";

/** A read expression: the tree with its free names renamed, and what they mean. */
export interface Syntax {
  tree: Node;
  /** By the new name in the tree. */
  meanings: ReadonlyMap<string, Meaning>;
  /** The new name at a node, by the node's id: identifies a missing name. */
  nameAt: ReadonlyMap<bigint, string>;
  /** The field selected at a node, by the node's id: identifies a missing field. */
  fieldAt: ReadonlyMap<bigint, string>;
  /** Ids of the steps it reads. */
  reads: readonly string[];
  /** Instructions of its regular expressions. */
  regexInstructions: number;
  /** Nodes as its author wrote them, and those of the body of its comprehension. */
  nodes: number;
  bodyNodes: number;
}

const BUILT_IN_OPERATORS = ["_[_]", "_?_:_", "_&&_", "_||_", "@not_strictly_false"];
/** What is known so far while a tree is walked. */
interface Reading extends Names {
  meanings: Map<string, Meaning>;
  nameAt: Map<bigint, string>;
  fieldAt: Map<bigint, string>;
  reads: Set<string>;
  regexInstructions: number;
}

/** Reads an expression, or says in words why it is refused. Never throws. */
export function readSyntax(
  source: string,
  context: NameContext,
): { ok: true; syntax: Syntax } | { ok: false; problem: string } {
  try {
    requireModestText(source);
    const parsed = parse(withoutComments(source));
    const tree = parsed.expr;
    if (tree === undefined) throw new RefusalError("the expression is empty");
    const { calls, nodes, largestBody } = requireModestTree(
      tree,
      parsed.sourceInfo?.macroCalls ?? {},
    );
    const reading: Reading = {
      ...openNames(context, calls.has("type")),
      meanings: new Map(),
      nameAt: new Map(),
      fieldAt: new Map(),
      reads: new Set(),
      regexInstructions: 0,
    };
    visit(tree, new Set(), reading);
    return {
      ok: true,
      syntax: { ...reading, tree, reads: [...reading.reads], nodes, bodyNodes: largestBody },
    };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    return {
      ok: false,
      problem: cause instanceof RefusalError ? problem : `does not parse: ${problem}`,
    };
  }
}

function visit(node: Node, bound: ReadonlySet<string>, reading: Reading): void {
  const kind = node.exprKind;
  switch (kind.case) {
    case "identExpr":
      visitName(node, kind.value.name, bound, reading);
      return;
    case "selectExpr":
      if (isStepsName(kind.value.operand, bound, reading)) {
        nameStep(node, kind.value.field, kind.value.testOnly, reading);
        return;
      }
      refuseSlip(stepSlipAt(kind.value, bound, reading), reading);
      reading.fieldAt.set(node.id, kind.value.field);
      break;
    case "callExpr":
      if (kind.value.function === "_[_]" && isStepsName(kind.value.args[0], bound, reading)) {
        nameStep(node, textConstant(kind.value.args[1]), false, reading);
        return;
      }
      requireCallable(kind.value, reading);
      break;
    case "structExpr":
      if (kind.value.messageName !== "") {
        throw new RefusalError(
          `there is no message type "${kind.value.messageName}" in expressions`,
        );
      }
      break;
    case "comprehensionExpr":
      visitComprehension(kind.value, bound, reading);
      return;
    case "constExpr":
      refuseSlip(findNumberSlip(node), reading);
      break;
    case "listExpr":
      break;
    case undefined:
      throw new RefusalError("the expression is incomplete");
  }
  for (const child of childrenOf(node)) visit(child, bound, reading);
}

function visitComprehension(
  comprehension: Comprehension,
  bound: ReadonlySet<string>,
  reading: Reading,
): void {
  const { accuInit, iterRange, iterVar, accuVar, loopCondition, loopStep, result } = comprehension;
  if (iterRange === undefined) throw new RefusalError("the expression is incomplete");
  visit(iterRange, bound, reading);
  comprehension.iterRange = callOf(RANGE_FUNCTION, iterRange);
  const inner = new Set([...bound, iterVar, accuVar]);
  for (const part of [accuInit, loopCondition, loopStep, result]) {
    if (part !== undefined) visit(part, inner, reading);
  }
  if (loopCondition !== undefined) {
    comprehension.loopCondition = callOf(TURN_FUNCTION, loopCondition);
  }
}

function callOf(name: string, arg: Node): Node {
  return {
    $typeName: "cel.expr.Expr",
    id: arg.id,
    exprKind: {
      case: "callExpr",
      value: { $typeName: "cel.expr.Expr.Call", function: name, args: [arg] },
    },
  };
}

function visitName(node: Node, name: string, bound: ReadonlySet<string>, reading: Reading): void {
  if (bound.has(name)) return;
  if (name.startsWith(".")) throw new RefusalError(`the name "${name}" begins with a dot`);
  const meaning = meaningOf(name, reading);
  if (meaning === undefined) return;
  if (meaning.is === "reserved" && meaning.name === "steps") throw new RefusalError(STEPS_USE);
  rename(node, meaning, reading);
}

const HAS_USE = "has takes a path of two names or more, such as has(input.note)";
const STEPS_USE = 'steps takes the id of a step as a literal, such as steps["qualify-lead"]';

function refuseSlip(problem: string | undefined, { context }: Reading): void {
  if (problem !== undefined && context.isNew === true) throw new RefusalError(problem);
}

function stepSlipAt(
  { operand, field }: Select,
  bound: ReadonlySet<string>,
  reading: Reading,
): string | undefined {
  if (operand?.exprKind.case !== "identExpr") return undefined;
  const { name } = operand.exprKind.value;
  if (bound.has(name)) return undefined;
  const meaning = meaningOf(name, reading);
  // The names beside `run` are looked at by their own fields: the run's input, and an event.
  if (meaning?.is !== "field" && !(meaning?.is === "reserved" && name === "run")) return undefined;
  const isFilter = reading.context.kind.endsWith("_filter") && meaning.is === "field";
  return findStepSlip(name, field, { isFilter });
}

/** Makes the node the name of its meaning: `f:` a field, `s:` a step, `r:` a reserved name. */
function rename(node: Node, meaning: Meaning, reading: Reading): void {
  const name =
    meaning.is === "step" ? `s:${meaning.id}` : `${meaning.is.charAt(0)}:${meaning.name}`;
  node.exprKind = {
    case: "identExpr",
    value: { $typeName: "cel.expr.Expr.Ident", name },
  };
  reading.meanings.set(name, meaning);
  reading.nameAt.set(node.id, name);
  if (meaning.is === "step") reading.reads.add(meaning.id);
}

function isStepsName(
  node: Node | undefined,
  bound: ReadonlySet<string>,
  reading: Reading,
): boolean {
  return (
    node?.exprKind.case === "identExpr" &&
    node.exprKind.value.name === "steps" &&
    !bound.has("steps") &&
    isReserved("steps", reading)
  );
}

/** `steps["a-b"]`, `steps.a_b` and `has(steps.a_b)`. */
function nameStep(node: Node, text: string | undefined, isTest: boolean, reading: Reading): void {
  if (text === undefined) throw new RefusalError(STEPS_USE);
  const id = reading.stepNames.get(text.replaceAll("-", "_"));
  const written = node.exprKind.case === "selectExpr" ? id?.replaceAll("-", "_") : id;
  if (id === undefined || (written !== text && id !== text)) {
    const hint = id === undefined ? "" : `, but a step "${id}"`;
    throw new RefusalError(`steps: there is no step "${text}"${hint}`);
  }
  if (node.exprKind.case === "selectExpr" && isTest) {
    reading.reads.add(id);
    const { operand } = node.exprKind.value;
    if (operand !== undefined) rename(operand, { is: "reserved", name: "steps" }, reading);
    return;
  }
  rename(node, { is: "step", id }, reading);
}

function requireCallable({ function: name, target, args }: Call, reading: Reading): void {
  if (BUILT_IN_OPERATORS.includes(name)) return;
  // The macro is gone where it was read; what is left is one that it is not.
  if (name === "has") throw new RefusalError(HAS_USE);
  if (!hasFunction(name)) throw new RefusalError(`there is no function "${name}"`);
  if (!hasOverload(name, target !== undefined, args.length)) {
    throw new RefusalError(`the function "${name}" is not called like this`);
  }
  if (name === "matches") requireRegex(args[0], reading);
}

function requireRegex(node: Node | undefined, reading: Reading): void {
  const pattern = textConstant(node);
  if (pattern === undefined)
    throw new RefusalError("matches takes a regular expression as a literal");
  const problem = findRegexProblem(pattern);
  if (problem !== undefined) throw new RefusalError(problem);
  reading.regexInstructions += regexInstructions(pattern);
}
