/** A run as it is stored, of whatever workspace. */
import type { Queries } from "../../../src/store/database.ts";
import type { WholeRun } from "../../../src/store/reads/many-runs.ts";
import { findRunRows as findSeen } from "../../../src/store/reads/runs.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";

/** The run with all its rows, as answers read it. */
export function findRunRows(db: Queries, runId: string): Promise<WholeRun | undefined> {
  return findSeen(db, EVERY_WORKSPACE, runId);
}
