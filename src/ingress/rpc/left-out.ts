/**
 * How an answer lists what it leaves out to stay small enough for its readers.
 * Boundary: two response headers and the sizes; what is left out is chosen by wire/fitted-runs.ts and the handlers.
 */
import type { ReadDeps } from "./service-deps.ts";

/** An answer has at most so many bytes: gRPC clients take 4 MiB by default. */
export const ANSWER_BYTES = 3.5 * 1024 * 1024;
/** How many payloads, or other large fields, an answer leaves out; unset: none. */
export const OMITTED = "workflows-payloads-omitted";
/** Of what: ids of steps, `$run` for the run's own payloads. Of several runs or versions each with its id before it. */
export const OMITTED_STEPS = "workflows-payloads-omitted-steps";

const NAMES_BYTES = 4_000;
const MORE = "...";

/** Says in the answer's headers that it leaves something out: a name for each, one that comes again is named once. */
export function nameLeftOut(
  { answerHeader }: Pick<ReadDeps, "answerHeader">,
  names: readonly string[],
  unnamed = 0,
): void {
  if (names.length + unnamed === 0) return;
  answerHeader.set(OMITTED, String(names.length + unnamed));
  answerHeader.set(OMITTED_STEPS, listOf(new Set(names)));
}

/** Ids are ASCII; a list that is too long for a header ends with `...`. */
function listOf(names: ReadonlySet<string>): string {
  const shown: string[] = [];
  let bytes = 0;
  for (const name of names) {
    bytes += name.length + 1;
    if (bytes > NAMES_BYTES) return [...shown, MORE].join(",");
    shown.push(name);
  }
  return shown.join(",");
}
