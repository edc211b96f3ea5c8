/**
 * Starts the thread that reads source texts.
 * Boundary: where its entry is: beside the compiled service, or a source that needs a loader (tests, tools).
 */
import { Worker } from "node:worker_threads";

/** The first message of a thread: it is loaded. */
export const READY = "ready";
const HEAP_MB = 256;
const isCompiled = import.meta.url.endsWith(".mjs");
const COMPILED = new URL("./source-worker.mjs", import.meta.url);
/** A thread must register its loader by itself. */
const LOADED = `import("tsx/esm/api").then(({ register }) => {
  register();
  return import(${JSON.stringify(new URL("./source-worker.ts", import.meta.url).href)});
});`;

/** A thread with a bounded heap. It keeps no process alive; the call that waits for it does. */
export function startSourceThread(): Worker {
  const options = { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } };
  const thread = isCompiled
    ? new Worker(COMPILED, options)
    : new Worker(LOADED, { ...options, eval: true });
  thread.unref();
  return thread;
}

/** Whether the thread ended because its heap was full. */
export function isHeapFull(error: Error): boolean {
  return "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
