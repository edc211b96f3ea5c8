/** Faults of single steps, triggers, policies and sizes. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { DEFAULT_VERSION_LIMITS as limits } from "../../../../src/engine/graph/check-limits.ts";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { edgeOf, stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";

function fieldsOf(spec: Parameters<typeof checkVersion>[0]): string[] {
  return checkVersion(spec).map(({ field }) => field);
}

/** Fields of the faults of one step, beside a plain one that makes edges and roots fine. */
function stepFields(fields: Partial<StepDefinition>): string[] {
  return fieldsOf(versionOf([stepOf("s", fields), "next"], ["s -> next"]));
}

describe("what a type needs", () => {
  it("refuses an unset type", () => {
    expect(stepFields({ stepType: "UNSPECIFIED" })).toEqual(["steps[0].step_type"]);
  });

  it("AGENT_ACTION: an agent or a capability", () => {
    expect(stepFields({ agentId: "" })).toEqual(["steps[0].agent_id"]);
    expect(stepFields({ agentId: "", requiredCapability: "crm" })).toEqual([]);
    expect(stepFields({ agentId: "a1", requiredCapability: "crm" })).toEqual([]);
  });

  it("AGENT_ACTION: not an agent and a worker", () => {
    const faults = checkVersion(versionOf([stepOf("s", { config: { queue: "q" } })]));
    expect(faults.map(({ description }) => description)).toEqual([
      expect.stringMatching(/exactly one of: .*config\.queue/),
    ]);
    const both = { config: { queue: "q", workflow: { name: "w" } }, agentId: "" };
    expect(stepFields(both)).toEqual(["steps[0].config.queue"]);
  });

  it("APPROVAL_GATE: an action_type or a name", () => {
    const stepType = "APPROVAL_GATE";
    expect(stepFields({ stepType })).toEqual(["steps[0].action_type"]);
    expect(stepFields({ stepType, actionType: "deal.close" })).toEqual([]);
    expect(stepFields({ stepType, name: "Close" })).toEqual([]);
  });

  it("GOVERNANCE_CHECK: an action_type", () => {
    const stepType = "GOVERNANCE_CHECK";
    expect(stepFields({ stepType, name: "Check" })).toEqual(["steps[0].action_type"]);
    expect(stepFields({ stepType, actionType: "deal.close" })).toEqual([]);
  });

  it("WAIT_FOR_EVENT: a pattern or a time", () => {
    const stepType = "WAIT_FOR_EVENT";
    expect(stepFields({ stepType })).toEqual(["steps[0].event_type_pattern"]);
    expect(stepFields({ stepType, eventTypePattern: "a.*" })).toEqual([]);
    expect(stepFields({ stepType, eventSubjectPattern: "a/>" })).toEqual([]);
    expect(stepFields({ stepType, config: { delay_seconds: 0 } })).toEqual([]);
    expect(stepFields({ stepType, config: { until: "2030-01-31T08:00:00Z" } })).toEqual([]);
  });

  it("WAIT_FOR_EVENT: only one of them", () => {
    const stepType = "WAIT_FOR_EVENT";
    const until = "2030-01-31T08:00:00Z";
    expect(stepFields({ stepType, config: { delay_seconds: 1, until } })).toEqual([
      "steps[0].config.until",
    ]);
    expect(stepFields({ stepType, eventTypePattern: "a", config: { delay_seconds: 1 } })).toEqual([
      "steps[0].config.delay_seconds",
    ]);
    expect(stepFields({ stepType, config: { delay_seconds: 1, filter_expr: "n > 1" } })).toEqual([
      "steps[0].config.filter_expr",
    ]);
  });

  it("NOTIFICATION: a channel or a template", () => {
    const stepType = "NOTIFICATION";
    expect(stepFields({ stepType })).toEqual(["steps[0].notification_channel"]);
    expect(stepFields({ stepType, notificationChannel: "mail" })).toEqual([]);
    expect(stepFields({ stepType, notificationTemplate: "won" })).toEqual([]);
  });

  it("HUMAN_TASK: instructions or a name", () => {
    const stepType = "HUMAN_TASK";
    expect(stepFields({ stepType })).toEqual(["steps[0].config.instructions"]);
    expect(stepFields({ stepType, name: "Call them" })).toEqual([]);
    expect(stepFields({ stepType, config: { instructions: "Call {{ name }}" } })).toEqual([]);
  });
});

describe("fields of a step", () => {
  it.each(["", "low", "HIGH", "RISK_LEVEL_CRITICAL", "risk_level_medium"])(
    "accepts the risk level %j",
    (riskLevel) => {
      expect(stepFields({ riskLevel })).toEqual([]);
    },
  );

  it("refuses another risk level", () => {
    expect(stepFields({ riskLevel: "huge" })).toEqual(["steps[0].risk_level"]);
  });

  it("refuses negative seconds", () => {
    expect(stepFields({ timeoutSeconds: -1 })).toEqual(["steps[0].timeout_seconds"]);
    expect(fieldsOf(versionOf(["a"], [], { timeoutSeconds: -1 }))).toEqual(["timeout_seconds"]);
  });

  it("refuses a retry policy out of range, of a step and of the version", () => {
    const wrong = { maxRetries: 1001, backoffSeconds: -1, backoffMultiplier: Number.NaN };
    const names = ["max_retries", "backoff_seconds", "backoff_multiplier"];
    expect(stepFields({ retryPolicy: wrong })).toEqual(
      names.map((name) => `steps[0].retry_policy.${name}`),
    );
    expect(fieldsOf(versionOf(["a"], [], { defaultRetryPolicy: wrong }))).toEqual(
      names.map((name) => `default_retry_policy.${name}`),
    );
  });

  it("accepts the ends of the ranges", () => {
    for (const maxRetries of [0, 1000]) {
      const retryPolicy = { maxRetries, backoffSeconds: 0, backoffMultiplier: 0 };
      expect(stepFields({ retryPolicy })).toEqual([]);
    }
  });

  it("refuses patterns, with and without templates", () => {
    const wait = (eventTypePattern: string, eventSubjectPattern: string) =>
      stepFields({ stepType: "WAIT_FOR_EVENT", eventTypePattern, eventSubjectPattern });
    expect(wait("a.b*", "a.>.b")).toEqual([
      "steps[0].event_type_pattern",
      "steps[0].event_subject_pattern",
    ]);
    expect(wait("a.{{ input.id }}", "deals/{{ id }}-x/>")).toEqual([]);
    expect(wait("", "deals/*{{ id }}")).toEqual(["steps[0].event_subject_pattern"]);
    expect(wait("", "deals/{{ id + }}")).toEqual(["steps[0].event_subject_pattern"]);
  });

  it("refuses a condition_expr that does not parse or costs too much", () => {
    const branch = (conditionExpr: string) => stepFields({ stepType: "BRANCH", conditionExpr });
    expect(branch("n >")).toEqual(["steps[0].condition_expr"]);
    expect(branch(Array.from({ length: 200 }, () => "n").join(" + "))).toEqual([
      "steps[0].condition_expr",
    ]);
  });

  it("refuses an expression that reads a step there is not", () => {
    expect(stepFields({ config: { title: '{{ steps["other"].output.n }}' } })).toEqual([
      "steps[0].config.title",
    ]);
  });
});

describe("triggers", () => {
  const triggerFields = (fields: Parameters<typeof triggerOf>[0]) =>
    fieldsOf(versionOf(["a"], [], { trigger: triggerOf(fields) }));

  it("refuses an EVENT trigger without type and subject", () => {
    expect(triggerFields({ triggerType: "EVENT" })).toEqual(["trigger.event_type"]);
    expect(triggerFields({ triggerType: "EVENT", eventSubject: "deals/>" })).toEqual([]);
  });

  it("accepts a WEBHOOK trigger for anything", () => {
    expect(triggerFields({ triggerType: "WEBHOOK" })).toEqual([]);
  });

  it("refuses patterns and filters that do not parse", () => {
    const fields = { eventType: "a.>.b", eventSubject: "a/{{ id }}", filterExpr: "n >" };
    expect(triggerFields({ triggerType: "EVENT", ...fields })).toEqual([
      "trigger.event_type",
      "trigger.event_subject",
      "trigger.filter_expr",
    ]);
  });

  it("refuses patterns that nothing would fit", () => {
    const fields = { eventType: "crm..deal", eventSubject: " deals/>" };
    expect(triggerFields({ triggerType: "EVENT", ...fields })).toEqual([
      "trigger.event_type",
      "trigger.event_subject",
    ]);
    const wait = { eventTypePattern: "crm.{{ kind }}.", eventSubjectPattern: "{{ id }} " };
    expect(stepFields({ stepType: "WAIT_FOR_EVENT", ...wait })).toEqual([
      "steps[0].event_type_pattern",
      "steps[0].event_subject_pattern",
    ]);
  });

  it("refuses wildcards, templates and blanks where tap facts are compared as they are", () => {
    const fields = { tapProvider: "gm*", tapEntityType: "{{ type }}", tapAction: "received " };
    expect(triggerFields({ triggerType: "WEBHOOK", ...fields })).toEqual([
      "trigger.tap_provider",
      "trigger.tap_entity_type",
      "trigger.tap_action",
    ]);
  });

  it("refuses a bad cron line, and a filter that has nothing to filter", () => {
    const fields = {
      triggerType: "SCHEDULE",
      cronExpr: "0 0 30 2 *",
      filterExpr: "n > 1",
    } as const;
    expect(triggerFields(fields)).toEqual(["trigger.cron_expr", "trigger.filter_expr"]);
    expect(triggerFields({ triggerType: "SCHEDULE", cronExpr: "@daily" })).toEqual([]);
  });

  it.each([
    ["EVENT", ["event_type", "event_subject", "filter_expr"]],
    ["SCHEDULE", ["cron_expr"]],
    ["MANUAL", []],
    ["WEBHOOK", ["tap_provider", "tap_entity_type", "tap_action", "filter_expr"]],
    ["WORKFLOW", ["parent_workflow_id"]],
  ] as const)(
    "a trigger of type %s takes %j and refuses what it does not read",
    (triggerType, own) => {
      const fields = {
        eventType: "a.b",
        eventSubject: "a/b",
        tapProvider: "mail",
        tapEntityType: "message",
        tapAction: "received",
        cronExpr: "@daily",
        parentWorkflowId: "wf_1",
        filterExpr: "n > 1",
      };
      const names = Object.keys(fields).map((field) =>
        field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      );
      const others = names.filter((name) => !own.some((each) => each === name));
      expect(triggerFields({ triggerType, ...fields })).toEqual(
        others.map((name) => `trigger.${name}`),
      );
    },
  );

  it("takes WORKFLOW as it is, without a filter", () => {
    const fields = { triggerType: "WORKFLOW", parentWorkflowId: "wf_1" } as const;
    expect(triggerFields(fields)).toEqual([]);
    expect(triggerFields({ ...fields, filterExpr: "n > 1" })).toEqual(["trigger.filter_expr"]);
  });
});

describe("sizes", () => {
  it("refuses too many steps, and edges, and looks no further", () => {
    const ids = Array.from({ length: 1001 }, (_, at) => `s${at}`);
    const edges = Array.from({ length: 5001 }, () => "s0 -> s0");
    expect(fieldsOf(versionOf(ids))).toEqual(["steps"]);
    expect(fieldsOf(versionOf(["s0"], edges))).toEqual(["edges"]);
    expect(checkVersion(versionOf(["a", "b"]), { ...limits, maxSteps: 1 })).toHaveLength(1);
  });

  it("refuses too many expressions in all, and does not read them", () => {
    const step = stepOf("a", { config: { title: "{{ a }}{{ ( }}", list: [{ x: "{{ b }}" }] } });
    const spec = versionOf([step, "b"], [edgeOf("a -> b", "n > 1")]);
    expect(checkVersion(spec, { ...limits, maxExpressions: 3 })).toEqual([
      { field: "steps", description: "a version has at most 3 expressions, this one has 4" },
    ]);
    expect(checkVersion(spec, { ...limits, maxExpressions: 4 })).toHaveLength(1);
  });

  it("refuses long texts, and texts with NUL", () => {
    expect(stepFields({ name: "n".repeat(1025), agentId: "a\u0000" })).toEqual([
      "steps[0].name",
      "steps[0].agent_id",
    ]);
    const label = edgeOf("a -> b");
    const edges = [{ ...label, label: "l".repeat(1025) }];
    expect(fieldsOf(versionOf(["a", "b"], edges))).toEqual(["edges[0].label"]);
    expect(fieldsOf(versionOf(["a"], [], { author: "\u0000" }))).toEqual(["author"]);
  });

  it("refuses a config that is too large, too deep or not storable", () => {
    let deep: JsonObject = {};
    for (let depth = 1; depth < 65; depth++) deep = { k: deep };
    expect(stepFields({ config: { text: "x".repeat(256 * 1024) } })).toEqual(["steps[0].config"]);
    expect(stepFields({ config: deep })).toHaveLength(1);
    expect(stepFields({ config: { list: ["ok", "\u0000"] } })).toEqual(["steps[0].config.list[1]"]);
  });
});
