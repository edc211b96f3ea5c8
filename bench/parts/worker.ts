/**
 * A worker of the queue of the benchmark as a process, by the library of src/worker/.
 * Boundary: its handler only answers, so that what is measured is the way of a task. Argument: the address of NATS.
 */
import { createWorker } from "../../src/worker/index.ts";
import { ACTION, NOTE, QUEUE, WORKSPACE } from "../engines/words.ts";
import { serveCommands } from "./commands.ts";

/** As many as are in flight: a worker that is full would be the bound of what is measured. */
const CONCURRENCY = 256;

const [servers = ""] = process.argv.slice(2);
const worker = createWorker({
  ...{ servers, workspace: WORKSPACE, queue: QUEUE, concurrency: CONCURRENCY },
  handlers: { [ACTION]: () => ({ id: QUEUE, ok: true, note: NOTE }) },
});
const running = worker.run();
serveCommands({ ready: () => worker.ready });
await running;
process.disconnect?.();
