/**
 * Hands the inputs of a batch of events to the processor and gathers what became of each event.
 *
 * Boundary: which inputs an event has is decided before.
 * Invariants:
 * 1. No more than CHUNK inputs are on their way at once, however many runs an event reaches.
 * 2. Workspaces take turns in a chunk; inputs of one workspace keep their order.
 * 3. An error that ends the batch ends it for the workspaces that had it: a full lane of one delays no other.
 */

import { TurnQueue } from "../../process/turn-queue.ts";
import { isClosed } from "../closed-refusals.ts";
import type { Processor } from "../processor.ts";
import { isFull } from "../run-limits.ts";
import type { Settled, Submission } from "../submission.ts";

/** An input or start that the event at `place` of the batch leads to. */
export interface AimedSubmission {
  readonly place: number;
  readonly submission: Submission;
  /** A start of a workflow that was paused when it was looked up. */
  readonly isPaused?: true;
}

/** What one event did. */
export interface EventOutcome {
  readonly startedRunIds: string[];
  readonly updatedRunIds: string[];
  readonly alreadyStartedRunIds: string[];
  readonly errors: unknown[];
}

const CHUNK = 500;

/** What became of the events so far; `updated` holds the ids of `updatedRunIds`, by place. */
interface Outcomes {
  readonly outcomes: readonly EventOutcome[];
  readonly updated: readonly Set<string>[];
}

/**
 * Submits everything and waits for it; gives one outcome an event. After an error for which `endsBatch` holds, the rest
 * of that workspace is not submitted and has that error.
 */
export async function submitAll(
  processor: Pick<Processor, "submit">,
  aimed: readonly AimedSubmission[],
  eventCount: number,
  endsBatch: (error: unknown) => boolean,
): Promise<EventOutcome[]> {
  const outcomes = Array.from({ length: eventCount }, emptyOutcome);
  const waiting = new TurnQueue<AimedSubmission>();
  for (const each of aimed) waiting.push(workspaceOf(each), each);
  const ended = new Map<string, unknown>();
  const updated = outcomes.map(() => new Set<string>());
  while (waiting.size > 0) {
    const chunk = takeChunk(waiting, ended, outcomes);
    for (const { item, error } of await submitChunk(processor, chunk, { outcomes, updated })) {
      if (endsBatch(error)) ended.set(workspaceOf(item), error);
    }
  }
  return outcomes;
}

/** The next inputs in turn; those of workspaces that have ended get their error instead. */
function takeChunk(
  waiting: TurnQueue<AimedSubmission>,
  ended: ReadonlyMap<string, unknown>,
  outcomes: readonly EventOutcome[],
): AimedSubmission[] {
  const chunk: AimedSubmission[] = [];
  while (chunk.length < CHUNK) {
    const next = waiting.shift();
    if (next === undefined) break;
    const workspaceId = workspaceOf(next);
    if (ended.has(workspaceId)) outcomes[next.place]?.errors.push(ended.get(workspaceId));
    else chunk.push(next);
  }
  return chunk;
}

/** The runs that inputs are for. */
export function runIdsOf(aimed: readonly AimedSubmission[]): string[] {
  return aimed.flatMap(({ submission }) => (submission.kind === "input" ? [submission.runId] : []));
}

function workspaceOf({ submission }: AimedSubmission): string {
  return submission.kind === "start" ? submission.start.workspaceId : submission.workspaceId;
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
      updatedRunIds: [...new Set([...one.updatedRunIds, ...other.updatedRunIds])],
      alreadyStartedRunIds: [...one.alreadyStartedRunIds, ...other.alreadyStartedRunIds],
      errors: [...one.errors, ...other.errors],
    };
  });
}

async function submitChunk(
  processor: Pick<Processor, "submit">,
  chunk: readonly AimedSubmission[],
  { outcomes, updated }: Outcomes,
): Promise<{ item: AimedSubmission; error: unknown }[]> {
  const results = await Promise.allSettled(
    chunk.map(({ submission }) => processor.submit(submission)),
  );
  const failed: { item: AimedSubmission; error: unknown }[] = [];
  for (const [at, result] of results.entries()) {
    const item = chunk[at];
    const outcome = item === undefined ? undefined : outcomes[item.place];
    if (item === undefined || outcome === undefined) continue;
    if (result.status === "fulfilled") {
      record(outcome, updated[item.place], item.submission, result.value);
    } else if (item.submission.kind !== "start" || !startsNothing(result.reason)) {
      outcome.errors.push(result.reason);
      failed.push({ item, error: result.reason });
    }
  }
  return failed;
}

/** Whether an event has nothing to start by a failed start: its workflow is closed, or drops what it has no room for. */
function startsNothing(error: unknown): boolean {
  return isClosed(error) || isFull(error);
}

function record(
  outcome: EventOutcome,
  updated: Set<string> | undefined,
  submission: Submission,
  settled: Settled,
): void {
  const { runId, created, reply } = settled;
  switch (submission.kind) {
    case "start":
      (created ? outcome.startedRunIds : outcome.alreadyStartedRunIds).push(runId);
      return;
    case "input":
      if (reply.kind !== "applied" || updated?.has(runId) === true) return;
      updated?.add(runId);
      outcome.updatedRunIds.push(runId);
      return;
  }
}

/** Of an event that did nothing. */
export function emptyOutcome(): EventOutcome {
  return { startedRunIds: [], updatedRunIds: [], alreadyStartedRunIds: [], errors: [] };
}
