/** Indexes are built beside the running service, and are those that the schema declares. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { buildIndexes, declaredIndexes, RETIRED_INDEXES } from "../../../src/store/indexes.ts";
import { until } from "../../support/assertions/until.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const SILENT = { info() {} };
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = await connect();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});
beforeEach(() => build());

async function connect(): Promise<pg.Client> {
  const made = new pg.Client({ connectionString: database.url });
  await made.connect();
  return made;
}

function build(signal?: AbortSignal): Promise<boolean> {
  return buildIndexes({ url: database.url, log: SILENT, ...(signal ? { signal } : {}) });
}

/** Definitions of the valid indexes by name. */
async function indexes(): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; text: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text
      from pg_index where indisvalid and indrelid::regclass::text = any($1)`,
    [
      [
        "workflow_runs",
        "workflow_definitions",
        "step_runs",
        "run_starts",
        "kept_events",
        "effects",
      ],
    ],
  );
  return new Map(rows.map(({ name, text }) => [name, text]));
}

/** A definition without what two spellings of it may differ in. */
function plain(text: string): string {
  return text
    .replaceAll(/concurrently |public\.|"?workflow_runs"?\.|[\s"'()]|::text/gi, "")
    .toLowerCase();
}

it("are built as they are declared, those of the first migrations like new ones", async () => {
  const before = await indexes();
  const droppable = declaredIndexes().filter(({ name }) => before.has(name));
  for (const { name } of droppable) await client.query(`drop index "${name}"`);
  expect(await build()).toBe(true);
  const after = await indexes();
  expect(after).toEqual(before);
  expect(droppable.length).toBeGreaterThan(15);
  const state = declaredIndexes().find(({ name }) => name === "workflow_runs_by_state");
  const { rows } = await client.query<{ text: string }>(
    "select pg_get_indexdef('workflow_runs_by_state'::regclass) as text",
  );
  expect(plain(rows[0]?.text ?? "")).toContain(
    "workspace_id,state,created_atdescnullslast,iddescnullslast",
  );
  expect(plain(state?.build ?? "")).toContain(
    "workspace_id,state,created_atdescnullslast,iddescnullslast",
  );
});

it("stand in for those of earlier releases, which are dropped", async () => {
  const [retired] = RETIRED_INDEXES;
  await client.query(`create index ${retired} on workflow_runs (workspace_id)`);
  await build();
  expect((await indexes()).has(String(retired))).toBe(false);
});

it("are built anew where a build was cut off", async () => {
  await client.query(`update pg_index set indisvalid = false
    where indexrelid = 'workflow_runs_ended'::regclass`);
  expect((await indexes()).has("workflow_runs_ended")).toBe(false);
  await build();
  expect((await indexes()).has("workflow_runs_ended")).toBe(true);
});

it("are built where the service's tables are, whatever settings the database has", async () => {
  const name = new URL(database.url).pathname.slice(1);
  await client.query("drop index run_starts_left");
  await client.query(`alter database ${name} set search_path = elsewhere`);
  await client.query(`alter database ${name} set statement_timeout = '1ms'`);
  try {
    expect(await build()).toBe(true);
  } finally {
    await client.query(`alter database ${name} reset all`);
  }
  expect((await indexes()).has("run_starts_left")).toBe(true);
});

it("keep no writer waiting, are built by one replica at a time, and can be cut off", async () => {
  await client.query("drop index run_starts_left");
  const writer = await connect();
  const insert = (event: string) =>
    `insert into run_starts (workspace_id, definition_id, event_id, source, run_id, created_at)
      values ('ws', 'wf', '${event}', '', 'r', now())`;
  try {
    await writer.query(`begin; ${insert("a")}`);
    const ending = new AbortController();
    const cutOff = expect(build(ending.signal)).rejects.toThrow();
    // The build waits for the transaction that was open before it.
    await until(async () => (await waitingBuilds()) || undefined);
    await client.query(`set lock_timeout = '1s'; ${insert("b")}`);
    expect(await build()).toBe(false);
    ending.abort();
    await cutOff;
    await writer.query("commit");
    await until(async () => ((await waitingBuilds()) === 0 ? true : undefined));
    await until(async () => ((await build()) ? true : undefined));
    expect((await indexes()).has("run_starts_left")).toBe(true);
  } finally {
    await writer.end();
  }
});

async function waitingBuilds(): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::integer as n from pg_stat_progress_create_index",
  );
  return rows[0]?.n ?? 0;
}
