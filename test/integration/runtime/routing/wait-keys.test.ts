/** How many runs an event touches where filters correlate, and that a key never hides an event from a wait. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import type { Submission } from "../../../../src/runtime/submission.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const RUNS = 1_000;
const MADE_AT_ONCE = 100;

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

function waitFor(type: string, filter: string) {
  return versionOf([
    stepOf("wait", {
      stepType: "WAIT_FOR_EVENT",
      agentId: "",
      eventTypePattern: type,
      config: { filter_expr: filter },
    }),
  ]);
}

type Version = Awaited<ReturnType<typeof publish>>;

async function start(version: Version, input: JsonObject): Promise<string> {
  const submission: Submission = {
    kind: "start",
    start: startOf(version, { input }),
    cause: { kind: "rpc", id: "StartRun" },
  };
  const { runId } = await at.processor.submit(submission);
  return runId;
}

function eventOf(type: string, data: JsonObject, more: Partial<BusEvent> = {}): BusEvent {
  const facts = { workspaceId: WORKSPACE, id: randomUUID(), source: "crm", type, subject: "" };
  return { ...facts, time: "", data, actorAgentId: "", hops: 0, ...more };
}

/** Routes an event; gives the runs that were asked. */
async function happen(event: BusEvent): Promise<{ touched: string[] }> {
  const touched: string[] = [];
  const processor = {
    ...at.processor,
    submit(submission: Submission) {
      if (submission.kind === "input") touched.push(submission.runId);
      return at.processor.submit(submission);
    },
  };
  const graphs = createGraphCache(at.database);
  const [routed] = await routeEvents({ ...at, processor, graphs }, [event]);
  if (routed?.ok !== true) throw routed?.error;
  return { touched };
}

/** Resolves when these runs have their event, from the routing or from the query of a wait that has just opened. */
function haveIt(...runIds: readonly (string | undefined)[]): Promise<true> {
  return until(async () => {
    const states = await Promise.all(runIds.map((runId) => stateOf(runId ?? "")));
    return states.every((state) => state === "COMPLETED") ? true : undefined;
  });
}

const stateOf = async (runId: string) => (await findRunRows(at.database.read, runId))?.run.state;

it("is one run of 1,000 that wait, and none for what no run wants", async () => {
  const version = await publish(at.database, "orders", waitFor("o.paid", "order == input.order"));
  const runs: string[] = [];
  for (let n = 0; n < RUNS; n += MADE_AT_ONCE) {
    const made = Array.from({ length: MADE_AT_ONCE }, (_, k) => start(version, { order: n + k }));
    runs.push(...(await Promise.all(made)));
  }
  expect((await happen(eventOf("o.paid", { order: "none" }))).touched).toEqual([]);
  expect(await happen(eventOf("o.paid", { order: 700 }))).toEqual({ touched: [runs[700]] });
  await haveIt(runs[700]);
  expect((await happen(eventOf("o.paid", {}))).touched).toEqual([]);
});

it("is every run that waits where the filter compares nothing", async () => {
  const version = await publish(at.database, "any", waitFor("o.any", "n > input.least"));
  const runs = await Promise.all([1, 2, 3].map((least) => start(version, { least })));
  const { touched } = await happen(eventOf("o.any", { n: 3 }));
  await haveIt(...runs.slice(0, 2));
  expect(runs).toEqual(expect.arrayContaining(touched));
  expect(touched).toContain(runs[2]);
  expect(await stateOf(runs[2] ?? "")).toBe("RUNNING");
});

it("takes values of every kind, and one that no key can hold", async () => {
  const version = await publish(at.database, "kinds", waitFor("o.kind", "v == input.v"));
  for (const v of [1, "1", true, null, "", 1.5, "x".repeat(2_000), [1, 2], { a: "b" }]) {
    const runId = await start(version, { v });
    await happen(eventOf("o.kind", { v: "other" }));
    expect(await stateOf(runId)).toBe("RUNNING");
    await happen(eventOf("o.kind", { v }));
    await haveIt(runId);
  }
  const undecided = await start(version, {});
  await happen(eventOf("o.kind", { v: 1 }));
  expect(await stateOf(undecided)).toBe("RUNNING");
});

it("reads subjects and extensions of the event", async () => {
  const filter = "event.orderid == input.o && event.subject == 'orders/' + input.o";
  const version = await publish(at.database, "extensions", waitFor("o.ext", filter));
  const [one, other] = [await start(version, { o: "1" }), await start(version, { o: "2" })];
  const event = eventOf("o.ext", {}, { subject: "orders/1", extensions: { orderid: "1" } });
  expect((await happen(event)).touched).not.toContain(other);
  await haveIt(one);
  expect(await stateOf(other)).toBe("RUNNING");
});

it("finds waits and patterns that an older release filed without a key", async () => {
  const version = await publish(
    at.database,
    "old",
    waitFor("old/order/paid", "order == input.order"),
  );
  const [early, late] = [await start(version, { order: 1 }), await start(version, { order: 2 })];
  await sql.query("update step_runs set wait_equals = null where run_id = any($1)", [[early]]);
  await happen(eventOf("old.order.paid", { order: 1 }));
  await haveIt(early);
  await sql.query("update step_runs set wait_equals = null where run_id = any($1)", [[late]]);
  await sql.query("update wait_patterns set event_paths = null where version_id = $1", [
    version.id,
  ]);
  await happen(eventOf("old/order/paid", { order: 2 }));
  await haveIt(late);
});

it("gives a version of an older release waits without a key", async () => {
  const version = await publish(at.database, "stored", waitFor("o.stored", "order == input.order"));
  await sql.query("update workflow_versions set steps = steps #- '{0,eventPaths}' where id = $1", [
    version.id,
  ]);
  await sql.query("update wait_patterns set event_paths = null where version_id = $1", [
    version.id,
  ]);
  const runId = await start(version, { order: 1 });
  const { rows } = await sql.query("select wait_equals from step_runs where run_id = $1", [runId]);
  expect(rows).toEqual([{ wait_equals: null }]);
  await happen(eventOf("o.stored", { order: 1 }));
  await haveIt(runId);
});

it("carries a bounded number of keys: beyond it an event is offered to all waits that it fits", async () => {
  const runs: string[] = [];
  for (let n = 0; n < 18; n += 1) {
    const version = await publish(at.database, `many ${n}`, waitFor("o.many", `f${n} == input.v`));
    runs.push(await start(version, { v: 1 }));
  }
  const data = Object.fromEntries(runs.map((_, n) => [`f${n}`, n === 17 ? 1 : 2]));
  const { touched } = await happen(eventOf("o.many", data));
  await haveIt(runs[17]);
  expect(touched).toEqual(expect.arrayContaining(runs.slice(0, 17)));
});

it("finds a kept event by the key when the wait opens later", async () => {
  const version = await publish(
    at.database,
    "later",
    versionOf(
      [
        stepOf("task", { stepType: "HUMAN_TASK", name: "task" }),
        stepOf("wait", {
          stepType: "WAIT_FOR_EVENT",
          agentId: "",
          eventTypePattern: "o/later",
          config: { filter_expr: "order == input.order" },
        }),
      ],
      ["task -> wait"],
    ),
  );
  const runId = await start(version, { order: 3 });
  for (const order of [1, 2, 3, 4]) await happen(eventOf("o.later", { order }));
  const input = transitioned("task", "COMPLETED");
  await at.processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
  await until(async () => ((await stateOf(runId)) === "COMPLETED" ? true : undefined));
  expect((await findRunRows(at.database.read, runId))?.steps.get(1)?.output).toEqual({ order: 3 });
});
