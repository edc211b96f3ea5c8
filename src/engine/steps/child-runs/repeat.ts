/**
 * A step that repeats its child run while a condition holds on the output of the last one (config.workflow.repeat_while).
 * Boundary: decides after a round. ends.ts counts it, start.ts starts the next one.
 * Invariants:
 * 1. A round is a child of the attempt, in order: its place is the number of rounds before it. So rounds are undone last first.
 * 2. The row of the next round has the output of the last one, so it starts with that whenever it starts.
 */
import type { Draft } from "../../draft/draft.ts";
import { evaluateIn } from "../../draft/scope.ts";
import { setCounts } from "../../flow/compensate-children.ts";
import { failure, goBadly, succeed } from "../../flow/ending.ts";
import { type ChildRun, MAX_ROUNDS } from "../../values/child-run.ts";
import type { JsonObject } from "../../values/json.ts";
import type { ChildCounts } from "../../values/step-detail.ts";
import { newChild, startNextChildren } from "./start.ts";

/** Whether the step repeats its child run. */
export function repeats(draft: Draft, index: number): boolean {
  return draft.step(index).children?.repeatWhile !== undefined;
}

/** A round is COMPLETED: the next one starts, or the step ends with the output of this one. */
export function roundCompleted(
  draft: Draft,
  index: number,
  { child, runId, output }: ChildRun & { readonly output: JsonObject },
  children: ChildCounts,
): void {
  const condition = draft.step(index).children?.repeatWhile;
  if (condition === undefined) throw new Error(`step ${index} does not repeat`);
  const round = child + 1;
  const goesOn = evaluateIn(draft, condition, { ...output, output, round });
  if (!goesOn.ok || typeof goesOn.value !== "boolean") {
    const problem = goesOn.ok
      ? `gave ${JSON.stringify(goesOn.value)}, not true or false`
      : goesOn.problem;
    goBadly(draft, index, failure(`repeat_while after round ${round}: ${problem}`, false));
  } else if (!goesOn.value) {
    const own = { ...output, rounds: round, run_ids: [runId] };
    succeed(draft, index, { output: own, extendsInput: false });
  } else if (round >= MAX_ROUNDS) {
    const message = `repeat_while holds after ${MAX_ROUNDS} rounds, which is the limit`;
    goBadly(draft, index, failure(message, false));
  } else {
    draft.children.insert({ ...newChild(draft, index, round), input: output });
    setCounts(draft, index, { ...children, items: round + 1 });
    startNextChildren(draft, index);
  }
}
