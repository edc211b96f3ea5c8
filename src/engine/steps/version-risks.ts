/**
 * What of a change of a version should be looked at twice: people who are not asked any more, undos and timeouts that are gone.
 * Boundary: pure; names of steps are their ids.
 */
import type { StepDefinition, TriggerDefinition, VersionSpec } from "../values/definition.ts";
import { canonicalJson, type Json, ownValue } from "../values/json.ts";
import { factsOf } from "./registry.ts";

/** As on the wire (workflows.ops.v1.RiskCode). */
type RiskCode =
  | "APPROVAL_REMOVED"
  | "APPROVAL_CHANGED"
  | "CHECK_REMOVED"
  | "UNDO_REMOVED"
  | "TIMEOUT_REMOVED"
  | "TRIGGER_CHANGED";

/** A change with a risk. */
interface VersionRisk {
  readonly code: RiskCode;
  /** "" for the version. */
  readonly stepId: string;
  /** A sentence. */
  readonly description: string;
}

/** Keys of config that say who approves, and how many of them. */
const APPROVAL_CONFIG = ["approvers", "required", "escalate_to", "allow_self_approval", "editable"];

/** The risks of replacing a version by another one, in the order of the older one's steps, then the trigger. */
export function versionRisks(before: VersionSpec, after: VersionSpec): VersionRisk[] {
  const steps = new Map(after.steps.map((step) => [step.id, step]));
  const risks = before.steps.flatMap((step) => stepRisks(step, steps.get(step.id)));
  const [was, is] = [triggerText(before.trigger), triggerText(after.trigger)];
  if (before.steps.length === 0 || was === is) return risks;
  const description = `Runs were started by ${was} and are now started by ${is}.`;
  return [...risks, { code: "TRIGGER_CHANGED", stepId: "", description }];
}

function stepRisks(before: StepDefinition, after: StepDefinition | undefined): VersionRisk[] {
  const { id: stepId } = before;
  const risks: VersionRisk[] = [];
  const add = (code: RiskCode, description: string) => risks.push({ code, stepId, description });
  const isGone = after?.stepType !== before.stepType;
  if (isGone && before.stepType === "APPROVAL_GATE") {
    add("APPROVAL_REMOVED", `Nobody is asked to approve at ${stepId} any more.`);
  } else if (isGone && before.stepType === "GOVERNANCE_CHECK") {
    add("CHECK_REMOVED", `Governance does not check at ${stepId} any more.`);
  }
  if (after === undefined) return risks;
  const changed = isGone || before.stepType !== "APPROVAL_GATE" ? [] : changedKeys(before, after);
  if (changed.length > 0) {
    add("APPROVAL_CHANGED", `The approval at ${stepId} has another ${changed.join(" and ")}.`);
  }
  const { compensationStepId: undo } = before;
  const undoNow = after.compensationStepId;
  if (undo !== "" && undoNow !== undo) {
    const now = undoNow === "" ? "and is not undone now" : `and is undone by ${undoNow} now`;
    add("UNDO_REMOVED", `${stepId} was undone by ${undo} ${now}.`);
  }
  if (mayWaitForever(after) && before.timeoutSeconds > 0 && after.timeoutSeconds === 0) {
    add("TIMEOUT_REMOVED", `${stepId} may wait for ever: its timeout is gone.`);
  }
  return risks;
}

function changedKeys(before: StepDefinition, after: StepDefinition): string[] {
  const differs = (key: string) =>
    textOf(ownValue(before.config, key)) !== textOf(ownValue(after.config, key));
  return APPROVAL_CONFIG.filter(differs);
}

function textOf(value: Json | undefined): string {
  return value === undefined ? "" : canonicalJson(value);
}

/** A person or an event ends it. */
function mayWaitForever({ stepType }: StepDefinition): boolean {
  const facts = factsOf(stepType);
  return facts?.isTask === true || facts?.isDecision === true || facts?.waitsForEvents === true;
}

function triggerText({ triggerType, written: _, ...fields }: TriggerDefinition): string {
  const set = Object.values(fields).filter((value) => value !== "");
  return set.length === 0 ? triggerType : `${triggerType} (${set.join(", ")})`;
}
