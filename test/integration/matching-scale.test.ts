/**
 * What an event costs does not grow with those who do not want it: the same events are applied at the same time in a
 * small world and in a large one, so that whatever else the machine does slows both alike.
 * Boundary: routing, processor and Postgres; the bus in front of them knows no definitions and no waits.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TriggerDefinition } from "../../src/engine/values/definition.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { routeEvents } from "../../src/runtime/route-event.ts";
import { findRunRows } from "../../src/store/reads/runs.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../support/processor.ts";
import { until } from "../support/until.ts";
import { stepOf, triggerOf, versionOf } from "../support/version-spec.ts";

const FEW = 10;
const MANY = 1_000;
const DEARER_AT_MOST = 1.5;
/** Another process may take the machine for a while: what is really dearer is dearer every time. */
const MEASUREMENTS = 3;
const EVENTS = 60;
const MADE_AT_ONCE = 50;
const STARTED_AHEAD = 5;

interface Waiting {
  readonly runId: string;
  readonly order: string;
}

interface World extends TestProcessor {
  readonly graphs: ReturnType<typeof createGraphCache>;
  /** Waits for the order of the run's input. */
  readonly waiting: Awaited<ReturnType<typeof publish>>;
  readonly ahead: Waiting[];
}

/** Triggers that want none of the events that are timed, a kind each. */
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
  [small, large] = await Promise.all([startWorld(FEW), startWorld(MANY)]);
}, 120_000);
afterAll(() => Promise.all([small?.stop(), large?.stop()]));

async function startWorld(size: number): Promise<World> {
  const at = await startProcessor();
  const graphs = createGraphCache(at.database);
  const wanted = triggerOf({ triggerType: "EVENT", eventType: "crm.order.made" });
  await publish(at.database, "wanted", versionOf([PAUSE], [], { trigger: wanted }));
  const waiting = await publish(at.database, "waiting", WAITS);
  for (const [kind, fields] of Object.entries(UNRELATED)) {
    await inChunks(size, (n) => {
      const trigger = triggerOf(fields(n));
      return publish(at.database, `${kind} ${n}`, versionOf([PAUSE], [], { trigger }));
    });
  }
  await inChunks(size, (n) => startWaiting(at, waiting, `unrelated-${n}`));
  return { ...at, graphs, waiting, ahead: [] };
}

async function inChunks(size: number, make: (n: number) => Promise<unknown>): Promise<void> {
  for (let made = 0; made < size; made += MADE_AT_ONCE) {
    const chunk = Array.from({ length: Math.min(MADE_AT_ONCE, size - made) }, (_, n) => made + n);
    await Promise.all(chunk.map(make));
  }
}

async function startWaiting(
  { processor }: TestProcessor,
  version: World["waiting"],
  order: string,
): Promise<Waiting> {
  const start = startOf(version, { input: { order } });
  const cause = { kind: "rpc", id: "StartRun" } as const;
  return { order, runId: (await processor.submit({ kind: "start", start, cause })).runId };
}

/**
 * A run that has waited for a few rounds: a new one looks for its event itself, beside the one that is timed, and on a
 * busy machine may still find it first.
 */
async function takeWaiting(at: World): Promise<Waiting> {
  while (at.ahead.length < STARTED_AHEAD) {
    at.ahead.push(await startWaiting(at, at.waiting, randomUUID()));
  }
  const oldest = at.ahead.shift();
  if (oldest === undefined) throw new Error("no run waits");
  return oldest;
}

async function hasEnded(at: World, runId: string): Promise<true | undefined> {
  const found = await findRunRows(at.database.read, runId);
  return found?.run.state === "COMPLETED" ? true : undefined;
}

/** Applies one event and gives the milliseconds that it took. */
async function timeEvent(at: World, type: string, subject: string) {
  const event = {
    ...{ workspaceId: WORKSPACE, id: randomUUID(), source: "crm", type, subject, time: "" },
    ...{ data: {}, actorAgentId: "", hops: 0 },
  };
  const began = performance.now();
  const [routed] = await routeEvents(at, [event]);
  const tookMs = performance.now() - began;
  if (!routed?.ok) throw new Error("the event was not applied", { cause: routed?.error });
  return { tookMs, routed };
}

const medianOf = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** The medians of both worlds; each event is timed in both, in turn first and second. */
async function compare(time: (at: World, n: number) => Promise<number>) {
  const times = new Map<World, number[]>([
    [small, []],
    [large, []],
  ]);
  for (let n = -FEW; n < EVENTS; n += 1) {
    for (const at of n % 2 === 0 ? [small, large] : [large, small]) {
      const tookMs = await time(at, n);
      // The first ones pay for statements that are not planned and code that is not compiled yet.
      if (n >= 0) times.get(at)?.push(tookMs);
    }
  }
  return { few: medianOf(times.get(small) ?? []), many: medianOf(times.get(large) ?? []) };
}

describe("an event among 1,000 waiting runs and 4,000 definitions that do not want it", () => {
  it.each([
    [
      "starts its run",
      async (at: World) => {
        const { tookMs, routed } = await timeEvent(at, "crm.order.made", `orders/${randomUUID()}`);
        expect(routed.startedRunIds).toHaveLength(1);
        return tookMs;
      },
    ],
    [
      "ends its wait",
      async (at: World) => {
        const { runId, order } = await takeWaiting(at);
        const { tookMs } = await timeEvent(at, "crm.order.paid", `orders/${order}`);
        await until(() => hasEnded(at, runId));
        return tookMs;
      },
    ],
    [
      "finds nobody who wants it",
      async (at: World) => {
        const { tookMs, routed } = await timeEvent(at, "crm.order.lost", "orders/none");
        expect([routed.startedRunIds, routed.updatedRunIds]).toEqual([[], []]);
        return tookMs;
      },
    ],
  ])("%s as fast as among 10 and 40", async (what, time) => {
    let ratio = Number.POSITIVE_INFINITY;
    for (let n = 0; n < MEASUREMENTS && !(ratio < DEARER_AT_MOST); n += 1) {
      const { few, many } = await compare(time);
      ratio = many / few;
      const shown = [few, many].map((ms) => ms.toFixed(2)).join(" and ");
      console.log(`${what}: ${shown} ms among few and many, ratio ${ratio.toFixed(2)}`);
    }
    expect(ratio).toBeLessThan(DEARER_AT_MOST);
  });
});
