/** What the suite says of one fault: how often it was injected, and what was violated. */

/** A line of the suite's output. */
export interface FaultLine {
  /** Such as `F3 postgres restarts`. */
  readonly fault: string;
  readonly injected: number;
  /** Each with what is needed to see it again. */
  readonly violations: readonly string[];
  readonly seconds: number;
}

const NAME_WIDTH = 58;

/** As it is printed. */
export function renderLine({ fault, injected, violations, seconds }: FaultLine): string {
  const counts = `injected ${String(injected).padStart(4)}  violations ${violations.length}`;
  return `${fault.padEnd(NAME_WIDTH)}${counts}  (${seconds.toFixed(0)} s)`;
}
