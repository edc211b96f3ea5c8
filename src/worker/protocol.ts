/**
 * The messages between the service and workers, as docs/worker-protocol.md describes them.
 * Boundary: pure; who sends and receives them is elsewhere.
 */
import { createHash } from "node:crypto";

/** An object of JSON values. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A task as the service sends it. */
export interface Task {
  /** `<run>/<step>/<attempt>`. */
  readonly id: string;
  readonly run_id: string;
  readonly step_id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** `<run>/<step>`: the same in all attempts. */
  readonly idempotency_key: string;
  readonly definition_id: string;
  /** `""` when the step has none. */
  readonly action_type: string;
  readonly title: string;
  readonly instructions: string;
  readonly parameters: JsonObject;
  readonly input: JsonObject;
  /** RFC 3339, as timeout_at. */
  readonly queued_at: string;
  /** Unset: the step has no timeout. */
  readonly timeout_at?: string;
  readonly traceparent?: string;
}

/** Why an attempt failed. */
export interface TaskError {
  readonly message: string;
  readonly type?: string;
  readonly retryable?: boolean;
  readonly retry_after_ms?: number;
}

/** What came of a task. */
export type TaskResult = { readonly id: string; readonly cost_usd?: number } & (
  | {
      readonly status: "completed";
      /** The output as JSON text: it is written once. */
      readonly output: string;
    }
  | { readonly status: "failed"; readonly error: TaskError }
);

/** What comes of a task of which no more than the id can be read. */
export const SPOILT = failedBy("the worker cannot read the task");
/** What comes of a task whose result cannot be published. */
export const TOO_LARGE = failedBy(
  "the server takes no message as large as the result (max_payload)",
);

function failedBy(message: string) {
  return { status: "failed", error: { message, retryable: false } } as const;
}

/** A result as JSON text. */
export function encodeResult(result: TaskResult): string {
  const { id, cost_usd, status } = result;
  const head = JSON.stringify({ id, cost_usd, status }).slice(0, -1);
  return result.status === "completed"
    ? `${head},"output":${result.output}}`
    : `${head},"error":${JSON.stringify(result.error)}}`;
}

/** What a worker says of itself. */
export interface Heartbeat {
  readonly worker: string;
  readonly version?: string;
  readonly since: string;
  readonly actions: readonly string[];
  readonly running: number;
  readonly concurrency: number;
}

/** The stream that tasks come on. */
export const TASKS_STREAM = "WORKFLOWS_TASKS";

/** A worker that says nothing for so long has lost its messages. */
export const ACK_WAIT_MS = 10_000;
/** How often a worker says that it holds its messages, and that it lives. */
export const BEAT_MS = 3_000;
/** Ids in one question about open tasks. */
export const QUESTION_IDS = 256;
/** Results in one message. */
export const MESSAGE_RESULTS = 256;
/** Bytes of one message of results. */
export const MESSAGE_BYTES = 512 * 1024;
/** Bytes of an output. */
export const OUTPUT_BYTES = 64 * 1024;
/** Characters of an error's message. */
export const ERROR_CHARS = 16_384;

const CONSUMER_NAME_CHARS = 200;

/** The subjects of one queue. */
export interface Subjects {
  readonly tasks: string;
  readonly results: string;
  readonly workers: string;
  readonly cancels: string;
  readonly open: string;
  /** The durable consumer that all workers of the queue share. */
  readonly consumer: string;
}

/** Names what a worker of a queue listens and publishes to. */
export function subjectsOf(workspace: string, queue: string): Subjects {
  const [owner, name] = [tokenOf(workspace), tokenOf(queue)];
  const of = (kind: string) => `workflows.${kind}.${owner}.${name}`;
  const consumer = `${owner}=${name}`;
  return {
    tasks: of("tasks"),
    results: of("results"),
    workers: of("workers"),
    cancels: of("cancels"),
    open: of("open"),
    consumer:
      consumer.length > CONSUMER_NAME_CHARS
        ? createHash("sha256").update(consumer).digest("base64url")
        : consumer,
  };
}

/** A name as one token of a subject: two names never share one. */
function tokenOf(name: string): string {
  return /^[\w-]+$/.test(name) ? name : `=${Buffer.from(name).toString("base64url")}`;
}

/** Why nothing can have this name, of at most so many characters; undefined when it can. */
export function faultOfName(name: string, charsAtMost: number): string | undefined {
  const chars = [...name].length;
  if (chars < 1 || chars > charsAtMost) return `has 1 to ${charsAtMost} characters`;
  if (name.trim() !== name) return "has no space at its ends";
  if (/\p{Cc}|\p{Cs}/u.test(name)) return "has no control characters";
  return undefined;
}

/** What a message holds. */
export interface ReadTasks {
  readonly tasks: readonly Task[];
  /** Ids of tasks that cannot be read otherwise. */
  readonly spoilt: readonly string[];
  /** How many have no readable id; 1 for a message that is none. */
  readonly unreadable: number;
}

const NONE: ReadTasks = { tasks: [], spoilt: [], unreadable: 1 };

/** The tasks of a message. */
export function readTasks(text: string): ReadTasks {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return NONE;
  }
  if (!isObject(message) || !Array.isArray(message.tasks)) return NONE;
  const all: readonly unknown[] = message.tasks;
  const tasks = all.filter(isTask);
  const spoilt = all.flatMap((each) =>
    !isTask(each) && isObject(each) && typeof each.id === "string" ? [each.id] : [],
  );
  return { tasks, spoilt, unreadable: all.length - tasks.length - spoilt.length };
}

const TASK_TEXTS = ["id", "run_id", "step_id", "idempotency_key", "action_type"] as const;

function isTask(value: unknown): value is Task {
  if (!isObject(value) || !isObject(value.input)) return false;
  return (
    TASK_TEXTS.every((field) => typeof value[field] === "string") &&
    Number.isSafeInteger(value.attempt)
  );
}

/** The list of texts that a message has under a name; empty when it has none. */
export function readIds(text: string, field: "tasks" | "open"): string[] | undefined {
  try {
    const message: unknown = JSON.parse(text);
    const ids = isObject(message) ? message[field] : undefined;
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is an object of JSON: no list, no null. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
