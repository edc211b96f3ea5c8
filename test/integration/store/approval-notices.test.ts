/** Which requests for approval are reminded of. Boundary: needs TEST_DATABASE_URL; rows as runs leave them. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../../src/process/log.ts";
import { takeNotices } from "../../../src/store/approval-notices.ts";
import { DUE_NOW } from "../../../src/store/columns.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const log = createLog({ level: "error", format: "json", write: () => undefined });
let fresh: TestDatabase;
let database: Database;
let statements = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, log });
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

async function sql(text: string, values: unknown[] = []): Promise<void> {
  await database.write.query({ name: `notices_${++statements}`, text }, values);
}

/** An open gate whose item of this place is open. */
async function gate(stepIndex: number, place: number, first: string, others: string[] | null) {
  await sql(
    `insert into step_runs (started_at, run_id, workspace_id, step_index, approval_request_id, ticket_ids, cost_usd,
        retry_count, output_extends_input, state)
      values (now(), 'wfr_1', 'ws', $1, $2, $3, 0, 0, false, 'WAITING')`,
    [stepIndex, first, others],
  );
  await sql(
    `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
      values (now(), $1, $2, 1, 'wfr_1', 'ws', 'ann')`,
    [stepIndex, place],
  );
}

/** A request that was noticed once. */
function request(id: string, itemId: string) {
  return sql(
    `insert into approval_requests (created_at, updated_at, notice_at, remind_after_ms, notices, decision, risk_level, id,
        workspace_id, body_hash, agent_id, surface, action_type, approver_user_id, context_json, action_payload, item_id)
      values (now(), now(), ${DUE_NOW}, 3600000, 1, 0, 1, $1, 'ws', '\\x00', '', '', 'pay', 'ann', '', '\\x00', $2)`,
    [id, itemId],
  );
}

it("reminds of the requests of open steps, and not of those of an ended gate beside them", async () => {
  await gate(0, 1, "apr_first", null);
  await gate(1, 2, "apr_of_step", ["apr_ticket"]);
  await request("apr_first", "wfr_1/a/1");
  await request("apr_ticket", "wfr_1/b/2");
  await request("apr_of_ended_gate", "wfr_1/c/1");
  await request("apr_of_attempt_before", "wfr_1/a/1");
  await request("apr_decided_place", "wfr_1/b/1");
  const taken = await database.transaction((tx) => takeNotices(tx, 10));
  expect(taken.map(({ requestId }) => requestId).toSorted()).toEqual(["apr_first", "apr_ticket"]);
  expect(await database.transaction((tx) => takeNotices(tx, 10))).toEqual([]);
});
