/**
 * Parses the expressions of a version one by one, so that its caller can do other work between two of them.
 * Boundary: fills the contexts. A later read of the texts reports the faults, at no further cost.
 * Invariant: a piece is one step's texts or one expression, whose parsing is bounded by its own limits (expression/bounds.ts).
 */

import { parseExpression } from "../expression/expression.ts";
import type { VersionSpec } from "../values/definition.ts";
import { type ExpressionText, expressionsOfStep, type TextContexts } from "./step-texts.ts";

/** What the expressions of a version hold together, each text counted once. */
export interface TextTotals {
  characters: number;
  regexInstructions: number;
}

/** Work that is done piece by piece: between two of them the caller may give others their turn. */
export type Pieces<Result> = Generator<undefined, Result, undefined>;

/** Parses every expression of a version into its contexts. */
export function* parseTexts(spec: VersionSpec, contexts: TextContexts): Pieces<TextTotals> {
  const totals: TextTotals = { characters: 0, regexInstructions: 0 };
  for (const text of expressionsOf(spec, contexts)) {
    if (text === undefined) yield;
    if (text === undefined || text.context.parsed?.has(text.source)) continue;
    const { source, context } = text;
    const parsed = parseExpression(source, context);
    totals.characters += source.length;
    if (parsed.ok) totals.regexInstructions += parsed.expression.regexInstructions;
    yield;
  }
  return totals;
}

/** Undefined after each step: finding its expressions takes time also where there are none. */
function* expressionsOf(
  spec: VersionSpec,
  contexts: TextContexts,
): Generator<ExpressionText | undefined> {
  for (const step of spec.steps) {
    yield* expressionsOfStep(step, contexts);
    yield undefined;
  }
  for (const { conditionExpr: source } of spec.edges) {
    if (source !== "") yield { source, context: contexts.edge };
  }
  const { filterExpr: source } = spec.trigger;
  if (source !== "") yield { source, context: contexts.triggerFilter };
}

/** Does all pieces at once. */
export function allPieces<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const next = pieces.next();
    if (next.done === true) return next.value;
  }
}
