/**
 * I12: runs that met faults end as they do without faults: in the same state, with the same output.
 * Boundary: compares two sets of results that the caller names alike; how they were played is not known here.
 */
import { isDeepStrictEqual } from "node:util";
import type { Findings } from "./report.ts";

/** How a run ended. */
interface RunResult {
  readonly state: string;
  readonly output: unknown;
}
/** Results by the name that a run has in both sets. */
export type RunResults = ReadonlyMap<string, RunResult>;

/** Compares the results of runs with those that are expected; undefined: the caller expects nothing. */
export function checkOutputs(
  findings: Findings,
  found: RunResults | undefined,
  expected: RunResults | undefined,
): void {
  if (found === undefined || expected === undefined) {
    findings.skip("no results of a run without faults were given");
    return;
  }
  for (const name of new Set([...expected.keys(), ...found.keys()])) {
    findings.count("runs");
    const [is, wanted] = [found.get(name), expected.get(name)];
    if (isDeepStrictEqual(is, wanted)) continue;
    findings.violate(
      `${name}: ended as ${JSON.stringify(is)}, without faults as ${JSON.stringify(wanted)}`,
    );
  }
}
