/**
 * Whether a version may be published: all its faults at once.
 * Boundary: runs the checks beside it, one file a concern; decides nothing itself but their order.
 * Invariant: a version without faults compiles (compile.ts), and nothing else does.
 */

import { factsOf } from "../steps/registry.ts";
import type { StepDefinition, VersionSpec } from "../values/definition.ts";
import { checkChildren } from "./check-children.ts";
import { checkConfig } from "./check-config.ts";
import { checkCycles } from "./check-cycles.ts";
import { checkEdges } from "./check-edges.ts";
import { type BranchResults, checkLabels } from "./check-labels.ts";
import {
  checkConfigSize,
  checkCounts,
  checkExpressionCount,
  checkExpressionTotals,
  checkTexts,
  DEFAULT_VERSION_LIMITS,
  type VersionLimits,
} from "./check-limits.ts";
import { checkRetryPolicy, checkSeconds, checkStep } from "./check-steps.ts";
import { checkCompensations, checkRoots, checkStepIds } from "./check-structure.ts";
import { checkTrigger } from "./check-trigger.ts";
import type { AddFault } from "./faults.ts";
import type { GraphFault } from "./graph.ts";
import { type Links, linkSteps } from "./links.ts";
import { allPieces, type Pieces, parseTexts } from "./parse-texts.ts";
import { readExpression, readStepTexts, type TextContexts, textContexts } from "./step-texts.ts";

/**
 * Every fault of a version, with the path of its field by the names of the wire (`steps[3].id`); empty when it may be
 * published. Over the limits on steps and edges those faults are all there is: nothing larger is looked into.
 */
export function checkVersion(spec: VersionSpec, limits?: VersionLimits): GraphFault[] {
  return allPieces(checkVersionInPieces(spec, limits));
}

/** Like checkVersion, piece by piece. */
export function* checkVersionInPieces(
  spec: VersionSpec,
  limits: VersionLimits = DEFAULT_VERSION_LIMITS,
): Pieces<GraphFault[]> {
  const faults: GraphFault[] = [];
  const addFault: AddFault = (field, description) => {
    faults.push({ field, description });
  };
  if (!checkCounts(spec, limits, addFault)) return faults;
  const links = linkSteps(spec);
  const contexts = textContexts([...links.indexById.keys()], true);
  yield;
  checkStepIds(spec, addFault);
  checkRoots(spec, links, addFault);
  yield;
  yield* checkTexts(spec, addFault);
  const walkable = yield* checkSteps(spec, addFault);
  let results: BranchResults = [];
  if (checkExpressionCount(walkable, limits, addFault)) {
    const totals = yield* parseTexts(walkable, contexts);
    checkExpressionTotals(totals, limits, addFault);
    results = yield* checkExpressions(walkable, contexts, addFault);
  }
  checkCompensations(spec, links, addFault);
  checkEdges(spec, links, addFault);
  yield;
  checkLabels(spec, links, results, addFault);
  yield;
  checkEdgesOfTypes(spec, links, addFault);
  checkChildren(spec, links, addFault);
  yield;
  checkCycles(spec, links, addFault);
  yield;
  checkTrigger(spec.trigger, contexts, addFault);
  checkSeconds(spec.timeoutSeconds, "timeout_seconds", addFault);
  if (spec.defaultRetryPolicy !== undefined) {
    checkRetryPolicy(spec.defaultRetryPolicy, "default_retry_policy", addFault);
  }
  return faults;
}

function checkEdgesOfTypes(spec: VersionSpec, links: Links, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    // Of several steps with one id the first one has the edges.
    if (links.indexById.get(step.id) !== index) continue;
    const leaving = (role: "success" | "child") =>
      (links.outgoing[index] ?? []).flatMap((at) => {
        const edge = spec.edges[at];
        return edge !== undefined && links.edges[at]?.role === role ? [{ index: at, edge }] : [];
      });
    factsOf(step.stepType)?.checkEdges?.({ index, step, leaving, addFault });
  }
}

/** Gives the version without the configs that are too large or too deep to be walked. */
function* checkSteps(spec: VersionSpec, addFault: AddFault): Pieces<VersionSpec> {
  const steps: StepDefinition[] = [];
  for (const [index, step] of spec.steps.entries()) {
    const path = `steps[${index}]`;
    checkStep(step, path, addFault);
    const isWalkable = checkConfigSize(step.config, `${path}.config`, addFault);
    yield;
    if (isWalkable) checkConfig(step, path, addFault);
    steps.push(isWalkable ? step : { ...step, config: {} });
    yield;
  }
  return { ...spec, steps };
}

/** Gives, by step, the values that its condition_expr can give, where it names them itself. */
function* checkExpressions(
  spec: VersionSpec,
  contexts: TextContexts,
  addFault: AddFault,
): Pieces<BranchResults> {
  for (const [index, { conditionExpr }] of spec.edges.entries()) {
    readExpression(conditionExpr, contexts.edge, `edges[${index}].condition_expr`, addFault);
  }
  const results: (readonly string[] | undefined)[] = [];
  for (const [index, step] of spec.steps.entries()) {
    yield;
    const texts = readStepTexts(step, contexts, `steps[${index}]`, addFault);
    results.push(texts.condition?.results);
  }
  return results;
}
