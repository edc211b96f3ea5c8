/**
 * What TransitionStep refuses before the engine sees it: the output of a human task that breaks its schema.
 * Boundary: the schema is read by ingress's own code; that the RPC asks it is the contract tests' business.
 */
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { isJsonObject, ownValue } from "../../../src/engine/values/json.ts";
import { findOutputFaults } from "../../../src/ingress/rpc/output-schema.ts";
import type { BareInput } from "../engine/engine-run.ts";

/** Why the report is INVALID_ARGUMENT, field by field; undefined when it may pass. */
export function refusedAtDoor(graph: Graph, input: BareInput): string | undefined {
  if (input.kind !== "step_reported" || input.report.state !== "COMPLETED") return undefined;
  const step = graph.steps[graph.indexById.get(input.report.stepId) ?? -1];
  if (step?.type !== "HUMAN_TASK") return undefined;
  const schema = ownValue(step.def.config, "output_schema");
  if (!isJsonObject(schema)) return undefined;
  const faults = findOutputFaults(schema, input.report.output ?? {});
  if (faults.length === 0) return undefined;
  return faults.map(({ field, description }) => `${field} ${description}`).join("; ");
}
