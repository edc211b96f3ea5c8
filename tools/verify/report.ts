/**
 * What a check of an invariant gives: its verdict, what it counted, and what contradicts the invariant.
 * Boundary: collects values; reads and prints nothing.
 */

/** The invariants by number, with what each says. */
export const INVARIANTS = {
  I1: "every acknowledged run exists",
  I2: "each call made at most one object, and each object has its step",
  I3: "the moves of the history give the stored state",
  I4: "the stream holds the events of each run and definition once, in order and without a gap",
  I5: "nothing begins after a pause, a cancel or an end",
  I6: "no superseded attempt and no older writer changed a row",
  I7: "each run has ended, or waits for something that is held open",
  I8: "the costs are the sums of what was reported",
  I9: "no row refers to another workspace",
  I10: "no lease, key or dead letter is left over",
  I11: "no timer fired before it was due",
  I12: "the outputs are those of a run without faults",
} as const;
/** The number of an invariant. */
export type Invariant = keyof typeof INVARIANTS;

/** The result of the check of one invariant. */
export interface Report {
  readonly invariant: Invariant;
  /** `failed`: it could not be checked, or not to its end. */
  readonly verdict: "checked" | "skipped" | "failed" | "violated";
  /** Why it, or a part of it, was skipped or could not be checked; "" when all was. */
  readonly reason: string;
  /** How many things of each kind were looked at. */
  readonly counts: Readonly<Record<string, number>>;
  /** How many violations there are, also those that are not listed. */
  readonly found: number;
  /** The first violations, a line each with the run's id. */
  readonly violations: readonly string[];
}

/** Collects what the check of an invariant finds. */
export interface Findings {
  /** Adds to the number of things that were looked at. */
  count(what: string, by?: number): void;
  violate(line: string): void;
  /** A part of the check, or all of it when nothing was counted, could not be made. */
  skip(reason: string): void;
  /** The check broke off. */
  fail(cause: unknown): void;
  report(): Report;
}

const LISTED_AT_MOST = 20;

/** Findings without any content. */
export function beginFindings(invariant: Invariant): Findings {
  const counts: Record<string, number> = {};
  const violations: string[] = [];
  const reasons: string[] = [];
  let found = 0;
  let isBroken = false;
  return {
    count(what, by = 1) {
      counts[what] = (counts[what] ?? 0) + by;
    },
    violate(line) {
      found += 1;
      if (violations.length < LISTED_AT_MOST) violations.push(line);
    },
    skip(reason) {
      reasons.push(reason);
    },
    fail(cause) {
      isBroken = true;
      reasons.push(
        `could not be checked: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    },
    report() {
      const looked = Object.keys(counts).length > 0;
      const unbroken = looked ? "checked" : "skipped";
      const verdict = found > 0 ? "violated" : isBroken ? "failed" : unbroken;
      return { invariant, verdict, reason: reasons.join("; "), counts, found, violations };
    },
  };
}

/**
 * The report as a test takes it, which wants a proof: an invariant that could not be checked is violated, and one that
 * was skipped, unless it may be.
 */
export function requireChecked(report: Report, maySkip: readonly Invariant[]): Report {
  const { invariant, verdict, reason, found, violations } = report;
  const isLeftOut = verdict === "skipped" && !maySkip.includes(invariant);
  if (!isLeftOut && verdict !== "failed") return report;
  const line = `was not checked: ${reason}`;
  return { ...report, verdict: "violated", found: found + 1, violations: [...violations, line] };
}
