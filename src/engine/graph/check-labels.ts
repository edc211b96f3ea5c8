/**
 * Labels of edges: an outcome's word where that outcome can be, a value of a BRANCH, or free text that is neither nearly.
 * Boundary: labels only; which outcome an edge belongs to is in edge-role.ts, fallbacks of a BRANCH in its facts.
 * Invariant: an edge that its author means for a bad end is never one that is taken on a good end for a typo.
 */

import { FAILURE_WORDS } from "../steps/outcomes.ts";
import { factsOf } from "../steps/registry.ts";
import type { EdgeDefinition, StepDefinition, VersionSpec } from "../values/definition.ts";
import { MAX_TEXT_CHARS } from "./check-limits.ts";
import { timeoutActionOf } from "./edge-role.ts";
import { type AddFault, anyOf, quoted } from "./faults.ts";
import type { Links } from "./links.ts";
import { isSingleEdit } from "./nearest-name.ts";

/** By step: the values of its condition_expr as texts, where the expression names them all; else undefined. */
export type BranchResults = readonly (readonly string[] | undefined)[];

/** The shortest word whose typos are distinguished from other words. */
const SHORTEST_NEAR_WORD = 4;

/** Reports labels that are nearly an outcome's, usual words for one, free text beside outcomes of an APPROVAL_GATE, and values that a BRANCH never gives. */
export function checkLabels(
  spec: VersionSpec,
  links: Links,
  results: BranchResults,
  addFault: AddFault,
): void {
  const withOutcomes = stepsWithOutcomes(spec, links);
  for (const [index, edge] of spec.edges.entries()) {
    const { from } = links.edges[index] ?? { from: -1 };
    const step = spec.steps[from];
    if (step === undefined || step.stepType === "UNSPECIFIED" || edge.label === "") continue;
    if (possibleWords(step).includes(edge.label)) continue;
    const problem =
      factsOf(step.stepType)?.freeLabels === "value"
        ? choiceProblem(step, edge, results[from])
        : outcomeProblem(step, edge, withOutcomes.has(from));
    if (problem !== undefined) addFault(`edges[${index}].label`, problem);
  }
}

/** The labels that mean something on a step, in the order in which a fault names them. */
function possibleWords(step: StepDefinition): readonly string[] {
  const action = timeoutActionOf(step);
  const facts = factsOf(step.stepType);
  return [
    ...(facts?.outcomes ?? []),
    ...(facts?.otherLabels ?? []),
    ...(action === "" || action === "continue" ? [] : [action]),
  ];
}

function outcomeProblem(
  step: StepDefinition,
  edge: EdgeDefinition,
  hasOutcomes: boolean,
): string | undefined {
  const named = `${quoted(edge.label)} is no outcome of the ${step.stepType} ${quoted(step.id)}`;
  const words = anyOf(possibleWords(step));
  if (nearWord(step, edge.label) !== undefined || isUsualWord(step, edge)) {
    return `${named}: use ${words}`;
  }
  if (factsOf(step.stepType)?.freeLabels !== "text_alone" || !hasOutcomes) return undefined;
  return `${named}, which has edges by outcome: use ${words}, or no label for every good end`;
}

function choiceProblem(
  step: StepDefinition,
  { label, conditionExpr }: EdgeDefinition,
  results: readonly string[] | undefined,
): string | undefined {
  const isByValue = conditionExpr === "" && step.conditionExpr !== "";
  if (isByValue && results !== undefined) {
    if (results.includes(label)) return undefined;
    return `the BRANCH ${quoted(step.id)} never gives ${quoted(label)}: its condition_expr gives ${anyOf(results)}`;
  }
  const near = nearWord(step, label);
  if (near === undefined) return undefined;
  return (
    `${quoted(label)} is nearly ${quoted(near)}: write that; ` +
    "a value of that name is chosen by an edge with a condition and another label"
  );
}

function nearWord(step: StepDefinition, label: string): string | undefined {
  const written = plainWord(label);
  return possibleWords(step).find((word) => {
    const plain = plainWord(word);
    if (written === plain) return true;
    const shortest = Math.min(written.length, plain.length);
    return shortest >= SHORTEST_NEAR_WORD && isSingleEdit(written, plain);
  });
}

/** A condition of its own may make sense of a word such as `failed`; a decision is never one of a good end. */
function isUsualWord(step: StepDefinition, { label, conditionExpr }: EdgeDefinition): boolean {
  const word = plainWord(label).replace(/^action_decision_/, "");
  if (conditionExpr !== "" && FAILURE_WORDS.includes(word)) return false;
  return factsOf(step.stepType)?.usualWords.includes(word) === true;
}

/** A label that is refused for its length is near no word, and is not looked into: it may be as long as a request. */
function plainWord(label: string): string {
  if (label.length > MAX_TEXT_CHARS) return label;
  return label
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");
}

/** Steps of which an edge is taken on an outcome of its own. */
function stepsWithOutcomes(spec: VersionSpec, links: Links): ReadonlySet<number> {
  const steps = new Set<number>();
  for (const [index, { from, role }] of links.edges.entries()) {
    const isFree = role === "success" || role === "child" || spec.edges[index]?.label === "";
    if (!isFree) steps.add(from);
  }
  return steps;
}
