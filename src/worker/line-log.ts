/** The log of a worker that was given none: a line of JSON an entry, on standard error. */
import type { WorkerLog } from "./handlers.ts";
import type { JsonObject } from "./protocol.ts";

/** Makes the log; JSON escapes what would end a line early. */
export function createLineLog(
  write: (line: string) => void = (line) => void process.stderr.write(line),
): WorkerLog {
  const of =
    (level: string): WorkerLog["info"] =>
    (message, facts) =>
      write(`${lineOf({ time: new Date().toISOString(), level, message }, facts)}\n`);
  return { info: of("info"), warn: of("warn"), error: of("error") };
}

/** Facts that JSON does not have cost the facts, not the line. */
function lineOf(head: JsonObject, facts: JsonObject | undefined): string {
  try {
    return JSON.stringify({ ...head, ...facts });
  } catch (error) {
    return JSON.stringify({ ...head, facts: `not JSON: ${String(error)}` });
  }
}
