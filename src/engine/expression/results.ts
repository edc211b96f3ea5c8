// The values that an expression can give, where its text alone says so.
//
// Boundary: looks at the tree, evaluates nothing.

import { type Call, type Comprehension, type Node, textConstant } from "./tree.ts";

/** Operators and functions whose value is true or false, whatever they are given. */
const YES_OR_NO: ReadonlySet<string> = new Set([
  ..."_==_ _!=_ _<_ _<=_ _>_ _>=_ _&&_ _||_ !_ @in".split(" "),
  ..."contains startsWith endsWith matches".split(" "),
]);
const YES_AND_NO: ReadonlySet<string> = new Set(["true", "false"]);
const MOST_RESULTS = 50;

/**
 * The values as texts, each once: `true` and `false` of a comparison, `a` and `b` of `x ? "a" : "b"`. Undefined
 * where a value depends on data.
 */
export function literalResultsOf(tree: Node): readonly string[] | undefined {
  const results = resultsOf(tree);
  return results === undefined || results.size > MOST_RESULTS ? undefined : [...results];
}

function resultsOf(node: Node): ReadonlySet<string> | undefined {
  const kind = node.exprKind;
  switch (kind.case) {
    case "constExpr":
      return constantOf(node);
    case "callExpr":
      return resultsOfCall(kind.value);
    case "selectExpr":
      return kind.value.testOnly ? YES_AND_NO : undefined;
    case "comprehensionExpr":
      return resultsOfLoop(kind.value);
    case "identExpr":
    case "listExpr":
    case "structExpr":
    case undefined:
      return undefined;
  }
}

function resultsOfCall({ function: name, args }: Call): ReadonlySet<string> | undefined {
  if (YES_OR_NO.has(name)) return YES_AND_NO;
  if (name !== "_?_:_") return undefined;
  const [, yes, no] = args;
  const one = yes === undefined ? undefined : resultsOf(yes);
  const other = no === undefined ? undefined : resultsOf(no);
  return one === undefined || other === undefined ? undefined : new Set([...one, ...other]);
}

/** `all` and `exists` gather a truth value, `exists_one` compares a count; the others gather a list. */
function resultsOfLoop({ accuInit, result }: Comprehension): ReadonlySet<string> | undefined {
  const gathered = accuInit === undefined ? undefined : resultsOf(accuInit);
  if (gathered?.has("true") || gathered?.has("false")) return YES_AND_NO;
  return result === undefined ? undefined : resultsOf(result);
}

function constantOf(node: Node): ReadonlySet<string> | undefined {
  const text = textConstant(node);
  if (text !== undefined) return new Set([text]);
  if (node.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = node.exprKind.value;
  switch (constantKind.case) {
    case "boolValue":
      return new Set([String(constantKind.value)]);
    case "int64Value":
    case "uint64Value":
    case "doubleValue":
      return new Set([JSON.stringify(Number(constantKind.value))]);
    case "nullValue":
      return new Set(["null"]);
    default:
      return undefined;
  }
}
