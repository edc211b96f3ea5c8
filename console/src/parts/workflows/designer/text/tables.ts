/**
 * What the designer knows of the kinds of steps: the fields of their forms and the outcomes by which they go on.
 * Boundary: made from the tables of src/file and src/engine, so that a new key there is a field here. Plain values: they are sent.
 */
import { ON_ERROR, valueKindOf } from "../../../../../../src/engine/graph/config-keys.ts";
import { PRIORITIES, RISK_LEVELS } from "../../../../../../src/engine/graph/spellings.ts";
import { factsOf } from "../../../../../../src/engine/steps/registry.ts";
import type { StepType } from "../../../../../../src/engine/steps/types.ts";
import { keysBeside, type ShortKey, STEP_KINDS } from "../../../../../../src/file/step-keys.ts";

/** How a value is typed. */
type Control =
  | "text"
  | "long"
  | "expression"
  | "choice"
  | "flag"
  | "duration"
  | "count"
  | "lines"
  | "rows"
  | "schema";

/** A field of a form. */
export interface StepField {
  /** Its keys in the file, from the step on. */
  readonly path: readonly string[];
  readonly label: string;
  readonly about: string;
  readonly control: Control;
  /** Of a choice; of a text, what is offered. */
  readonly options: readonly string[];
  /** Seldom needed: it stands below the others. */
  readonly isMore: boolean;
}

/** What is known of a kind. */
interface KindTable {
  readonly fields: readonly StepField[];
  /** Labels that name how a step of the kind ends. */
  readonly outcomes: readonly string[];
}

export type Tables = Readonly<Record<string, KindTable>>;

/** Fields of which a text has several lines. */
const LONG = ["instructions", "body", "approve", "task"];
const OFFERED: Readonly<Record<string, readonly string[]>> = {
  notify: ["email", "slack", "webhook", "in_app"],
};

/** All kinds, by the keys of the file. */
export function makeTables(): Tables {
  return Object.fromEntries(
    Object.entries(STEP_KINDS).map(([kind, { type }]) => {
      const facts = factsOf(type);
      const outcomes = kind === "branch" ? ["true", "false", "default"] : [];
      return [
        kind,
        { fields: fieldsOf(kind), outcomes: [...outcomes, ...(facts?.outcomes ?? [])] },
      ];
    }),
  );
}

function fieldsOf(kind: string): StepField[] {
  const row = STEP_KINDS[kind];
  if (row === undefined) return [];
  const own = kind === "agent" || kind === "capability" ? ["agent", "capability"] : [kind];
  const keys = [...own.flatMap((each) => STEP_KINDS[each]?.own ?? []), ...keysBeside(kind)];
  const all = [...keys.map((key) => fieldOf(key, row.type)), ...(SPECIAL[kind] ?? [])];
  const [first, more] = [all.filter(({ isMore }) => !isMore), all.filter(({ isMore }) => isMore)];
  return [...first, ...more, ...EVERY];
}

function fieldOf(short: ShortKey, type: StepType): StepField {
  const { key, about } = short;
  const isMore = MORE.includes(key);
  const field = (control: Control, options: readonly string[] = OFFERED[key] ?? []) => ({
    ...{ path: [key], label: wordsOf(key), about: withKey(about, key), control, options, isMore },
  });
  if (key === "risk") return field("choice", RISK_LEVELS);
  if ("field" in short) return field("text");
  if (short.form === "duration") return field("duration");
  if (short.form === "texts") return field("lines");
  if (short.form === "schema") return field("schema");
  switch (valueKindOf(type, short.config)) {
    case "flag":
      return field("flag");
    case "count":
      return field("count");
    case "priority":
      return field("choice", PRIORITIES);
    case "object":
      return field("rows");
    default:
      return field(LONG.includes(key) ? "long" : "text");
  }
}

const MORE = ["title", "prompt", "skill", "delegate", "self_approval", "template", "remind"];

/** Of keys that are short in the file. */
const LABELS: Readonly<Record<string, string>> = {
  ...{ approve: "Request", by: "Approvers", check: "Action", editable: "Editable fields" },
  ...{ remind: "Remind after", self_approval: "Self-approval", with: "Input" },
  ...{ notify: "Channel", to: "Recipient", body: "Message", branch: "Expression" },
  ...{ run: "Workflow", for_each: "For each item of", max_parallel: "Runs at the same time" },
  ...{ wait: "Duration", "wait event": "Event type", "wait subject": "Event subject" },
  ...{ "wait when": "Event filter", "wait until": "Time", "retry max": "Retries" },
};

/** `self_approval` → `Self-approval`, `cancel_remaining` → `Cancel remaining` */
function wordsOf(key: string): string {
  const known = LABELS[key];
  if (known !== undefined) return known;
  const words = key.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Where the label is another word, what it is about names the key of the file. */
function withKey(about: string, key: string): string {
  return key in LABELS ? `${about} Key: \`${key.replaceAll(" ", ".")}\`.` : about;
}

function special(
  path: readonly string[],
  control: Control,
  about: string,
  more: Partial<StepField> = {},
): StepField {
  const label = wordsOf(path.join(" "));
  const described = withKey(about, path.join(" "));
  return { path, label, about: described, control, options: [], isMore: false, ...more };
}

/** Keys that src/file reads with code of their own. */
const SPECIAL: Readonly<Record<string, readonly StepField[]>> = {
  run: [
    special(["run"], "text", "The workflow that is run."),
    special(["for_each"], "expression", "A list: one run for each of its items."),
    special(["max_parallel"], "count", "How many runs are open at the same time."),
    special(["required"], "count", "How many must succeed; all when unset."),
    special(["repeat_while"], "expression", "Runs again while this holds.", { isMore: true }),
  ],
  wait: [
    special(["wait"], "duration", "How long it waits."),
    special(["wait", "event"], "text", "The type of the event, such as `crm.deal.won`."),
    special(["wait", "subject"], "text", "The subject of the event: a pattern such as `deals/*`."),
    special(["wait", "when"], "expression", "Which events: a condition on their data."),
    special(["wait", "lookback"], "duration", "Events that came so long before count too."),
    special(["wait", "until"], "text", "The time until which it waits."),
  ],
  branch: [special(["branch"], "expression", "Its value chooses the path with that label.")],
  approve: [
    special(["escalate", "after"], "duration", "After so long others are asked."),
    special(["escalate", "to"], "lines", "Who is asked then."),
  ],
  check: [
    special(["escalate", "after"], "duration", "After so long others are asked."),
    special(["escalate", "to"], "lines", "Who is asked then."),
  ],
};

/** Keys of every step. */
const EVERY: readonly StepField[] = [
  special(["name"], "text", "A name for people, beside the id.", { isMore: true }),
  special(["timeout"], "duration", "After so long the step ends with `timeout`.", { isMore: true }),
  special(["on_error"], "choice", "What the run does when the step fails.", {
    ...{ isMore: true, options: ON_ERROR.filter((word) => word !== "fallback") },
  }),
  special(["retry", "max"], "count", "How often it is tried again.", { isMore: true }),
  special(["retry", "backoff"], "duration", "How long it waits before.", { isMore: true }),
];
