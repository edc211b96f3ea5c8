/**
 * A run as the invariant checker reads it (tools/verify/stored-runs.ts), of the parts that a test names.
 * Boundary: plain values; what is not named is as in a run of one step that has just begun.
 */
import type { StoredMoves, StoredStep, WholeRun } from "../../../tools/verify/stored-runs.ts";

const RUN_ID = "wfr_1";
const CREATED_AT = new Date("2026-01-01T00:00:00Z");

/** What a test says of the run. */
interface RunParts {
  readonly run?: Partial<WholeRun["run"]>;
  readonly version: WholeRun["version"];
  /** The row of its first step. */
  readonly step?: Partial<StoredStep>;
  readonly rows: readonly Omit<StoredMoves, "runId" | "batchId">[];
}

/** The run `wfr_1`. */
export function wholeRun({ run = {}, version, step = {}, rows }: RunParts): WholeRun {
  return {
    run: {
      id: RUN_ID,
      workspaceId: "ws_1",
      versionId: "wfv_1",
      state: "RUNNING",
      seq: rows.length,
      totalCostUsd: 0,
      stepMarks: Buffer.alloc(0),
      triggerEventId: "",
      createdAt: CREATED_AT,
      completedAt: null,
      deadlineAt: null,
      continueAt: null,
      pending: null,
      ...run,
    },
    steps: [
      {
        runId: RUN_ID,
        index: 0,
        state: "RUNNING",
        retryCount: 0,
        costUsd: 0,
        objectiveId: null,
        delegationId: null,
        approvalRequestId: null,
        ticketIds: null,
        waitKey: null,
        startedAt: CREATED_AT,
        completedAt: null,
        timeoutAt: null,
        wakeAt: null,
        timedOut: false,
        hasOpenChild: false,
        hasTask: false,
        ...step,
      },
    ],
    version,
    calls: [],
    rows: rows.map((row) => ({ ...row, runId: RUN_ID, batchId: row.seq })),
    unreadable: "",
  };
}
