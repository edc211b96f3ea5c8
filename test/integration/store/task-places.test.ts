/** Places of tasks on Postgres: which are written, which are forgotten, and how they are walked. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import {
  FIRST_STEP,
  findTaskPlaces,
  forgetTaskPlaces,
  placeTasks,
  type StepKey,
} from "../../../src/store/task-places.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../support/services/processor.ts";

const STEPS = 50;
const RUNS = 50;
let at: TestProcessor;
let sql: pg.Client;
let version: VersionRow;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  const config = { queue: "q" };
  const steps = Array.from({ length: STEPS }, (_, n) => stepOf(`s${n}`, { agentId: "", config }));
  version = await publish(at.database, "places", versionOf(steps));
});
beforeEach(() => sql.query("delete from task_places"));
afterAll(async () => {
  await sql.end();
  await at.stop();
});

async function start(): Promise<string> {
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await at.processor.submit({ kind: "start", cause, start: startOf(version) });
  return runId;
}

async function cancel(runId: string): Promise<void> {
  const cause = { kind: "rpc", id: "CancelRun" } as const;
  const input = { kind: "cancel_requested", reason: "", cause } as const;
  await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
}

const placeOf = (runId: string, seq: number, created = "one") => ({
  ...{ runId, stepIndex: 0, attempt: 1, created, seq },
});

/** Runs of the places that there are, each once. */
async function placedRuns(): Promise<string[]> {
  const { rows } = await sql.query("select distinct run_id from task_places order by run_id");
  return rows.map(({ run_id }) => run_id);
}

it("the later place on a stream stays, whichever is written last", async () => {
  const runId = await start();
  const seqs = async () => {
    const found = await findTaskPlaces(at.database.read, [placeOf(runId, 0)]);
    return found.map(({ created, seq }) => [created, seq]);
  };
  await placeTasks(at.database, [placeOf(runId, 9)]);
  await placeTasks(at.database, [placeOf(runId, 5)]);
  expect(await seqs()).toEqual([["one", 9]]);
  await placeTasks(at.database, [placeOf(runId, 12)]);
  expect(await seqs()).toEqual([["one", 12]]);
  await placeTasks(at.database, [placeOf(runId, 3, "two")]);
  expect(await seqs()).toEqual([["two", 3]]);
});

it("a task that ended gets no place", async () => {
  const runId = await start();
  await cancel(runId);
  await placeTasks(at.database, [placeOf(runId, 9)]);
  expect(await placedRuns()).toEqual([]);
});

it("those of ended tasks are forgotten, a page of the key after another", async () => {
  const runs = (await Promise.all(Array.from({ length: RUNS }, start))).toSorted();
  await sql.query(
    `insert into task_places (seq, step_index, attempt, run_id, created)
     select 1, step_index, 1, run_id, 'one' from step_runs where run_id = any($1::text[])`,
    [runs],
  );
  const ended = runs.filter((_, n) => n % 2 === 1);
  await Promise.all(ended.map(cancel));
  const keys: StepKey[] = [];
  let after: StepKey | undefined = FIRST_STEP;
  for (; after !== undefined; after = await forgetTaskPlaces(at.database, after)) keys.push(after);
  // 1,000 places a page, those that stay and those that go alike.
  const last = STEPS - 1;
  expect(keys).toEqual([FIRST_STEP, [runs[19], last], [runs[39], last]]);
  expect(await placedRuns()).toEqual(runs.filter((run) => !ended.includes(run)));
});

it("what stands before the place to go on at is not looked at again", async () => {
  const runs = (await Promise.all(Array.from({ length: 4 }, start))).toSorted();
  const places = runs.map((runId) => placeOf(runId, 1));
  await placeTasks(at.database, places);
  await Promise.all(runs.map(cancel));
  expect(await forgetTaskPlaces(at.database, [runs[1] ?? "", 0])).toBe(undefined);
  expect(await placedRuns()).toEqual(runs.slice(0, 2));
});
