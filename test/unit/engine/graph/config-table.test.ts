/**
 * The table of config keys, cell by cell: what each key of each step type takes and refuses, and that a slip in its name
 * is reported with the name that was meant.
 * Boundary: the expected table is repeated here, independent of the code; only values, one key at a time.
 */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import type { StepType } from "../../../../src/engine/steps/types.ts";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import type { Json, JsonObject } from "../../../../src/engine/values/json.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";

interface Kind {
  readonly takes: readonly Json[];
  readonly refuses: readonly Json[];
}

const TOO_LONG = 2_147_483_648;
const no = (...values: Json[]): Json[] => [null, ...values];
const TEXT: Kind = { takes: ["x", "{{ n }} y"], refuses: no(1, true, ["x"], {}, "{{ n") };
const FLAG: Kind = { takes: [true, false], refuses: no("true", 1, "{{ n }}", []) };
const OBJECT: Kind = { takes: [{}, { a: "{{ n }}" }], refuses: no("x", 1, ["x"], "{{ n }}") };
const COUNT: Kind = { takes: [1], refuses: no(0, -1, 1.5, "1", "{{ n }}", true, [1]) };
const TEXTS: Kind = { takes: [["u1"]], refuses: no("u1", [], [""], [1], {}, "{{ n }}") };
const FIELDS: Kind = {
  takes: [["a"], ["a.b", "c"]],
  refuses: no("a", [], [""], ["a."], [".a"], ["a..b"], ["{{ n }}"], [1], {}),
};
const SECONDS: Kind = { takes: [0, 1.5], refuses: no(-1, TOO_LONG, "5", true, [1], {}) };
const FIXED_SECONDS: Kind = { ...SECONDS, refuses: [...SECONDS.refuses, "{{ n }}"] };
const GIVEN_SECONDS: Kind = { ...SECONDS, takes: [...SECONDS.takes, "{{ n }}"] };
const FILTER: Kind = { takes: ["n > 1"], refuses: no(true, 1, {}, "n >", "unknown_function(n)") };
const TIME: Kind = {
  takes: ["2030-01-31T08:00:00+01:00", "{{ due }}"],
  refuses: no(1, true, "", "tomorrow", "2030-02-30T00:00:00Z", "2030-01-31"),
};
const PRIORITY: Kind = {
  takes: ["low", "NORMAL", "PRIORITY_HIGH", "{{ p }}"],
  refuses: no("asap", 3, true, ["high"]),
};
const ON_ERROR: Kind = {
  takes: ["stop", "continue", "compensate"],
  refuses: no("", "Stop", "retry", "{{ n }}", 1, true),
};
const LABEL: Kind = { takes: ["continue", "late"], refuses: no("", "{{ n }}", 1, ["late"]) };

const everyType = {
  on_error: ON_ERROR,
  fallback_output: OBJECT,
  timeout_action: LABEL,
  timeout_seconds: FIXED_SECONDS,
  title: TEXT,
};
const task = { ...everyType, input: OBJECT, instructions: TEXT };
const gate = { ...everyType, input: OBJECT, approvers: TEXTS, required: COUNT };

const TABLE: Readonly<Record<StepType, Readonly<Record<string, Kind>>>> = {
  AGENT_ACTION: { ...task, delegate: FLAG },
  APPROVAL_GATE: { ...gate, editable: FIELDS },
  GOVERNANCE_CHECK: gate,
  WAIT_FOR_EVENT: {
    ...everyType,
    filter_expr: FILTER,
    lookback_seconds: GIVEN_SECONDS,
    delay_seconds: GIVEN_SECONDS,
    until: TIME,
  },
  BRANCH: everyType,
  PARALLEL: { ...everyType, required: COUNT, cancel_remaining: FLAG },
  NOTIFICATION: {
    ...everyType,
    ...{ input: OBJECT, recipient: TEXT, subject: TEXT, body: TEXT },
    ...{ priority: PRIORITY, blocking: FLAG },
  },
  HUMAN_TASK: { ...task, assignee: TEXT, output_schema: { ...OBJECT, takes: [{}] } },
};

const SOUND: Readonly<Partial<Record<StepType, Partial<StepDefinition>>>> = {
  APPROVAL_GATE: { actionType: "x" },
  GOVERNANCE_CHECK: { actionType: "x" },
  NOTIFICATION: { notificationChannel: "mail" },
  HUMAN_TASK: { name: "Task" },
};
const TAKES_PARAMETERS: readonly string[] = ["AGENT_ACTION", "HUMAN_TASK"];

const cells = Object.entries(TABLE).flatMap(([type, keys]) =>
  Object.entries(keys).map(([key, kind]) => [type, key, kind] as const),
);

function faultsOf(type: string, config: JsonObject) {
  const stepType = Object.keys(TABLE).find((name): name is StepType => name === type) ?? "BRANCH";
  const isTimer = "delay_seconds" in config || "until" in config;
  const pattern = stepType === "WAIT_FOR_EVENT" && !isTimer ? { eventTypePattern: "x" } : {};
  const step = stepOf("s", { stepType, ...SOUND[stepType], ...pattern, config });
  return checkVersion(versionOf([step, "next"], ["s -> next"]));
}

const fieldsOf = (type: string, config: JsonObject) =>
  faultsOf(type, config).map(({ field }) => field);

describe.each(Object.keys(TABLE))("%s", (type) => {
  const own = cells.filter(([of]) => of === type);

  it("takes what it should", () => {
    for (const [, key, { takes }] of own) {
      for (const value of takes) {
        expect([key, value, fieldsOf(type, { [key]: value })]).toEqual([key, value, []]);
      }
    }
  });

  it("refuses all else, each with its path", () => {
    const taken = own.flatMap(([, key, { refuses }]) =>
      refuses
        .filter((value) => !fieldsOf(type, { [key]: value }).includes(`steps[0].config.${key}`))
        .map((value) => [key, value]),
    );
    expect(taken).toEqual([]);
  });

  it("names the key that was meant when a name has a slip", () => {
    for (const [, key, { takes }] of own) {
      const slip = `${key.slice(0, 2)}${key.slice(3)}`;
      const [fault] = faultsOf(type, { [slip]: takes[0] ?? null });
      expect(fault).toEqual({
        field: `steps[0].config.${slip}`,
        description: expect.stringContaining(`"${key}"`),
      });
    }
  });

  it("refuses keys of other types, unless they are parameters", () => {
    for (const [, key, { takes }] of cells) {
      if (own.some(([, ownKey]) => ownKey === key)) continue;
      const found = fieldsOf(type, { [key]: takes[0] ?? null }).includes(`steps[0].config.${key}`);
      expect([key, found]).toEqual([key, !TAKES_PARAMETERS.includes(type)]);
    }
  });
});
