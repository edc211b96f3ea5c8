/**
 * The table of the file's short keys: which key of a step says what of the contract.
 * Boundary: names. Keys that are more than a name (`run`, `wait`, `branch`, `parallel`, `escalate`, `on_error`) have code in
 * special-keys.ts; keys that make edges are in paths.ts.
 * Invariant: a key whose key of `config` the engine does not have is none of the file's: the file follows the engine.
 */
import { valueKindOf } from "../engine/graph/config-keys.ts";
import type { StepType } from "../engine/steps/types.ts";
import type { StepDefinition } from "../engine/values/definition.ts";

/** The fields of a step that hold a text, by their names on the wire. */
export const TEXT_FIELDS = {
  name: "name",
  agent_id: "agentId",
  required_capability: "requiredCapability",
  action_type: "actionType",
  risk_level: "riskLevel",
  event_type_pattern: "eventTypePattern",
  event_subject_pattern: "eventSubjectPattern",
  notification_channel: "notificationChannel",
  notification_template: "notificationTemplate",
  condition_expr: "conditionExpr",
  prompt_name: "promptName",
  skill_id: "skillId",
} as const satisfies Readonly<Record<string, keyof StepDefinition>>;
/** The name of such a field on the wire. */
export type TextField = keyof typeof TEXT_FIELDS;

/** How a value is written: as it is, as a duration, as one text or a list, as a schema. */
export type Form = "plain" | "duration" | "texts" | "schema";

/** A short key: it stands for a field, or for a key of `config`. */
export type ShortKey =
  | { readonly key: string; readonly field: TextField; readonly about: string }
  | { readonly key: string; readonly config: string; readonly form: Form; readonly about: string };

/** A kind of step: the key that names it, its type, and the keys beside it. */
export interface StepKindRow {
  readonly type: StepType;
  /** What the value of the kind's own key stands for; unset where special-keys.ts reads it. */
  readonly own?: ShortKey;
  readonly beside: readonly ShortKey[];
}

function field(key: string, name: TextField, about: string): ShortKey {
  return { key, field: name, about };
}
function config(key: string, name: string, about: string, form: Form = "plain"): ShortKey {
  return { key, config: name, form, about };
}

const TITLE = config("title", "title", "What people see of the step: a text with `{{ }}`.");
const WITH = config("with", "input", "An object of `{{ }}` that replaces the step's input.");
const ACTION = field(
  "action",
  "action_type",
  "What is about to be done, such as `payments.charge`.",
);
const RISK = field("risk", "risk_level", "LOW, MEDIUM, HIGH or CRITICAL.");

const AGENT_KEYS: readonly ShortKey[] = [
  TITLE,
  WITH,
  ACTION,
  field(
    "prompt",
    "prompt_name",
    "The prompt, resolved through the label that the agent binds it to.",
  ),
  field("skill", "skill_id", "The skill that the agent follows."),
  config("delegate", "delegate", "true: delegate to the agent that is named, too."),
  config("instructions", "instructions", "What the agent is to do: a text with `{{ }}`."),
];
const EDITABLE = config(
  "editable",
  "editable",
  "Fields of the input that an approver may change, such as `customer.email`: one or a list.",
  "texts",
);
const APPROVAL_KEYS: readonly ShortKey[] = [
  WITH,
  ACTION,
  RISK,
  config("by", "approvers", "Who may approve: one or a list.", "texts"),
  config("required", "required", "How many of them must approve; all when unset."),
  EDITABLE,
  config(
    "self_approval",
    "allow_self_approval",
    "true: the person who initiated the run may approve.",
  ),
  config("remind", "remind_after_seconds", "When approvers are reminded.", "duration"),
];

/** The kinds of steps, in the order in which a fault lists them. */
export const STEP_KINDS: Readonly<Record<string, StepKindRow>> = {
  agent: {
    type: "AGENT_ACTION",
    own: field("agent", "agent_id", "The agent that does the work."),
    beside: AGENT_KEYS,
  },
  capability: {
    type: "AGENT_ACTION",
    own: field("capability", "required_capability", "A capability by which an agent is found."),
    beside: AGENT_KEYS,
  },
  queue: {
    type: "AGENT_ACTION",
    own: config("queue", "queue", "The queue whose workers do the work."),
    beside: [TITLE, WITH, ACTION],
  },
  run: { type: "AGENT_ACTION", beside: [TITLE, WITH] },
  approve: {
    type: "APPROVAL_GATE",
    own: config("approve", "title", "What is to be approved: a text with `{{ }}`."),
    beside: APPROVAL_KEYS,
  },
  check: {
    type: "GOVERNANCE_CHECK",
    own: field("check", "action_type", "The action that governance evaluates."),
    beside: [TITLE, ...APPROVAL_KEYS.filter((key) => key !== ACTION && key !== EDITABLE)],
  },
  wait: { type: "WAIT_FOR_EVENT", beside: [TITLE] },
  branch: { type: "BRANCH", beside: [TITLE] },
  parallel: {
    type: "PARALLEL",
    beside: [
      TITLE,
      config("required", "required", "How many children must succeed; all when unset."),
      config("cancel_remaining", "cancel_remaining", "false: children that are still open go on."),
    ],
  },
  notify: {
    type: "NOTIFICATION",
    own: field("notify", "notification_channel", "slack, email, webhook or in_app."),
    beside: [
      TITLE,
      WITH,
      config("to", "recipient", "Who gets the message."),
      config("subject", "subject", "The subject: a text with `{{ }}`."),
      config("body", "body", "The body: a text with `{{ }}`."),
      field("template", "notification_template", "A template of the notifications service."),
      config("priority", "priority", "LOW, NORMAL, HIGH or URGENT."),
      config(
        "blocking",
        "blocking",
        "true: the step waits until the message is sent, and can fail.",
      ),
    ],
  },
  task: {
    type: "HUMAN_TASK",
    own: config("task", "instructions", "What a person is to do: a text with `{{ }}`."),
    beside: [
      TITLE,
      WITH,
      config("assignee", "assignee", "Who does it: `user_…` or `group:…`."),
      config(
        "output",
        "output_schema",
        "What is handed in: a JSON Schema, or its short form.",
        "schema",
      ),
    ],
  },
};

/** What a step of a type cannot do without, in the words of a file. */
export const NEEDS: Partial<Record<StepType, string>> = {
  AGENT_ACTION:
    "needs exactly one of `agent: ID`, `capability: NAME`, `queue: NAME` and `run: NAME`",
  APPROVAL_GATE: "needs `action: NAME`, what is about to be done, or a `name:`",
  GOVERNANCE_CHECK: "needs the action that is evaluated: `check: NAME`",
  HUMAN_TASK: "needs a text of what is to be done: `task: TEXT`, or a `name:`",
  NOTIFICATION: "needs a channel, such as `notify: slack`, or a `template: NAME`",
  WAIT_FOR_EVENT:
    "needs a duration, a time or an event: `wait: 15m`, `wait: { until: TIME }` or `wait: { event: TYPE }`",
};

/** The short keys of a kind that the engine knows, its own key left out. */
export function keysBeside(kind: string): readonly ShortKey[] {
  const row = STEP_KINDS[kind];
  if (row === undefined) return [];
  return row.beside.filter(
    (each) => "field" in each || valueKindOf(row.type, each.config) !== undefined,
  );
}

/** The kinds that write steps of a type, the first one that fits first. */
export function kindsOf(type: StepType): readonly string[] {
  return Object.keys(STEP_KINDS).filter((kind) => STEP_KINDS[kind]?.type === type);
}
