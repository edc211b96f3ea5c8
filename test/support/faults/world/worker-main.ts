/**
 * A process of workers: one worker for each workspace of WORKER_WORKSPACES, by the library. A line of JSON on standard output,
 * `{"began":"<run>/<step>/<attempt>"}`, says that a task begins.
 */
import { writeSync } from "node:fs";
import { createWorker } from "../../../../src/worker/index.ts";
import { handlersOf, QUEUE } from "../workload/task-handlers.ts";

const STANDARD_OUTPUT = 1;

const { NATS_URL: servers = "", WORKER_ID = "", WORKER_WORKSPACES = "" } = process.env;

// Written at once: the process may be killed with the next statement.
const handlers = handlersOf(({ runId, stepId, attempt }) => {
  writeSync(STANDARD_OUTPUT, `${JSON.stringify({ began: `${runId}/${stepId}/${attempt}` })}\n`);
});

await Promise.all(
  WORKER_WORKSPACES.split(",").map((workspace) =>
    createWorker({
      ...{ servers, workspace, queue: QUEUE, handlers },
      id: `${WORKER_ID}-${workspace}`,
    }).run(),
  ),
);
