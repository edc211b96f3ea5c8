/** The items of steps that may be held are written when such a step is held and when it leaves that, and in no other commit. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Input, StepOrder } from "../../../src/engine/values/input.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createProcessor, type Processor } from "../../../src/runtime/processor.ts";
import type { Database, Queries } from "../../../src/store/database.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const CAUSE = { kind: "rpc", id: "StartRun" } as const;

let at: TestProcessor;
let sql: pg.Client;
let replica: Processor;
/** The statements that save, by the groups of parts that they have. */
let saved: string[] = [];

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  const { database, log } = at;
  const watched = <Q extends Pick<Queries, "query">>(queries: Q): Q => ({
    ...queries,
    query: (statement, values) => {
      const [, groups] = statement.name.split("save_batch_");
      if (groups !== undefined) saved.push(groups);
      return queries.query(statement, values);
    },
  });
  const counted: Database = {
    ...database,
    alone: watched(database.alone),
    transaction: (work, options) => database.transaction((tx) => work(watched(tx)), options),
  };
  replica = createProcessor({
    ...{ database: counted, graphs: createGraphCache(database), encodeCall, log },
    ...{ replicaId: "held-items", lookups: { choose: () => undefined }, onCommitted() {} },
  });
});
afterAll(async () => {
  await replica?.stop();
  await sql?.end();
  await at?.stop();
});

/** Starts a run of one step, and gives what puts an input into it: the saves of its commit, and the items after it. */
async function start(name: string, config: object) {
  const step = stepOf("a", { config: { ...config } });
  const version = await publish(at.database, name, versionOf([step], []));
  saved = [];
  const { runId } = await replica.submit({ kind: "start", start: startOf(version), cause: CAUSE });
  const started = saved;
  const put = async (input: Input) => {
    saved = [];
    const { reply } = await replica.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
    expect(reply.kind).toBe("applied");
    const { rows } = await sql.query("select place from inbox_items where run_id = $1", [runId]);
    return [saved, rows.map(({ place }) => place)];
  };
  const order = (act: StepOrder["act"]): Input => ({
    ...{ kind: "step_ordered", order: { act, stepId: "a", reason: "so" }, cause: CAUSE },
  });
  return { started, put, order };
}

it("a step that may be held and is not costs what any other step costs", async () => {
  const inputs = [transitioned("a", "WAITING"), transitioned("a", "COMPLETED")];
  const seen = [];
  for (const [name, config] of Object.entries({ held: { on_error: "hold" }, stop: {} })) {
    const { started, put } = await start(name, config);
    const commits: unknown[] = [started];
    for (const input of inputs) commits.push(await put(input));
    seen.push(commits);
  }
  expect(seen[0]).toEqual(seen[1]);
});

it("its item is written when it is held, and closed when it is held no more", async () => {
  const { put, order } = await start("orders", { on_error: "hold" });
  expect(await put(transitioned("a", "FAILED"))).toEqual([["moves_others"], [0]]);
  expect(await put(order("retry"))).toEqual([["moves_calls_others"], []]);
  expect(await put(transitioned("a", "FAILED"))).toEqual([["moves_others"], [0]]);
  expect(await put(order("skip"))).toEqual([["moves_others"], []]);
});
