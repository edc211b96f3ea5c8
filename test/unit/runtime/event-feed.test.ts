/** The feed of published events: who gets which, what it costs, and who is cut off. */
import { beforeEach, describe, expect, test } from "vitest";
import { parsePattern } from "../../../src/engine/matching/pattern.ts";
import type { PublishedEvent } from "../../../src/engine/values/published-event.ts";
import { Refusal } from "../../../src/process/refusal.ts";
import {
  createEventFeed,
  type EventFeedLimits,
  type EventFilters,
  type EventListener,
  type EventTail,
} from "../../../src/runtime/event-feed.ts";

const TYPE = "workflows.changes.run.started";
/** The bus: who listens to it, how often that began and ended, and how many messages were decoded. */
let heard: EventListener | undefined;
let begun: number;
let ended: number;
let decoded: number;

beforeEach(() => {
  heard = undefined;
  [begun, ended, decoded] = [0, 0, 0];
});

async function listen(listener: EventListener) {
  heard = listener;
  begun += 1;
  return () => {
    heard = undefined;
    ended += 1;
  };
}

const makeFeed = (limits?: EventFeedLimits) => createEventFeed(listen, limits);
const filters = (more: Partial<EventFilters> = {}): EventFilters => ({
  ...{ workspaceId: "ws", types: [], runId: "", definitionId: "" },
  ...more,
});

function types(...texts: string[]): Pick<EventFilters, "types"> {
  return {
    types: texts.flatMap((text) => {
      const read = parsePattern(text);
      return read.ok ? [read.pattern] : [];
    }),
  };
}

/** Publishes an event; its id. */
function publish(more: Partial<PublishedEvent> = {}): string {
  const event: PublishedEvent = {
    ...{ id: `e${decoded}`, source: "workflows", type: TYPE, subject: TYPE, timeMs: 0 },
    ...{ dataSchema: "", extensions: {}, data: {}, workspaceId: "ws" },
    ...{ runId: "wfr_1", definitionId: "wf_1", bytes: 100 },
    ...more,
  };
  heard?.take(event.type, () => {
    decoded += 1;
    return event;
  });
  return event.id;
}

function idsOf(tail: EventTail): string[] {
  const ids: string[] = [];
  for (let event = tail.next(); event !== undefined; event = tail.next()) ids.push(event.id);
  return ids;
}

test("each tail gets the events of its workspace that fit its filters, in order", async () => {
  const feed = makeFeed();
  const all = await feed.tail(filters());
  const other = await feed.tail(filters({ workspaceId: "other" }));
  const ofRun = await feed.tail(filters({ runId: "wfr_2" }));
  const ofDefinition = await feed.tail(filters({ definitionId: "wf_2" }));
  const failed = await feed.tail(
    filters(types("workflows.changes.*.failed", "workflows.changes.definition.>")),
  );
  publish({ id: "a" });
  publish({ id: "b", runId: "wfr_2" });
  publish({ id: "c", definitionId: "wf_2", type: "workflows.changes.run.failed" });
  publish({ id: "d", workspaceId: "other", type: "workflows.changes.run.failed" });
  expect([all, other, ofRun, ofDefinition, failed].map(idsOf)).toEqual([
    ...[["a", "b", "c"], ["d"], ["b"], ["c"], ["c"]],
  ]);
  expect(all.next()).toBeUndefined();
});

test("the bus is listened to once for all, and only while somebody tails", async () => {
  const feed = makeFeed();
  expect(begun).toBe(0);
  const [first, second] = await Promise.all([feed.tail(filters()), feed.tail(filters())]);
  expect([begun, ended]).toEqual([1, 0]);
  first.close();
  first.close();
  expect(ended).toBe(0);
  second.close();
  await Promise.resolve();
  expect([begun, ended, heard]).toEqual([1, 1, undefined]);
  await feed.tail(filters());
  expect(begun).toBe(2);
});

test("an event is decoded once for all tails, and not at all where nobody wants its type", async () => {
  const feed = makeFeed();
  await Promise.all(Array.from({ length: 20 }, () => feed.tail(filters(types(TYPE)))));
  publish();
  expect(decoded).toBe(1);
  publish({ type: "workflows.changes.run.failed" });
  expect(decoded).toBe(1);
  const late = await feed.tail(filters(types("workflows.changes.run.failed")));
  publish({ id: "f", type: "workflows.changes.run.failed" });
  expect([decoded, idsOf(late)]).toEqual([2, ["f"]]);
});

test("a tail that waits is woken by an event that it wants, and by no other one", async () => {
  const feed = makeFeed();
  const tail = await feed.tail(filters({ runId: "wfr_1" }));
  let woken = 0;
  tail.wakes.add(() => {
    woken += 1;
  });
  publish({ runId: "wfr_2" });
  expect(woken).toBe(0);
  publish();
  expect(woken).toBe(1);
});

describe("cut off", () => {
  const LIMITS: EventFeedLimits = {
    tails: { workspace: 2, all: 3 },
    events: 3,
    bytes: { tail: 1_000, all: 1_500 },
  };
  const refusal = (tail: EventTail) => {
    try {
      tail.next();
    } catch (error) {
      if (error instanceof Refusal) return error.reason;
    }
    return undefined;
  };

  test("is who falls behind by too many events, and nobody else", async () => {
    const feed = makeFeed(LIMITS);
    const slow = await feed.tail(filters());
    const fast = await feed.tail(filters());
    let woken = 0;
    slow.wakes.add(() => {
      woken += 1;
    });
    for (const id of ["a", "b", "c", "d"]) {
      publish({ id });
      expect(idsOf(fast)).toEqual([id]);
    }
    expect([refusal(slow), refusal(fast)]).toEqual(["overloaded", undefined]);
    // Its end wakes it, too.
    expect(woken).toBeGreaterThan(3);
    // Its place is free again.
    await feed.tail(filters());
  });

  test("is who falls behind by too many bytes", async () => {
    const feed = makeFeed(LIMITS);
    const slow = await feed.tail(filters());
    publish({ bytes: 600 });
    publish({ bytes: 401 });
    expect(refusal(slow)).toBe("overloaded");
  });

  test("is the one with the most, where all together have too many bytes", async () => {
    const feed = makeFeed(LIMITS);
    const large = await feed.tail(filters());
    const small = await feed.tail(filters({ workspaceId: "other" }));
    publish({ bytes: 900 });
    publish({ bytes: 700, workspaceId: "other" });
    expect([refusal(large), refusal(small)]).toEqual(["overloaded", undefined]);
  });

  test("is who comes when there are too many, of a workspace or in all", async () => {
    const feed = makeFeed(LIMITS);
    await feed.tail(filters());
    const second = await feed.tail(filters());
    await expect(feed.tail(filters())).rejects.toMatchObject({ reason: "overloaded" });
    await feed.tail(filters({ workspaceId: "other" }));
    const third = feed.tail(filters({ workspaceId: "third" }));
    await expect(third).rejects.toMatchObject({ reason: "overloaded" });
    second.close();
    await feed.tail(filters());
  });

  test("are all when the bus is lost, and the next tail listens anew", async () => {
    const feed = makeFeed();
    const tail = await feed.tail(filters());
    feed.cutOff("the connection was lost");
    expect(refusal(tail)).toBe("unavailable");
    await Promise.resolve();
    expect(ended).toBe(1);
    const next = await feed.tail(filters());
    publish({ id: "n" });
    expect([begun, idsOf(next)]).toEqual([2, ["n"]]);
  });

  test("are all when the replica stops, and nobody comes then", async () => {
    const feed = makeFeed();
    const tail = await feed.tail(filters());
    feed.stop();
    expect(refusal(tail)).toBe("unavailable");
    await expect(feed.tail(filters())).rejects.toMatchObject({ reason: "unavailable" });
  });
});

test("where the bus cannot be listened to the tail is refused, and the next one tries again", async () => {
  let isAway = true;
  const feed = createEventFeed(async (listener) => {
    if (isAway) throw new Refusal("unavailable", "NATS does not answer now");
    return listen(listener);
  });
  await expect(feed.tail(filters())).rejects.toMatchObject({ reason: "unavailable" });
  isAway = false;
  const tail = await feed.tail(filters());
  publish({ id: "a" });
  expect(idsOf(tail)).toEqual(["a"]);
});

test("a bus that ends before it is listened to refuses the tail, and the next one asks it anew", async () => {
  let asked = 0;
  const feed = createEventFeed(async (listener) => {
    asked += 1;
    await Promise.resolve();
    listener.end("no permission");
    return () => {};
  });
  for (const times of [1, 2]) {
    await expect(feed.tail(filters())).rejects.toMatchObject({ reason: "unavailable" });
    expect(asked).toBe(times);
  }
});
