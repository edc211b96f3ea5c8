/**
 * What is found out about one invariant, and how it is printed.
 * Boundary: values and their text. At most 20 lines are kept, however many violations there are.
 */

/** The invariants of the service, as its guarantees number them. */
export const INVARIANTS = {
  I1: "every acknowledged run exists",
  I2: "a step's attempt made at most one object of a kind, and every object has an owner",
  I3: "the history gives exactly the stored state",
  I4: "the stream equals the committed order of each run",
  I5: "nothing begins while a run is paused or after it was cancelled",
  I6: "nothing was changed by a writer that had been overtaken",
  I7: "every run has ended or waits for something that is open",
  I8: "the costs of a run are those that were recorded",
  I9: "nothing refers to another workspace",
  I10: "no lease past its expiry, no key and no dead letter is left",
  I11: "no timer fired before it was due",
  I12: "outputs equal those of a run without faults",
} as const;
/** The number of an invariant. */
export type InvariantId = keyof typeof INVARIANTS;

/** The result of one invariant. */
export interface Report {
  readonly id: InvariantId;
  readonly title: string;
  readonly outcome: "checked" | "skipped" | "violated";
  /** How many things were compared. */
  readonly checked: number;
  readonly violations: number;
  /** The first violations, each with the run it is about. */
  readonly lines: readonly string[];
  /** Why it was skipped, or what was left out; "" for neither. */
  readonly note: string;
}

const LINES_AT_MOST = 20;

/** Collects what a check finds. */
export class Findings {
  checked = 0;
  violations = 0;
  note = "";
  readonly lines: string[] = [];

  /** Counts things that were compared. */
  saw(count = 1): void {
    this.checked += count;
  }

  /** A violation; `where` is the run, or what else it is about. */
  violated(where: string, what: string): void {
    this.violations += 1;
    if (this.lines.length < LINES_AT_MOST) this.lines.push(`${where}: ${what}`);
  }
}

/** The report of a check that ran. */
export function reportOf(id: InvariantId, found: Findings): Report {
  const { checked, violations, lines, note } = found;
  const outcome = violations > 0 ? "violated" : "checked";
  return { id, title: INVARIANTS[id], outcome, checked, violations, lines, note };
}

/** The report of a check that could not run. */
export function skipped(id: InvariantId, note: string): Report {
  const title = INVARIANTS[id];
  return { id, title, outcome: "skipped", checked: 0, violations: 0, lines: [], note };
}

/** A report as lines for a reader. */
export function linesOf(report: Report): string[] {
  const { id, title, outcome, checked, violations, lines, note } = report;
  const counts = outcome === "skipped" ? "" : `, ${checked} compared, ${violations} violations`;
  const head = `${id.padEnd(4)}${outcome.padEnd(9)}${title}${counts}${note === "" ? "" : ` (${note})`}`;
  return [head, ...lines.map((line) => `      ${line}`)];
}
