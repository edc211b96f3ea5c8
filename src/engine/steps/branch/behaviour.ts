/**
 * BRANCH: takes exactly one of its edges.
 * Boundary: see contract.ts. The row's detail stores the choice; advance.ts takes that edge.
 */
import type { Draft } from "../../draft/draft.ts";
import { inputOf } from "../../draft/payloads.ts";
import { evaluateIn, holdsIn } from "../../draft/scope.ts";
import { failure, goBadly, succeed } from "../../flow/ending.ts";
import type { GraphEdge, GraphStep } from "../../graph/graph.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import type { Ending } from "../../values/step-detail.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { completeTransparently, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";

/** BRANCH. It ends in the transition in which it begins. */
export const branch: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin,
  goOn: (task) => begin(task, inputOf(task.draft.payloads, task.index)),
  chooseEdge: chosenEdge,
  completedByHand: completeTransparently,
  failedByHand: failAttempt,
  retriesTimeout: true,
};

function begin({ draft, index }: StepTask, input: JsonObject): void {
  const step = draft.step(index);
  const value = branchValue(draft, step, input);
  if (!value.ok) {
    goBadly(draft, index, failure(value.problem, true));
    return;
  }
  const added = value.added;
  const edge = chooseEdge(draft, step, { ...input, ...added }, added.value);
  if (edge === "undecided") {
    draft.work.unfinished = index;
    return;
  }
  if (edge === undefined) {
    const shown = "value" in added ? ` for the value ${JSON.stringify(added.value)}` : "";
    goBadly(draft, index, failure(`no edge of the branch fits${shown}`, false));
    return;
  }
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, chosen: edge.index };
  succeed(draft, index, {
    output: { ...added, selected_edge: edge.label },
    extendsInput: true,
  });
}

/** The edge chosen when the attempt began; if the step ended without a choice, the edge that its output chooses. */
function chosenEdge({ draft, index }: StepTask, ending: Ending, output: JsonObject) {
  const kept = draft.marks.hasRow(index) ? draft.rows.peek(index).detail.chosen : undefined;
  if (ending.kind === "success" && kept !== undefined) return kept;
  const edge = chooseEdge(draft, draft.step(index), output, output.value);
  return edge === "undecided" ? edge : edge?.index;
}

/**
 * The edge that a branch takes with this output: by condition or value in order, else its fallback. `undecided`: the
 * budget was spent before the last condition, and the step's row has the number of false ones.
 */
function chooseEdge(
  draft: Draft,
  step: GraphStep,
  output: JsonObject,
  value: Json | undefined,
): GraphEdge | undefined | "undecided" {
  const edges = step.outgoing
    .flatMap((i) => draft.graph.edges[i] ?? [])
    .filter((edge) => edge.role !== "error" && edge.role !== "timeout");
  const { tried = 0, ...detail } = draft.rows.peek(step.index).detail;
  const text = value === undefined ? undefined : textOf(value);
  let conditions = 0;
  for (const edge of edges) {
    if (edge.condition === undefined) {
      if (edge.label !== "" && edge.label === text) return edge;
      continue;
    }
    conditions += 1;
    if (conditions <= tried) continue;
    if (conditions > tried + 1 && draft.budget.isSpent) {
      draft.rows.row(step.index).detail = { ...detail, tried: conditions - 1 };
      return "undecided";
    }
    if (holdsIn(draft, edge.condition, output)) return edge;
  }
  return fallbackOf(edges, step.condition !== undefined);
}

/** The edge labelled `default`, else the only edge without condition (and without label if the branch has a value). */
function fallbackOf(edges: readonly GraphEdge[], hasValue: boolean): GraphEdge | undefined {
  const marked = edges.find((edge) => edge.label === "default");
  if (marked !== undefined) return marked;
  const open = edges.filter(
    (edge) => edge.condition === undefined && (!hasValue || edge.label === ""),
  );
  return open.length === 1 ? open[0] : undefined;
}

type BranchValue = { ok: true; added: JsonObject } | { ok: false; problem: string };

function branchValue(draft: Draft, step: GraphStep, input: JsonObject): BranchValue {
  if (step.condition === undefined) return { ok: true, added: {} };
  const value = evaluateIn(draft, step.condition, input);
  if (!value.ok) return value;
  // Spread keeps a last name such as `__proto__` an ordinary key.
  const named =
    step.conditionName === "" ? {} : Object.fromEntries([[step.conditionName, value.value]]);
  return { ok: true, added: { ...named, value: value.value } };
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
