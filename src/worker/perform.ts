/**
 * Does one task and says what came of it.
 * Invariant: it never rejects. Whatever a handler throws, returns or leaves out becomes a result.
 */
import { NonRetryable, RetryAfter } from "./errors.ts";
import {
  type CheckedHandler,
  type HandlerFunction,
  type Handlers,
  handlerOf,
  type TaskContext,
  type WorkerLog,
} from "./handlers.ts";
import {
  ERROR_CHARS,
  type JsonObject,
  OUTPUT_BYTES,
  type Task,
  type TaskError,
  type TaskResult,
} from "./protocol.ts";
import { sentenceOf } from "./standard-schema.ts";

/** What a task needs of its worker. */
export interface PerformDeps {
  readonly handlers: Handlers;
  readonly log: WorkerLog;
  readonly signal: AbortSignal;
  /** Says that the task's message is held. */
  beat(): void;
}

const COST_AT_MOST = 1_000_000;

/** Does a task by its handler. */
export async function perform(deps: PerformDeps, task: Task): Promise<TaskResult> {
  const costs = { usd: 0 };
  const outcome = await outcomeOf(deps, task, costs);
  return { id: task.id, ...(costs.usd > 0 ? { cost_usd: costs.usd } : {}), ...outcome };
}

type Outcome =
  | { readonly status: "completed"; readonly output: string }
  | { readonly status: "failed"; readonly error: TaskError };

async function outcomeOf(deps: PerformDeps, task: Task, costs: { usd: number }): Promise<Outcome> {
  try {
    const found = handlerOf(deps.handlers, task);
    if (found === undefined) throw new NonRetryable(unknownAction(deps.handlers, task));
    const output = await run(found, task.input, contextOf(deps, task, costs));
    return { status: "completed", output: outputOf(output) };
  } catch (error) {
    return { status: "failed", error: errorOf(error) };
  }
}

async function run(
  found: HandlerFunction | CheckedHandler,
  input: JsonObject,
  ctx: TaskContext,
): Promise<unknown> {
  if (typeof found === "function") return found(input, ctx);
  const checked = await found.input?.["~standard"].validate(input);
  if (checked?.issues)
    throw new NonRetryable(`the input does not fit: ${sentenceOf(checked.issues)}`);
  const output = await found.run(checked === undefined ? input : checked.value, ctx);
  const judged = await found.output?.["~standard"].validate(output);
  if (judged?.issues)
    throw new NonRetryable(`the output does not fit: ${sentenceOf(judged.issues)}`);
  return judged === undefined ? output : judged.value;
}

function unknownAction(handlers: Handlers, { action_type: action, step_id: stepId }: Task): string {
  const known = Object.keys(handlers).sort().join(", ");
  const wanted = action === "" ? `step ${stepId}, which has no action_type` : action;
  return `this worker has no handler for ${wanted}; it has ${known}`;
}

function contextOf(deps: PerformDeps, task: Task, costs: { usd: number }): TaskContext {
  const { signal } = deps;
  return {
    runId: task.run_id,
    stepId: task.step_id,
    attempt: task.attempt,
    idempotencyKey: task.idempotency_key,
    actionType: task.action_type,
    title: task.title ?? "",
    instructions: task.instructions ?? "",
    parameters: task.parameters ?? {},
    traceparent: task.traceparent,
    signal,
    log: logOf(deps.log, task),
    cost(usd) {
      if (!(typeof usd === "number" && usd >= 0 && costs.usd + usd <= COST_AT_MOST)) {
        throw new RangeError(`a cost is 0 to ${COST_AT_MOST} dollars, not ${usd}`);
      }
      costs.usd += usd;
    },
    async heartbeat() {
      deps.beat();
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    },
  };
}

function logOf(log: WorkerLog, task: Task): WorkerLog {
  const ids = { run_id: task.run_id, step_id: task.step_id, attempt: task.attempt };
  return {
    info: (message, facts) => log.info(message, { ...ids, ...facts }),
    warn: (message, facts) => log.warn(message, { ...ids, ...facts }),
    error: (message, facts) => log.error(message, { ...ids, ...facts }),
  };
}

/** The output as JSON text. Throws for a value that JSON does not have, or has not as an object. */
function outputOf(value: unknown): string {
  if (value === undefined) return "{}";
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new NonRetryable(`the output is not JSON: ${textOf(error)}`);
  }
  if (text === undefined || !text.startsWith("{")) {
    throw new NonRetryable(`an output is an object, not ${kindOf(value)}`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > OUTPUT_BYTES) {
    throw new NonRetryable(`the output has ${bytes} bytes, the limit is ${OUTPUT_BYTES}`);
  }
  return text;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return `a ${typeof value}`;
}

function errorOf(error: unknown): TaskError {
  const message = textOf(error).slice(0, ERROR_CHARS);
  if (error instanceof NonRetryable) return { message, retryable: false };
  if (error instanceof RetryAfter) return { message, retry_after_ms: Math.round(error.delayMs) };
  const type = nameOf(error);
  return { message, ...(type === "" || type === "Error" ? {} : { type }) };
}

const NAME_CHARS = 256;

/** The name of an error; "" where it has none that is a text. */
function nameOf(error: unknown): string {
  try {
    const name: unknown = error instanceof Error ? error.name : "";
    return typeof name === "string" ? name.slice(0, NAME_CHARS) : "";
  } catch {
    return "";
  }
}

const CAUSES_AT_MOST = 3;

/** The message, with those of the causes: `fetch failed: connect ECONNREFUSED 127.0.0.1:80`. */
function textOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    const texts: string[] = [];
    for (let each: unknown = error; each instanceof Error; each = each.cause) {
      if (each.message !== "") texts.push(each.message);
      if (texts.length > CAUSES_AT_MOST) break;
    }
    return texts.length === 0 ? "the handler failed without a message" : texts.join(": ");
  } catch {
    return "the handler failed with a value that has no text";
  }
}
