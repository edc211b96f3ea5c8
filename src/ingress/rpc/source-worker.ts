/**
 * The thread that reads source texts and simulates versions, one job after another.
 * Boundary: an entry of its own: tools/build.mjs compiles it beside the service. source-reader.ts starts it.
 */
import { parentPort } from "node:worker_threads";
import { doSourceJob, type SourceJob } from "./source-jobs.ts";
import { READY } from "./source-thread.ts";

parentPort?.postMessage(READY);
parentPort?.on("message", (job: SourceJob) => {
  parentPort?.postMessage(doSourceJob(job));
});
