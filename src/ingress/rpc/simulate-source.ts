/**
 * A simulation of a version, or of a source text that describes one.
 * Boundary: runs in the thread of source texts. Checks what a run would be refused for; the engine plays it.
 */
import { simulate } from "../../engine/simulation/simulate.ts";
import type { Simulation, SimulationRequest } from "../../engine/simulation/simulation.ts";
import { outputSchemaOf } from "../../engine/steps/human-task/output-schema.ts";
import type { VersionSpec } from "../../engine/values/definition.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { findOutputFaults } from "./output-schema.ts";
import { type ReadSource, readSource } from "./read-source.ts";

/** What is simulated. */
export interface SimulationJob {
  readonly kind: "simulate";
  /** A version that was checked, or a text. */
  readonly of: { readonly spec: VersionSpec; readonly inputSchema?: JsonObject } | string;
  readonly request: SimulationRequest;
}

/** What came of it. */
export interface SimulationAnswer {
  readonly simulation?: Simulation;
  /** Of the request; with faults nothing was played. */
  readonly faults: readonly FieldFault[];
  /** A text with faults: nothing was played. */
  readonly unread?: ReadSource;
}

/** Plays it. */
export function simulateSource({ of, request }: SimulationJob): SimulationAnswer {
  const read = typeof of === "string" ? readSource(of) : undefined;
  const version = typeof of === "string" ? read?.workflow : of;
  if (version === undefined) return { faults: [], ...(read === undefined ? {} : { unread: read }) };
  const { spec, inputSchema } = version;
  const ofInput =
    inputSchema === undefined ? [] : findOutputFaults(inputSchema, request.input, "input");
  const faults = [...ofInput, ...outputFaults(spec, request)];
  return faults.length > 0 ? { faults } : simulate(spec, request);
}

/** What people would not be able to hand in. */
function outputFaults({ steps }: VersionSpec, { mocks }: SimulationRequest): FieldFault[] {
  return steps.flatMap((step) => {
    const schema = outputSchemaOf(step);
    if (schema === undefined) return [];
    return (mocks.get(step.id) ?? []).flatMap(({ output }) =>
      output === undefined ? [] : findOutputFaults(schema, output, `mocks.${step.id}.output`),
    );
  });
}
