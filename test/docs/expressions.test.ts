/**
 * The examples of docs/expressions.md give the results that the page shows.
 *
 * A block `json data=NAME` is what expressions read. A line of a `cel` or `template` block is an expression or a text, ` → ` and its result as
 * JSON, or `refused:` (when it is published) or `fails:` (when it is evaluated) with the reason. `DOCS_UPDATE=1 npm test -- docs` writes the results.
 */
import { afterAll, expect, it } from "vitest";
import { evaluate, parseExpression, type Scope } from "../../src/engine/expression/expression.ts";
import { parseTemplate, renderTemplate } from "../../src/engine/expression/template.ts";
import { isJsonObject, type Json, ownValue } from "../../src/engine/values/json.ts";
import { type Block, readBlocks, wordOf, writeBlocks } from "../support/docs/page.ts";

const PAGE = "expressions.md";
const ARROW = " → ";
const RESULT_COLUMN = 60;
const BLOCKS = readBlocks(PAGE);
const printed = new Map<Block, string>();

afterAll(() => {
  if (process.env.DOCS_UPDATE !== undefined) writeBlocks(PAGE, printed);
});

for (const block of BLOCKS) {
  const [language] = block.info;
  if (language !== "cel" && language !== "template") continue;
  it(`${block.heading}, line ${block.line}`, () => {
    const kind = block.info.includes("event") ? "event" : "step";
    const resultOf = language === "cel" ? resultOfExpression : resultOfText;
    const lines = block.text.split("\n").map((line) => {
      const [source = ""] = line.split(ARROW);
      return `${source.trimEnd().padEnd(RESULT_COLUMN)}${ARROW}${resultOf(source.trimEnd(), kind)}`;
    });
    printed.set(block, lines.join("\n"));
    if (process.env.DOCS_UPDATE === undefined) expect(block.text).toBe(lines.join("\n"));
  });
}

type Kind = "step" | "event";

function resultOfExpression(source: string, kind: Kind): string {
  const parsed = parseExpression(source, contextOf(kind));
  if (!parsed.ok) return `refused: ${reasonOf(parsed.problem)}`;
  const result = evaluate(parsed.expression, scopeOf(kind));
  return result.ok ? JSON.stringify(result.value) : `fails: ${reasonOf(result.problem)}`;
}

function resultOfText(source: string, kind: Kind): string {
  const parsed = parseTemplate(source, contextOf(kind), "text");
  if (!parsed.ok) return `refused: ${parsed.faults.map(({ problem }) => problem).join("; ")}`;
  const result = renderTemplate(parsed.template, scopeOf(kind));
  return result.ok ? JSON.stringify(result.value) : `fails: ${reasonOf(result.problem)}`;
}

/** The message without the expression, which stands before it. */
function reasonOf(problem: string): string {
  return problem.replace(/^expression ".*": /, "");
}

function contextOf(kind: Kind) {
  const stepIds = Object.keys(objectOf("step", "steps"));
  return { stepIds, kind: kind === "event" ? "wait_filter" : "step", isNew: true } as const;
}

function scopeOf(kind: Kind): Scope {
  const steps = Object.entries(objectOf(kind, "steps")).map(
    ([id, step]) => [id, step as { state: string }] as const,
  );
  return {
    fields: objectOf(kind, "fields"),
    input: objectOf(kind, "input"),
    steps: new Map(steps),
    run: objectOf(kind, "run"),
    event: objectOf(kind, "event"),
  };
}

/** A part of the data of the page; {} where it has none. */
function objectOf(kind: Kind, name: string) {
  const block = BLOCKS.find((each) => wordOf(each, "data") === kind);
  const data: Json = JSON.parse(block?.text ?? "null");
  const part = isJsonObject(data) ? ownValue(data, name) : undefined;
  return isJsonObject(part) ? part : {};
}
