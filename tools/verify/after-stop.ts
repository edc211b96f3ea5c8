/**
 * I5: no attempt begins while its run is paused or after it ended. No object is made for a cancelled run but by a call
 * that was leased before, and an objective that comes late is cancelled. What a call asked for before it was given up may
 * come later still: the other service reads its requests as late as it is busy.
 * Boundary: judges one run by its history, and by the entries of the ledgers when there are some.
 */
import type { RunState } from "../../src/engine/values/run.ts";
import type { LedgerEntries, LedgerItem } from "./ledgers.ts";
import type { Findings } from "./report.ts";
import type { RunHistory } from "./stored-runs.ts";

/** States in which steps may begin. */
const MOVING: readonly RunState[] = ["RUNNING", "COMPENSATING"];
/** A lease of a call, and the time that an answer may take beyond it. */
export const LATE_OBJECTS_MS = 20_000 + 10_000;
/** No other service is so busy that it reads a request that much later. */
const BUSY_AT_MOST_MS = 10 * 60_000;
/** Is sent after a cancel, however late: only the id of an objective lets the service cancel it. */
const SENT_AFTER_CANCEL = "create_objective";

/** What was made and cancelled in other services. */
export interface Made {
  /** Undefined: not known. */
  readonly entries: LedgerEntries | undefined;
  /** Ids of objectives that were cancelled; undefined: cancellations may still be under way. */
  readonly cancelled: ReadonlySet<string> | undefined;
  /** How long after a cancel a call that was leased before may make its object. */
  readonly lateObjectsMs: number;
}

/** Finds what began in a run that had stopped. */
export function checkAfterStop(findings: Findings, whole: RunHistory, made: Made): void {
  const { run, rows, version } = whole;
  let state: RunState = "PENDING";
  let cancelledAt: Date | undefined;
  const begun = new Set<string>();
  const returnedAt = new Map<string, number>();
  for (const { seq, recordedAt, cause, moves } of rows) {
    if (cause.kind === "call") returnedAt.set(cause.id, recordedAt.getTime());
    for (const move of moves) {
      if (move.of === "run") {
        state = move.to;
        cancelledAt = state === "CANCELLED" ? (cancelledAt ?? recordedAt) : undefined;
      } else if (move.op === "started") {
        findings.count("attempts");
        begun.add(`${version[move.step]?.id}/${(move.retry ?? 0) + 1}`);
        if (!MOVING.includes(state)) {
          findings.violate(
            `${run.id}: row ${seq}: step ${move.step} begins while the run is ${state}`,
          );
        }
      }
    }
  }
  for (const item of made.entries?.get(run.id) ?? []) {
    const { line, parts, recordedAt } = item;
    findings.count("objects");
    if (!begun.has(`${parts.stepId}/${parts.attempt}`)) {
      findings.violate(`${line} was made for attempt ${parts.attempt}, which never began`);
    }
    if (cancelledAt === undefined || recordedAt <= cancelledAt) continue;
    const call = `${run.id}/${parts.stepId}/${parts.attempt}/${parts.call}`;
    const lateMs = recordedAt.getTime() - cancelledAt.getTime();
    const askedMs = (returnedAt.get(call) ?? Number.POSITIVE_INFINITY) - cancelledAt.getTime();
    judgeLate(findings, item, lateMs > BUSY_AT_MOST_MS ? lateMs : Math.min(lateMs, askedMs), made);
  }
}

function judgeLate(
  findings: Findings,
  { id, kind, line }: LedgerItem,
  lateMs: number,
  { cancelled, lateObjectsMs }: Made,
): void {
  findings.count("objects after a cancel");
  const violate = (more: string) =>
    findings.violate(`${line} was made ${lateMs} ms after the run was cancelled${more}`);
  if (kind !== SENT_AFTER_CANCEL) {
    if (lateMs > lateObjectsMs) violate("");
  } else if (cancelled !== undefined && !cancelled.has(id)) violate(", and was not cancelled");
}
