/** The form of a check that looks at one run at a time. */
import type { Effect } from "./effects-made.ts";
import type { Findings, InvariantId } from "./report.ts";
import type { RunPicture } from "./run-picture.ts";

/** What a check is told besides the run. */
export interface CheckContext {
  /** The database's clock when the snapshot was taken. */
  readonly now: Date;
  /** What collaborators made for the run; undefined: no ledgers were given. */
  readonly effects: readonly Effect[] | undefined;
  /** How long a call that is leased may still go out, in ms. */
  readonly leaseMs: number;
  /** Costs that were recorded by `run/step`; undefined: no ledgers were given. */
  readonly costs: ReadonlyMap<string, number> | undefined;
  /** Ids that collaborators hold open; undefined: any id counts. */
  readonly heldOpen: ReadonlySet<string> | undefined;
}

/** A check of single runs. */
export interface RunCheck {
  readonly id: InvariantId;
  check(picture: RunPicture, findings: Findings, context: CheckContext): void;
}
