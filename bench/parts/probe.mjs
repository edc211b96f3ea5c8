/**
 * Loaded into the service before its own code: heap after a collection, and CPU profiles, on command.
 * Boundary: plain JavaScript on Node alone, so that the service loads nothing for it. The service knows nothing of it.
 */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const session = new Session();

const commands = {
  heapBytes() {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  },
  /** Writes the heap, for the developer tools of a browser, to the file. */
  heapSnapshot({ file }) {
    collect();
    writeHeapSnapshot(file);
  },
  async profileStart() {
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 500 });
    await session.post("Profiler.start");
  },
  /** Writes the profile to the file. */
  async profileStop({ file }) {
    const { profile } = await session.post("Profiler.stop");
    session.disconnect();
    writeFileSync(file, JSON.stringify(profile));
  },
};

process.on("message", ({ id, command, argument }) => {
  Promise.resolve()
    .then(() => commands[command](argument))
    .then(
      (value) => process.send({ id, value }),
      (error) => process.send({ id, error: String(error) }),
    );
});
// The channel must not keep a service alive that has stopped.
process.channel?.unref();
