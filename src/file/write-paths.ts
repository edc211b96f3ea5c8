/**
 * The edges of a version → `next`, `on`, `then` and the other short forms, where these say them exactly.
 * Boundary: gives up where they do not; write-file.ts then lists all edges under `edges:`.
 */
import { factsOf } from "../engine/steps/registry.ts";
import type { EdgeDefinition, VersionSpec } from "../engine/values/definition.ts";
import type { Layout } from "./layout.ts";
import type { Written } from "./write-step.ts";

/** Keys of each step that say its paths, by the step's index. */
export type WrittenPaths = readonly ReadonlyMap<string, Written>[];

type Form = "next" | "on" | "then" | "else" | "branch" | "parallel";

/** The short forms of all edges; undefined where one has none. */
export function writePaths(spec: VersionSpec, layout: Layout): WrittenPaths | undefined {
  const { steps } = spec;
  const leaving = steps.map((): EdgeDefinition[] => []);
  const incoming = steps.map((): EdgeDefinition[] => []);
  for (const edge of spec.edges) {
    const [from, to] = [layout.indexById.get(edge.fromStepId), layout.indexById.get(edge.toStepId)];
    if (from === undefined || to === undefined) return undefined;
    leaving[from]?.push(edge);
    incoming[to]?.push(edge);
  }
  const isShared = (id: string) => (incoming[layout.indexById.get(id) ?? -1]?.length ?? 0) > 1;
  const paths = steps.map((step, from) => writeLeaving(step, leaving[from] ?? [], isShared));
  const written: Map<string, Written>[] = [];
  for (const each of paths) {
    if (each === undefined) return undefined;
    written.push(each);
  }
  for (const [index, edges] of incoming.entries()) {
    const keys = written[index];
    if (keys === undefined) continue;
    // Of several paths each has its condition with itself.
    const [edge, ...others] = edges;
    if (edge === undefined || others.length > 0 || edge.conditionExpr === "") continue;
    if (!isChoice(spec, layout, edge)) keys.set("when", edge.conditionExpr);
  }
  useOrder({ layout, incoming, leaving }, written);
  return written;
}

/** Whether the edge is one of a list under `branch:`, where its condition stands. */
function isChoice(spec: VersionSpec, { indexById }: Layout, edge: EdgeDefinition): boolean {
  const source = spec.steps[indexById.get(edge.fromStepId) ?? -1];
  return source !== undefined && formOf(source, edge) === "branch";
}

type Step = VersionSpec["steps"][number];

function formOf(step: Step, { label }: EdgeDefinition): Form {
  const facts = factsOf(step.stepType);
  const isOutcome = (facts?.outcomes ?? []).some((outcome) => outcome === label);
  if (facts?.plainRole === "child") {
    if (label === "joined") return "next";
    return label === "" ? "parallel" : "on";
  }
  if (facts?.freeLabels !== "value") return label === "" ? "next" : "on";
  if (isOutcome) return "on";
  if (step.conditionExpr === "") return "branch";
  if (label === "") return "next";
  return label === "default" ? "else" : "then";
}

/** The keys of a step's edges, in the order of the edges; undefined where they do not stand together by key. */
function writeLeaving(
  step: Step,
  edges: readonly EdgeDefinition[],
  isShared: (id: string) => boolean,
): Map<string, Written> | undefined {
  const keys = new Map<string, Written>();
  let last: Form | undefined;
  for (const edge of edges) {
    const plain = formOf(step, edge);
    const ownCondition = edge.conditionExpr !== "" && isShared(edge.toStepId);
    const form = plain !== "branch" && ownCondition ? "next" : plain;
    if (form !== last && keys.has(form)) return undefined;
    last = form;
    if (!addTo(keys, form, edge, normalLabel(step), ownCondition)) return undefined;
  }
  return keys;
}

/** The label that `next` stands for. */
function normalLabel(step: Step): string {
  return factsOf(step.stepType)?.plainRole === "child" ? "joined" : "";
}

function addTo(
  keys: Map<string, Written>,
  form: Form,
  edge: EdgeDefinition,
  normal: string,
  ownCondition: boolean,
): boolean {
  const { toStepId: to, label } = edge;
  const found = keys.get(form);
  const before = Array.isArray(found) ? found : [];
  switch (form) {
    case "next":
      keys.set(form, [...before, ownCondition ? choiceOf(edge, normal) : to]);
      return true;
    case "parallel":
      keys.set(form, [...before, to]);
      return true;
    case "else":
      if (found !== undefined) return false;
      keys.set(form, to);
      return true;
    case "branch":
      keys.set(form, [...before, choiceOf(edge, "")]);
      return true;
    case "on":
    case "then":
      return addLabelled(keys, form, label, to);
  }
}

function choiceOf(
  { toStepId, label, conditionExpr }: EdgeDefinition,
  normal: string,
): Map<string, Written> {
  const choice = new Map<string, Written>();
  if (conditionExpr !== "") choice.set("when", conditionExpr);
  choice.set("go", toStepId);
  if (label !== normal) choice.set("label", label);
  return choice;
}

/** Several steps of one label are a list, where they stand together. */
function addLabelled(keys: Map<string, Written>, form: Form, label: string, to: string): boolean {
  const found = keys.get(form);
  const labels = found instanceof Map ? found : new Map<string, Written>();
  const present = labels.get(label);
  if (present === undefined) labels.set(label, to);
  else if ([...labels.keys()].at(-1) !== label) return false;
  else labels.set(label, [...(Array.isArray(present) ? present : [present]), to]);
  keys.set(form, labels);
  return true;
}

interface Neighbours {
  readonly layout: Layout;
  readonly incoming: readonly (readonly EdgeDefinition[])[];
  readonly leaving: readonly (readonly EdgeDefinition[])[];
}

/** Leaves out what the order says, and says what it must not be taken for. */
function useOrder(
  { layout, incoming, leaving }: Neighbours,
  written: readonly Map<string, Written>[],
): void {
  for (const [at, index] of layout.sequence.entries()) {
    const keys = written[index];
    if (keys === undefined) continue;
    if (at > 0 && incoming[index]?.length === 0) keys.set("needs", []);
    const next = keys.get("next");
    if (!Array.isArray(next)) {
      // A reader does not have to look up whether something else leads to the step below.
      const isLast = at === layout.sequence.length - 1;
      if (!isLast && leaving[index]?.length === 0) keys.set("next", "end");
      continue;
    }
    const [target, ...others] = next;
    const after = layout.sequence[at + 1];
    const isAlone = others.length === 0 && after !== undefined && incoming[after]?.length === 1;
    const isLastKey =
      [...keys.keys()].filter((key) => key !== "when" && key !== "needs").at(-1) === "next";
    if (
      isAlone &&
      isLastKey &&
      layout.indexById.get(String(target)) === after &&
      !layout.listed.has(index)
    ) {
      keys.delete("next");
    } else if (others.length === 0 && target !== undefined) keys.set("next", target);
  }
  for (const [index, keys] of written.entries()) {
    const next = keys.get("next");
    if (!layout.sequence.includes(index) && Array.isArray(next) && next.length === 1) {
      keys.set("next", next[0] ?? "");
    }
  }
}
