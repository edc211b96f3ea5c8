/**
 * A worker in a process of its own whose handler `block` holds the event loop for so long that its messages go to others.
 * Boundary: started with the server's URL, workspace and queue; prints a line for each begun task and its log, as JSON.
 */
import { createWorker } from "../../../src/worker/index.ts";

const BLOCKED_MS = 12_500;
const [servers = "", workspace = "", queue = ""] = process.argv.slice(2);
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const worker = createWorker({
  // With more places its pull would wait at the server meanwhile, and get the message again.
  ...{ servers, workspace, queue, id: "blocker", concurrency: 1 },
  log: {
    info: (message) => print({ message }),
    warn: (message, facts) => print({ message, ...facts }),
    error: (message) => print({ message }),
  },
  handlers: {
    block(_, { runId }) {
      print({ message: "begun", runId });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
      return { by: "blocker" };
    },
  },
});
await worker.run();
