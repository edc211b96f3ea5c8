/** The jobs of the thread that reads source texts. Boundary: which function does which; all that goes in and out can be cloned. */
import { type ReadSource, readSource } from "./read-source.ts";
import { type SimulationAnswer, type SimulationJob, simulateSource } from "./simulate-source.ts";

/** One job. */
export type SourceJob = { readonly kind: "read"; readonly text: string } | SimulationJob;

/** Does it. */
export function doSourceJob(job: SourceJob): ReadSource | SimulationAnswer {
  return job.kind === "read" ? readSource(job.text) : simulateSource(job);
}
