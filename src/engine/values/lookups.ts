/** What the shell already knows about agents, prompts and skills, handed to the engine with each input. */
import type { LookUp } from "./effect.ts";
import type { Resolution } from "./run.ts";

/** Answers of earlier look-ups; a miss makes the engine ask for one. */
export interface Lookups {
  /** A meter is configured: it is asked for what an agent's attempt cost when no report tells. Unset: false. */
  readonly costsFromMeter?: boolean;
  find(call: LookUp): Resolution | undefined;
}
