/**
 * Sizes of a version: how many steps and edges, how long its texts, how large its configs.
 * Boundary: looks at texts as texts; what they mean is checked elsewhere.
 */
import type {
  EdgeDefinition,
  StepDefinition,
  TriggerDefinition,
  VersionSpec,
} from "../values/definition.ts";
import { findPayloadFault, type JsonObject, jsonSizeBytes } from "../values/json.ts";
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from "../values/limits.ts";
import type { AddFault } from "./faults.ts";
import type { Pieces, TextTotals } from "./parse-texts.ts";

/** How much one version may hold. */
export interface VersionLimits {
  readonly maxSteps: number;
  readonly maxEdges: number;
  /** Conditions, filters and `{{ expr }}` together: parsing one takes some 50 µs. */
  readonly maxExpressions: number;
  /** Their characters together, texts that are equal counted once. */
  readonly maxExpressionChars: number;
  /** Instructions of the regular expressions in them: compiling one takes some 5 µs. */
  readonly maxRegexInstructions: number;
}

/** The default limits. */
export const DEFAULT_VERSION_LIMITS: VersionLimits = {
  maxSteps: 1_000,
  maxEdges: 5_000,
  maxExpressions: 10_000,
  maxExpressionChars: 500_000,
  maxRegexInstructions: 100_000,
};

/** Characters (UTF-16 units) of a name, id, label or the like; expressions and patterns have limits of their own. */
export const MAX_TEXT_CHARS = 1_024;

/** Names of texts in engine and wire; `true` for those whose length is bounded where they are parsed. */
type TextField<T> = readonly [field: keyof T & string, name: string, parsed?: true];

const stepTexts = [
  ["name", "name"],
  ["agentId", "agent_id"],
  ["requiredCapability", "required_capability"],
  ["actionType", "action_type"],
  ["riskLevel", "risk_level"],
  ["eventTypePattern", "event_type_pattern", true],
  ["eventSubjectPattern", "event_subject_pattern", true],
  ["notificationChannel", "notification_channel"],
  ["notificationTemplate", "notification_template"],
  ["conditionExpr", "condition_expr", true],
  ["compensationStepId", "compensation_step_id"],
  ["promptName", "prompt_name"],
  ["skillId", "skill_id"],
] as const satisfies readonly TextField<StepDefinition>[];

const edgeTexts = [
  ["label", "label"],
  ["conditionExpr", "condition_expr", true],
] as const satisfies readonly TextField<EdgeDefinition>[];

const triggerTexts = [
  ["eventType", "event_type", true],
  ["eventSubject", "event_subject", true],
  ["tapProvider", "tap_provider"],
  ["tapEntityType", "tap_entity_type"],
  ["tapAction", "tap_action"],
  ["cronExpr", "cron_expr"],
  ["parentWorkflowId", "parent_workflow_id"],
  ["filterExpr", "filter_expr", true],
] as const satisfies readonly TextField<TriggerDefinition>[];

/** Reports too many steps or edges. Whether the counts are fine: checks of each of them only make sense then. */
export function checkCounts(spec: VersionSpec, limits: VersionLimits, addFault: AddFault): boolean {
  const { steps, edges } = spec;
  const { maxSteps, maxEdges } = limits;
  if (steps.length > maxSteps) {
    addFault("steps", `a version has at most ${maxSteps} steps, this one has ${steps.length}`);
  }
  if (edges.length > maxEdges) {
    addFault("edges", `a version has at most ${maxEdges} edges, this one has ${edges.length}`);
  }
  return steps.length <= maxSteps && edges.length <= maxEdges;
}

/** Reports texts that are too long or cannot be stored. Ids are checked by their own form. */
export function* checkTexts(spec: VersionSpec, addFault: AddFault): Pieces<void> {
  for (const [index, step] of spec.steps.entries()) {
    for (const [field, name, parsed] of stepTexts) {
      checkText(step[field], `steps[${index}].${name}`, parsed === true, addFault);
    }
    yield;
  }
  for (const [index, edge] of spec.edges.entries()) {
    for (const [field, name, parsed] of edgeTexts) {
      checkText(edge[field], `edges[${index}].${name}`, parsed === true, addFault);
    }
    yield;
  }
  for (const [field, name, parsed] of triggerTexts) {
    checkText(spec.trigger[field], `trigger.${name}`, parsed === true, addFault);
  }
  checkText(spec.author, "author", false, addFault);
}

function checkText(text: string, field: string, parsed: boolean, addFault: AddFault): void {
  if (text === "") return;
  const problem = findPayloadFault(text, 1)?.problem;
  if (problem !== undefined) addFault(field, problem);
  if (!parsed && text.length > MAX_TEXT_CHARS) {
    addFault(field, `has ${text.length} characters, the limit is ${MAX_TEXT_CHARS}`);
  }
}

/** Reports a config that is too large, too deep or cannot be stored. Whether it may be looked into. */
export function checkConfigSize(config: JsonObject, path: string, addFault: AddFault): boolean {
  const fault = findPayloadFault(config, MAX_PAYLOAD_DEPTH);
  if (fault !== undefined) {
    addFault(fault.path === "" ? path : `${path}.${fault.path}`, fault.problem);
    return false;
  }
  const size = jsonSizeBytes(config);
  if (size <= MAX_PAYLOAD_BYTES) return true;
  addFault(path, `has ${size} bytes, the limit is ${MAX_PAYLOAD_BYTES}`);
  return false;
}

/** Reports too many expressions in a version whose configs are sound. Whether they may be read. */
export function checkExpressionCount(
  spec: VersionSpec,
  limits: VersionLimits,
  addFault: AddFault,
): boolean {
  const conditions = [...spec.steps, ...spec.edges].filter((part) => part.conditionExpr !== "");
  let count = conditions.length;
  for (const step of spec.steps) {
    count += openingsIn(step.eventTypePattern) + openingsIn(step.eventSubjectPattern);
    // In JSON text a `{` is never followed by another outside of a string.
    count += openingsIn(JSON.stringify(step.config));
  }
  if (count <= limits.maxExpressions) return true;
  addFault(
    "steps",
    `a version has at most ${limits.maxExpressions} expressions, this one has ${count}`,
  );
  return false;
}

/** Reports expressions that are too large together. */
export function checkExpressionTotals(
  { characters, regexInstructions }: TextTotals,
  { maxExpressionChars, maxRegexInstructions }: VersionLimits,
  addFault: AddFault,
): void {
  if (characters > maxExpressionChars) {
    addFault(
      "steps",
      `the expressions of a version have at most ${maxExpressionChars} characters together, these have ${characters}`,
    );
  }
  if (regexInstructions > maxRegexInstructions) {
    addFault(
      "steps",
      `the regular expressions of a version have at most ${maxRegexInstructions} instructions together, these have ${regexInstructions}`,
    );
  }
}

function openingsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf("{{"); at >= 0; at = text.indexOf("{{", at + 2)) count += 1;
  return count;
}
