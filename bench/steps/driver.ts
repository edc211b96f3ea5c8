/**
 * Drives the real processor: runs in lockstep, as many in each lane as a commit is to hold.
 * Boundary: no RPC and no bus; inputs are handed in as those would hand them in, and calls come
 * back at once.
 * Invariant: every input must be applied; one that is not would make a step look cheap.
 */

import { createLog, type Log } from "../../src/process/log.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { PARTITIONS, partitionOf } from "../../src/runtime/partition.ts";
import { createProcessor, type Processor } from "../../src/runtime/processor.ts";
import type { LeasedCall, RunStart } from "../../src/runtime/submission.ts";
import { openDatabase } from "../../src/store/database.ts";
import { encodeCall } from "../../src/wire/calls/requests.ts";
import { AGENT_ID, type Load } from "./loads.ts";

/** A processor at work on a database. */
export interface Driver {
  readonly processor: Processor;
  /** Commits of batches so far: transactions, and statements that are one. */
  commits(): number;
  /** Committed calls without a result, by run. */
  readonly calls: Map<string, LeasedCall>;
  close(): Promise<void>;
}

/** Prints faults to stderr, apart from the results. */
export const benchLog: Log = createLog({
  level: "warn",
  format: "pretty",
  write: (line) => process.stderr.write(line),
});

/** Runs of each partition. A commit holds those of all partitions of its lane, so at least so many. */
export const RUNS_A_COMMIT = 50;

// Ids fall into lanes by chance; three or four rounds fill the last one.
const START_ROUNDS_AT_MOST = 20;

/** Does `work` with a driver of its own; `calls` are those that an earlier driver left. */
export async function withDriver<T>(
  url: string,
  calls: Map<string, LeasedCall>,
  work: (driver: Driver) => Promise<T>,
): Promise<T> {
  const driver = openDriver(url, calls);
  try {
    return await work(driver);
  } finally {
    await driver.close();
  }
}

function openDriver(url: string, calls: Map<string, LeasedCall>): Driver {
  const database = openDatabase({ url, log: benchLog });
  let commits = 0;
  const processor = createProcessor({
    database: {
      ...database,
      transaction(work, options) {
        commits += 1;
        return database.transaction(work, options);
      },
      alone: {
        query(statement, values) {
          commits += 1;
          return database.alone.query(statement, values);
        },
      },
    },
    graphs: createGraphCache(database),
    lookups: { choose: () => ({ agentId: AGENT_ID, skillId: "" }) },
    encodeCall,
    onCommitted(committed) {
      for (const call of committed.calls) calls.set(call.runId, call);
    },
    replicaId: "5f0c9a417be2d836",
    log: benchLog,
  });
  return {
    processor,
    commits: () => commits,
    calls,
    async close() {
      await processor.stop();
      await database.close();
    },
  };
}

/** Starts runs until each lane has RUNS_A_COMMIT of them; gives the ids of exactly these. */
export async function startRuns(
  { processor }: Driver,
  makeStart: () => RunStart,
): Promise<string[]> {
  const lanes: string[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let round = 1; lanes.some((lane) => lane.length < RUNS_A_COMMIT); round += 1) {
    if (round > START_ROUNDS_AT_MOST) throw new Error("the lanes do not fill evenly");
    const shortest = Math.min(...lanes.map((lane) => lane.length));
    const started = await Promise.all(
      Array.from({ length: (RUNS_A_COMMIT - shortest) * PARTITIONS }, () =>
        processor.submit({
          kind: "start",
          start: makeStart(),
          cause: { kind: "rpc", id: "StartRun" },
        }),
      ),
    );
    for (const { runId } of started) lanes[partitionOf(runId)]?.push(runId);
  }
  return lanes.flatMap((lane) => lane.slice(0, RUNS_A_COMMIT));
}

/** Ends one step of every run; the next input goes out when all runs have the one before. */
export async function endStep(
  { processor, calls }: Driver,
  load: Load,
  runIds: readonly string[],
  stepIndex: number,
): Promise<void> {
  for (const makeInput of load.inputs) {
    const settled = runIds.map((runId) => {
      const input = makeInput({ runId, stepIndex, call: calls.get(runId) });
      return processor.submit({ kind: "input", runId, workspaceId: "", input });
    });
    for (const { runId, reply } of await Promise.all(settled)) {
      if (reply.kind === "applied") continue;
      throw new Error(`run ${runId}: step ${stepIndex} was ${JSON.stringify(reply)}`);
    }
  }
}
