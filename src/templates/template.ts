/** A template: a workflow file with parameters, what it needs, and scenarios that show it. Boundary: plain values. */
import type { SimulatedOutcome } from "../engine/simulation/simulation.ts";
import type { JsonObject } from "../engine/values/json.ts";

/** What a workflow needs before it works. */
export const NEED_KINDS = ["capability", "queue", "collaborator", "events"] as const;

/** One need. */
export interface TemplateNeed {
  readonly kind: (typeof NEED_KINDS)[number];
  readonly name: string;
  readonly purpose: string;
}

/** One case, which a test plays by the simulation. */
export interface TemplateScenario {
  readonly name: string;
  readonly input: JsonObject;
  /** As `workflows simulate` takes them (file/read-mocks.ts). */
  readonly mocks: JsonObject;
  /** RFC 3339; unset: any time. */
  readonly startsAt?: string;
  /** Steps in the order in which they first begin. */
  readonly path: readonly string[];
  readonly outcome: SimulatedOutcome;
}

/** See the file's head. */
export interface Template {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly summary: string;
  readonly category: string;
  /** A JSON Schema of an object; each property has a description and a default. */
  readonly parameters: JsonObject;
  readonly needs: readonly TemplateNeed[];
  /** A workflow file; `$(name)` stands for a parameter. */
  readonly source: string;
  readonly scenarios: readonly TemplateScenario[];
}
