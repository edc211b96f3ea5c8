/**
 * Queries for waits, kept events and open calls do not read more as the tables grow. A query that fails or reads much
 * delays no other wait.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../../../src/process/log.ts";
import { Refusal } from "../../../../src/process/refusal.ts";
import { createMeeting } from "../../../../src/runtime/routing/meet-events.ts";
import type { Settled, Submission } from "../../../../src/runtime/submission.ts";
import type { Queries } from "../../../../src/store/database.ts";
import { findReported, findWaits } from "../../../../src/store/event-readers.ts";
import {
  dropOldEvents,
  findKeptEvents,
  KEPT_A_PAGE,
  type KeptEventProbe,
} from "../../../../src/store/events.ts";
import {
  FIRST_WAIT,
  listOpenWaits,
  type OpenWait,
} from "../../../../src/store/service-reads/open-waits.ts";
import { explain } from "../../../support/assertions/explained.ts";
import { until } from "../../../support/assertions/until.ts";
import {
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const FEW = 300;
const MANY = 30_000;
/** Four days ago, when the first of the rows was stored. */
const BEGIN_MS = Date.now() - 4 * 86_400_000;

let at: TestProcessor;
let sql: pg.Client;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await at.stop();
});

const KEEP = `
  with kept as (
    insert into kept_events (workspace_id, source, event_id, type, subject, "time", arrived_at, data, equals)
    select case when i % 2 = 0 then $1 else 'other' end, 's', 'e' || i, 'crm.order.t' || (i % 4), 's/' || (i % 4), '',
      to_timestamp($2::float8 / 1000) + i * interval '10 ms', '{"order":"y"}', array['order=["x' || i || '"]']
    from generate_series($3::int, $4::int) i returning seq, arrived_at, workspace_id, equals)
  insert into kept_event_keys (seq, arrived_at, workspace_id, equals)
  select seq, arrived_at, workspace_id, equals[1] from kept`;
const RUNS = `
  insert into workflow_runs (created_at, id, workspace_id, definition_id, version_id, definition_version, hops,
    trigger_type, trigger_event_id, trigger_source, initiator_agent_id, initiator_user_id, parent_run_id, entity_id,
    entity_type, input_payload, state, total_cost_usd, seq, step_marks, edge_marks)
  select now(), 'wfr_' || i, $1, 'wf_x', 'wfv_x', 1, 0, 'MANUAL', '', '', '', '', '', '', '', '{}', 'RUNNING', 0, 1,
    '\\x42', '\\x' from generate_series($2::int, $3::int) i`;
const WAITS = `
  insert into step_runs (started_at, run_id, workspace_id, step_index, wait_key, wait_equals, cost_usd, retry_count,
    output_extends_input, state, detail)
  select now() - i * interval '1 second', 'wfr_' || i, $1, 0, 'crm.order.t1|~', 'order=["x' || i || '"]', 0, 0, false, 'WAITING',
    '{"wait":{"typePattern":"crm.order.t1"}}' from generate_series($2::int, $3::int) i`;
const CALLS = `
  insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
  select now(), now(), 0, 1, 'wfr_' || i || '/work/1/' || k, case when i % 2 = 0 then $1 else 'other' end, k, 'h', ''
  from generate_series($2::int, $3::int) i, unnest(array['create_objective', 'evaluate_action']) k`;

async function fill(from: number, to: number): Promise<void> {
  await sql.query(KEEP, [WORKSPACE, BEGIN_MS, from, to]);
  await sql.query(RUNS, [WORKSPACE, from, to]);
  await sql.query(WAITS, [WORKSPACE, from, to]);
  await sql.query(CALLS, [WORKSPACE, from, to]);
  for (const table of ["kept_events", "kept_event_keys", "step_runs", "workflow_runs", "effects"]) {
    await sql.query(`vacuum analyze ${table}`);
  }
}

const PROBE: KeptEventProbe = {
  place: 0,
  workspaceId: WORKSPACE,
  type: "",
  subject: "",
  equals: "",
  afterMs: BEGIN_MS,
  afterSeq: 0,
};
const look = (probe: Partial<KeptEventProbe>) => (queries: Queries) =>
  findKeptEvents(queries, [{ ...PROBE, ...probe }]);
const object = (kind: "objective" | "delegation") => (queries: Queries) =>
  findReported(queries, [{ place: 0, workspaceId: WORKSPACE, kind, objectId: "o-1" }]);
const event = {
  place: 0,
  workspaceId: WORKSPACE,
  key: "crm.order.t1|~",
  eventId: "e",
  source: "s",
};

/** What is read by which statement. */
const READS: Readonly<Record<string, (queries: Queries) => Promise<unknown>>> = {
  "a page of the look-back by type": look({ type: "crm.order.t2" }),
  "its last page": look({ type: "crm.order.t2", afterMs: BEGIN_MS + 2_900 }),
  "a page by type of a wait without events": look({ type: "crm.order.t9" }),
  "a page by subject": look({ subject: "s.2" }),
  "a page by neither": look({}),
  "a page by what the filter asks": look({ type: "crm.order.t2", equals: 'order=["x200"]' }),
  "the same where nothing fits": look({ type: "crm.order.t2", equals: 'order=["none"]' }),
  "an event among waits with keys": (queries) =>
    findWaits(queries, [
      { ...event, equals: "" },
      { ...event, equals: 'order=["x7"]' },
    ]),
  "a report beside calls of its kind": object("objective"),
  "a report beside calls of other kinds": object("delegation"),
  "a page of open waits in the middle": (queries) =>
    listOpenWaits(queries, [new Date(Date.now() - 150_000), "", -1], 1e9, 10),
  "a page of open waits that are young": (queries) => listOpenWaits(queries, FIRST_WAIT, 200, 10),
};

it("reads as much among 30,000 rows as among 300", async () => {
  await fill(1, FEW);
  const few = new Map<string, number>();
  for (const [name, read] of Object.entries(READS)) {
    few.set(name, (await explain(sql, at.database, read)).buffers);
  }
  await fill(FEW + 1, MANY);
  for (const [name, read] of Object.entries(READS)) {
    const { buffers, scanned } = await explain(sql, at.database, read);
    const before = few.get(name) ?? 0;
    console.log(`${name}: ${before} buffers among ${FEW} rows, ${buffers} among ${MANY}`);
    // It has one row.
    expect(
      scanned.filter((table) => table !== "catalogue_edition"),
      name,
    ).toEqual([]);
    expect(buffers, name).toBeLessThanOrEqual(Math.max(2 * before, 12));
  }
});

describe("a look", () => {
  const EQUALS = 'order=["x2"]';
  const wait = (runId: string, more: Partial<OpenWait>): OpenWait => ({
    runId,
    workspaceId: WORKSPACE,
    stepIndex: 0,
    typePattern: "crm.order.t2",
    subjectPattern: "",
    equals: "",
    sinceMs: BEGIN_MS,
    ...more,
  });
  const left: Settled = { runId: "", reply: { kind: "unchanged" }, created: false };

  it("with much to read gives the others their turn", async () => {
    const asked: string[] = [];
    const submit = async (submission: Submission) => {
      if (submission.kind === "input") asked.push(submission.runId);
      return left;
    };
    const meeting = createMeeting({ database: at.database, submit, log: at.log });
    const short = Array.from({ length: 60 }, (_, n) =>
      wait(`short-${n}`, { equals: `order=["x${n * 4 + 2}"]` }),
    );
    // More than one batch of them, so that they fill each batch unless they go to the end of the line.
    const long = Array.from({ length: 25 }, (_, n) => wait(`long-${n}`, {}));
    meeting.meet([...long, ...short], []);
    await until(async () => (short.every(({ runId }) => asked.includes(runId)) ? true : undefined));
    const before = asked.slice(0, asked.lastIndexOf("short-59"));
    const looks = long.map(({ runId }) => before.filter((id) => id === runId).length);
    expect(Math.max(...looks)).toBeLessThanOrEqual(2 * KEPT_A_PAGE);
    await meeting.stop();
  });

  it("that fails many times does not go before those not yet tried", async () => {
    const asked: string[] = [];
    const submit = async (submission: Submission) => {
      if (submission.kind !== "input") throw new Error("a look only hands in inputs");
      const { runId } = submission;
      asked.push(runId);
      if (runId !== "next" && asked.filter((id) => id === runId).length < 4) {
        throw new Refusal("overloaded", "the lane is full");
      }
      return left;
    };
    const log = createLog({ level: "error", format: "json", write() {} });
    const meeting = createMeeting({ database: at.database, submit, log });
    const stuck = Array.from({ length: 25 }, (_, n) => wait(`stuck-${n}`, { equals: EQUALS }));
    meeting.meet([...stuck, wait("next", { equals: EQUALS })], []);
    await meeting.idle();
    expect(asked.indexOf("next")).toBe(25);
    expect(asked).toHaveLength(4 * 25 + 1);
    await meeting.stop();
  });

  it("that fails is logged with its run, tried again, and holds up no other", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "warn", format: "json", write: (line) => lines.push(line) });
    const asked: string[] = [];
    const submit = async (submission: Submission) => {
      if (submission.kind !== "input") throw new Error("a look only hands in inputs");
      asked.push(submission.runId);
      const isStuck =
        submission.runId === "stuck" && asked.filter((id) => id === "stuck").length < 4;
      if (isStuck) throw new Refusal("overloaded", "the lane is full");
      return left;
    };
    const meeting = createMeeting({ database: at.database, submit, log });
    meeting.meet(
      [wait("stuck", { equals: 'order=["x2"]' }), wait("next", { equals: 'order=["x6"]' })],
      [],
    );
    await meeting.idle();
    expect(asked).toEqual(["stuck", "next", "stuck", "stuck", "stuck"]);
    expect(lines.filter((line) => line.includes('"stuck"'))).toHaveLength(3);
    await meeting.stop();
  });
});

it("drops the keys of kept events with them", async () => {
  const count = async () =>
    (await sql.query("select count(*)::int as n from kept_event_keys")).rows[0].n;
  const before = await count();
  const ages = { keptSeconds: 86_400, earlySeconds: 86_400 };
  await at.database.transaction((tx) => dropOldEvents(tx, ages, 1_000));
  expect(await count()).toBe(before - 1_000);
});
