/** Faults of config: unknown keys, wrong values, templates inside. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { editDistance, isSingleEdit } from "../../../../src/engine/graph/nearest-name.ts";
import { parsePointInTime } from "../../../../src/engine/graph/point-in-time.ts";
import type { StepType } from "../../../../src/engine/steps/types.ts";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";

const sound: Readonly<Record<StepType, Partial<StepDefinition>>> = {
  AGENT_ACTION: {},
  APPROVAL_GATE: { actionType: "x" },
  GOVERNANCE_CHECK: { actionType: "x" },
  WAIT_FOR_EVENT: { eventTypePattern: "x" },
  BRANCH: {},
  PARALLEL: {},
  NOTIFICATION: { notificationChannel: "mail" },
  HUMAN_TASK: { name: "Task" },
};

function faultsOf(stepType: StepType, config: JsonObject, fields: Partial<StepDefinition> = {}) {
  const step = stepOf("s", { stepType, ...sound[stepType], config, ...fields });
  return checkVersion(versionOf([step, "next"], ["s -> next"]));
}

function fieldsOf(stepType: StepType, config: JsonObject): string[] {
  return faultsOf(stepType, config).map(({ field }) => field.replace("steps[0].config.", ""));
}

describe("keys", () => {
  const everyType = {
    on_error: "fallback",
    fallback_output: { a: 1 },
    timeout_action: "late",
    timeout_seconds: 5,
    title: "T",
  };
  const own: Readonly<Record<StepType, JsonObject>> = {
    AGENT_ACTION: { instructions: "do", delegate: true, input: {}, anything: [1], else: null },
    APPROVAL_GATE: { approvers: ["u1", "{{ u }}"], required: 2, input: { a: "{{ b }}" } },
    GOVERNANCE_CHECK: { escalate_after_seconds: "{{ s }}", escalate_to: ["u2"], input: {} },
    WAIT_FOR_EVENT: { filter_expr: "n > 1", lookback_seconds: 0 },
    BRANCH: {},
    PARALLEL: { required: 1, cancel_remaining: false },
    NOTIFICATION: {
      recipient: "r",
      subject: "s",
      body: "b",
      priority: "PRIORITY_HIGH",
      blocking: true,
      input: {},
    },
    HUMAN_TASK: { instructions: "i", assignee: "a", output_schema: {}, input: {}, colour: "red" },
  };

  it.each(Object.entries(own))("accepts those of %s", (type, config) => {
    const stepType = Object.keys(sound).find((name): name is StepType => name === type);
    expect(faultsOf(stepType ?? "BRANCH", { ...everyType, ...config })).toEqual([]);
  });

  it("refuses an unknown key, names the one that is an edit away and all there are", () => {
    expect(faultsOf("NOTIFICATION", { recipent: "r" })).toEqual([
      {
        field: "steps[0].config.recipent",
        description:
          '"recipent" is no key of NOTIFICATION; the nearest is "recipient"; use "on_error", "fallback_output", ' +
          '"timeout_action", "timeout_seconds", "title", "input", "recipient", "subject", "body", "priority" or "blocking"',
      },
    ]);
  });

  it("says whose key it is when it is another type's", () => {
    expect(faultsOf("BRANCH", { cancel_remaining: true })[0]?.description).toBe(
      '"cancel_remaining" is a key of PARALLEL, not of BRANCH',
    );
    expect(fieldsOf("WAIT_FOR_EVENT", { input: {} })).toEqual(["input"]);
  });

  it.each(["AGENT_ACTION", "HUMAN_TASK"] as const)("takes parameters on %s", (type) => {
    expect(faultsOf(type, { on_eror: "stop" })[0]?.description).toContain('"on_error"');
    expect(fieldsOf(type, { titel: "T", Title: "T", inputs: {} })).toEqual([
      "titel",
      "Title",
      "inputs",
    ]);
    expect(fieldsOf(type, { filter_expr: "not { parsed", until: 3, __proto___: 1 })).toEqual([]);
  });

  it.each([
    ["retries", "retry_policy"],
    ["retry", "retry_policy"],
    ["timeout", "timeout_seconds"],
    ["due", "timeout_seconds"],
    ["depends_on", "edges"],
    ["when", "condition_expr"],
    ["condition", "condition_expr"],
  ])("%s means something elsewhere: the fault names %s", (key, place) => {
    for (const type of ["AGENT_ACTION", "HUMAN_TASK", "NOTIFICATION"] as const) {
      expect(faultsOf(type, { [key]: "x" })).toEqual([
        {
          field: `steps[0].config.${key}`,
          description: expect.stringMatching(
            new RegExp(`^"${key}" is no key of ${type}: .*${place}`),
          ),
        },
      ]);
    }
  });

  it("bounds the faults of a config full of unknown keys", () => {
    const config = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`k${at}`, 1]));
    expect(fieldsOf("BRANCH", config)).toHaveLength(51);
  });
});

describe("values", () => {
  const wrong: readonly (readonly [StepType, string, JsonObject[string]])[] = [
    ["BRANCH", "on_error", "retry"],
    ["BRANCH", "on_error", "STOP"],
    ["BRANCH", "fallback_output", [1]],
    ["BRANCH", "timeout_action", ""],
    ["BRANCH", "timeout_action", "{{ late }}"],
    ["BRANCH", "timeout_seconds", -1],
    ["BRANCH", "timeout_seconds", "5"],
    ["BRANCH", "title", 5],
    ["AGENT_ACTION", "delegate", "true"],
    ["AGENT_ACTION", "instructions", {}],
    ["AGENT_ACTION", "input", "{{ all }}"],
    ["APPROVAL_GATE", "approvers", "u1"],
    ["APPROVAL_GATE", "approvers", []],
    ["APPROVAL_GATE", "approvers", [1]],
    ["APPROVAL_GATE", "required", 0],
    ["APPROVAL_GATE", "required", 2],
    ["GOVERNANCE_CHECK", "escalate_to", "u2"],
    ["GOVERNANCE_CHECK", "escalate_to", [""]],
    ["WAIT_FOR_EVENT", "filter_expr", "n >"],
    ["WAIT_FOR_EVENT", "filter_expr", true],
    ["WAIT_FOR_EVENT", "lookback_seconds", -1],
    ["PARALLEL", "required", 1.5],
    ["PARALLEL", "required", "{{ n }}"],
    ["PARALLEL", "cancel_remaining", 0],
    ["NOTIFICATION", "priority", "asap"],
    ["NOTIFICATION", "blocking", "yes"],
    ["NOTIFICATION", "body", null],
    ["HUMAN_TASK", "output_schema", "object"],
  ];

  it.each(wrong)("%s refuses %s: %j", (type, key, value) => {
    expect(fieldsOf(type, { [key]: value })).toEqual([key]);
  });

  const noPattern = { eventTypePattern: "" };
  const wrongTimes: JsonObject[] = [
    { delay_seconds: -1 },
    { delay_seconds: "5" },
    { until: "tomorrow" },
  ];
  it.each(wrongTimes)("WAIT_FOR_EVENT refuses %j", (config) => {
    expect(faultsOf("WAIT_FOR_EVENT", config, noPattern)).toHaveLength(1);
  });

  const times: JsonObject[] = [
    { delay_seconds: 0.5 },
    { delay_seconds: "{{ n }}" },
    { until: "{{ due }}" },
  ];
  it.each(times)("WAIT_FOR_EVENT accepts %j", (config) => {
    expect(faultsOf("WAIT_FOR_EVENT", config, noPattern)).toEqual([]);
  });

  it("needs a fallback_output for on_error fallback", () => {
    expect(fieldsOf("BRANCH", { on_error: "fallback" })).toEqual(["fallback_output"]);
  });

  const people = (count: number) => Array.from({ length: count }, (_, at) => `u${at}`);
  const wrongApprovals: [JsonObject, string[]][] = [
    [{ approvers: ["u1", "u2"], required: 3 }, ["required"]],
    [{ approvers: ["u1", "u2", "u1"] }, ["approvers[2]"]],
    [{ approvers: people(21) }, ["approvers"]],
    [{ approvers: ["u1"], escalate_to: ["u2", "u1", "u2"] }, ["escalate_to[1]", "escalate_to[2]"]],
    [{ escalate_to: people(21) }, ["escalate_to"]],
    [{ escalate_after_seconds: 5 }, ["escalate_to"]],
    [{ escalate_after_seconds: 0, escalate_to: ["u1"] }, ["escalate_after_seconds"]],
    [{ escalate_after_seconds: -1, escalate_to: ["u1"] }, ["escalate_after_seconds"]],
  ];
  it.each(wrongApprovals)("gates refuse %j", (config, fields) => {
    expect(fieldsOf("APPROVAL_GATE", config)).toEqual(fields);
    expect(fieldsOf("GOVERNANCE_CHECK", config)).toEqual(fields);
  });

  it.each<[JsonObject, string[]]>([
    [{ editable: ["a", "b.c", "a"] }, ["editable[2]"]],
    [{ editable: ["a.b", "a"] }, ["editable[0]"]],
    [{ editable: people(51) }, ["editable"]],
    [{ editable: ["a"], approvers: ["u1", "u2"] }, ["editable"]],
    [{ editable: ["a"], approvers: ["u1", "u2"], required: 1 }, []],
    [{ editable: ["a"], approvers: ["u1"], escalate_to: ["u2"] }, []],
  ])(
    "a gate with %j has the faults %j; a check has no fields that are edited",
    (config, fields) => {
      expect(fieldsOf("APPROVAL_GATE", config)).toEqual(fields);
      expect(fieldsOf("GOVERNANCE_CHECK", { editable: ["a"] })).toEqual(["editable"]);
    },
  );

  it("a gate takes 20 approvers and 20 to escalate to", () => {
    const [approvers, others] = [people(40).slice(0, 20), people(40).slice(20)];
    expect(fieldsOf("APPROVAL_GATE", { approvers, required: 20, escalate_to: others })).toEqual([]);
  });

  it("refuses two timeouts that differ", () => {
    const fields = { timeoutSeconds: 5 };
    expect(faultsOf("BRANCH", { timeout_seconds: 6 }, fields)).toHaveLength(1);
    expect(faultsOf("BRANCH", { timeout_seconds: 5 }, fields)).toEqual([]);
  });

  it.each(["q", "eu.mails*", "Rechnungen für Köln", "x".repeat(64)])(
    "takes the queue %s",
    (queue) => {
      expect(faultsOf("AGENT_ACTION", { queue }, { agentId: "" })).toEqual([]);
    },
  );

  it.each([
    ["x".repeat(65), "1 to 64 characters"],
    [" q", "begin or end with a space"],
    ["a\nb", "control characters"],
    ["{{ name }}", "known when a version is published"],
    [7, "must be a text"],
  ])("refuses the queue %j", (queue, problem) => {
    expect(faultsOf("AGENT_ACTION", { queue }, { agentId: "" })).toEqual([
      { field: "steps[0].config.queue", description: expect.stringContaining(problem) },
    ]);
  });
});

describe("templates in config", () => {
  it("reports every text that does not parse, with its path", () => {
    const config = {
      title: "{{ n + }}",
      input: { deep: ["ok", "{{ ( }}"] },
      on_error: "fallback",
      fallback_output: { text: "{{ open" },
      parameter: { list: [{ text: "{{ 1 + }}" }] },
    };
    expect(fieldsOf("AGENT_ACTION", config).sort()).toEqual([
      "fallback_output.text",
      "input.deep[1]",
      "parameter.list[0].text",
      "title",
    ]);
  });

  it("takes an output_schema as it is", () => {
    const output_schema = { pattern: "{{ not a template" };
    expect(faultsOf("HUMAN_TASK", { output_schema })).toEqual([]);
  });
});

describe("names that are near", () => {
  it.each([
    ["title", "title", 0],
    ["titel", "title", 1],
    ["tite", "title", 1],
    ["titles", "title", 1],
    ["Title", "title", 1],
    ["onError", "on_error", 2],
    ["", "abc", 3],
    ["", "a", 1],
    ["aab", "ab", 1],
    ["abab", "abba", 1],
    ["abcd", "badc", 2],
    ["abc", "cba", 2],
    [`${"x".repeat(64)}a`, `${"x".repeat(64)}b`, 0],
  ])("%j and %j are %i edits apart", (one, other, edits) => {
    expect(editDistance(one, other)).toBe(edits);
    expect(isSingleEdit(one, other)).toBe(edits === 1);
  });
});

describe("points in time", () => {
  it.each([
    ["2030-01-31T08:00:00Z", "2030-01-31T08:00:00.000Z"],
    ["2030-01-31t08:00:00.1234567z", "2030-01-31T08:00:00.123Z"],
    ["2030-01-31 08:00:00+02:30", "2030-01-31T05:30:00.000Z"],
    ["2029-12-31T23:00:00-02:00", "2030-01-01T01:00:00.000Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    // The first and the last that Postgres, JSON and protobuf can write.
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    ["9999-12-31T23:59:59.999+00:01", "9999-12-31T23:58:59.999Z"],
  ])("reads %s", (text, expected) => {
    expect(new Date(parsePointInTime(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each([
    "2030-02-30T00:00:00Z",
    "2030-13-01T00:00:00Z",
    "2030-01-31T24:00:00Z",
    "2030-01-31T08:00:00",
    "2030-01-31",
    "tomorrow",
    "0000-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59.999-00:01",
    "9999-12-31T23:59:59-01:00",
  ])("refuses %s", (text) => {
    expect(parsePointInTime(text)).toBeUndefined();
  });
});
