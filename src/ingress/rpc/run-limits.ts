/** Limits of open runs as callers write and read them. Boundary: workflows.ops.v1.RunLimit and what may stand in it. */
import {
  type RunLimit as RunLimitMessage,
  WhenFull,
} from "../../../gen/workflows/ops/v1/run_limits_pb.ts";
import { readConcurrencyKey } from "../../engine/matching/concurrency-key.ts";
import {
  NO_LIMIT,
  OPEN_RUNS_AT_MOST,
  type RunLimit,
  WHEN_FULL,
} from "../../engine/values/run-limit.ts";
import type { Faults } from "./fields.ts";

const NUMBERS = {
  queue: WhenFull.QUEUE,
  drop: WhenFull.DROP,
  replace: WhenFull.REPLACE,
} as const satisfies Record<(typeof WHEN_FULL)[number], WhenFull>;

/** The limit of a request; unset: none. Adds what is wrong with it to the faults. */
export function readRunLimit(message: RunLimitMessage | undefined, faults: Faults): RunLimit {
  if (message === undefined) return NO_LIMIT;
  const { maxOpenRuns, concurrencyKey, whenFull } = message;
  if (maxOpenRuns < 0 || maxOpenRuns > OPEN_RUNS_AT_MOST) {
    faults.add(
      "run_limit.max_open_runs",
      `is ${maxOpenRuns}; it may be 1 to ${OPEN_RUNS_AT_MOST}, or 0 for no limit`,
    );
  }
  const source = concurrencyKey.trim();
  const read = source === "" ? undefined : readConcurrencyKey(source, true);
  if (read?.ok === false) faults.add("run_limit.concurrency_key", read.problem);
  if (maxOpenRuns === 0) return NO_LIMIT;
  return { maxOpenRuns, concurrencyKey: source, whenFull: WHEN_FULL[whenFull - 1] ?? "queue" };
}

/** The field `run_limit` of a workflow. */
export function runLimitField(limit: RunLimit | undefined) {
  if (limit === undefined) return {};
  const { maxOpenRuns, concurrencyKey } = limit;
  return { runLimit: { maxOpenRuns, concurrencyKey, whenFull: NUMBERS[limit.whenFull] } };
}
