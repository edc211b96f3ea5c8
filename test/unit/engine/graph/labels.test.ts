/** Labels of edges: which are outcomes, which are nearly, and which a BRANCH can give. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { STEP_FACTS } from "../../../../src/engine/steps/registry.ts";
import type { EdgeDefinition, StepDefinition } from "../../../../src/engine/values/definition.ts";
import { edgeOf, stepOf, versionOf } from "../../../support/builders/version-spec.ts";

const gate = stepOf("s", { stepType: "APPROVAL_GATE", actionType: "pay" });
const check = stepOf("s", { stepType: "GOVERNANCE_CHECK", actionType: "pay" });
const parallel = stepOf("s", { stepType: "PARALLEL" });
const agent = stepOf("s");

/** The faults of a step with one edge a label; an edge is written as its label or in full. */
function faultsOf(step: StepDefinition, labels: readonly (string | EdgeDefinition)[]): string[] {
  const edges = labels.map((label, at) =>
    typeof label === "string" ? { ...edgeOf(`s -> t${at}`), label } : label,
  );
  const targets = edges.map(({ toStepId }) => stepOf(toStepId));
  return checkVersion(versionOf([step, ...targets], edges)).map(
    ({ field, description }) => `${field}: ${description}`,
  );
}

describe("a typo does not pay a refused expense", () => {
  it("names the words that are possible on the gate", () => {
    expect(faultsOf(gate, ["approved", "rejected"])).toEqual([
      'edges[1].label: "rejected" is no outcome of the APPROVAL_GATE "s": ' +
        'use "approved", "denied", "expired", "timeout" or "error"',
    ]);
  });

  it.each([
    ...STEP_FACTS.APPROVAL_GATE.usualWords,
    "Denied",
    "DENIED",
    "denid",
    "denied ",
    "aproved",
  ])("%j is a fault on a gate and on a check, with a condition too", (label) => {
    for (const step of [gate, check]) {
      expect(faultsOf(step, [label])).toHaveLength(1);
    }
    if (STEP_FACTS.AGENT_ACTION.usualWords.includes(label)) return;
    const guarded = { ...edgeOf("s -> t0", "n > 1"), label };
    expect(faultsOf(gate, [guarded])).toHaveLength(1);
  });

  it.each(["Timed Out", "timed-out", "ACTION_DECISION_DENY"])(
    "%j is one in any spelling",
    (label) => {
      expect(faultsOf(gate, [label])).toHaveLength(1);
    },
  );

  it("free text on an APPROVAL_GATE is a fault beside an outcome, and fine alone", () => {
    expect(faultsOf(gate, ["denied", "pay it out"])).toEqual([
      expect.stringContaining("or no label for every good end"),
    ]);
    expect(faultsOf(gate, ["pay it out", "tell"])).toEqual([]);
    expect(faultsOf(gate, ["", "denied"])).toEqual([]);
    expect(faultsOf(check, ["denied", "pay it out"])).toEqual([]);
  });
});

describe("timeout, error and joined", () => {
  it.each(["Timeout", "timeouts", "timed_out", "timed out", "Error", "eror", "failed", "on_error"])(
    "%j is a fault on every step but a BRANCH",
    (label) => {
      for (const step of [agent, gate, check]) expect(faultsOf(step, [label])).toHaveLength(1);
      expect(faultsOf(parallel, ["", label])).toHaveLength(1);
    },
  );

  it("a condition allows a label that means failure, but not one that means a timeout", () => {
    const edge = edgeOf("s -> t0", "score < 5");
    expect(faultsOf(agent, [{ ...edge, label: "failed" }])).toEqual([]);
    expect(faultsOf(agent, [{ ...edge, label: "timed_out" }])).toHaveLength(1);
  });

  it.each(["Joined", "join", "joind"])("%j is a fault on a PARALLEL alone", (label) => {
    expect(faultsOf(parallel, ["", label])).toHaveLength(1);
    expect(faultsOf(agent, [label])).toEqual([]);
  });

  it("an outcome of other types is free text", () => {
    expect(faultsOf(agent, ["denied", "approved", "reject", "joined", "terra"])).toEqual([]);
  });

  it("the label of timeout_action has near misses as well, and needs no edge", () => {
    const escalating = stepOf("s", { config: { timeout_action: "escalate" } });
    expect(faultsOf(escalating, ["escalate"])).toEqual([]);
    expect(faultsOf(escalating, ["next"])).toEqual([]);
    expect(faultsOf(escalating, ["Escalate", "escalated"])).toHaveLength(2);
    const short = stepOf("s", { config: { timeout_action: "a" } });
    expect(faultsOf(short, ["b"])).toEqual([]);
  });
});

describe("labels that choose a value of a BRANCH", () => {
  const branch = (conditionExpr: string) => stepOf("s", { stepType: "BRANCH", conditionExpr });

  it.each([
    ["n > 1", ["true", "false"]],
    ["!a && (b || c)", ["true", "false"]],
    ["has(input.n)", ["true", "false"]],
    ["name.startsWith('x')", ["true", "false"]],
    ["l.exists(x, x > 1)", ["true", "false"]],
    ["l.exists_one(x, x > 1)", ["true", "false"]],
    ["n > 1 ? 'big' : n > 0 ? 'small' : 'none'", ["big", "small", "none"]],
    ["n > 1 ? 1 : 2.5", ["1", "2.5"]],
    ["n > 1 ? 'Error' : 'ok'", ["Error", "ok"]],
  ])("%s gives %j and nothing else", (condition, labels) => {
    expect(faultsOf(branch(condition), [...labels, "default"])).toEqual([]);
    expect(faultsOf(branch(condition), [...labels, "yes"])).toEqual([
      expect.stringContaining(`edges[${labels.length}].label: the BRANCH "s" never gives "yes"`),
    ]);
  });

  it.each(["tier", "n > 1 ? tier : 'none'", "l.map(x, x)", "size(l)"])(
    "what %s gives depends on data",
    (condition) => {
      expect(faultsOf(branch(condition), ["gold", "yes", "failed"])).toEqual([]);
    },
  );

  it("an edge with a condition has any name, but none that is nearly the fallback's", () => {
    const guarded = (label: string) => ({ ...edgeOf("s -> t0", "value == 'Error'"), label });
    expect(faultsOf(branch("n > 1"), [guarded("is an error")])).toEqual([]);
    expect(faultsOf(branch("tier"), [guarded("Default")])).toHaveLength(1);
    expect(faultsOf(branch("tier"), ["Default", "defualt", "Timeout"])).toHaveLength(3);
  });
});
