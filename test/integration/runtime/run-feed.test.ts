/**
 * The feed of watched runs: what this replica commits comes from memory, what others commit from the table.
 * Boundary: the real processor and store. A feed without a database shows what comes from memory alone.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../../src/process/log.ts";
import { createRunFeed, type RunFeed } from "../../../src/runtime/run-feed.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { findRuns } from "../../../src/store/reads/runs.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { findMovesAfter } from "../../../src/store/service-reads/watched-runs.ts";
import { until } from "../../support/assertions/until.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
const STEPS = ["a", "b", "c"];
const STARTED = () =>
  ({ kind: "start", cause: { kind: "rpc", id: "StartRun" }, start: startOf(version) }) as const;
/** Rows behind the first one of a run, each with a move whose note is the text. */
const ADDED_ROWS = {
  name: "add_rows",
  text: `insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
    select m.run_id, n, m.batch_id, m.recorded_at, m.cause,
      json_build_array(json_build_array(0, 2, 2, 0, json_build_object('w', $2::text)))
    from run_moves m, generate_series(2, 10) as n where m.run_id = $1 and m.seq = 1`,
};
const LARGE_ROW = {
  name: "make_row_large",
  text: `update run_moves
    set moves = json_build_array(json_build_array(0, 2, 2, 0, json_build_object('w', $2::text)))
    where run_id = $1 and seq = 1`,
};
const NEVER = new AbortController().signal;
const silent = createLog({ level: "error", format: "json", write: () => {} });

let at: TestProcessor;
let away: Database;
let version: VersionRow;

beforeAll(async () => {
  at = await startProcessor();
  away = openDatabase({ url: "postgres://127.0.0.1:1/none", log: silent });
  version = await publish(at.database, "chain", versionOf(STEPS.map(task), ["a -> b", "b -> c"]));
});
afterAll(async () => {
  await away?.close();
  await at?.stop();
});

async function start(feed: RunFeed) {
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await at.processor.submit({ kind: "start", cause, start: startOf(version) });
  const [run] = await findRuns(at.database.read, EVERY_WORKSPACE, [runId]);
  if (run === undefined) throw new Error("the run is not there");
  return { run, watch: feed.watch(run) };
}

/** Completes a step; gives what the commit hands on. */
async function complete(runId: string, stepId: string) {
  const before = at.batches.length;
  const input = transitioned(stepId, "COMPLETED");
  await at.processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
  return at.batches.slice(before);
}

it("gives what a commit of this replica wrote, and says when the run is over, without the table", async () => {
  const feed = createRunFeed({ database: away, log: silent });
  const { run, watch } = await start(feed);
  expect(watch.after(run.seq)).toEqual([]);
  const changed = watch.changed(run.seq, NEVER, 60_000);
  feed.notice(await complete(run.id, "a"));
  await changed;
  expect(watch.after(run.seq)?.map(({ seq }) => seq)).toEqual([2]);
  expect(watch.isOver(2)).toBe(false);
  feed.notice(await complete(run.id, "b"));
  feed.notice(await complete(run.id, "c"));
  expect(watch.after(run.seq)?.map(({ seq }) => seq)).toEqual([2, 3, 4]);
  expect([watch.isOver(3), watch.isOver(4)]).toEqual([false, true]);
  // What came before the watch is not kept.
  expect(watch.after(0)).toBeUndefined();
  await feed.stop();
});

it("leaves no gap where a commit was not noticed: the table has it", async () => {
  const feed = createRunFeed({ database: at.database, log: silent });
  const { run, watch } = await start(feed);
  await complete(run.id, "a");
  feed.notice(await complete(run.id, "b"));
  await until(() => (watch.after(run.seq)?.length === 2 ? true : undefined));
  expect(watch.after(run.seq)?.map(({ seq }) => seq)).toEqual([2, 3]);
  await feed.stop();
});

it("keeps no more of a run than a MiB, in rows that are large", async () => {
  const feed = createRunFeed({ database: away, log: silent });
  const { run, watch } = await start(feed);
  const [batch] = await complete(run.id, "a");
  const [written] = batch?.runs ?? [];
  if (batch === undefined || written === undefined) throw new Error("the commit moved no run");
  const [row] = written.history;
  if (row === undefined) throw new Error("the commit has no history");
  for (let seq = 2; seq <= 10; seq += 1) {
    const large = { ...row, seq, cause: { ...row.cause, reason: "r".repeat(300_000) } };
    feed.notice([{ ...batch, runs: [{ ...written, history: [large] }] }]);
  }
  // One more row than fits drops half.
  expect(watch.after(6)).toBeUndefined();
  expect(watch.after(9)?.map(({ seq }) => seq)).toEqual([10]);
  await feed.stop();
});

it("reads no more than 4 MiB of the table at once, but a row", async () => {
  const { read } = at.database;
  const { runId: small } = await at.processor.submit(STARTED());
  const { runId: large } = await at.processor.submit(STARTED());
  await read.query(ADDED_ROWS, [large, "r".repeat(1_000_000)]);
  const places = [large, small].map((runId) => ({ runId, seq: 0 }));
  const first = await findMovesAfter(read, places);
  expect(first.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  await read.query(LARGE_ROW, [small, "r".repeat(5_000_000)]);
  const one = await findMovesAfter(read, [{ runId: small, seq: 0 }, ...places]);
  expect(one.map(({ runId, seq }) => [runId, seq])).toEqual([[small, 1]]);
});

it("keeps the newest rows of a run alone, and refuses watchers above its limit", async () => {
  const feed = createRunFeed({ database: away, log: silent });
  const { run, watch } = await start(feed);
  const [batch] = await complete(run.id, "a");
  const [written] = batch?.runs ?? [];
  if (batch === undefined || written === undefined) throw new Error("the commit moved no run");
  const [row] = written.history;
  for (let seq = 2; seq <= 1_000; seq += 1) {
    const history = row === undefined ? [] : [{ ...row, seq }];
    feed.notice([{ ...batch, runs: [{ ...written, history }] }]);
  }
  expect(watch.after(2)).toBeUndefined();
  expect(watch.after(999)?.map(({ seq }) => seq)).toEqual([1_000]);
  const others = Array.from({ length: 1_999 }, (_, n) => feed.watch({ ...run, id: `wfr_${n}` }));
  expect(() => feed.watch(run)).toThrow("too many runs are watched");
  others[0]?.close();
  others[0]?.close();
  feed.watch(run);
  expect(() => feed.watch(run)).toThrow("too many runs are watched");
  expect(() => feed.watch({ ...run, workspaceId: "ws_other" })).not.toThrow();
  await feed.stop();
});
