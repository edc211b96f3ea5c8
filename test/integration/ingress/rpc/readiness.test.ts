/**
 * /readyz of a server with the real probe: the outbox, a database that takes no writes, and lists that hold connections.
 * Boundary: needs the Postgres of TEST_DATABASE_URL; what the bus lacks is given by the test.
 */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createReadiness } from "../../../../src/ingress/rpc/readiness.ts";
import { createRpcServer } from "../../../../src/ingress/rpc/server.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { startProcessor, type TestProcessor } from "../../../support/services/processor.ts";

let at: TestProcessor;
let sql: pg.Client;
let url: string;
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  at = await startProcessor();
  stops.push(at.stop);
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  stops.push(() => sql.end());
  const server = createRpcServer({
    ...at,
    graphs: createGraphCache(at.database),
    host: "127.0.0.1",
    port: 0,
    reflection: false,
    graceMs: 500,
    probe: createReadiness({ ...at, busTroubles: () => ({ bus: undefined }) }),
    metrics: async () => "",
  });
  url = `http://127.0.0.1:${(await server.listen()).port}/readyz`;
  stops.push(() => server.stop());
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function ready() {
  const response = await fetch(url);
  return { code: response.status, body: await response.json() };
}

const OK = { code: 200, body: { status: "ok", parts: { database: "ok", outbox: "ok" } } };

describe("/readyz", () => {
  it("is degraded, not down, while the outbox does not drain", async () => {
    expect(await ready()).toMatchObject(OK);
    await sql.query("insert into move_batches (partition) values (63)");
    expect(await ready()).toMatchObject(OK);
    await sql.query("update move_batches set created_at = now() - interval '1 minute'");
    const outbox = expect.stringMatching(/^down: not draining: .* 6\d s$/);
    expect(await ready()).toMatchObject({
      code: 200,
      body: { status: "degraded", parts: { outbox } },
    });
    await sql.query("update move_batches set published_at = now()");
    expect(await ready()).toMatchObject(OK);
  });

  it("is 503 once the database takes no writes, and 200 when it does again", async () => {
    expect(await ready()).toMatchObject(OK);
    const { rows } = await sql.query<{ name: string }>("select current_database() as name");
    const set = async (value: string) => {
      await sql.query("set transaction_read_only = off");
      await sql.query(`alter database ${rows[0]?.name} ${value}`);
      // Sessions have the setting from their start on.
      await sql.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'workflows'`);
    };
    await set("set default_transaction_read_only = on");
    const down = { code: 503, body: { status: "down" } };
    const database = expect.stringContaining("takes no writes");
    await vi.waitFor(async () => {
      expect(await ready()).toMatchObject({ ...down, body: { parts: { database } } });
    });
    await set("reset default_transaction_read_only");
    await vi.waitFor(async () => expect(await ready()).toMatchObject(OK));
  });

  it("stays 200 while 30 lists wait for their rows", async () => {
    await sql.query("begin; lock table workflow_definitions in access exclusive mode");
    const list = async () => {
      const response = await fetch(new URL("/workflows.v1.WorkflowService/ListDefinitions", url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"workspaceId":"ws"}',
      });
      return response.status;
    };
    const answered = Promise.all(Array.from({ length: 30 }, list));
    const held = "select 1 from pg_locks where not granted and locktype = 'relation'";
    await vi.waitFor(async () => expect((await sql.query(held)).rowCount).toBeGreaterThan(1));
    expect(await ready()).toMatchObject(OK);
    await sql.query("rollback");
    expect(new Set(await answered)).toEqual(new Set([200]));
  });
});
