/**
 * Runs that are stuck: they have not moved for a time, and nothing holds them that may still come.
 * Boundary: reads all open runs of one moment and prints nothing; the description of a run is what a person needs to
 * see why: its history, what its open steps wait for, its calls and their leases.
 */
import type pg from "pg";
import { isFinalRun, isFinalStep } from "../../src/engine/values/run.ts";
import { runPages, type StoredMoves, type WholeRun } from "./stored-runs.ts";
import { unheldOf } from "./waiting.ts";

/** A stuck run, with lines that describe it. */
export interface StuckRun {
  readonly runId: string;
  /** What of it waits for nothing. */
  readonly reasons: readonly string[];
  readonly lines: readonly string[];
}

const ROWS_SHOWN = 20;

/** Finds the runs that have been stuck for so long, the first `most` of them. */
export async function findStuckRuns(
  client: pg.Client,
  stuckAfterSeconds: number,
  most = Number.POSITIVE_INFINITY,
): Promise<StuckRun[]> {
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  const since = new Date((rows[0]?.now ?? new Date(0)).getTime() - stuckAfterSeconds * 1000);
  const stuck: StuckRun[] = [];
  for await (const page of runPages(client)) {
    for (const whole of page) {
      const reasons = reasonsOf(whole, since);
      if (reasons.length === 0) continue;
      stuck.push({ runId: whole.run.id, reasons, lines: describe(whole) });
      if (stuck.length >= most) return stuck;
    }
  }
  return stuck;
}

function reasonsOf(whole: WholeRun, since: Date): string[] {
  const { run, rows, calls } = whole;
  const movedAt = rows.at(-1)?.recordedAt ?? run.createdAt;
  if (isFinalRun(run.state) || movedAt > since) return [];
  // A call is tried again while its collaborator is away: each try renews the lease, or sets the time of the next.
  if (calls.some(({ leaseUntil }) => leaseUntil > since)) return [];
  // Pending work is taken up by any replica, a due timer too: both may be as late as a run may stand still.
  if (run.continueAt !== null && run.continueAt > since) return [];
  // A timeout counts here: it ends the step by itself.
  const timed = whole.steps.some(
    ({ state, timeoutAt }) => !isFinalStep(state) && timeoutAt !== null && timeoutAt > since,
  );
  if (timed || (run.deadlineAt !== null && run.deadlineAt > since && run.state === "RUNNING")) {
    return [];
  }
  // Owners decide when they like; the service polls them itself.
  return unheldOf(whole, { now: since, isOpen: () => true });
}

function describe({ run, steps, rows, calls, version }: WholeRun): string[] {
  const at = (time: Date | null) => time?.toISOString() ?? "-";
  return [
    `run ${run.id} of ${run.workspaceId}: ${run.state}, seq ${run.seq}, pending ${run.pending ?? "none"}, ` +
      `continues ${at(run.continueAt)}, deadline ${at(run.deadlineAt)}`,
    ...(rows.length > ROWS_SHOWN ? [`  ${rows.length - ROWS_SHOWN} earlier rows`] : []),
    ...rows.slice(-ROWS_SHOWN).map(describeRow),
    ...steps
      .filter(({ state }) => !isFinalStep(state))
      .map(
        (step) =>
          `  open step ${step.index} (${version[step.index]?.id}): ${step.state}, retry ${step.retryCount}, ` +
          `wait ${step.waitKey ?? "-"}, objective ${step.objectiveId ?? "-"}, ` +
          `delegation ${step.delegationId ?? "-"}, approvals ${step.ticketIds ?? step.approvalRequestId ?? "-"}, ` +
          `wakes ${at(step.wakeAt)}, times out ${at(step.timeoutAt)}`,
      ),
    ...calls.map(
      ({ id, kind, holder, leaseUntil }) =>
        `  open call ${id} (${kind}): ${holder === "" ? "free" : `held by ${holder}`} until ${at(leaseUntil)}`,
    ),
  ];
}

function describeRow({ seq, recordedAt, cause, moves }: StoredMoves): string {
  const told = moves.map((move) => {
    const what = move.of === "run" ? "run" : `step ${move.step}`;
    const note = move.of === "step" ? (move.note ?? "") : "";
    return `${what} ${move.from} -> ${move.to}${note === "" ? "" : ` (${note})`}`;
  });
  return `  ${seq} ${recordedAt.toISOString()} ${cause.kind} ${cause.id}: ${told.join(", ")}`;
}
