/**
 * What 1,000 watchers of a replica cost: the commits nothing, and the process little for each move.
 * Boundary: the feed, and Runs.Watch without its sockets; a move's row is a real one, with another number. CPU time of this thread.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WatchRequestSchema, WatchResponseSchema } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { RunState } from "../../../src/engine/values/run.ts";
import { answerWatch } from "../../../src/ingress/rpc/watch.ts";
import { createLog } from "../../../src/process/log.ts";
import { ROUND_MS } from "../../../src/process/rounds.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createRunFeed, type RunFeed } from "../../../src/runtime/run-feed.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { findRuns } from "../../../src/store/reads/runs.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { cpuMs } from "../../support/assertions/cpu-time.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const WATCHERS = 1_000;
const OPENED_AT_ONCE = 50;
const MOVES = 20;
const MS_A_MOVE = 0.05;
const VERSION = versionOf(["a", "b"].map((id) => stepOf(id, { stepType: "HUMAN_TASK", name: id })));
const silent = createLog({ level: "error", format: "json", write: () => {} });
let at: TestProcessor;
let away: Database;
let feed: RunFeed;
let names = 0;

beforeAll(async () => {
  at = await startProcessor();
  // What moves comes from commits of this replica alone.
  away = openDatabase({ url: "postgres://127.0.0.1:1/none", log: silent });
  feed = createRunFeed({ database: away, log: silent });
});
afterAll(async () => {
  await feed?.stop();
  await away?.close();
  await at?.stop();
});

/** A run, and what tells the feed of its next move: the first one is committed, others are like it. */
async function start() {
  names += 1;
  const version = await publish(at.database, `watched ${names}`, VERSION);
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await at.processor.submit({ kind: "start", cause, start: startOf(version) });
  const [run] = await findRuns(at.database.read, EVERY_WORKSPACE, [runId]);
  if (run === undefined) throw new Error("the run is not there");
  const move = async () => {
    const input = transitioned("a", "COMPLETED");
    await at.processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
    const batch = at.batches.at(-1);
    const [written] = batch?.runs ?? [];
    const [row] = written?.history ?? [];
    if (batch === undefined || written === undefined || row === undefined) {
      throw new Error("the commit has no move");
    }
    let { seq } = row;
    return (state: RunState = written.run.state) => {
      const moved = { ...written, run: { ...written.run, seq, state }, history: [{ ...row, seq }] };
      feed.notice([{ ...batch, runs: [moved] }]);
      seq += 1;
    };
  };
  return { run, move };
}

it("a commit wakes nobody itself, however many watch: they are woken once, when its turn is over", async () => {
  const { run, move } = await start();
  const watches = Array.from({ length: WATCHERS }, () => feed.watch(run));
  let woken = 0;
  for (const { wakes } of watches) {
    wakes.add(() => {
      woken += 1;
    });
  }
  const next = await move();
  for (let moves = 0; moves < MOVES; moves += 1) next();
  expect(woken).toBe(0);
  await nextTurn();
  expect(woken).toBe(WATCHERS);
  for (const watch of watches) watch.close();
});

it("a run that moves often wakes its watchers once a round, and at once when it has ended", async () => {
  const { run, move } = await start();
  const watch = feed.watch(run);
  let woken = 0;
  watch.wakes.add(() => {
    woken += 1;
  });
  const next = await move();
  const beganMs = performance.now();
  for (let moves = 0; moves < MOVES; moves += 1) {
    next();
    await nextTurn();
  }
  const rounds = (performance.now() - beganMs) / ROUND_MS;
  expect(woken).toBeGreaterThan(0);
  expect(woken).toBeLessThanOrEqual(1 + rounds);
  const before = woken;
  next("COMPLETED");
  await nextTurn();
  expect(woken).toBe(before + 1);
  watch.close();
});

it(`a move costs each of ${WATCHERS} watchers less than ${MS_A_MOVE} ms`, async () => {
  const { run, move } = await start();
  const { database } = at;
  const deps = {
    ...{ database, feed, graphs: createGraphCache(database), visibility: EVERY_WORKSPACE },
    ...{ answerHeader: new Headers(), nowMs: () => performance.now() },
    hasToken: false,
    requireCaller: async () => undefined,
  };
  const endings = Array.from({ length: WATCHERS }, () => new AbortController());
  let taken = 0;
  let expected = 0;
  let allTaken = () => {};
  const follow = async ({ signal }: AbortController) => {
    const request = create(WatchRequestSchema, { runId: run.id });
    for await (const message of answerWatch({ ...deps, signal }, request)) {
      if (message.move === undefined) continue;
      toBinary(WatchResponseSchema, message);
      taken += 1;
      if (taken === expected) allTaken();
    }
  };
  const take = (watchers: number, act: () => void) =>
    new Promise<void>((resolve) => {
      expected += watchers;
      allTaken = resolve;
      act();
    });
  const followed: Promise<void>[] = [];
  // Each begins with a read, and all of them at once would hold the loop.
  for (let opened = 0; opened < WATCHERS; opened += OPENED_AT_ONCE) {
    const some = endings.slice(opened, opened + OPENED_AT_ONCE);
    await take(some.length, () => followed.push(...some.map(follow)));
  }
  const next = await move();
  const beganMs = cpuMs();
  for (let moves = 0; moves < MOVES; moves += 1) {
    await take(WATCHERS, () => next());
    await nextTurn();
  }
  const tookMs = cpuMs() - beganMs;
  for (const ending of endings) ending.abort();
  await Promise.all(followed);
  expect(tookMs / (MOVES * WATCHERS)).toBeLessThan(MS_A_MOVE);
});
