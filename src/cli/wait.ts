/** The wait for a run's end. Boundary: asks the service again and again, by a clock that is given. */
import { type WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { CliFailure, EXIT, findFailure } from "./failure.ts";
import type { Service } from "./service.ts";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** A restart of the service, or of what stands before it, takes less. */
const AWAY_AT_MOST_MS = 60_000;

/** The exit codes of the final states. */
export const END_CODES: Partial<Record<WorkflowState, number>> = {
  [WorkflowState.COMPLETED]: EXIT.done,
  [WorkflowState.FAILED]: EXIT.failed,
  [WorkflowState.CANCELLED]: EXIT.cancelled,
};

/** Milliseconds from any start, and a pause of some. */
interface Clock {
  now(): number;
  pause(ms: number): Promise<unknown>;
}

/**
 * The run at its end, or as it was last seen when `waitMs` ran out. A service that is away is asked again for a minute. Rejects with
 * a CliFailure that names the run.
 */
export async function waitForEnd(
  service: Service,
  started: WorkflowRun,
  waitMs: number | undefined,
  { now, pause }: Clock,
): Promise<WorkflowRun> {
  const { id } = started;
  const endAt = waitMs === undefined ? Number.POSITIVE_INFINITY : now() + waitMs;
  let last = started;
  let awaySince: number | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5)) {
    try {
      const { run } = await service.workflows.getRun({ id });
      last = run ?? last;
      awaySince = undefined;
    } catch (error) {
      awaySince ??= now();
      const failure = findFailure(error);
      if (failure?.exitCode !== EXIT.away || now() - awaySince >= AWAY_AT_MOST_MS) {
        throw naming(id, failure, error);
      }
    }
    if (END_CODES[last.state] !== undefined) return last;
    const leftMs = endAt - now();
    if (leftMs <= 0) return last;
    await pause(Math.min(pauseMs, leftMs));
  }
}

function naming(id: string, failure: CliFailure | undefined, error: unknown): CliFailure {
  const reason = failure?.message ?? (error instanceof Error ? error.message : String(error));
  return new CliFailure(
    `${reason}; ${id} was started: workflows runs ${id}`,
    failure?.exitCode ?? EXIT.failed,
    { cause: error },
  );
}
