/** What a worker's code imports: `import { createWorker } from "workflows/worker"`. */
export { NonRetryable, RetryAfter } from "./errors.ts";
export {
  type CheckedHandler,
  type HandlerFunction,
  type Handlers,
  handler,
  type TaskContext,
  type WorkerLog,
} from "./handlers.ts";
export type { JsonObject } from "./protocol.ts";
export type { StandardSchema } from "./standard-schema.ts";
export { createWorker, type RunOptions, type Worker, type WorkerOptions } from "./worker.ts";
