/**
 * A version as a drawing: text with a line for each edge, Mermaid, DOT.
 * Boundary: pure text; every text of an author is escaped.
 */
import type { EdgeDefinition, StepDefinition, VersionSpec } from "../engine/values/definition.ts";
import { oneLine } from "./one-line.ts";

/** Steps in their order, each with the edges that leave it. */
export function drawText({ steps, edges }: VersionSpec): string {
  const width = Math.max(...steps.map(({ id }) => id.length));
  return steps
    .flatMap((step) => {
      const undoes = steps.find(({ compensationStepId }) => compensationStepId === step.id);
      const note = undoes === undefined ? oneLine(step.name) : `undoes ${undoes.id}`;
      const leaving = edges.filter(({ fromStepId }) => fromStepId === step.id);
      const head = `${step.id.padEnd(width)}  ${typeText(step)}  ${note}`.trimEnd();
      return [head, ...leaving.map((edge, at) => edgeText(edge, at === leaving.length - 1))];
    })
    .join("\n");
}

function edgeText(edge: EdgeDefinition, isLast: boolean): string {
  const label = oneLine(labelOf(edge));
  return `  ${isLast ? "└" : "├"}─${label === "" ? "" : ` ${label} `}─> ${edge.toStepId}`;
}

/** A Mermaid flowchart. Ids of nodes are numbers, for a word such as `end` would be read as its own. */
export function drawMermaid({ steps, edges }: VersionSpec): string {
  const node = nodeNames(steps);
  return [
    "flowchart TD",
    ...steps.map((step) => `  ${node(step.id)}["${mermaidText(`${step.id}\n${typeText(step)}`)}"]`),
    ...edges.map((edge) => {
      const label = mermaidText(labelOf(edge));
      const arrow = label === "" ? "-->" : `-->|"${label}"|`;
      return `  ${node(edge.fromStepId)} ${arrow} ${node(edge.toStepId)}`;
    }),
    ...undone(steps).map(
      ({ id, compensationStepId }) => `  ${node(id)} -.->|"undo"| ${node(compensationStepId)}`,
    ),
  ].join("\n");
}

/** A graph of Graphviz. */
export function drawDot({ steps, edges }: VersionSpec): string {
  return [
    "digraph workflow {",
    "  node [shape=box];",
    ...steps.map(
      (step) => `  ${dotText(step.id)} [label=${dotText(`${step.id}\n${typeText(step)}`)}];`,
    ),
    ...edges.map((edge) => {
      const label = labelOf(edge);
      const shown = label === "" ? "" : ` [label=${dotText(label)}]`;
      return `  ${dotText(edge.fromStepId)} -> ${dotText(edge.toStepId)}${shown};`;
    }),
    ...undone(steps).map(
      ({ id, compensationStepId }) =>
        `  ${dotText(id)} -> ${dotText(compensationStepId)} [style=dashed, label="undo"];`,
    ),
    "}",
  ].join("\n");
}

function undone(steps: readonly StepDefinition[]): StepDefinition[] {
  return steps.filter(({ compensationStepId }) => compensationStepId !== "");
}

function typeText({ stepType }: StepDefinition): string {
  return stepType.toLowerCase().replaceAll("_", " ");
}

function labelOf({ label, conditionExpr }: EdgeDefinition): string {
  if (conditionExpr === "") return label;
  return label === "" ? conditionExpr : `${label}: ${conditionExpr}`;
}

function nodeNames(steps: readonly StepDefinition[]): (id: string) => string {
  const names = new Map(steps.map(({ id }, index) => [id, `n${index}`]));
  return (id) => names.get(id) ?? "n";
}

/** Mermaid has no escapes but these codes. */
function mermaidText(text: string): string {
  return text
    .replaceAll("#", "#35;")
    .replaceAll('"', "#quot;")
    .replaceAll("<", "#lt;")
    .replaceAll(">", "#gt;")
    .replaceAll(/\r?\n/g, "<br>");
}

function dotText(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll(/\r?\n/g, "\\n")}"`;
}
