/**
 * A run as the commit of its start has left it, so that its caller is answered without a read.
 * Boundary: values that are committed; how an answer shows them is the caller's.
 * Invariant: it is what a read of that moment gives, the order of keys in payloads included. What a read would cut, or
 * look up elsewhere, is left to a read.
 */
import type { Graph } from "../engine/graph/graph.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Run, StepRun } from "../engine/values/run.ts";
import { hasShownChildren } from "../store/child-ids.ts";
import { smallStoredJson } from "../store/stored-json.ts";
import type { FoldedRun } from "./fold-run.ts";

/** The run, its input, and all its rows. */
export interface StartedRun {
  readonly graph: Graph;
  readonly run: Run;
  readonly input: JsonObject;
  readonly steps: ReadonlyMap<number, StepRun>;
}

/** To copy more payloads holds the event loop. */
const BYTES_AT_MOST = 128 * 1024;
/** A read cuts longer ones. */
const ERROR_CHARS = 4_096;

/** The run that this start has made; undefined when it is to be read. */
export function startedRunOf({ work, draft }: FoldedRun): StartedRun | undefined {
  let bytes = 0;
  const stored = (payload: JsonObject | undefined) => {
    const copy = payload && smallStoredJson(payload);
    bytes += copy?.bytes ?? 0;
    return copy?.value;
  };
  const input = stored(work.input ?? {});
  const steps = new Map<number, StepRun>();
  for (const row of draft.rows.inserted) {
    if (bytes > BYTES_AT_MOST || row.errorMessage.length > ERROR_CHARS) return undefined;
    if (hasShownChildren(row)) return undefined;
    const [given, output] = [stored(row.input), stored(row.output)];
    if ((given === undefined) !== (row.input === undefined)) return undefined;
    if ((output === undefined) !== (row.output === undefined)) return undefined;
    const payloads = {
      ...(given === undefined ? {} : { input: given }),
      ...(output === undefined ? {} : { output }),
    };
    steps.set(row.index, { ...row, ...payloads });
  }
  if (input === undefined || bytes > BYTES_AT_MOST) return undefined;
  return { graph: work.graph, run: draft.run, input, steps };
}
