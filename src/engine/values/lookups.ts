/** What the service already knows about agents, prompts and skills, passed to the engine with each input. */
import type { LookUp } from "./effect.ts";
import type { Resolution } from "./run.ts";

/** Answers of earlier look-ups. On a miss the engine requests one. */
export interface Lookups {
  /** A meter is configured: the engine queries it for an attempt's cost that no report carried. Unset: false. */
  readonly costsFromMeter?: boolean;
  find(call: LookUp): Resolution | undefined;
}
