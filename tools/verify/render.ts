/** Reports and stuck runs as lines for a person. Boundary: text alone; prints nothing. */
import { INVARIANTS, type Report } from "./report.ts";
import type { StuckRun } from "./stuck.ts";

/** A line for the verdict, and one for each violation that is listed. */
export function renderReport(report: Report): string[] {
  const { invariant, verdict, reason, counts, found, violations } = report;
  const looked = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  const facts = [...looked, ...(reason === "" ? [] : [reason])].join(", ");
  const more = found - violations.length;
  return [
    `${invariant.padEnd(4)}${verdict.padEnd(10)}${INVARIANTS[invariant]} (${facts})`,
    ...violations.map((line) => `      ${line}`),
    ...(more === 0 ? [] : [`      and ${more} more`]),
  ];
}

/** The stuck runs, each with why it is one and what is known of it. */
export function renderStuck(stuck: readonly StuckRun[]): string[] {
  if (stuck.length === 0) return ["no run is stuck"];
  return stuck.flatMap(({ runId, reasons, lines }) => [
    ...reasons.map((reason) => `stuck: ${runId} ${reason}`),
    ...lines.map((line) => `      ${line}`),
  ]);
}
