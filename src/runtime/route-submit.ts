/**
 * Hands the inputs of a batch of events to the processor and gathers what became of each event.
 *
 * Boundary: which inputs an event has is decided before.
 * Invariant: no more than CHUNK inputs are on their way at once, however many runs an event reaches.
 */
import type { Processor } from "./processor.ts";
import type { Settled, Submission } from "./submission.ts";

/** An input or start that the event at `place` of the batch leads to. */
export interface AimedSubmission {
  readonly place: number;
  readonly submission: Submission;
}

/** What one event did. */
export interface EventOutcome {
  readonly startedRunIds: string[];
  readonly updatedRunIds: string[];
  readonly alreadyStartedRunIds: string[];
  readonly errors: unknown[];
}

const CHUNK = 500;

/**
 * Submits everything and waits for it; gives one outcome an event. After a chunk with an error for
 * which `endsBatch` holds, the rest is not submitted and has that error.
 */
export async function submitAll(
  processor: Processor,
  aimed: readonly AimedSubmission[],
  eventCount: number,
  endsBatch: (error: unknown) => boolean,
): Promise<EventOutcome[]> {
  const outcomes = Array.from({ length: eventCount }, emptyOutcome);
  for (let from = 0; from < aimed.length; from += CHUNK) {
    const chunk = aimed.slice(from, from + CHUNK);
    const errors = await submitChunk(processor, chunk, outcomes);
    const ending = errors.find(endsBatch);
    if (ending === undefined) continue;
    for (const { place } of aimed.slice(from + CHUNK)) outcomes[place]?.errors.push(ending);
    break;
  }
  return outcomes;
}

/** What became of each event when its inputs were submitted in two parts. */
export function joinOutcomes(
  first: readonly EventOutcome[],
  second: readonly EventOutcome[],
): EventOutcome[] {
  return first.map((one, place) => {
    const other = second[place] ?? emptyOutcome();
    return {
      startedRunIds: [...one.startedRunIds, ...other.startedRunIds],
      updatedRunIds: [...one.updatedRunIds, ...other.updatedRunIds],
      alreadyStartedRunIds: [...one.alreadyStartedRunIds, ...other.alreadyStartedRunIds],
      errors: [...one.errors, ...other.errors],
    };
  });
}

async function submitChunk(
  processor: Processor,
  chunk: readonly AimedSubmission[],
  outcomes: readonly EventOutcome[],
): Promise<unknown[]> {
  const results = await Promise.allSettled(
    chunk.map(({ submission }) => processor.submit(submission)),
  );
  const errors: unknown[] = [];
  for (const [at, result] of results.entries()) {
    const item = chunk[at];
    const outcome = item === undefined ? undefined : outcomes[item.place];
    if (item === undefined || outcome === undefined) continue;
    if (result.status === "fulfilled") record(outcome, item.submission, result.value);
    else {
      outcome.errors.push(result.reason);
      errors.push(result.reason);
    }
  }
  return errors;
}

function record(outcome: EventOutcome, submission: Submission, settled: Settled): void {
  const { runId, created, reply } = settled;
  switch (submission.kind) {
    case "start":
      (created ? outcome.startedRunIds : outcome.alreadyStartedRunIds).push(runId);
      return;
    case "input":
      if (reply.kind === "applied" && !outcome.updatedRunIds.includes(runId)) {
        outcome.updatedRunIds.push(runId);
      }
      return;
  }
}

function emptyOutcome(): EventOutcome {
  return { startedRunIds: [], updatedRunIds: [], alreadyStartedRunIds: [], errors: [] };
}
