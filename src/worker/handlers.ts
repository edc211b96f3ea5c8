/** What does a task: the code of a team by the name of the step's action, and what it gets beside its input. */
import type { JsonObject } from "./protocol.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Takes the lines of a worker; `console` is one. */
export interface WorkerLog {
  info(message: string, facts?: JsonObject): void;
  warn(message: string, facts?: JsonObject): void;
  error(message: string, facts?: JsonObject): void;
}

/** What a handler gets beside its input. */
export interface TaskContext {
  readonly runId: string;
  readonly stepId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** `<run>/<step>`: the same in all attempts. Give it to what the handler calls, so that a task done twice makes nothing twice. */
  readonly idempotencyKey: string;
  /** `""` when the step has none. */
  readonly actionType: string;
  readonly title: string;
  readonly instructions: string;
  /** The other keys of the step's `config`. */
  readonly parameters: JsonObject;
  /** W3C trace context of the task. */
  readonly traceparent: string | undefined;
  /** Aborts when the task is cancelled, has timed out, or the worker stops; its reason says which. */
  readonly signal: AbortSignal;
  /** Writes lines with the ids of run and step. */
  readonly log: WorkerLog;
  /** Adds to what the attempt has cost, in US dollars. Throws a RangeError unless the sum is 0 to 1,000,000. */
  cost(usd: number): void;
  /**
   * Says that the task is under way and lets other tasks go on: for code that computes for seconds. Rejects with the signal's
   * reason when the task is to stop. A handler that only waits needs none.
   */
  heartbeat(): Promise<void>;
}

/** A function that does a task. Its output is an object of JSON, or undefined for an empty one. */
export type HandlerFunction = (input: JsonObject, ctx: TaskContext) => unknown;

/** A function that does a task, with schemas of what goes in and comes out. */
export interface CheckedHandler<Input = unknown, Output = unknown> {
  /** An input that does not fit fails the attempt without retry. */
  readonly input?: StandardSchema<unknown, Input>;
  /** An output that does not fit fails the attempt without retry. */
  readonly output?: StandardSchema<Output, unknown>;
  // As a method, so that handlers of all inputs fit one record.
  run(input: Input, ctx: TaskContext): Output | Promise<Output>;
}

/** What a worker can do: each by the step's `action_type`, else its id. */
export type Handlers = Readonly<Record<string, HandlerFunction | CheckedHandler>>;

/** Types a handler by its schemas. */
export function handler<Input = JsonObject, Output = unknown>(
  checked: CheckedHandler<Input, Output>,
): CheckedHandler {
  // A schema decides what the handler gets: the record of handlers cannot express which.
  return checked as CheckedHandler;
}

/** The handler of a task; undefined when there is none of its name. */
export function handlerOf(
  handlers: Handlers,
  { action_type: action, step_id: stepId }: { action_type: string; step_id: string },
): HandlerFunction | CheckedHandler | undefined {
  const name = action === "" ? stepId : action;
  return Object.hasOwn(handlers, name) ? handlers[name] : undefined;
}
