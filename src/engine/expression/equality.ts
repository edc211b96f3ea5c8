/**
 * What a wait's filter asks fields of the event to be: those of its conditions joined by `&&` that compare a field of the
 * event with a value of the run by `==`.
 *
 * Boundary: the text of the filter, at publish. What the values are in a run or an event: matching/equality.ts.
 * Invariants:
 * 1. The filter can hold only where every comparison that is found here holds.
 * 2. In doubt nothing is found: a filter with escapes, comments, raw strings or `type` is not taken apart.
 */
import { type Expression, type ExpressionContext, parseExpression } from "./expression.ts";
import { readSyntax } from "./syntax.ts";

/** The comparisons of a filter. */
export interface FilterEquality {
  /** Fields of the event, joined by commas: `order.id,event.subject`. */
  readonly paths: string;
  /** What each of them must be equal to, in the same order. */
  readonly values: readonly Expression[];
}

const COMPARISONS_AT_MOST = 3;
const SEGMENTS_AT_MOST = 6;
const PIECE = /"[^"]*"|'[^']*'|\/\/|&&|\|\||[=!<>]=|[<>?]|[()[\]{}]|[A-Za-z_]\w*|\s+|./gs;
const RELATIONS: readonly string[] = ["==", "!=", "<", ">", "<=", ">=", "in"];
const TOO_SUBTLE = /\\|"""|'''/;
const TOO_SUBTLE_PIECES: readonly string[] = ["//", "type"];
const RAW_PREFIX = /^[bBrR]{1,2}$/;
const PATH = /^[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*|\s*\[\s*(?:"[\w-]+"|'[\w-]+')\s*\])*$/;
/** Names that are no field of the event's data. */
const NO_FIELDS = ["input", "steps", "run", "true", "false", "null"];

/** The comparisons of a wait's filter, undefined when there is none that can be relied on. */
export function findEquality(
  filter: string,
  context: ExpressionContext,
): FilterEquality | undefined {
  if (TOO_SUBTLE.test(filter)) return undefined;
  const pieces = filter.match(PIECE) ?? [];
  const isSubtle = pieces.some(
    (piece, at) =>
      TOO_SUBTLE_PIECES.includes(piece) ||
      (RAW_PREFIX.test(piece) && /^["']/.test(pieces[at + 1] ?? "")),
  );
  if (isSubtle) return undefined;
  const found = conditionsOf(pieces)
    .flatMap((condition) => comparisonOf(condition, context))
    .slice(0, COMPARISONS_AT_MOST);
  if (found.length === 0) return undefined;
  return {
    paths: found.map(({ path }) => path).join(","),
    values: found.map(({ value }) => value),
  };
}

/** The operands of `&&` at top level; with `||` or `?` there, the whole text as one condition that compares nothing. */
function conditionsOf(pieces: readonly string[]): string[][] {
  const inner = withoutParentheses(pieces);
  if (splitAt(inner, ["||", "?"]).length > 1) return [];
  const parts = splitAt(inner, ["&&"]);
  return parts.length === 1 ? parts : parts.flatMap(conditionsOf);
}

function comparisonOf(
  condition: readonly string[],
  context: ExpressionContext,
): { path: string; value: Expression }[] {
  const sides = splitAt(condition, RELATIONS);
  const isEquality = splitAt(condition, ["=="]).length === 2;
  const [left, right] = sides.map((side) => withoutParentheses(side).join(""));
  if (!isEquality || sides.length !== 2 || left === undefined || right === undefined) return [];
  for (const [field, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const path = eventPathOf(field, context);
    const value = path === undefined ? undefined : runValueOf(other, context);
    if (path !== undefined && value !== undefined) return [{ path, value }];
  }
  return [];
}

/** `order.id` of `order . id` and `order["id"]`; undefined for what is no field of the event. */
function eventPathOf(text: string, { stepIds }: ExpressionContext): string | undefined {
  if (!PATH.test(text)) return undefined;
  const segments = text.replace(/[\s\]"']/g, "").split(/[.[]/);
  const [head = ""] = segments;
  const isStep = stepIds.some((id) => id.replaceAll("-", "_") === head);
  if (isStep || NO_FIELDS.includes(head) || segments.length > SEGMENTS_AT_MOST) return undefined;
  if (head === "event" && segments.length < 2) return undefined;
  return segments.join(".");
}

/** An expression over the run alone. */
function runValueOf(text: string, context: ExpressionContext): Expression | undefined {
  const read = readSyntax(text, context);
  if (!read.ok) return undefined;
  const isOfRun = [...read.syntax.meanings.values()].every(
    (meaning) => meaning.is === "step" || (meaning.is === "reserved" && meaning.name !== "event"),
  );
  if (!isOfRun) return undefined;
  const parsed = parseExpression(text, context);
  return parsed.ok ? parsed.expression : undefined;
}

/** The parts between `separators` that are outside of brackets. */
function splitAt(pieces: readonly string[], separators: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const piece of pieces) {
    if (/^[([{]$/.test(piece)) depth += 1;
    if (/^[)\]}]$/.test(piece)) depth -= 1;
    if (depth === 0 && separators.includes(piece)) parts.push([]);
    else parts.at(-1)?.push(piece);
  }
  return parts;
}

/** Without the blanks and the pairs of parentheses around the whole. */
function withoutParentheses(pieces: readonly string[]): readonly string[] {
  const from = pieces.findIndex((piece) => piece.trim() !== "");
  const to = pieces.findLastIndex((piece) => piece.trim() !== "");
  const inner = pieces.slice(from, to + 1);
  if (inner[0] !== "(" || inner.at(-1) !== ")") return inner;
  let depth = 0;
  for (const [at, piece] of inner.entries()) {
    if (piece === "(") depth += 1;
    if (piece === ")") depth -= 1;
    if (depth === 0 && at < inner.length - 1) return inner;
  }
  return withoutParentheses(inner.slice(1, -1));
}
