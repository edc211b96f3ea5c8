/** Random versions and random happenings, for property tests of the engine. */
import fc from "fast-check";
import type { ChildReport, ChildRun } from "../../src/engine/child-run.ts";
import type { EdgeDefinition, StepDefinition, VersionSpec } from "../../src/engine/definition.ts";
import type { CallValue, Effect } from "../../src/engine/effect.ts";
import { checkVersion } from "../../src/engine/graph/check.ts";
import type { JsonObject } from "../../src/engine/json.ts";
import { isFinalRun, type StepRun } from "../../src/engine/run.ts";
import { type EngineRun, edge, step, version } from "./engine-run.ts";

type Shape =
  | "agent"
  | "children"
  | "human"
  | "gate"
  | "governance"
  | "notify"
  | "parallel"
  | "branch"
  | "delay";
const SHAPES: readonly Shape[] = [
  "agent",
  "children",
  "human",
  "gate",
  "governance",
  "notify",
  "parallel",
  "branch",
  "delay",
];

interface Plan {
  readonly shapes: readonly Shape[];
  /** For each pair (from < to) a number that decides whether and how they are joined. */
  readonly links: readonly number[];
  readonly extras: readonly number[];
}

const plans = (maxSteps: number): fc.Arbitrary<Plan> =>
  fc.integer({ min: 2, max: maxSteps }).chain((n) =>
    fc.record({
      shapes: fc.array(fc.constantFrom(...SHAPES), { minLength: n, maxLength: n }),
      links: fc.array(fc.nat(999), { minLength: n * 2, maxLength: n * 2 }),
      extras: fc.array(fc.nat(999), { minLength: n, maxLength: n }),
    }),
  );

/** A checked version with 2 to `maxSteps` steps (compensations come on top). */
export function versions(maxSteps: number): fc.Arbitrary<VersionSpec> {
  return plans(maxSteps).map(build);
}

function build(plan: Plan): VersionSpec {
  const edges = edgesOf(plan);
  const steps: StepDefinition[] = [];
  for (const [i, planned] of plan.shapes.entries()) {
    const extra = plan.extras[i] ?? 0;
    const shape = forksToNowhere(planned, `s${i}`, edges) ? "human" : planned;
    const compensable =
      shape === "agent" || shape === "children" || shape === "human" || shape === "notify";
    const undone = compensable && extra % 3 === 0;
    steps.push(stepOf(`s${i}`, shape, extra, undone ? `undo-s${i}` : ""));
    if (undone) steps.push(stepOf(`undo-s${i}`, "agent", 1, ""));
  }
  const trigger = version([step({ id: "x" })]).trigger;
  const spec = { steps, edges, trigger, timeoutSeconds: 0, author: "" };
  const faults = checkVersion(spec);
  if (faults.length > 0) throw new Error(`the generator made ${JSON.stringify(faults)}`);
  return spec;
}

/** Edges from lower to higher steps that a check accepts: one default a branch, no second way into a child. */
function edgesOf(plan: Plan): EdgeDefinition[] {
  const edges: EdgeDefinition[] = [];
  const used = new Set<string>();
  const children = new Set<number>();
  const wired = new Set<number>();
  for (const [k, link] of plan.links.entries()) {
    const to = 1 + (k % (plan.shapes.length - 1));
    const from = link % to;
    const shape = plan.shapes[from] ?? "agent";
    const made = edgeOf(shape, from, to, link, k);
    const child = shape === "parallel" && made.label === "";
    const once = made.label === "default" ? `${from}/default` : `${from}>${to}/${made.label}`;
    if (used.has(once) || children.has(to) || (child && wired.has(to))) continue;
    if (child) children.add(to);
    used.add(once);
    wired.add(to);
    edges.push(made);
  }
  return edges;
}

/** A fork whose edges all came to nothing becomes an ordinary step. */
function forksToNowhere(shape: Shape, id: string, edges: readonly EdgeDefinition[]): boolean {
  const labels = edges.filter((e) => e.fromStepId === id).map((e) => e.label);
  if (shape === "parallel") return !labels.includes("");
  return shape === "branch" && !labels.some((label) => label !== "error");
}

function stepOf(id: string, shape: Shape, extra: number, compensationStepId: string) {
  const onError = (["stop", "continue", "fallback", "compensate"] as const)[extra % 4] ?? "stop";
  const config: JsonObject = { on_error: onError };
  if (onError === "fallback") config.fallback_output = { f: 1 };
  const retryPolicy = { maxRetries: extra % 3, backoffSeconds: extra % 2, backoffMultiplier: 2 };
  const common = { id, name: id, retryPolicy, config, compensationStepId };
  switch (shape) {
    case "agent":
      return extra % 5 === 0
        ? step({ ...common, stepType: "AGENT_ACTION", requiredCapability: "c" })
        : step({ ...common, stepType: "AGENT_ACTION", agentId: "a", timeoutSeconds: extra % 7 });
    case "children":
      return step({
        ...common,
        stepType: "AGENT_ACTION",
        timeoutSeconds: extra % 5,
        config: { ...config, workflow: { name: "child", ...LISTS[extra % LISTS.length] } },
      });
    case "human":
      return step({ ...common, stepType: "HUMAN_TASK", timeoutSeconds: extra % 4 });
    case "gate":
      return step({ ...common, stepType: "APPROVAL_GATE", actionType: "t" });
    case "governance":
      return step({ ...common, stepType: "GOVERNANCE_CHECK", actionType: "t" });
    case "notify":
      return step({
        ...common,
        stepType: "NOTIFICATION",
        notificationChannel: "slack",
        config: { ...config, blocking: extra % 2 === 0 },
      });
    case "parallel":
      return step({
        ...common,
        stepType: "PARALLEL",
        config: extra % 4 === 0 ? { required: 1 } : {},
      });
    case "branch":
      return step({
        ...common,
        stepType: "BRANCH",
        conditionExpr: extra % 2 === 0 ? "true" : "1 == 2",
      });
    case "delay":
      return step({ ...common, stepType: "WAIT_FOR_EVENT", config: { delay_seconds: extra % 3 } });
  }
}

const LISTS: readonly JsonObject[] = [
  {},
  { for_each: "[1, 2, 3]", max_parallel: 2, required: 2 },
  { for_each: "[1, 2, 3, 4]", max_parallel: 3 },
];

const LABELS: Readonly<Record<Shape, readonly string[]>> = {
  agent: ["", "", "error", "timeout", "free"],
  children: ["", "", "error", "timeout"],
  human: ["", "timeout", "error"],
  gate: ["approved", "denied", "", "expired"],
  governance: ["approved", "denied", ""],
  notify: ["", "error"],
  parallel: ["", "", "joined", "error"],
  branch: ["true", "false", "default", "error"],
  delay: ["", "timeout"],
};

function edgeOf(shape: Shape, from: number, to: number, link: number, k: number): EdgeDefinition {
  const labels = LABELS[shape];
  return edge(`s${from}>s${to}`, labels[(link + k) % labels.length] ?? "");
}

/** One random happening: the choice among what can happen now is made by the numbers. */
export interface Happening {
  readonly kind: number;
  readonly which: number;
  readonly how: number;
}
/** Random happenings; they always include enough answers that something moves. */
export const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.record({ kind: fc.nat(99), which: fc.nat(9999), how: fc.nat(9999) }),
  { maxLength: 80 },
);

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items.length === 0 ? undefined : items[which % items.length];
}

/** Lets one thing happen to a run: an answer, a report, time, or somebody's request. */
export function happen(run: EngineRun, { kind, which, how }: Happening): void {
  if (kind < 55) answerSome(run, which, how % 5 !== 0);
  else if (kind < 65) reportSome(run, which, how % 4 !== 0);
  else if (kind < 75) tellSome(run, which, how % 4 !== 0);
  else if (kind < 85) fireTimers(run, 1 + (how % 4) * 1000);
  else if (kind < 89) run.put({ kind: "pause_requested", reason: "" });
  else if (kind < 96) run.put({ kind: "resume_requested" });
  else if (kind < 98) run.put({ kind: "cancel_requested", reason: "" });
  else run.put({ kind: "compensate_requested", reason: "" });
}

/** Answers everything well until nothing is open: every run must come to an end this way. */
export function finish(run: EngineRun): void {
  for (let round = 0; round < 2_000; round += 1) {
    if (isFinalRun(run.run.state) && run.effects.size === 0) return;
    if (run.run.state === "PAUSED") run.put({ kind: "resume_requested" });
    const moved =
      answerSome(run, 0, true) ||
      reportSome(run, 0, true) ||
      tellSome(run, 0, true) ||
      fireTimers(run, 5_000);
    if (!moved && !isFinalRun(run.run.state)) {
      throw new Error(`stuck: ${run.run.state} ${run.states}`);
    }
  }
  throw new Error(`no end: ${run.run.state} ${run.states}`);
}

function answerSome(run: EngineRun, which: number, well: boolean): boolean {
  const effect = pick([...run.effects.values()], which);
  if (effect === undefined) return false;
  run.put({
    kind: "call_returned",
    effectId: effect.id,
    call: effect.call.kind,
    stepIndex: effect.stepIndex,
    attempt: effect.attempt,
    result: well ? { ok: true, value: answerOf(effect, which) } : { ok: false, message: "refused" },
  });
  return true;
}

function answerOf(effect: Effect, which: number): CallValue {
  switch (effect.call.kind) {
    case "look_up":
      return { kind: "look_up", resolution: { agentId: "found", skillId: "" } };
    case "create_objective":
      return { kind: "create_objective", objectiveId: `o-${effect.id}` };
    case "delegate":
      return { kind: "delegate", delegationId: `d-${effect.id}`, agentId: "" };
    case "read_output":
      return { kind: "read_output", output: { read: 1 } };
    case "query_usage":
      return { kind: "query_usage", costUsd: which % 3 };
    case "cancel_objective":
      return { kind: "cancel_objective" };
    case "start_run":
      return { kind: "start_run", runId: `r-${effect.id}` };
    case "cancel_run":
      return { kind: "cancel_run" };
    case "compensate_run":
      return { kind: "compensate_run", undone: which % 2 === 0 };
    case "tell_parent":
      return { kind: "tell_parent" };
    case "request_approval":
      return { kind: "request_approval", requestId: `r-${effect.id}`, autoApproved: false };
    case "evaluate_action": {
      const decision = ["ALLOW", "ALLOW", "DENY", "REQUIRE_APPROVAL", "UNSPECIFIED"][which % 5];
      return { kind: "evaluate_action", decision: decision ?? "ALLOW", riskLevel: "", reasons: [] };
    }
    case "send_notification":
      return { kind: "send_notification", notificationId: "n" };
  }
}

function openRows(run: EngineRun): StepRun[] {
  return [...run.rows.values()].filter((r) => r.state === "RUNNING" || r.state === "WAITING");
}

function reportSome(run: EngineRun, which: number, well: boolean): boolean {
  const row = pick(
    openRows(run).filter((r) => hears(run, r)),
    which,
  );
  if (row === undefined) return false;
  const stepIndex = row.index;
  if (row.objectiveId !== "") {
    const report = {
      owner: "objective",
      id: row.objectiveId,
      state: well ? "COMPLETED" : "FAILED",
      errorMessage: "",
      costUsd: which % 3 === 0 ? 0 : 0.1,
      agentId: "",
    } as const;
    run.put({ kind: "owner_reported", stepIndex, report: { ...report, output: { o: stepIndex } } });
    return true;
  }
  if (row.approvalRequestId !== "") {
    const decision = well ? "APPROVED" : "DENIED";
    const report = {
      requestId: row.approvalRequestId,
      decision,
      decidedBy: "x",
      reason: "",
      digest: "",
    };
    run.put({ kind: "approval_decided", stepIndex, report });
    return true;
  }
  const id = run.graph.steps[stepIndex]?.def.id ?? "";
  run.report(id, well ? "COMPLETED" : "FAILED", { output: { h: stepIndex }, costUsd: 0.2 });
  return true;
}

/** A child that was started ends, or its compensation does. */
function tellSome(run: EngineRun, which: number, well: boolean): boolean {
  const isUnderWay = ({ state }: ChildRun) => state === "open" || state === "undoing";
  const row = pick(run.children.filter(isUnderWay), which);
  if (row === undefined) return false;
  const { step: stepIndex, attempt, child, runId } = row;
  const isUndone = row.state === "undoing";
  const report: ChildReport = {
    ...{ stepIndex, attempt, child, runId, seq: row.seq + 1, errorMessage: "" },
    state: well && !isUndone ? "COMPLETED" : "FAILED",
    ...(well && !isUndone ? { output: { c: child } } : {}),
    costUsd: row.costUsd + 0.3,
    undoing: isUndone ? (well ? "done" : "failed") : "no",
  };
  run.put({ kind: "child_ended", report });
  return true;
}

/** Whether somebody outside holds this step open (else a call or a timer does). */
function hears(run: EngineRun, row: StepRun): boolean {
  const type = run.graph.steps[row.index]?.type;
  if (row.objectiveId !== "" || row.approvalRequestId !== "") return true;
  return type === "HUMAN_TASK" || (type === "GOVERNANCE_CHECK" && row.state === "WAITING");
}

function fireTimers(run: EngineRun, byMs: number): boolean {
  run.now += byMs;
  const due = openRows(run).filter((r) => (r.timeoutAtMs ?? r.wakeAtMs) !== undefined);
  for (const row of due) run.put({ kind: "step_due", stepIndex: row.index });
  return due.length > 0;
}
