/**
 * Ids of new runs whose events the replica that starts them publishes itself.
 * Boundary: draws; which partitions a replica publishes, its publisher says. A run in any other partition is as good, and costs more.
 */
import { newRunId } from "../process/ids.ts";
import { partitionOf } from "./partition.ts";

/** Of one partition in eight, so many draws miss it once in seventy. */
const DRAWS_AT_MOST = 32;

/** An id of a run in one of these partitions; of any partition where there are none, or chance does not give one. */
export function runIdIn(partitions: readonly number[], makeRunId = newRunId): string {
  let runId = makeRunId();
  if (partitions.length === 0) return runId;
  for (let draws = 1; draws < DRAWS_AT_MOST; draws += 1) {
    if (partitions.includes(partitionOf(runId))) return runId;
    runId = makeRunId();
  }
  return runId;
}
