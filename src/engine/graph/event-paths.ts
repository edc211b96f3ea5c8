/**
 * Which fields of the event the filter of a wait compares with values of the run.
 * Boundary: the answer is stored with the version when it is published, and beside its patterns, where events are looked
 * up; a version that was stored without it (0.1.0) has waits without such a key.
 */

import { type FilterEquality, findEquality } from "../expression/equality.ts";
import type { ExpressionContext } from "../expression/expression.ts";
import { factsOf } from "../steps/registry.ts";
import type { StepDefinition, VersionSpec } from "../values/definition.ts";
import { ownValue } from "../values/json.ts";
import { textContexts } from "./step-texts.ts";

/** The version with `eventPaths` at its waits. */
export function withEventPaths(spec: VersionSpec): VersionSpec {
  const { waitFilter } = textContexts(spec.steps.map(({ id }) => id));
  const steps = spec.steps.map((step) => {
    const equality = equalityOf(step, waitFilter);
    return equality === undefined ? step : { ...step, eventPaths: equality.paths };
  });
  return { ...spec, steps };
}

/** The comparisons of a wait that its version was stored with. */
export function storedEquality(
  step: StepDefinition,
  context: ExpressionContext,
): FilterEquality | undefined {
  if (step.eventPaths === undefined) return undefined;
  const equality = equalityOf(step, context);
  // Another release may have found others: the events are looked up by those.
  return equality?.paths === step.eventPaths ? equality : undefined;
}

function equalityOf(step: StepDefinition, context: ExpressionContext): FilterEquality | undefined {
  if (factsOf(step.stepType)?.waitsForEvents !== true) return undefined;
  const filter = ownValue(step.config, "filter_expr");
  return typeof filter === "string" ? findEquality(filter, context) : undefined;
}
