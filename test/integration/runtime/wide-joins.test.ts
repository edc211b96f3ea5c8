/** A join of many large payloads: put together in pieces, and refused before all of them are loaded. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createProcessor, type Processor } from "../../../src/runtime/processor.ts";
import type { Statement } from "../../../src/store/database.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { edgeOf, stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const SOURCES = 60;
const LARGE = 250 * 1024;
const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
const ids = Array.from({ length: SOURCES }, (_, at) => `s${at}`);
const silent = createLog({ level: "error", format: "json", write: () => {} });

let service: TestProcessor;
let processor: Processor;
/** Bytes of each load of rows. */
let loads: number[];
beforeEach(async () => {
  service = await startProcessor(undefined, undefined, silent);
  loads = [];
  const { database } = service;
  processor = createProcessor({
    database: {
      ...database,
      write: {
        ...database.write,
        async query<Row extends pg.QueryResultRow>(
          statement: Statement,
          values: readonly unknown[],
        ) {
          const rows = await database.write.query<Row>(statement, values);
          if (statement.name === "load_rows") loads.push(JSON.stringify(rows).length);
          return rows;
        },
      },
    },
    graphs: createGraphCache(database),
    lookups: { choose: ({ agentId, skillId }) => ({ agentId, skillId }) },
    encodeCall,
    replicaId: "replica-b",
    log: silent,
    onCommitted() {},
  });
});
afterEach(async () => {
  await processor.stop();
  await service.stop();
});

/** Starts a run and completes all its sources but the last; their outputs become what the SQL says. */
async function startWith(spec: Parameters<typeof publish>[2], outputSql: string): Promise<string> {
  const version = await publish(service.database, "wide", spec);
  const start = startOf(version, { input: { from: "run" } });
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await processor.submit({ kind: "start", start, cause });
  for (const id of ids.slice(0, -1)) await complete(runId, id, {});
  const sql = new pg.Client({ connectionString: service.url });
  await sql.connect();
  await sql.query(
    `update step_runs set output = ${outputSql} where run_id = $1 and state = 'COMPLETED'`,
    [runId],
  );
  // A replica that keeps the run sees by the run's row that it was changed elsewhere.
  await sql.query("update workflow_runs set seq = seq where id = $1", [runId]);
  await sql.end();
  loads.length = 0;
  return runId;
}

function complete(runId: string, id: string, output: JsonObject) {
  const input = transitioned(id, "COMPLETED", { output });
  return processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
}

async function stepOfRun(runId: string, index: number) {
  const found = await findRunRows(service.database.read, runId);
  return found?.steps.get(index);
}

describe("a join of many large outputs", () => {
  const joined = versionOf(
    [...ids.map(task), task("join")],
    ids.map((id) => edgeOf(`${id} -> join`)),
  );
  const own = `jsonb_build_object('t' || step_index, repeat('x', ${LARGE}))`;
  const same = `jsonb_build_object('text', repeat('x', ${LARGE}), 'at' || step_index, step_index)`;

  it("that is over the limit fails its step before all is loaded", {
    timeout: 60_000,
  }, async () => {
    const runId = await startWith(joined, own);
    await complete(runId, "s59", { last: true });
    const step = await stepOfRun(runId, SOURCES);
    expect(step?.state).toBe("FAILED");
    expect(step?.errorMessage).toMatch(
      /^input has at least \d{6} bytes, over the limit of 262144$/,
    );
    expect(Math.max(...loads)).toBeLessThan(9 * 1024 * 1024);
    expect(loads.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(10 * 1024 * 1024);
  });

  it("that has the same key in all of them takes the last one's", { timeout: 60_000 }, async () => {
    const reads = versionOf(
      [
        ...ids.map(task),
        stepOf("join", {
          stepType: "HUMAN_TASK",
          name: "join",
          config: { input: { size: "{{ size(text) }}", first: "{{ at0 }}", last: "{{ last }}" } },
        }),
      ],
      ids.map((id) => edgeOf(`${id} -> join`)),
    );
    const runId = await startWith(reads, same);
    await complete(runId, "s59", { last: true, text: "short" });
    const step = await stepOfRun(runId, SOURCES);
    expect(step).toMatchObject({ state: "WAITING", input: { size: 5, first: 0, last: true } });
    expect(loads.length).toBeGreaterThan(1);
    expect(Math.max(...loads)).toBeLessThan(9 * 1024 * 1024);
  });

  it("beneath transparent steps asks for each join once", { timeout: 60_000 }, async () => {
    const spec = versionOf(
      [
        ...ids.map(task),
        stepOf("join", { stepType: "NOTIFICATION", notificationChannel: "x" }),
        task("end"),
      ],
      [...ids.map((id) => edgeOf(`${id} -> join`)), edgeOf("join -> end")],
    );
    const runId = await startWith(spec, "jsonb_build_object('n' || step_index, step_index)");
    await complete(runId, "s59", { last: true });
    expect((await stepOfRun(runId, SOURCES + 1))?.state).toBe("WAITING");
    // What the report reads, and the parts of the join.
    expect(loads.length).toBeLessThanOrEqual(3);
    const found = await complete(runId, "end", {});
    expect(found.reply.kind).toBe("applied");
  });
});

describe("a PARALLEL of many large outputs", () => {
  it("fails before all is loaded", { timeout: 60_000 }, async () => {
    const spec = versionOf(
      [...ids.map(task), stepOf("fork", { stepType: "PARALLEL", name: "fork" })],
      ids.map((id) => edgeOf(`fork -> ${id}`)),
    );
    const runId = await startWith(spec, `jsonb_build_object('text', repeat('x', ${LARGE}))`);
    await complete(runId, "s59", { last: true });
    const step = await stepOfRun(runId, SOURCES);
    expect(step?.state).toBe("FAILED");
    expect(step?.errorMessage).toMatch(/over the limit of 262144$/);
    expect(loads.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(12 * 1024 * 1024);
  });
});
