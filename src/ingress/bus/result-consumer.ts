/**
 * The consumer of what workers report: a pull loop as those of the sources, on the stream WORKFLOWS_RESULTS.
 * Boundary: starts; what a message does is handle-results.ts.
 */
import { RESULTS_STREAM, RESULTS_SUBJECTS } from "../../wire/tasks/subjects.ts";
import { type ConsumerDeps, emptyMemory } from "./durable-consumer.ts";
import { handleResults, type ResultsDeps } from "./handle-results.ts";
import { type PullLoop, startPullLoop } from "./pull-loop.ts";

/** What consuming results needs. */
export interface ResultConsumerDeps
  extends Omit<ResultsDeps, "stream">,
    Omit<ConsumerDeps, "plan" | "memory" | "makeStreamWith"> {
  /** The service's start by the database's clock. */
  readonly startedAt: Date;
}

const DURABLE = "workflows-workflows_results";

/** Starts it; makes the stream when it is missing. */
export function startResultConsumer(deps: ResultConsumerDeps): PullLoop {
  return startPullLoop({
    ...deps,
    plan: { stream: RESULTS_STREAM, subject: RESULTS_SUBJECTS, durable: DURABLE },
    handle: (batch) => handleResults({ ...deps, stream: RESULTS_STREAM }, batch),
    memory: emptyMemory(deps.startedAt),
    makeStreamWith: [RESULTS_SUBJECTS],
  });
}
