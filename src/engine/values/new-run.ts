/** A run before its first move. Pure. */

import type { Graph } from "../graph/graph.ts";
import { entityTypeName } from "./enum-names.ts";
import type { Run } from "./run.ts";

/** The facts of a run when it is accepted; the caller creates the ids. */
export type RunFacts = Pick<
  Run,
  | "id"
  | "workspaceId"
  | "definitionId"
  | "versionId"
  | "definitionVersion"
  | "triggerType"
  | "triggerEventId"
  | "triggerSource"
  | "initiatorAgentId"
  | "initiatorUserId"
  | "parentRunId"
  | "parentStep"
  | "entityId"
  | "entityType"
  | "hops"
  | "inputUnset"
  | "environment"
  | "vars"
  | "startedBy"
  | "concurrencyKey"
  | "rerun"
>;

/** A PENDING run of a version; `run_begun` is its first input. */
export function newRun(graph: Graph, facts: RunFacts, nowMs: number): Run {
  // A literal that begins with a spread of many fields takes 10 µs.
  return Object.assign(
    {
      createdAtMs: nowMs,
      state: "PENDING" as const,
      totalCostUsd: 0,
      seq: 0,
      stepMarks: new Uint8Array(graph.steps.length),
      edgeMarks: new Uint8Array(graph.edges.length),
      unsettled: [],
      pending: [],
    },
    facts,
    { entityType: entityTypeName(facts.entityType) },
  );
}
