/** The worst case of a version in words, for the command line and the console. Boundary: pure. */
import type { WorstCase } from "../engine/steps/worst-case.ts";
import { roundedDuration } from "./durations.ts";

/** Ids that an answer of the service has at most: there may be more. */
const LISTED = 20;

/** How long a run lasts at most, and how many attempts it makes; empty where the version does not say. */
export function worstCaseWords({ seconds, attempts = 0, endlessStepIds }: WorstCase): string[] {
  const [endless, ...others] = endlessStepIds;
  const count = endlessStepIds.length >= LISTED ? "others" : `${others.length} more`;
  const more = others.length === 0 ? "" : ` and ${count}`;
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return [
    ...(seconds !== undefined ? [lastsWords(seconds)] : []),
    ...(seconds === undefined && endless !== undefined
      ? [`${endless}${more} may last for ever`]
      : []),
    ...(attempts === 0 ? [] : [`${tries} of agents and workers at most`]),
  ];
}

/** Steps that are done at once have no time that a version could say. */
function lastsWords(seconds: number): string {
  return seconds === 0
    ? "no step of a run waits"
    : `a run lasts ${roundedDuration(seconds)} at most`;
}
