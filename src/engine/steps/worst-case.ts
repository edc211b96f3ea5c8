/**
 * How long a run of a version takes at most, and how many attempts of agents and workers it makes at most.
 * Boundary: pure; a version without faults. Says what the version says, and nothing where the input, a person or another workflow decides.
 * Not counted: a paused run, undos, attempts that somebody asks for by hand, and services that are away.
 */
import { isCompensation, type Links, linkSteps } from "../graph/links.ts";
import { topologicalOrder } from "../graph/topological-order.ts";
import type { RetryPolicy, StepDefinition, VersionSpec } from "../values/definition.ts";
import { ownValue } from "../values/json.ts";
import { workflowOf } from "./child-runs/setting.ts";
import { factsOf } from "./registry.ts";
import type { StepType } from "./types.ts";

/** The worst case of a version. */
export interface WorstCase {
  /** From the start of a run to its end; unset: steps of `endlessStepIds` may take as long as they like. */
  readonly seconds?: number;
  /** Of agents and workers: what runs pay for. Unset: a step starts other runs, whose attempts their own version says. */
  readonly attempts?: number;
  /** Steps without an end of their own, in the order of the version. */
  readonly endlessStepIds: readonly string[];
}

/** The longest wait between two attempts: a day. */
const MAX_BACKOFF_SECONDS = 86_400;
/** Types whose attempts may last until their timeout and be repeated. A person may say of each that it failed. */
const REPEATED: readonly (StepType | "UNSPECIFIED")[] = [
  "AGENT_ACTION",
  "GOVERNANCE_CHECK",
  "NOTIFICATION",
  "HUMAN_TASK",
];

/** The worst case; linear in steps and edges. */
export function worstCaseOf(spec: VersionSpec): WorstCase {
  const links = linkSteps(spec);
  const mine = spec.steps.map((_, index) => !isCompensation(links, index));
  const order = topologicalOrder(links);
  const alone = spec.steps.map((step) => secondsOf(step, spec));
  const own = withinParallels(spec, links, order, alone);
  const endlessStepIds = spec.steps.flatMap(({ id }, index) =>
    mine[index] && own[index] === undefined ? [id] : [],
  );
  const stepSeconds = endlessStepIds.length > 0 ? undefined : slowestPath(spec, links, order, own);
  const { timeoutSeconds } = spec;
  const seconds =
    timeoutSeconds > 0 ? Math.min(timeoutSeconds, stepSeconds ?? timeoutSeconds) : stepSeconds;
  const attempts = attemptsOf(
    spec,
    spec.steps.filter((_, index) => mine[index]),
  );
  return {
    ...(seconds === undefined ? {} : { seconds }),
    ...(attempts === undefined ? {} : { attempts }),
    endlessStepIds,
  };
}

function attemptsOf(spec: VersionSpec, steps: readonly StepDefinition[]): number | undefined {
  const working = steps.filter(({ stepType }) => factsOf(stepType)?.hasAgent === true);
  if (working.some((step) => workflowOf(step) !== undefined)) return undefined;
  return working.reduce((sum, step) => sum + 1 + retriesOf(step, spec), 0);
}

/** When the last step ends. A PARALLEL lasts as long as the slowest of its children, which begin with it. */
function slowestPath(
  spec: VersionSpec,
  links: Links,
  order: readonly number[],
  own: readonly (number | undefined)[],
): number {
  const lasts = spec.steps.map(() => 0);
  // A child may be a PARALLEL itself: children come first.
  for (const index of order.toReversed()) {
    const children = childrenOf(links, index).map((child) => lasts[child] ?? 0);
    const longest = Math.max(own[index] ?? 0, ...children);
    const limit = timeoutOf(spec.steps[index]);
    lasts[index] = children.length > 0 && limit > 0 ? Math.min(limit, longest) : longest;
  }
  const begins = spec.steps.map(() => 0);
  let last = 0;
  for (const index of order) {
    const begin = begins[index] ?? 0;
    const end = begin + (lasts[index] ?? 0);
    if (!isCompensation(links, index)) last = Math.max(last, end);
    for (const edge of links.outgoing[index] ?? []) {
      const { to, role } = links.edges[edge] ?? { to: -1, role: "success" };
      begins[to] = Math.max(begins[to] ?? 0, role === "child" ? begin : end);
    }
  }
  return last;
}

/** The seconds of steps where the timeout of a PARALLEL cancels its children. */
function withinParallels(
  spec: VersionSpec,
  links: Links,
  order: readonly number[],
  own: readonly (number | undefined)[],
): (number | undefined)[] {
  const within = [...own];
  const limits = spec.steps.map(() => Number.POSITIVE_INFINITY);
  for (const index of order) {
    const limit = limits[index] ?? Number.POSITIVE_INFINITY;
    const step = spec.steps[index];
    if (limit < Number.POSITIVE_INFINITY) within[index] = Math.min(own[index] ?? limit, limit);
    if (ownValue(step?.config ?? {}, "cancel_remaining") === false) continue;
    const ofChildren = Math.min(limit, timeoutOf(step) || limit);
    for (const child of childrenOf(links, index)) limits[child] = ofChildren;
  }
  return within;
}

function childrenOf(links: Links, index: number): number[] {
  return (links.outgoing[index] ?? []).flatMap((edge) => {
    const link = links.edges[edge];
    return link?.role === "child" ? [link.to] : [];
  });
}

/** From a step's begin to its end; undefined: nothing in the version says. */
function secondsOf(step: StepDefinition, spec: VersionSpec): number | undefined {
  // What is held ends when somebody ends it.
  if (ownValue(step.config, "on_error") === "hold") return undefined;
  const seconds = attemptSeconds(step);
  const isRepeated = REPEATED.includes(step.stepType) && timeoutOf(step) > 0;
  return isRepeated && seconds !== undefined ? withRetries(seconds, step, spec) : seconds;
}

/** What one attempt of a step takes at most; undefined: nothing in the version says. */
export function attemptSeconds(step: StepDefinition): number | undefined {
  const { config, stepType } = step;
  if (factsOf(stepType)?.isInstant === true && ownValue(config, "blocking") !== true) return 0;
  const timeout = timeoutOf(step);
  if (timeout > 0) return timeout;
  const delay = ownValue(config, "delay_seconds");
  if (typeof delay === "number") return delay;
  const escalates = ownValue(config, "escalate_after_seconds");
  if (stepType !== "APPROVAL_GATE" || typeof escalates !== "number") return undefined;
  const to = ownValue(config, "escalate_to");
  return escalates * (1 + (Array.isArray(to) ? to.length : 0));
}

/** Attempts that each last until their timeout, and the waits between them. */
function withRetries(timeout: number, step: StepDefinition, spec: VersionSpec): number {
  const { maxRetries = 0, ...policy } = policyOf(step, spec) ?? {};
  return timeout * (1 + maxRetries) + waitsOf(maxRetries, policy);
}

/** The sum of the waits before so many retries: each is the one before times a factor, 10 % longer by the jitter, a day at most. */
function waitsOf(
  retries: number,
  { backoffSeconds = 0, backoffMultiplier = 1 }: Partial<RetryPolicy>,
): number {
  const first = (backoffSeconds * 11) / 10;
  const factor = Math.max(1, backoffMultiplier);
  if (first === 0) return 0;
  if (factor === 1 || first >= MAX_BACKOFF_SECONDS) {
    return retries * Math.min(first, MAX_BACKOFF_SECONDS);
  }
  const below = Math.ceil(Math.log(MAX_BACKOFF_SECONDS / first) / Math.log(factor));
  const growing = Math.min(retries, Math.max(1, below));
  const sum = growing <= 1 ? growing * first : (first * (factor ** growing - 1)) / (factor - 1);
  return sum + (retries - growing) * MAX_BACKOFF_SECONDS;
}

function retriesOf(step: StepDefinition, spec: VersionSpec): number {
  return policyOf(step, spec)?.maxRetries ?? 0;
}

function policyOf(step: StepDefinition, { defaultRetryPolicy }: VersionSpec) {
  return step.retryPolicy ?? defaultRetryPolicy;
}

function timeoutOf(step: StepDefinition | undefined): number {
  const inConfig = step === undefined ? undefined : ownValue(step.config, "timeout_seconds");
  return typeof inConfig === "number" ? inConfig : (step?.timeoutSeconds ?? 0);
}
