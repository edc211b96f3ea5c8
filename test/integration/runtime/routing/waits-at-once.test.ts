/**
 * Waits that are open when their event comes are offered it before it is kept. Whatever happens beside that, an event is kept, is
 * taken once, and meets every wait.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { createProcessor, type Submission } from "../../../../src/runtime/processor.ts";
import {
  type RouteDeps,
  type RoutedEvent,
  routeEvents,
} from "../../../../src/runtime/routing/route-event.ts";
import { type Database, openDatabase, type Queries } from "../../../../src/store/database.ts";
import type { VersionRow } from "../../../../src/store/reads/definitions.ts";
import { encodeCall } from "../../../../src/wire/calls/requests.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { movesOf, readHistory } from "../../../support/histories/stored-history.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

/** The statement that saves a run, and the event that it took. */
const KEPT_BY_COMMIT = "alone save_batch_moves_events";
const CAUSE = { kind: "rpc", id: "StartRun" } as const;

/** A replica that routes, on its own connections. */
interface Router {
  /** Statements in the order in which they were sent; those of transactions have `tx` before them, those that are one `alone`. */
  asked: string[];
  /** What happens before the next statement of a name, once. */
  before: Record<string, () => Promise<unknown>>;
  route(...events: BusEvent[]): Promise<RoutedEvent[]>;
  stop(): Promise<void>;
}

let at: TestProcessor;
let sql: pg.Client;
let router: Router;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  router = startRouter();
});
afterAll(async () => {
  await router?.stop();
  await sql?.end();
  await at?.stop();
});

function startRouter(): Router {
  const opened = openDatabase({ url: at.url, log: at.log });
  const watched = (queries: Queries, mark: string): Queries => ({
    ...queries,
    async query(statement, values) {
      const name = `${mark}${statement.name}`;
      const first = own.before[name];
      delete own.before[name];
      await first?.();
      own.asked.push(name);
      return queries.query(statement, values);
    },
  });
  const database: Database = {
    ...opened,
    read: watched(opened.read, ""),
    write: watched(opened.write, ""),
    alone: watched({ ...opened.write, ...opened.alone }, "alone "),
    transaction: (work, options) => opened.transaction((tx) => work(watched(tx, "tx ")), options),
  };
  const graphs = createGraphCache(database);
  const processor = createProcessor({
    ...{ database, graphs, encodeCall, replicaId: "router", log: at.log },
    lookups: { choose: () => undefined },
    onCommitted() {},
  });
  const deps: RouteDeps = { database, processor, graphs, log: at.log };
  const own: Router = {
    ...{ asked: [], before: {} },
    route(...events) {
      own.asked = [];
      return routeEvents(deps, events);
    },
    async stop() {
      await processor.stop();
      await opened.close();
    },
  };
  return own;
}

let made = 0;
function eventOf(type: string, more: Partial<BusEvent> = {}): BusEvent {
  made += 1;
  return {
    ...{ workspaceId: WORKSPACE, id: `evt-${made}`, source: "crm", type, subject: "", time: "" },
    ...{ data: {}, actorAgentId: "", hops: 0, ...more },
  };
}

/** Lets the router remember what the catalogue listens to now. */
async function remember(): Promise<void> {
  await until(async () => {
    await router.route(eventOf("nobody.wants.this"));
    return router.asked.length === 1 ? true : undefined;
  });
}

const waitFor = (id: string, eventTypePattern: string, more: object = {}) =>
  stepOf(id, { stepType: "WAIT_FOR_EVENT", eventTypePattern, ...more });
const oneWait = (type: string, more: object = {}) => versionOf([waitFor("on", type, more)]);
/** Its wait opens when its task is done. */
const laterWait = (type: string) =>
  versionOf(
    [stepOf("task", { stepType: "HUMAN_TASK", name: "task" }), waitFor("on", type)],
    ["task -> on"],
  );

/** Submits at a replica that stops then: what the waits look for that this opens, they have looked for. */
async function elsewhere(submission: Submission): Promise<string> {
  const other = createProcessor({
    ...{ database: at.database, graphs: createGraphCache(at.database), encodeCall, log: at.log },
    ...{ replicaId: "elsewhere", lookups: { choose: () => undefined }, onCommitted() {} },
  });
  const { runId } = await other.submit(submission);
  await other.stop();
  return runId;
}

const startRun = (version: VersionRow, input: JsonObject = {}) =>
  elsewhere({ kind: "start", start: startOf(version, { input }), cause: CAUSE });
const report = (runId: string, ...what: Parameters<typeof transitioned>) =>
  elsewhere({ kind: "input", runId, workspaceId: WORKSPACE, input: transitioned(...what) });
const makeDue = (runId: string, stepIndex: number) =>
  elsewhere({
    ...{ kind: "input", runId, workspaceId: WORKSPACE },
    input: { kind: "step_due", cause: { kind: "timer", id: "due" }, stepIndex },
  });

async function stateOf(runId: string) {
  return (await findRunRows(at.database.read, runId))?.run.state;
}

async function keptIds(...events: BusEvent[]): Promise<unknown[]> {
  const ids = events.map(({ id }) => id);
  const text = "select event_id from kept_events where event_id = any($1) order by arrived_at, seq";
  return (await sql.query(text, [ids])).rows.map((row) => row.event_id);
}

const updatedBy = (routed: readonly RoutedEvent[]) =>
  routed.map((each) => (each.ok ? each.updatedRunIds : each));

describe("an event for a wait that is open", () => {
  it("is kept in the commit that takes it, which nothing precedes but one look", async () => {
    const version = await publish(at.database, "open", oneWait("open.came"));
    await remember();
    const runId = await startRun(version);
    const event = eventOf("open.came");
    expect(updatedBy(await router.route(event))).toEqual([[runId]]);
    const [look, commit] = [router.asked.slice(0, 3), router.asked.slice(3)];
    expect(look.toSorted()).toEqual(["find_catalogue_edition", "find_wait_patterns", "find_waits"]);
    expect(commit.filter((name) => name !== "load_rows")).toEqual([
      ...["read_runs", "alone save_batch_moves_events", "find_waits"],
    ]);
    expect(await stateOf(runId)).toBe("COMPLETED");
    expect(await keptIds(event)).toEqual([event.id]);
  });

  it("is found by what its filter asks for, with one look more", async () => {
    const config = { filter_expr: "order == input.order" };
    const version = await publish(at.database, "asked", oneWait("asked.came", { config }));
    await remember();
    const ids = [];
    for (const order of ["a", "b"]) ids.push(await startRun(version, { order }));
    const event = eventOf("asked.came", { data: { order: "b" } });
    expect(updatedBy(await router.route(event))).toEqual([[ids[1]]]);
    const saved = router.asked.indexOf(KEPT_BY_COMMIT);
    expect(router.asked.slice(0, saved).filter((name) => name === "find_waits")).toHaveLength(2);
    expect(router.asked).not.toContain("keep_events");
  });

  it("is kept by itself where the wait does not take it, and is not offered to it again", async () => {
    const config = { filter_expr: "size(event.id) > 1000" };
    const version = await publish(at.database, "unfit", oneWait("unfit.came", { config }));
    await remember();
    const runId = await startRun(version);
    const event = eventOf("unfit.came");
    expect(updatedBy(await router.route(event))).toEqual([[]]);
    expect(await keptIds(event)).toEqual([event.id]);
    expect(await stateOf(runId)).toBe("RUNNING");
    expect(router.asked.filter((name) => name === "read_runs")).toHaveLength(1);
  });

  it("is neither taken nor kept where the commit fails, and is taken when it comes again", async () => {
    const version = await publish(at.database, "fails", oneWait("fails.came"));
    await remember();
    const runId = await startRun(version);
    const event = eventOf("fails.came");
    router.before[KEPT_BY_COMMIT] = () => Promise.reject(new Error("the commit fails"));
    expect(await router.route(event)).toMatchObject([{ ok: false, kind: "failed" }]);
    expect(await stateOf(runId)).toBe("RUNNING");
    expect(updatedBy(await router.route(event))).toEqual([[runId]]);
    expect(await keptIds(event)).toEqual([event.id]);
  });
});

describe("a wait that opens beside the first look meets the event", () => {
  it("where another run takes the event at once", async () => {
    const version = await publish(at.database, "beside", oneWait("beside.came"));
    const later = await publish(at.database, "beside, later", laterWait("beside.came"));
    await remember();
    const [first, second] = [await startRun(version), await startRun(later)];
    // It finds no kept event by itself: the commit that keeps it has not ended.
    router.before[KEPT_BY_COMMIT] = () => report(second, "task", "COMPLETED");
    expect(updatedBy(await router.route(eventOf("beside.came")))).toEqual([[first, second]]);
    expect(await stateOf(second)).toBe("COMPLETED");
  });

  it("where no wait was open at the first look", async () => {
    const version = await publish(at.database, "none yet", laterWait("none.came"));
    await remember();
    const runId = await startRun(version);
    router.before.keep_events = () => report(runId, "task", "COMPLETED");
    expect(updatedBy(await router.route(eventOf("none.came")))).toEqual([[runId]]);
  });

  it("where it is one that failed before it was offered the event, and opens again", async () => {
    const retryPolicy = { maxRetries: 3, backoffSeconds: 3_600, backoffMultiplier: 1 };
    const version = await publish(at.database, "again", oneWait("again.came", { retryPolicy }));
    await remember();
    const runId = await startRun(version);
    router.before.read_runs = () => report(runId, "on", "FAILED");
    router.before.keep_events = async () => {
      await sql.query("update step_runs set wake_at = now() - interval '1 ms' where run_id = $1", [
        runId,
      ]);
      await makeDue(runId, 0);
    };
    expect(updatedBy(await router.route(eventOf("again.came")))).toEqual([[runId]]);
    expect(router.asked).not.toContain(KEPT_BY_COMMIT);
  });
});

describe("an event that was taken before it was kept by itself", () => {
  it("is not taken again: not by a later wait of its run, nor by a run that began after it", async () => {
    const spec = versionOf(
      [waitFor("one", "twice.came"), waitFor("two", "twice.came")],
      ["one -> two"],
    );
    const version = await publish(at.database, "twice", spec);
    await remember();
    const runId = await startRun(version);
    const [event, next] = [eventOf("twice.came"), eventOf("twice.came")];
    expect(updatedBy(await router.route(event))).toEqual([[runId]]);
    const later = await startRun(version);
    expect(updatedBy(await router.route(event))).toEqual([[]]);
    expect([await stateOf(runId), await stateOf(later)]).toEqual(["RUNNING", "RUNNING"]);
    expect(
      updatedBy(await router.route(next))
        .flat()
        .toSorted(),
    ).toEqual([runId, later].toSorted());
    expect([await stateOf(runId), await stateOf(later)]).toEqual(["COMPLETED", "RUNNING"]);
    expect(await keptIds(event, next)).toEqual([event.id, next.id]);
  });

  it("has come when it was first looked at: a run that begins before it is kept does not take it", async () => {
    const version = await publish(at.database, "begins", oneWait("begins.came"));
    await remember();
    const runId = await startRun(version);
    let later = "";
    router.before[KEPT_BY_COMMIT] = async () => {
      later = await startRun(version);
    };
    const event = eventOf("begins.came");
    expect(updatedBy(await router.route(event))).toEqual([[runId]]);
    expect(updatedBy(await router.route(event))).toEqual([[]]);
    expect(await stateOf(later)).toBe("RUNNING");
  });
});

describe("events of one batch", () => {
  it("are kept by one statement before runs take them", async () => {
    const version = await publish(at.database, "batch", oneWait("batch.came"));
    await remember();
    const runId = await startRun(version);
    const events = [eventOf("batch.came"), eventOf("batch.came")];
    expect(updatedBy(await router.route(...events))).toEqual([[runId], []]);
    expect(router.asked.filter((name) => name.endsWith("keep_events"))).toEqual(["keep_events"]);
    expect(await keptIds(...events)).toEqual(events.map(({ id }) => id));
  });
});

it("a report that is an event for a wait of the same run counts first", async () => {
  const type = "objectives.changes.objective.transition";
  const both = versionOf([waitFor("on", type), stepOf("work", { agentId: "agent" })]);
  const runId = await startRun(await publish(at.database, "both", both));
  await report(runId, "work", "RUNNING", { objectiveId: "obj-both" });
  await remember();
  const about = { owner: "objective", id: "obj-both", state: "COMPLETED", output: {} } as const;
  const event = eventOf(type, {
    report: { kind: "owner", report: { ...about, errorMessage: "", costUsd: 0, agentId: "" } },
  });
  expect(updatedBy(await router.route(event))).toEqual([[runId]]);
  const ended = movesOf(await readHistory(at.database, runId))
    .flatMap(({ moves }) => moves)
    .flatMap((move) => (move.of === "step" && move.to === "COMPLETED" ? [move.step] : []));
  expect(ended).toEqual([1, 0]);
});

it("an event for more waits than are offered it at once is kept first", async () => {
  const version = await publish(at.database, "many", oneWait("many.came"));
  await remember();
  const start = { kind: "start", start: startOf(version), cause: CAUSE } as const;
  const runs = await Promise.all(Array.from({ length: 101 }, () => at.processor.submit(start)));
  await router.route(eventOf("many.came"));
  expect(router.asked).not.toContain(KEPT_BY_COMMIT);
  for (const { runId } of runs) {
    await until(async () => ((await stateOf(runId)) === "COMPLETED" ? true : undefined));
  }
});
