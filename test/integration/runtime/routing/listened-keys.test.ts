/**
 * What a replica remembers for routing, with another replica on the same database: a version counts for the very next event,
 * whoever published it, and an event that nothing wants costs one small statement at most.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { publishVersion } from "../../../../src/runtime/definitions.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { createProcessor, type LeasedCall } from "../../../../src/runtime/processor.ts";
import { ListenedKeys } from "../../../../src/runtime/routing/listened-keys.ts";
import { type RoutedEvent, routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import { findEdition } from "../../../../src/store/catalogue.ts";
import { type Database, openDatabase, type Queries } from "../../../../src/store/database.ts";
import { encodeCall } from "../../../../src/wire/calls/requests.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import { movesOf, readHistory } from "../../../support/histories/stored-history.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

/** A replica that routes, and what it asked to route. */
interface Router {
  readonly calls: LeasedCall[];
  readonly submit: TestProcessor["processor"]["submit"];
  /** Routes one batch; `asked` are the statements that it took before its inputs were submitted. */
  route(...events: BusEvent[]): Promise<{ routed: RoutedEvent[]; asked: string[] }>;
  stop(): Promise<void>;
}

let at: TestProcessor;
let sql: pg.Client;
let a: Router;
let b: Router;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  [a, b] = [startRouter("a"), startRouter("b")];
});
afterAll(async () => {
  await a?.stop();
  await b?.stop();
  await sql?.end();
  await at?.stop();
});

function startRouter(replicaId: string, listenedKeysAtMost?: number): Router {
  const database = openDatabase({ url: at.url, log: at.log });
  const graphs = createGraphCache(database);
  const calls: LeasedCall[] = [];
  const processor = createProcessor({
    ...{ database, graphs, encodeCall, replicaId, log: at.log },
    lookups: { choose: () => ({ agentId: "agent", skillId: "" }) },
    onCommitted: (committed) => void calls.push(...committed.calls),
    ...(listenedKeysAtMost === undefined ? {} : { listenedKeysAtMost }),
  });
  let asked: string[] = [];
  const counting: Database = {
    ...database,
    read: {
      ...database.read,
      query(statement, values) {
        asked.push(statement.name);
        return database.read.query(statement, values);
      },
    },
  };
  return {
    calls,
    submit: (submission) => processor.submit(submission),
    async route(...events) {
      asked = [];
      const routed = await routeEvents(
        { database: counting, processor, graphs, log: at.log },
        events,
      );
      return { routed, asked: asked.toSorted() };
    },
    async stop() {
      await processor.stop();
      await database.close();
    },
  };
}

let events = 0;
function eventOf(type: string, more: Partial<BusEvent> = {}): BusEvent {
  events += 1;
  return {
    ...{ workspaceId: WORKSPACE, id: `evt-${events}`, source: "crm", type, subject: "", time: "" },
    ...{ data: {}, actorAgentId: "", hops: 0, ...more },
  };
}
const reportOf = (objectId: string): BusEvent =>
  eventOf("objectives.changes.objective.transition", {
    report: {
      kind: "owner",
      report: {
        ...{ owner: "objective", id: objectId, state: "COMPLETED", output: {} },
        ...{ errorMessage: "", costUsd: 0, agentId: "" },
      },
    },
  });

const EDITION_ONLY = ["find_catalogue_edition"];
/** Lets a replica remember what the catalogue listens to now. */
const remembers = (router: Router) =>
  until(async () => {
    const { asked } = await router.route(eventOf("nobody.wants.this"));
    return asked.length === 1 ? asked : undefined;
  });
const listensTo = (eventType: string) =>
  versionOf([stepOf("work")], [], { trigger: triggerOf({ triggerType: "EVENT", eventType }) });
const waitsFor = (eventTypePattern: string) =>
  versionOf([stepOf("on", { stepType: "WAIT_FOR_EVENT", eventTypePattern })]);
const CAUSE = { kind: "rpc", id: "StartRun" } as const;

async function startedBy(router: Router, type: string): Promise<number> {
  const { routed } = await router.route(eventOf(type));
  return routed.flatMap((each) => (each.ok ? each.startedRunIds : [])).length;
}

describe("an event that nothing wants", () => {
  it("costs the edition of the catalogue, and a batch of them no more", async () => {
    expect(await remembers(b)).toEqual(EDITION_ONLY);
    const { routed, asked } = await b.route(eventOf("a.b"), eventOf("c.d"), eventOf("e.f"));
    expect(asked).toEqual(EDITION_ONLY);
    expect(routed.map(({ ok }) => ok)).toEqual([true, true, true]);
  });
});

describe("a version that one replica publishes counts at another for the very next event", () => {
  it("where it has a trigger", async () => {
    await remembers(b);
    const { definitionId } = await publish(at.database, "by trigger", listensTo("deal.won"));
    expect(await startedBy(b, "deal.won")).toBe(1);
    await remembers(b);
    expect(await startedBy(b, "deal.won")).toBe(1);
    // The next version listens to something else.
    await publishVersion(at, { definitionId, spec: listensTo("deal/lost") });
    expect(await startedBy(b, "deal.lost")).toBe(1);
    expect(await startedBy(b, "deal.won")).toBe(0);
  });

  it("where it listens no more", async () => {
    const { definitionId } = await publish(at.database, "retired", listensTo("deal.held"));
    await remembers(b);
    await publishVersion(at, { definitionId, spec: versionOf([stepOf("work")]) });
    expect(await startedBy(b, "deal.held")).toBe(0);
    await remembers(b);
    expect((await b.route(eventOf("deal.held"))).asked).toEqual(EDITION_ONLY);
  });

  it("where it waits: the event is kept, and ends the wait", async () => {
    await remembers(b);
    const version = await publish(at.database, "by wait", waitsFor("box.{{ input.key }}.came"));
    const before = eventOf("box.k.came");
    await b.route(before);
    const kept = await sql.query("select from kept_events where event_id = $1", [before.id]);
    expect(kept.rowCount).toBe(1);
    await remembers(b);
    const start = startOf(version, { input: { key: "k" } });
    const gone = startRouter("gone");
    const { runId } = await gone.submit({ kind: "start", start, cause: CAUSE });
    // Its wait has looked for kept events then, and finds no later one by itself.
    await gone.stop();
    const { routed } = await b.route(eventOf("box.k.came"));
    expect(routed).toMatchObject([{ ok: true, updatedRunIds: [runId] }]);
    expect((await b.route(eventOf("crate.k.came"))).asked).toEqual(EDITION_ONLY);
  });

  it("where rows are written by another program, as a replica of the build before does", async () => {
    const edition = async () => (await sql.query("select edition from catalogue_edition")).rows;
    const version = await publish(at.database, "by rows", versionOf([stepOf("work")]));
    const changes = async (text: string) => {
      const before = await edition();
      await sql.query(text);
      return (await edition())[0]?.edition !== before[0]?.edition;
    };
    const of = `where id = '${version.definitionId}'`;
    await remembers(b);
    expect(await changes(`update workflow_definitions set description = 'x' ${of}`)).toBe(false);
    const key = "e|rows.came|~";
    const listen = `update workflow_definitions set trigger_key = '${key}', listens_since = now() ${of}`;
    const trigger = JSON.stringify(triggerOf({ triggerType: "EVENT", eventType: "rows.came" }));
    await sql.query("update workflow_versions set trigger = $1 where id = $2", [
      trigger,
      version.id,
    ]);
    expect(await changes(`begin; ${listen}; rollback`)).toBe(false);
    expect(await changes(listen)).toBe(true);
    expect(await startedBy(b, "rows.came")).toBe(1);
    const row = `'v', 'd', '${WORKSPACE}', 'rows|~', 'rows', ''`;
    expect(await changes(`insert into wait_patterns values (${row})`)).toBe(true);
    expect(await changes("delete from wait_patterns where version_id = 'v'")).toBe(true);
    const columns = "id, workspace_id, name, description, tags, trigger_key";
    const insert = (id: string, triggerKey: string) =>
      `insert into workflow_definitions (${columns}) values ('${id}', 'ws', '${id}', '', '{}', ${triggerKey})`;
    expect(await changes(insert("d-1", "null"))).toBe(false);
    expect(await changes(insert("d-2", "'e|a|~'"))).toBe(true);
    expect(await changes("delete from workflow_definitions where id = 'd-2'")).toBe(true);
  });
});

describe("a transaction that publishes", () => {
  it("holds up no other before its commit", async () => {
    const one = await publish(at.database, "held", versionOf([stepOf("work")]));
    const two = await publish(at.database, "free", versionOf([stepOf("work")]));
    await sql.query("begin");
    await sql.query("update workflow_definitions set trigger_key = 'e|held|~' where id = $1", [
      one.definitionId,
    ]);
    try {
      const spec = listensTo("free.came");
      await publishVersion(at, { definitionId: two.definitionId, spec });
    } finally {
      await sql.query("rollback");
    }
    expect(await startedBy(b, "free.came")).toBe(1);
  });
});

describe("the keys of an edition", () => {
  it("are read once for all who miss them, and again after a failure", async () => {
    const { read } = at.database;
    const edition = await findEdition(read);
    let reads = 0;
    const failingOnce: Queries = {
      ...read,
      async query(statement, values) {
        reads += 1;
        if (reads === 1) throw new Error("the first read fails");
        return read.query(statement, values);
      },
    };
    const warned: string[] = [];
    const log = { ...at.log, warn: (message: string) => void warned.push(message) };
    const keys = new ListenedKeys({ database: { read: failingOnce }, log });
    for (let times = 0; times < 3; times += 1) expect(keys.at(edition)).toBeUndefined();
    await keys.idle();
    expect([reads, warned.length]).toEqual([1, 1]);
    await until(async () => {
      const found = keys.at(edition);
      await keys.idle();
      return found;
    });
    expect(reads).toBe(2);
    expect(keys.at("another edition")).toBeUndefined();
    await keys.idle();
  });
});

describe("a catalogue of more keys than are remembered", () => {
  it("is asked about each event, and starts what it starts", async () => {
    const small = startRouter("small", 1);
    try {
      await publish(at.database, "one of many", listensTo("many.a"));
      await publish(at.database, "another of many", listensTo("many.b"));
      expect(await startedBy(small, "many.a")).toBe(1);
      const { asked } = await small.route(eventOf("nobody.wants.this"));
      expect(asked).toEqual([
        ...EDITION_ONLY,
        ...["find_triggers", "find_wait_patterns", "find_waits"],
      ]);
      expect(await startedBy(small, "many.b")).toBe(1);
    } finally {
      await small.stop();
    }
  });
});

describe("reports about objects that the replica has just learned", () => {
  const work = versionOf([stepOf("work", { agentId: "agent" })]);

  /** Starts a run at the replica, whose call is answered with this objective. */
  async function runWith(
    router: Router,
    name: string,
    objectiveId: string,
    spec = work,
  ): Promise<string> {
    const version = await publish(at.database, name, spec);
    const begun = { kind: "start", start: startOf(version), cause: CAUSE } as const;
    const { runId } = await router.submit(begun);
    const call = router.calls.find((each) => each.runId === runId);
    if (call?.kind !== "create_objective") throw new Error(`the run calls ${call?.kind}`);
    const { callId, stepIndex, attempt } = call;
    await router.submit({
      ...{ kind: "input", runId, workspaceId: WORKSPACE },
      input: {
        ...{ kind: "call_returned", cause: { kind: "call", id: callId }, callId },
        ...{ call: "create_objective", stepIndex, attempt },
        result: { ok: true, value: { kind: "create_objective", objectiveId } },
      },
    });
    return runId;
  }
  const updatedBy = (routed: readonly RoutedEvent[]) =>
    routed.map((each) => (each.ok ? each.updatedRunIds : []));

  it("cost no statement but their commit", async () => {
    const runs = [await runWith(b, "known 1", "obj-1"), await runWith(b, "known 2", "obj-2")];
    await remembers(b);
    const { routed, asked } = await b.route(reportOf("obj-1"), reportOf("obj-2"));
    expect(updatedBy(routed)).toEqual(runs.map((id) => [id]));
    expect(asked).toEqual([]);
  });

  it("are looked up at a replica that has not learned them", async () => {
    const runId = await runWith(a, "elsewhere", "obj-3");
    await remembers(b);
    const { routed, asked } = await b.route(reportOf("obj-3"));
    expect(updatedBy(routed)).toEqual([[runId]]);
    expect(asked).toEqual(["find_reported"]);
  });

  it("keep their place behind what else their run has in the batch", async () => {
    const wait = stepOf("on", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "side.came" });
    const both = versionOf([wait, stepOf("work", { agentId: "agent" })]);
    const runId = await runWith(b, "beside", "obj-beside", both);
    await b.route(eventOf("side.came"), reportOf("obj-beside"));
    const rows = movesOf(await readHistory(at.database, runId));
    const ended = rows
      .flatMap(({ moves }) => moves)
      .flatMap((move) => (move.of === "step" && move.to === "COMPLETED" ? [move.step] : []));
    expect(ended).toEqual([0, 1]);
  });

  it("end every step whose reply named the object", async () => {
    const runs = [
      await runWith(b, "shared 1", "obj-shared"),
      await runWith(b, "shared 2", "obj-shared"),
    ];
    const { routed } = await b.route(reportOf("obj-shared"));
    expect(updatedBy(routed).map((ids) => ids.toSorted())).toEqual([runs.toSorted()]);
  });

  it("leave of a step that has ended what they leave at a replica that remembers nothing", async () => {
    const notes = async (router: Router, objectiveId: string) => {
      const runId = await runWith(b, `ended by ${objectiveId}`, objectiveId);
      // With a call open that may bring the object's id, the report would be early.
      await sql.query("delete from effects");
      const input = { kind: "cancel_requested", reason: "", cause: CAUSE } as const;
      await a.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
      const { routed } = await router.route(reportOf(objectiveId));
      expect(updatedBy(routed)).toEqual([[]]);
      return movesOf(await readHistory(at.database, runId)).map(({ moves }) => moves.length);
    };
    const remembered = await notes(b, "obj-b");
    expect(remembered).toEqual(await notes(a, "obj-a"));
  });

  it("read the edition where their commit has none", async () => {
    await runWith(b, "ended", "obj-ended");
    await b.route(reportOf("obj-ended"));
    await remembers(b);
    const { asked } = await b.route(reportOf("obj-ended"));
    expect(asked).toContain("find_reported");
  });

  it("start a run by a version that another replica has just published", async () => {
    const runId = await runWith(b, "before the trigger", "obj-trigger");
    const other = await publish(at.database, "with an open call", work);
    await b.submit({ kind: "start", start: startOf(other), cause: CAUSE });
    await remembers(b);
    await publish(at.database, "on reports", listensTo("objectives.changes.objective.transition"));
    const { routed } = await b.route(reportOf("obj-trigger"));
    expect(updatedBy(routed)).toEqual([[runId]]);
    expect(routed.map((each) => (each.ok ? each.startedRunIds.length : -1))).toEqual([1]);
    // What was applied is not looked up again, as a report that came too early would be.
    const early = await sql.query("select from early_reports where object_id = 'obj-trigger'");
    expect(early.rowCount).toBe(0);
  });
});
