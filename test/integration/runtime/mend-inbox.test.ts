/** What a replica of a release before the inbox leaves in it, and leaves out of it, is mended by the sweeps. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { sweepOnce } from "../../../src/runtime/retention.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { listInbox } from "../../../src/store/reads/inbox.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "test" } as const;
const VERSION = versionOf(
  [
    stepOf("pay", { stepType: "HUMAN_TASK", name: "pay", config: { assignee: "ann" } }),
    stepOf("gate", {
      stepType: "APPROVAL_GATE",
      actionType: "pay",
      config: { approvers: ["bob", "cid"] },
    }),
    stepOf("wait", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "x" }),
  ],
  [],
);
const ITEMS = `select place, kind, assignee, claimed_by from inbox_items
  where run_id = $1 order by step_index, place`;
let at: TestProcessor;
let version: VersionRow;
let statements = 0;

beforeAll(async () => {
  at = await startProcessor();
  version = await publish(at.database, "people", VERSION);
});
afterAll(() => at.stop());
beforeEach(() => sql("truncate workflow_runs, step_runs, inbox_items, inbox_notes"));

function sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const statement = { name: `mend_test_${++statements}`, text };
  return at.database.write.query<Row & Record<string, unknown>>(statement, values);
}

/** A run whose task and both requests of its gate are open. */
async function start(): Promise<string> {
  const { runId } = await at.processor.submit({
    kind: "start",
    start: startOf(version),
    cause: RPC,
  });
  const input = transitioned("gate", "WAITING", { approvalRequestId: "apr_1" });
  await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
  return runId;
}

function sweep(): Promise<void> {
  const graphs = createGraphCache(at.database);
  const { database, log } = at;
  return sweepOnce({ database, graphs, log, days: 0 }, new AbortController().signal);
}

test("items that are missing are added, as their steps are, and only those", async () => {
  const runId = await start();
  const items = await sql(ITEMS, [runId]);
  expect(items).toMatchObject([
    { place: 1, kind: 2, assignee: "ann" },
    { place: 1, kind: 1, assignee: "bob" },
  ]);
  await sql("delete from inbox_items");
  await sweep();
  expect(await sql(ITEMS, [runId])).toEqual(items);
  const [{ same } = { same: false }] = await sql<{ same: boolean }>(
    `select bool_and(i.opened_at = s.started_at and i.workspace_id = s.workspace_id) as same
      from inbox_items i join step_runs s using (run_id, step_index)`,
  );
  expect(same).toBe(true);
});

test("items of ended and deleted runs, of ended steps and of attempts before go; others stay as they are", async () => {
  const [kept, ended, retried, gone] = [await start(), await start(), await start(), await start()];
  await sql(
    "update inbox_items set assignee = 'dan', claimed_by = 'dan' where run_id = $1 and kind = 2",
    [kept],
  );
  await sql("update step_runs set state = 'COMPLETED', completed_at = now() where run_id = $1", [
    ended,
  ]);
  await sql("update workflow_runs set completed_at = now() where id = $1", [ended]);
  await sql("update step_runs set retry_count = 1 where run_id = $1 and step_index = 0", [retried]);
  await sql("delete from step_runs where run_id = $1", [gone]);
  await sql("delete from workflow_runs where id = $1", [gone]);
  await sweep();
  expect(await sql(ITEMS, [kept])).toEqual([
    { place: 1, kind: 2, assignee: "dan", claimed_by: "dan" },
    { place: 1, kind: 1, assignee: "bob", claimed_by: "" },
  ]);
  expect(await sql(ITEMS, [ended])).toEqual([]);
  expect(await sql(ITEMS, [gone])).toEqual([]);
  expect(await sql(ITEMS, [retried])).toMatchObject([
    { place: 2, kind: 2 },
    { place: 1, kind: 1 },
  ]);
});

test("a run that another transaction has locked is left for the next sweep", async () => {
  const runId = await start();
  await sql("delete from inbox_items");
  await at.database.transaction(async (tx) => {
    const text = "select id from workflow_runs where id = $1 for update";
    await tx.query({ name: "lock_run_of_test", text }, [runId]);
    await sweep();
  });
  expect(await sql(ITEMS, [runId])).toEqual([]);
  await sweep();
  expect(await sql(ITEMS, [runId])).toHaveLength(2);
});

test("each page of a walk is gone on from: more items and runs than a page has", async () => {
  const runId = await start();
  await sql(
    `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
      select now(), 0, 1, 2, 'wfr_0' || n, $1, '' from generate_series(1, 1200) as n`,
    [WORKSPACE],
  );
  await sql(
    `insert into workflow_runs select (r).* from (select jsonb_populate_record(w,
        jsonb_build_object('id', 'wfr_00' || n)) as r from workflow_runs w, generate_series(1, 450) as n) as made`,
  );
  await sql("delete from inbox_items where run_id = $1", [runId]);
  await sweep();
  expect(await sql("select run_id from inbox_items")).toEqual([
    { run_id: runId },
    { run_id: runId },
  ]);
});

test("an item without a step shortens its page and hides no older item", async () => {
  const runId = await start();
  await sql(
    `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
      values (now() + interval '1 hour', 0, 1, 2, 'wfr_gone', $1, '')`,
    [WORKSPACE],
  );
  const filters = { workspaceId: WORKSPACE, assignee: undefined, kinds: ["task"] as const };
  const first = await listInbox(at.database.read, EVERY_WORKSPACE, filters, 1);
  expect(first.items).toEqual([]);
  const second = await listInbox(at.database.read, EVERY_WORKSPACE, filters, 1, first.next);
  expect(second.items).toMatchObject([{ runId, place: 1 }]);
});
