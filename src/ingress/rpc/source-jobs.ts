/** The jobs of the thread that reads source texts. Boundary: which function does which; all that goes in and out can be cloned. */
import type { JsonObject } from "../../engine/values/json.ts";
import { MAX_SOURCE_BYTES } from "../../file/source-text.ts";
import { fillTemplate } from "../../templates/fill-template.ts";
import { type ReadSource, readSource } from "./read-source.ts";
import { type SimulationAnswer, type SimulationJob, simulateSource } from "./simulate-source.ts";

/** A template to fill in (templates/fill-template.ts). */
export interface FillJob {
  readonly kind: "fill";
  readonly source: string;
  readonly values: JsonObject;
  readonly name: string;
}

/** The file that a template became; one that is too large to be kept is cut behind that. */
export interface FilledSource {
  readonly sourceText: string;
}

/** One job. */
export type SourceJob = { readonly kind: "read"; readonly text: string } | FillJob | SimulationJob;
/** Its answer is of its kind. */
export type SourceAnswer = ReadSource | FilledSource | SimulationAnswer;

/** Does it. */
export function doSourceJob(job: SourceJob): SourceAnswer {
  if (job.kind === "read") return readSource(job.text);
  return job.kind === "fill" ? filled(job) : simulateSource(job);
}

/** What cannot be filled in stays as it is: whoever reads it says why. */
function filled({ source, values, name }: FillJob): FilledSource {
  try {
    // A value may stand in many places: what goes to the other thread is bounded.
    return { sourceText: fillTemplate({ source }, values, name).slice(0, MAX_SOURCE_BYTES + 1) };
  } catch {
    return { sourceText: source };
  }
}
