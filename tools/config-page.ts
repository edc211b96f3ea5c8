/**
 * The page docs/config.md, made from the tables in the code: every key of `config` by step type, the words that are
 * refused there, and the outcome labels of edges.
 *
 * Boundary: makes text; `npx tsx tools/make-pages.ts` writes it, a test compares it.
 */

import { ON_ERROR } from "../src/engine/graph/config-keys.ts";
import { WORDS_ELSEWHERE } from "../src/engine/graph/key-hints.ts";
import { PRIORITIES } from "../src/engine/graph/spellings.ts";
import { WORKFLOW_KEYS } from "../src/engine/steps/child-runs/setting.ts";
import type { ValueKind } from "../src/engine/steps/keys.ts";
import { STEP_FACTS } from "../src/engine/steps/registry.ts";
import { STEP_TYPES, type StepType } from "../src/engine/steps/types.ts";

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(", ");

const values: Readonly<Record<ValueKind, string>> = {
  text: "text, may hold `{{ }}`",
  label: "`continue`, or the label of the edges that catch a timeout; literal",
  flag: "`true` or `false`; literal",
  seconds: "seconds from 0, or a `{{ }}` that gives them",
  literal_seconds: "seconds from 0; literal",
  count: "whole number above 0; literal",
  object: "object",
  texts: "list of texts, each may hold `{{ }}`",
  fields: "list of fields of the input, such as `amount_usd` or `customer.email`; literal",
  time: "time in RFC 3339, or a `{{ }}` that gives one",
  on_error: `${code(ON_ERROR)}; literal`,
  priority: `${code(PRIORITIES)} in any case, or a \`{{ }}\` that gives one`,
  expression: "expression, without braces",
  workflow: `object of ${code(WORKFLOW_KEYS)}`,
  queue: "name of a queue, a text of 1 to 64 characters; no `{{ }}`",
};

/** The text of docs/config.md. */
export function configPage(): string {
  const types = STEP_TYPES.flatMap(sectionOf);
  return [
    "# Keys of `config`, and outcome words",
    "",
    "`npx tsx tools/make-pages.ts` makes this page from the tables that publishing checks. Do not edit it.",
    "",
    "A key that a type does not have is a fault. AGENT_ACTION and HUMAN_TASK hand other keys on as parameters;",
    "a key that is one edit away from one of theirs is a fault. These words are refused on every type, because they",
    `mean something elsewhere: ${code(WORDS_ELSEWHERE)}. The fault names the right place.`,
    "",
    ...types,
    "## Outcome words",
    "",
    "An edge with one of these labels is taken on that outcome only. The label that `config.timeout_action` names is",
    "reserved as well. A label that differs from one of them in case or by one edit is a fault at publish.",
    "",
    "| step type | labels | other words that are refused |",
    "| --- | --- | --- |",
    ...STEP_TYPES.map(outcomesOf),
    "",
    "An APPROVAL_GATE that has an edge with such a label takes no free text on its other edges: leave their label empty.",
    "A BRANCH also has `default`. Its other labels are the values that choose an edge; one that its `condition_expr`",
    "can never give is a fault. Words for a failure are taken on an edge with a condition, but not on gates for a decision.",
    "",
  ].join("\n");
}

function sectionOf(type: StepType): string[] {
  const { configKeys, takesParameters } = STEP_FACTS[type];
  const rows = Object.entries(configKeys).map(([key, kind]) => `| \`${key}\` | ${values[kind]} |`);
  const others = takesParameters ? ["", "Other keys are parameters."] : [];
  return [`## ${type}`, "", "| key | value |", "| --- | --- |", ...rows, ...others, ""];
}

function outcomesOf(type: StepType): string {
  const { outcomes, usualWords } = STEP_FACTS[type];
  return `| ${type} | ${code(outcomes)} | ${code(usualWords)} |`;
}
