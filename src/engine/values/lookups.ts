/** What the service already knows about agents, prompts and skills, passed to the engine with each input. */
import type { LookUp } from "./call.ts";
import type { Resolution } from "./step-detail.ts";

/** The attempt of a step that looks something up. */
export interface LookupAttempt {
  readonly stepIndex: number;
  readonly retryCount: number;
}

/** Answers of earlier look-ups. On a miss the engine requests one. */
export interface Lookups {
  /** A meter is configured: the engine queries it for an attempt's cost that no report carried. Unset: false. */
  readonly costsFromMeter?: boolean;
  /** Pure: an attempt gets the same answer each time its transition is computed. */
  find(call: LookUp, attempt: LookupAttempt): Resolution | undefined;
}

/** Where the answers come from. A choice counts as work of the agent, so each call may choose another agent. */
export interface LookupSource {
  readonly costsFromMeter?: boolean;
  choose(call: LookUp): Resolution | undefined;
}

/** The answers that the attempts of a run have been given, by step and retry count; undefined: a miss. */
export type ChosenAnswers = Map<string, Resolution | undefined>;

/** Look-ups that choose at an attempt's first question and repeat that answer, a miss included, from `chosen`. */
export function chooseOnce(source: LookupSource, chosen: ChosenAnswers): Lookups {
  const { costsFromMeter = false } = source;
  return {
    costsFromMeter,
    find(call, { stepIndex, retryCount }) {
      const key = `${stepIndex}/${retryCount}`;
      if (!chosen.has(key)) chosen.set(key, source.choose(call));
      return chosen.get(key);
    },
  };
}
