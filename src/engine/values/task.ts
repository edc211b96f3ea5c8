/**
 * Tasks of workers: what a step with config.queue gives to a queue, and what a worker reports.
 * Boundary: values only. The wire layer encodes a task, egress publishes it.
 * Invariant: a task has no row of its own. Its step's row says that it is open, and the engine can make it again.
 */
import type { Json, JsonObject } from "./json.ts";

/** Which task of which queue. */
export interface TaskName {
  readonly workspaceId: string;
  readonly queue: string;
  /** `run/step/attempt` */
  readonly id: string;
}

/** A task that a move wants done. */
export interface WorkerTask extends TaskName {
  readonly runId: string;
  readonly stepId: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly definitionId: string;
  readonly actionType: string;
  readonly title: string;
  readonly instructions: string;
  readonly parameters: JsonObject;
  readonly input: JsonObject;
  readonly queuedAtMs: number;
  readonly timeoutAtMs?: number;
  /** It is published in a message of its own: a worker returned it, now or before. */
  readonly alone?: true;
  /** Mark of the message that returned it now: a repeat of that message has it published under the same id. */
  readonly returnedBy?: string;
}

/** A worker returned a task. */
export interface TaskReturn {
  /** The queue on whose subject it did. */
  readonly queue: string;
  /** Mark of the message that says so, the same when it is delivered again. */
  readonly by: string;
}

/** Tasks that a commit gave to workers, those that need no result any more, and those that have one. */
export interface TaskChanges {
  readonly wanted: readonly WorkerTask[];
  readonly cancelled: readonly TaskName[];
  /** Ids of those whose result came. */
  readonly ended: readonly string[];
}

/** How a worker says that an attempt ended. */
export interface TaskReport {
  /** The worker's id. */
  readonly worker: string;
  readonly costUsd: number;
  readonly end:
    | { readonly state: "COMPLETED"; readonly output: JsonObject }
    | {
        readonly state: "FAILED";
        readonly message: string;
        readonly retryable: boolean;
        /** The next attempt begins no earlier than that after the report; 0: as the retry policy says. */
        readonly retryAfterMs: number;
      };
}

/** The parts of a task's id. */
export interface TaskPlace {
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
}

/** Bytes of a worker's output as compact JSON. */
export const MAX_TASK_OUTPUT_BYTES = 64 * 1024;
const QUEUE_CHARS_AT_MOST = 64;
const TASK_ID = /^([A-Za-z0-9_-]+)\/([A-Za-z0-9][A-Za-z0-9_-]{0,127})\/([1-9][0-9]{0,4})$/;

/** `run/step/attempt` */
export function taskIdOf({ runId, stepId, attempt }: TaskPlace): string {
  return `${runId}/${stepId}/${attempt}`;
}

/** The parts of a task's id; undefined of any other text. */
export function parseTaskId(id: string): TaskPlace | undefined {
  const [, runId, stepId, attempt] = TASK_ID.exec(id) ?? [];
  if (runId === undefined || stepId === undefined) return undefined;
  return { runId, stepId, attempt: Number(attempt) };
}

/** What is wrong with the name of a queue, or undefined. */
export function queueProblem(value: Json): string | undefined {
  if (typeof value !== "string") return "must be a text";
  if (value.includes("{{"))
    return "cannot hold {{ }}: queues are known when a version is published";
  const length = [...value].length;
  if (length === 0 || length > QUEUE_CHARS_AT_MOST) {
    return `must have 1 to ${QUEUE_CHARS_AT_MOST} characters`;
  }
  if (value.trim() !== value) return "must not begin or end with a space";
  return /\p{Cc}|\p{Cs}/u.test(value) ? "must not have control characters" : undefined;
}
