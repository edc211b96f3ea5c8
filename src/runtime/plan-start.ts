/**
 * A start in its batch: the run that it makes, and the claim of its event.
 * Boundary: pure; what it needs was read by plan-batch.ts.
 */
import type { JsonObject } from "../engine/values/json.ts";
import { newRun } from "../engine/values/new-run.ts";
import type { Found, Plan, PlannedPlace } from "./batch-plan.ts";
import { closedRefusal } from "./closed-refusals.ts";
import { findEarlier, startKeyOfStart } from "./start-facts.ts";
import type { Submission } from "./submission.ts";

/** Plans a start; of several by one event only the first makes a run. */
export function planStart(
  plan: Plan,
  found: Found,
  place: number,
  runId: string,
  { start, cause }: Extract<Submission, { kind: "start" }>,
): void {
  const { versionId, input, reuse, versionNamed: _, ...given } = start;
  const limited = found.places.get(place);
  const facts = withFound(given, found.vars.get(place), limited);
  const graph = found.graphs.get(versionId);
  if (limited?.refusal !== undefined) {
    plan.results[place] = { kind: "failed", error: limited.refusal };
    return;
  }
  if (graph === undefined) {
    plan.results[place] = { kind: "failed", error: closedRefusal(start.definitionId, "deleted") };
    return;
  }
  if (start.triggerEventId !== "") {
    const { workspaceId, definitionId, triggerSource: source } = start;
    const eventId = startKeyOfStart(start);
    const createdAt = new Date(plan.nowMs);
    const claim = { workspaceId, definitionId, eventId, source, runId, createdAt };
    const earlier = findEarlier(
      plan.starts.map((planned) => planned.claim),
      claim,
    );
    plan.starts.push({ place, claim });
    if (earlier !== undefined) return;
  }
  plan.works.set(runId, {
    graph,
    run: newRun(graph, { ...facts, id: runId, versionId }, plan.nowMs),
    rowVersion: undefined,
    input,
    steps: new Map(),
    stepVersions: new Map(),
    children: { rows: [], sets: [] },
    merged: new Map(),
    chosen: new Map(),
    inputs: [
      {
        place,
        input:
          limited?.waits === true
            ? { kind: "run_queued", cause }
            : { kind: "run_begun", cause, ...(reuse && { reuse }) },
      },
    ],
  });
}

/** A run of production without vars and limit is made without a copy. */
function withFound<Given extends object>(
  given: Given,
  vars: JsonObject | undefined,
  limited: PlannedPlace | undefined,
): Given & { vars?: JsonObject; concurrencyKey?: string } {
  if (vars === undefined && limited === undefined) return given;
  return {
    ...given,
    ...(vars === undefined ? {} : { vars }),
    ...(limited === undefined ? {} : { concurrencyKey: limited.key }),
  };
}
