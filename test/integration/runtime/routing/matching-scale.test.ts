/**
 * The cost of an event does not grow with waits and triggers that do not match: the same events are applied in a
 * small world and in a large one, and what their statements read is counted.
 * Boundary: routing, processor and Postgres; the bus in front of them knows no definitions and no waits.
 */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TriggerDefinition } from "../../../../src/engine/values/definition.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import { freshDatabase, type TestDatabase } from "../../../support/servers/database.ts";
import {
  openProcessor,
  publish,
  startOf,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const FEW = 10;
const MANY = 1_000;
const EVENTS = 20;
const MADE_AT_ONCE = 50;
/**
 * An index of the large world may be a page deeper, and a small table is read as a whole or by its index. What grows with
 * the world would be a hundred times dearer.
 */
const DEARER_AT_MOST = 1.5;
/** A table of 1,000 rows is still read as a whole by an update of a batch, one of 100,000 is not (test:scale). */
const DEARER_BY_UPDATES = 2.5;

interface World extends TestDatabase {
  /** Values of `{{ input.order }}` of runs that wait, by run id. */
  readonly waiting: Map<string, string>;
}

/** Triggers that want none of the events that are applied, a kind each. */
const UNRELATED: Readonly<Record<string, (n: number) => Partial<TriggerDefinition>>> = {
  event: (n) => ({ triggerType: "EVENT", eventType: `crm.order.moved${n}` }),
  webhook: (n) => ({ triggerType: "WEBHOOK", tapProvider: "gmail", tapEntityType: `kind${n}` }),
  "type wildcard": (n) => ({ triggerType: "EVENT", eventType: `crm.order${n}.*` }),
  "subject wildcard": (n) => ({ triggerType: "EVENT", eventSubject: `orders-of-${n}/>` }),
};
const PAUSE = stepOf("task", { stepType: "HUMAN_TASK", name: "task" });
const WAITS = versionOf([
  stepOf("paid", {
    stepType: "WAIT_FOR_EVENT",
    eventTypePattern: "crm.order.*",
    eventSubjectPattern: "orders/{{ input.order }}",
  }),
]);

let small: World;
let large: World;

beforeAll(async () => {
  [small, large] = await Promise.all([makeWorld(FEW), makeWorld(MANY)]);
}, 120_000);
afterAll(() => Promise.all([small?.drop(), large?.drop()]));

async function makeWorld(size: number): Promise<World> {
  const database = await freshDatabase();
  const at = openProcessor(database.url);
  const waiting = new Map<string, string>();
  try {
    const wanted = triggerOf({ triggerType: "EVENT", eventType: "crm.order.made" });
    await publish(at.database, "wanted", versionOf([PAUSE], [], { trigger: wanted }));
    const version = await publish(at.database, "waiting", WAITS);
    for (const [kind, fields] of Object.entries(UNRELATED)) {
      await inChunks(size, (n) => {
        const trigger = triggerOf(fields(n));
        return publish(at.database, `${kind} ${n}`, versionOf([PAUSE], [], { trigger }));
      });
    }
    await inChunks(size, async () => void (await startWaiting(at, version)));
    await inChunks(EVENTS, async () => {
      const { runId, order } = await startWaiting(at, version);
      waiting.set(runId, order);
    });
  } finally {
    await at.stop();
  }
  await settle(database.url);
  return { ...database, waiting };
}

async function inChunks(size: number, make: (n: number) => Promise<unknown>): Promise<void> {
  for (let made = 0; made < size; made += MADE_AT_ONCE) {
    const chunk = Array.from({ length: Math.min(MADE_AT_ONCE, size - made) }, (_, n) => made + n);
    await Promise.all(chunk.map(make));
  }
}

async function startWaiting({ processor }: TestProcessor, version: Parameters<typeof startOf>[0]) {
  const order = randomUUID();
  const start = startOf(version, { input: { order } });
  const cause = { kind: "rpc", id: "StartRun" } as const;
  return { order, runId: (await processor.submit({ kind: "start", start, cause })).runId };
}

/** Statistics as a database has them that is in use, and no vacuum that reads beside what is counted. */
async function settle(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query(
      "select relname from pg_stat_user_tables where schemaname = 'public'",
    );
    for (const { relname } of rows) {
      await client.query(`alter table ${relname} set (autovacuum_enabled = false)`);
    }
    await client.query("vacuum analyze");
  });
}

/** Pages of tables and indexes that were read since the database was made, by connections that are closed. */
async function pagesRead(url: string): Promise<number> {
  return withClient(url, async (client) => {
    // A connection counts what it has read when it ends, which is a moment after its client has gone.
    await until(async () => {
      const { rowCount } = await client.query(
        `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
          and backend_type = 'client backend'`,
      );
      return rowCount === 0 ? true : undefined;
    });
    const { rows } = await client.query<{ pages: string }>(
      `select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) as pages
       from pg_statio_user_tables`,
    );
    return Number(rows[0]?.pages);
  });
}

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

interface Applied {
  readonly type: string;
  readonly subject: string;
  readonly started: number;
  readonly updated: readonly string[];
}

/** Applies events one after the other by a processor of its own, and gives the pages that each of them read. */
async function pagesPerEvent(world: World, events: readonly Applied[]): Promise<number> {
  const once = await pagesOf(world, []);
  return ((await pagesOf(world, events)) - once) / events.length;
}

/** Pages that a processor reads: once the keys that anything listens to, and what the events need. */
async function pagesOf(world: World, events: readonly Applied[]): Promise<number> {
  const before = await pagesRead(world.url);
  const at = openProcessor(world.url);
  const graphs = createGraphCache(at.database);
  try {
    at.processor.listenedKeys.at("another edition than there is");
    await at.processor.listenedKeys.idle();
    for (const { type, subject, started, updated } of events) {
      const [routed] = await routeEvents({ ...at, graphs }, [
        {
          ...{ workspaceId: WORKSPACE, id: randomUUID(), source: "crm", type, subject, time: "" },
          ...{ data: {}, actorAgentId: "", hops: 0 },
        },
      ]);
      if (!routed?.ok) throw new Error("the event was not applied", { cause: routed?.error });
      expect(routed.startedRunIds).toHaveLength(started);
      expect(routed.updatedRunIds).toEqual(updated);
    }
  } finally {
    await at.stop();
  }
  return (await pagesRead(world.url)) - before;
}

const times = (event: () => Applied): Applied[] => Array.from({ length: EVENTS }, event);

describe("an event among 1,000 waiting runs and 4,000 definitions that do not want it", () => {
  it.each<[string, number, (world: World) => Applied[]]>([
    [
      "starts its run",
      DEARER_AT_MOST,
      () =>
        times(() => ({
          type: "crm.order.made",
          subject: `orders/${randomUUID()}`,
          started: 1,
          updated: [],
        })),
    ],
    [
      "ends its wait",
      DEARER_BY_UPDATES,
      ({ waiting }) =>
        [...waiting].map(([runId, order]) => ({
          type: "crm.order.paid",
          subject: `orders/${order}`,
          started: 0,
          updated: [runId],
        })),
    ],
    [
      "finds no run that wants it",
      DEARER_AT_MOST,
      () =>
        times(() => ({ type: "crm.order.lost", subject: "orders/none", started: 0, updated: [] })),
    ],
  ])("%s and reads no more than among 10 and 40", async (what, dearerAtMost, eventsOf) => {
    const few = await pagesPerEvent(small, eventsOf(small));
    const many = await pagesPerEvent(large, eventsOf(large));
    console.log(`${what}: ${few} pages an event among few, ${many} among many`);
    expect(many).toBeLessThan(few * dearerAtMost);
  });
});
