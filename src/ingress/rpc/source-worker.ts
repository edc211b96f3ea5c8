/**
 * The thread that reads source texts, one after another.
 * Boundary: an entry of its own: tools/build.mjs compiles it beside the service. source-reader.ts starts it.
 */
import { parentPort } from "node:worker_threads";
import { readSource } from "./read-source.ts";
import { READY } from "./source-thread.ts";

parentPort?.postMessage(READY);
parentPort?.on("message", (text: string) => {
  parentPort?.postMessage(readSource(text));
});
