/**
 * Random versions: 2 to 60 steps of every type, with labels, conditions, policies, timeouts and compensations.
 * Boundary: what is made here passes checkVersion; the caller checks only a part of them, because a check is expensive.
 */

import type { StepType } from "../../../src/engine/steps/types.ts";
import type {
  EdgeDefinition,
  RetryPolicy,
  StepDefinition,
  VersionSpec,
} from "../../../src/engine/values/definition.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { triggerOf } from "../builders/version-spec.ts";
import { edge, step } from "../engine/engine-run.ts";
import type { RandomNumbers } from "./random-numbers.ts";

/** What every run is given; the conditions below read it. */
export const RUN_INPUT: JsonObject = { n: 1, tier: "gold" };

const TYPES: readonly StepType[] = [
  "AGENT_ACTION",
  "AGENT_ACTION",
  "AGENT_ACTION",
  "HUMAN_TASK",
  "APPROVAL_GATE",
  "GOVERNANCE_CHECK",
  "NOTIFICATION",
  "PARALLEL",
  "PARALLEL",
  "BRANCH",
  "BRANCH",
  "WAIT_FOR_EVENT",
];
const COMPENSATING: readonly StepType[] = [
  "AGENT_ACTION",
  "AGENT_ACTION",
  "HUMAN_TASK",
  "APPROVAL_GATE",
  "GOVERNANCE_CHECK",
  "NOTIFICATION",
];
/** Labels that edges of a type may have; `late` is the timeout_action of some steps. */
const LABELS: Readonly<Record<StepType, readonly string[]>> = {
  AGENT_ACTION: ["", "", "", "error", "timeout", "free", "late"],
  HUMAN_TASK: ["", "", "error", "timeout", "late"],
  APPROVAL_GATE: ["", "approved", "denied", "expired", "timeout", "error"],
  GOVERNANCE_CHECK: ["", "approved", "denied", "expired", "error"],
  NOTIFICATION: ["", "", "error", "free"],
  WAIT_FOR_EVENT: ["", "", "timeout", "error"],
  PARALLEL: ["", "", "", "free", "joined", "error", "timeout"],
  BRANCH: ["true", "false", "gold", "default", "error"],
};
const CONDITIONS = ["n > 0", "o >= 2", "missing == 1", 'tier == "gold"', "steps.s0.state != ''"];
const CHOICES = ["true", "n > 1", "tier", "missing.name", "n"];

/** A version; small ones are more frequent, for they reach their end in fewer happenings. */
export function randomVersion(random: RandomNumbers): VersionSpec {
  const share = (random.below(1000) / 1000) ** 4;
  const count = 2 + Math.round(58 * share);
  const types = Array.from({ length: count }, () => random.pick(TYPES) ?? "HUMAN_TASK");
  const edges = types.flatMap((_, to) => (to === 0 ? [] : edgesInto(random, types, to)));
  const steps = types.flatMap((type, index) => {
    const shown = forksToNowhere(type, `s${index}`, edges) ? "HUMAN_TASK" : type;
    const [made, ...compensation] = stepWithCompensation(random, shown, index);
    return made === undefined
      ? []
      : [requiringAtMost(childrenOf(made.id, edges), made), ...compensation];
  });
  return {
    steps,
    edges: oneFallbackEach(types, edges).map((made) => possibleChoice(steps, made)),
    trigger: triggerOf(),
    timeoutSeconds: random.chance(25) ? 5 + random.below(60) : 0,
    author: "",
  };
}

/** Edges into a step from near steps before it; a child of a PARALLEL has no other. */
function edgesInto(random: RandomNumbers, types: readonly StepType[], to: number) {
  const edges: EdgeDefinition[] = [];
  const wanted = random.pick([0, 1, 1, 1, 1, 1, 2, 2, 2, 3]) ?? 1;
  const sources = new Set<number>();
  for (let n = 0; n < wanted; n += 1) sources.add(Math.max(0, to - 1 - random.below(7)));
  for (const from of sources) {
    const type = types[from] ?? "HUMAN_TASK";
    const label = random.pick(LABELS[type]) ?? "";
    const isChild = type === "PARALLEL" && (label === "" || label === "free");
    const shown = isChild && edges.length > 0 ? "joined" : label;
    // A labelled choice of a BRANCH is by its label alone.
    const condition = type === "BRANCH" || random.chance(80) ? "" : random.pick(CONDITIONS);
    edges.push(edge(`s${from}>s${to}`, shown, condition));
    if (isChild) break;
  }
  return edges;
}

function oneFallbackEach(types: readonly StepType[], edges: EdgeDefinition[]): EdgeDefinition[] {
  const seen = new Set<string>();
  return edges.map((made) => {
    const isBranch = types[Number(made.fromStepId.slice(1))] === "BRANCH";
    if (!isBranch || made.label !== "default") return made;
    if (seen.has(made.fromStepId)) return { ...made, label: "true" };
    seen.add(made.fromStepId);
    return made;
  });
}

/** A BRANCH whose choice is true or false has no edge for another value. */
function possibleChoice(steps: readonly StepDefinition[], made: EdgeDefinition): EdgeDefinition {
  const source = steps.find(({ id }) => id === made.fromStepId);
  if (source?.stepType !== "BRANCH" || !["true", "false", "gold"].includes(made.label)) return made;
  if (source.conditionExpr === "true") return { ...made, label: "true" };
  return source.conditionExpr === "n > 1" && made.label === "gold"
    ? { ...made, label: "false" }
    : made;
}

/** A fork whose edges all came to nothing becomes an ordinary step, for which its labels are free text. */
function forksToNowhere(type: StepType, id: string, edges: readonly EdgeDefinition[]): boolean {
  if (type !== "PARALLEL" && type !== "BRANCH") return false;
  const labels = edges.filter(({ fromStepId }) => fromStepId === id).map(({ label }) => label);
  if (type === "BRANCH") return !labels.some((label) => label !== "error");
  return !labels.some((label) => label === "" || label === "free");
}

function childrenOf(id: string, edges: readonly EdgeDefinition[]): number {
  const labels = edges.filter(({ fromStepId }) => fromStepId === id).map(({ label }) => label);
  return labels.filter((label) => label === "" || label === "free").length;
}

/** A PARALLEL requires no more than it has children. */
function requiringAtMost(children: number, made: StepDefinition): StepDefinition {
  const { required } = made.config;
  if (made.stepType !== "PARALLEL" || typeof required !== "number") return made;
  return { ...made, config: { ...made.config, required: Math.min(required, children) } };
}

function stepWithCompensation(
  random: RandomNumbers,
  type: StepType,
  index: number,
): StepDefinition[] {
  const id = `s${index}`;
  const isCompensated = random.chance(30);
  const made = stepOf(random, id, type, isCompensated ? `undo-${id}` : "");
  if (!isCompensated) return [made];
  const compensation = stepOf(random, `undo-${id}`, random.pick(COMPENSATING) ?? "HUMAN_TASK", "");
  return [made, compensation];
}

function stepOf(random: RandomNumbers, id: string, type: StepType, compensationStepId: string) {
  const common = {
    id,
    name: id,
    stepType: type,
    compensationStepId,
    ...(random.chance(40) ? { retryPolicy: retriesOf(random) } : {}),
    ...(random.chance(25) ? { timeoutSeconds: 1 + random.below(20) } : {}),
  };
  const config = settingsOf(random);
  switch (type) {
    case "AGENT_ACTION": {
      if (random.chance(20)) return step({ ...common, requiredCapability: "c", config });
      if (random.chance(20)) {
        const workflow = { name: "child", ...(random.pick(LISTS) ?? {}) };
        return step({ ...common, config: { ...config, workflow } });
      }
      const delegated = random.chance(35) ? { ...config, delegate: true } : config;
      return step({ ...common, agentId: "a", config: reshaped(random, delegated) });
    }
    case "HUMAN_TASK":
      return step({ ...common, config: reshaped(random, config) });
    case "APPROVAL_GATE":
    case "GOVERNANCE_CHECK":
      return step({ ...common, actionType: "t", config: { ...config, ...approversOf(random) } });
    case "NOTIFICATION": {
      const blocking = random.chance(50);
      return step({ ...common, notificationChannel: "c", config: { ...config, blocking } });
    }
    case "PARALLEL": {
      const required: JsonObject = random.chance(40) ? { required: 1 + random.below(3) } : {};
      const keeps: JsonObject = random.chance(25) ? { cancel_remaining: false } : {};
      return step({ ...common, config: { ...config, ...required, ...keeps } });
    }
    case "BRANCH":
      return step({ ...common, conditionExpr: random.pick(CHOICES) ?? "true", config });
    case "WAIT_FOR_EVENT": {
      if (random.chance(50)) {
        return step({ ...common, config: { ...config, delay_seconds: random.below(20) } });
      }
      const filter: JsonObject = random.chance(40) ? { filter_expr: "k == 1" } : {};
      return step({ ...common, eventTypePattern: "came.*", config: { ...config, ...filter } });
    }
  }
}

/** One child run, or one for each item. */
const LISTS: readonly JsonObject[] = [
  {},
  { for_each: "[1, 2, 3]", max_parallel: 2, required: 2 },
  { for_each: "[1, 2, 3, 4]", max_parallel: 3 },
];

/** One approver, some of several, or a chain of escalations. */
function approversOf(random: RandomNumbers): JsonObject {
  if (random.chance(40)) return {};
  const approvers = ["a", "b", "c"].slice(0, 1 + random.below(3));
  const required = 1 + random.below(approvers.length);
  const escalation = { escalate_after_seconds: 1 + random.below(5), escalate_to: ["d", "e"] };
  return { approvers, required, ...(random.chance(50) ? escalation : {}) };
}

function retriesOf(random: RandomNumbers): RetryPolicy {
  const backoffSeconds = random.below(3);
  return { maxRetries: 1 + random.below(2), backoffSeconds, backoffMultiplier: 2 };
}

function settingsOf(random: RandomNumbers): JsonObject {
  const onError =
    random.pick(["stop", "stop", "continue", "fallback", "compensate", "hold"]) ?? "stop";
  const action = random.pick(["", "", "", "late", "continue"]) ?? "";
  return {
    on_error: onError,
    ...(onError === "fallback" ? { fallback_output: { o: 9 } } : {}),
    ...(action === "" ? {} : { timeout_action: action }),
  };
}

/** Some steps reshape their input; one in a while by an expression that fails. */
function reshaped(random: RandomNumbers, config: JsonObject): JsonObject {
  if (!random.chance(10)) return config;
  const text = random.chance(80) ? "{{ input.n }}" : "{{ missing }}";
  return { ...config, input: { x: text } };
}
