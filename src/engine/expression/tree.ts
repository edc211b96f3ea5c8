// The library's syntax tree: its node types and the two ways in which it is looked at.
//
// Boundary: shapes only; what a node means is decided in syntax.ts, what it costs in bounds.ts.

import type { parse } from "@bufbuild/cel";

type ParsedExpr = ReturnType<typeof parse>;

/** A node of the tree. */
export type Node = NonNullable<ParsedExpr["expr"]>;

/** A call of a function, a method or an operator. */
export type Call = Extract<Node["exprKind"], { case: "callExpr" }>["value"];

/** A field of something: `operand.field`. */
export type Select = Extract<Node["exprKind"], { case: "selectExpr" }>["value"];

/** What the macros `all`, `exists`, `exists_one`, `filter` and `map` become. */
export type Comprehension = Extract<Node["exprKind"], { case: "comprehensionExpr" }>["value"];

/** What was written where a macro stood, by the id of the node it became. */
export type MacroCalls = { readonly [id: string]: Node };

/** The operands of a node, in order; none for a name, a constant and a comprehension. */
export function childrenOf(node: Node): Node[] {
  const kind = node.exprKind;
  switch (kind.case) {
    case "selectExpr":
      return kind.value.operand === undefined ? [] : [kind.value.operand];
    case "callExpr":
      return kind.value.target === undefined
        ? kind.value.args
        : [kind.value.target, ...kind.value.args];
    case "listExpr":
      return kind.value.elements;
    case "structExpr":
      return kind.value.entries.flatMap(({ keyKind, value }) => [
        ...(keyKind.case === "mapKey" ? [keyKind.value] : []),
        ...(value === undefined ? [] : [value]),
      ]);
    case "comprehensionExpr":
    case "constExpr":
    case "identExpr":
    case undefined:
      return [];
  }
}

/** The text of a string literal, undefined for any other node. */
export function textConstant(node: Node | undefined): string | undefined {
  if (node?.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = node.exprKind.value;
  return constantKind.case === "stringValue" ? constantKind.value : undefined;
}
