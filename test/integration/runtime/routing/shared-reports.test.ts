/**
 * Reports that come to a replica about calls of another one, on one database: the one that made the call takes them, once, and
 * whatever is lost on the way between the two, nothing else is.
 */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import {
  createProcessor,
  type LeasedCall,
  type Submission,
} from "../../../../src/runtime/processor.ts";
import {
  readAnswer,
  readOffer,
  writeAnswer,
  writeOffer,
} from "../../../../src/runtime/routing/report-offers.ts";
import { type RoutedEvent, routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import { SharedReports } from "../../../../src/runtime/routing/shared-reports.ts";
import { findEdition } from "../../../../src/store/catalogue.ts";
import { type Database, openDatabase, type Queries } from "../../../../src/store/database.ts";
import { encodeCall } from "../../../../src/wire/calls/requests.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

/** A replica, without its bus. */
interface Replica {
  readonly calls: LeasedCall[];
  readonly reports: SharedReports;
  /** The statements that it took. */
  readonly asked: string[];
  readonly processor: ReturnType<typeof createProcessor>;
  route(...events: BusEvent[]): Promise<RoutedEvent[]>;
  stop(): Promise<void>;
}

const ENDED = "objectives.changes.objective.transition";
const CAUSE = { kind: "rpc", id: "StartRun" } as const;
const EDITION_ONLY = "find_catalogue_edition";

let at: TestProcessor;
let sql: pg.Client;
let version: Awaited<ReturnType<typeof publish>>;
let a: Replica;
let b: Replica;
/** What becomes of the offers of `a`; unset: `b` answers them. */
let line: ((offer: string) => Promise<string[]>) | undefined;
let areThere = true;
let offers: string[] = [];

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  version = await publish(at.database, "work", versionOf([stepOf("work", { agentId: "agent" })]));
  b = startReplica("b", async () => []);
  a = startReplica("a", async (offer) => {
    offers.push(offer);
    return line === undefined ? [await b.reports.answer(offer)] : line(offer);
  });
});
beforeEach(async () => {
  line = undefined;
  areThere = true;
  for (const replica of [a, b]) await remembers(replica);
  offers = [];
});
afterAll(async () => {
  await a?.stop();
  await b?.stop();
  await sql?.end();
  await at?.stop();
});

function startReplica(
  replicaId: string,
  ask: (offer: string) => Promise<string[]>,
  reach: (database: Database) => Database = (database) => database,
): Replica {
  const opened = openDatabase({ url: at.url, log: at.log });
  const asked: string[] = [];
  const counted = <Some extends Pick<Queries, "query">>(queries: Some): Some => ({
    ...queries,
    query(statement: { readonly name: string }, values: readonly unknown[]) {
      asked.push(statement.name);
      return queries.query(statement as Parameters<Queries["query"]>[0], values);
    },
  });
  const database = reach({
    ...opened,
    ...{ read: counted(opened.read), write: counted(opened.write), alone: counted(opened.alone) },
    transaction(work, options) {
      asked.push("transaction");
      return opened.transaction(work, options);
    },
  });
  const graphs = createGraphCache(database);
  const calls: LeasedCall[] = [];
  const processor = createProcessor({
    ...{ database, graphs, encodeCall, replicaId, log: at.log },
    lookups: { choose: () => ({ agentId: "agent", skillId: "" }) },
    onCommitted: (committed) => void calls.push(...committed.calls),
  });
  const others = {
    get areThere() {
      return areThere;
    },
    ask,
  };
  const reports = new SharedReports({ processor, others });
  return {
    ...{ calls, reports, asked, processor },
    route: (...events) =>
      routeEvents({ database, processor, graphs, log: at.log, sharedReports: reports }, events),
    async stop() {
      await processor.stop();
      await opened.close();
    },
  };
}

/** Lets a replica remember what the catalogue listens to now. */
async function remembers({ route, asked }: Replica): Promise<void> {
  await until(async () => {
    asked.length = 0;
    await route(eventOf("nobody.wants.this"));
    return asked.every((name) => name === EDITION_ONLY) || undefined;
  });
  asked.length = 0;
}

let events = 0;
function eventOf(type: string, more: Partial<BusEvent> = {}): BusEvent {
  events += 1;
  return {
    ...{ workspaceId: WORKSPACE, id: `evt-${events}`, source: "owner", type },
    ...{ subject: "", time: "", data: {}, actorAgentId: "agent-7", hops: 0, ...more },
  };
}
const endOf = (objectId: string): BusEvent =>
  eventOf(ENDED, {
    report: {
      kind: "owner",
      report: {
        ...{ owner: "objective", id: objectId, state: "COMPLETED", output: { of: objectId } },
        ...{ errorMessage: "", costUsd: 0.5, agentId: "" },
      },
    },
  });

let objects = 0;

/** Starts a run at a replica, which makes its call. */
async function begin(replica: Replica) {
  objects += 1;
  const objectId = `obj-${objects}`;
  const begun = { kind: "start", start: startOf(version), cause: CAUSE } as const;
  const { runId } = await replica.processor.submit(begun);
  const call = replica.calls.find((each) => each.runId === runId);
  if (call?.kind !== "create_objective") throw new Error(`the run calls ${call?.kind}`);
  const { callId, stepIndex, attempt } = call;
  const reply: Submission = {
    ...{ kind: "input", runId, workspaceId: WORKSPACE },
    input: {
      ...{ kind: "call_returned", cause: { kind: "call", id: callId }, callId },
      ...{ call: "create_objective", stepIndex, attempt },
      result: { ok: true, value: { kind: "create_objective", objectiveId: objectId } },
    },
  };
  return { runId, objectId, reply };
}

/** A run of a replica whose call was answered. */
async function answered(replica: Replica) {
  const begun = await begin(replica);
  await replica.processor.submit(begun.reply);
  return begun;
}

/** State, output and cost of a run, how often its step ended, and how many reports about the object are kept. */
async function leftOf({ runId, objectId }: { runId: string; objectId: string }) {
  const { rows } = await sql.query(
    `select r.state, s.cost_usd::float8 as cost, s.output,
      (select count(*)::int from run_moves m where m.run_id = r.id) as history,
      (select count(*)::int from early_reports e where e.object_id = $2) as early
    from workflow_runs r join step_runs s on s.run_id = r.id where r.id = $1`,
    [runId, objectId],
  );
  return rows;
}
const DONE = (objectId: string) => [
  { state: "COMPLETED", cost: 0.5, output: { of: objectId }, history: 2, early: 0 },
];
const savesOf = ({ asked }: Replica) => asked.filter((name) => name.startsWith("save_batch"));
const updatedBy = (routed: readonly RoutedEvent[]) =>
  routed.map((each) => (each.ok ? each.updatedRunIds : each));

describe("a report about a call of another replica", () => {
  it("is taken by that one, and costs the one that got it no statement", async () => {
    const runs = [await answered(b), await answered(b), await answered(b)];
    a.asked.length = 0;
    b.asked.length = 0;
    const routed = await a.route(...runs.map(({ objectId }) => endOf(objectId)));
    expect(updatedBy(routed)).toEqual(runs.map(({ runId }) => [runId]));
    expect(a.asked).toEqual([]);
    // Runs of two lanes: what each of them commits is one statement.
    expect(savesOf(b).length).toBeLessThanOrEqual(2);
    expect(b.asked).not.toContain("find_reported");
    expect(offers).toHaveLength(1);
    for (const run of runs) expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it("meets the reply there in one commit where it comes before it", async () => {
    const run = await begin(b);
    b.asked.length = 0;
    const routing = a.route(endOf(run.objectId));
    await until(() => offers.length > 0 || undefined);
    await b.processor.submit(run.reply);
    expect(updatedBy(await routing)).toEqual([[run.runId]]);
    expect(savesOf(b)).toHaveLength(1);
    expect(b.asked).not.toContain("transaction");
    expect(a.asked).toEqual([]);
    expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it("beside reports about own calls, of which one has no reply yet, is taken like these", async () => {
    const [mine, theirs, open] = [await answered(a), await answered(b), await begin(a)];
    a.asked.length = 0;
    const routing = a.route(...[mine, theirs, open].map(({ objectId }) => endOf(objectId)));
    await a.processor.submit(open.reply);
    expect(updatedBy(await routing)).toEqual([mine, theirs, open].map(({ runId }) => [runId]));
    expect(a.asked).not.toContain("find_reported");
    for (const run of [mine, theirs, open]) expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it.each([
    ["the offer is lost", async () => []],
    [
      "the answer is lost, and the report comes twice",
      async (offer: string) => {
        await b.reports.answer(offer);
        return [];
      },
    ],
    ["the answer is cut", async (offer: string) => [(await b.reports.answer(offer)).slice(0, -2)]],
    [
      "somebody says to have taken it who knows no edition",
      async (offer: string) => [
        writeAnswer("00000000-0000-0000-0000-000000000000", offer, {
          ...{ taken: [[0, "wfr_forged"]], isCurrent: true },
        }),
      ],
    ],
  ] as const)("is taken once where %s", async (_what, onTheWay) => {
    const run = await answered(b);
    line = onTheWay;
    const [routed] = await a.route(endOf(run.objectId));
    expect(routed?.ok).toBe(true);
    expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it("is taken by the one that got it where the other one dies before its commit", async () => {
    let isDead = false;
    const reached: string[] = [];
    const dying = startReplica(
      "dying",
      async () => [],
      (database) => ({
        ...database,
        alone: {
          query(statement, values) {
            if (!isDead) return database.alone.query(statement, values);
            reached.push(statement.name);
            return new Promise(() => {});
          },
        },
      }),
    );
    await remembers(dying);
    const run = await answered(dying);
    isDead = true;
    line = async (offer) => {
      void dying.reports.answer(offer);
      await until(() => reached.length > 0 || undefined);
      return [];
    };
    expect(updatedBy(await a.route(endOf(run.objectId)))).toEqual([[run.runId]]);
    expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it("that comes to both at once is taken once", async () => {
    const runs = [];
    for (let n = 0; n < 20; n += 1) runs.push(await answered(b));
    const ends = runs.map(({ objectId }) => endOf(objectId));
    const [byA, byB] = await Promise.all([a.route(...ends), b.route(...ends)]);
    expect([...byA, ...byB].every(({ ok }) => ok)).toBe(true);
    for (const run of runs) expect(await leftOf(run)).toEqual(DONE(run.objectId));
  });

  it("that nobody knows is kept, as without another replica", async () => {
    const run = await begin(b);
    await a.route(endOf(run.objectId));
    const kept = await sql.query("select from early_reports where object_id = $1", [run.objectId]);
    expect(kept.rowCount).toBe(1);
  });

  it("is offered to nobody where there is no other replica", async () => {
    const run = await answered(b);
    areThere = false;
    expect(updatedBy(await a.route(endOf(run.objectId)))).toEqual([[run.runId]]);
    expect(offers).toEqual([]);
  });

  it("is offered no more for a while after many that nobody wanted", async () => {
    for (let n = 0; n < 40; n += 1) await a.route(endOf(`foreign-${n}`));
    expect(offers.length).toBeLessThan(40);
    const before = offers.length;
    await until(async () => {
      await a.route(endOf("foreign"));
      return offers.length > before || undefined;
    });
  });
});

describe("an offer", () => {
  it("is read by those alone who know the edition of the catalogue", async () => {
    const edition = (await findEdition(at.database.read)) ?? "";
    await publish(at.database, "any", versionOf([stepOf("work")]));
    await remembers(a);
    await a.route(endOf("foreign-again"));
    const [offer = ""] = offers;
    expect(readOffer(edition, offer)).toMatchObject([
      { report: { report: { id: "foreign-again" } } },
    ]);
    expect(readOffer("another edition", offer)).toBeUndefined();
    expect(readOffer(edition, offer.replace("foreign-again", "foreign-other"))).toBeUndefined();
    expect(await b.reports.answer("no offer at all")).toBe("");
  });

  it("is answered by an answer of its own alone", () => {
    const event = endOf("any");
    const [one, other] = [writeOffer("e", [event], [0]), writeOffer("e", [event], [0])];
    if (one === undefined || other === undefined) throw new Error("there is no offer");
    const said = { taken: [[0, "wfr_1"]], isCurrent: true } as const;
    const answer = writeAnswer("e", one.text, said);
    expect(readAnswer(one, answer)).toEqual(said);
    expect(readAnswer(other, answer)).toBeUndefined();
  });

  it("leaves out what has no room", () => {
    const large = eventOf(ENDED, { actorAgentId: "x".repeat(300_000) });
    expect(writeOffer("e", [large, endOf("small")], [0, 1])?.places).toEqual([1]);
    expect(writeOffer("e", [large], [0])).toBeUndefined();
  });
});

describe("a report of a type that a version listens to since a moment ago", () => {
  it("is taken by the replica that made the call, and starts a run", async () => {
    const run = await answered(b);
    const trigger = triggerOf({ triggerType: "EVENT", eventType: ENDED });
    await publish(at.database, "listens", versionOf([stepOf("work")], [], { trigger }));
    const [routed] = await a.route(endOf(run.objectId));
    expect(offers).toHaveLength(1);
    expect(routed).toMatchObject({ ok: true, updatedRunIds: [run.runId] });
    expect(routed?.ok === true && routed.startedRunIds).toHaveLength(1);
  });
});
