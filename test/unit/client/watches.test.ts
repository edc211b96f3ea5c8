/** Where the client's watches go on after a cut, by clients whose streams the test gives. */
import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import type { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import {
  PublishedEventSchema,
  type Runs,
  TailEventsResponseSchema,
  WatchManyResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { WatchWorkflowsResponseSchema } from "../../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import type { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { watchesOf } from "../../../src/client/watches.ts";

const cut = () => new ConnectError("cut", Code.Unavailable);

/** Watches over these streams, one for each time that one is opened; and what was asked for. */
function watchesOver(
  method: "watchMany" | "tailEvents",
  streams: (() => AsyncIterable<unknown>)[],
) {
  const asked: { after?: string[] }[] = [];
  const runs = {
    [method](request: { after?: string[] }) {
      const stream = streams[asked.length];
      asked.push(request);
      if (stream === undefined) throw new Error("no further stream was expected");
      return stream();
    },
  };
  const clients = {
    runs: runs as unknown as Client<typeof Runs>,
    inbox: {} as Client<typeof Inbox>,
    sources: {} as Client<typeof Workflows>,
  };
  return { asked, watches: watchesOf(clients) };
}

const begins = (runId: string, cursor: string) =>
  create(WatchManyResponseSchema, { runId, cursor });

test("a watch of what is new, cut before each run has begun, goes on where those began that had", async () => {
  const { watches, asked } = watchesOver("watchMany", [
    async function* () {
      yield begins("a", "a7");
      throw cut();
    },
    async function* () {
      yield begins("a", "a7");
      yield begins("b", "b3");
      throw cut();
    },
    async function* () {},
  ]);
  for await (const _ of watches.runs({ runIds: ["a", "b"], onlyNew: true }))
    throw new Error("none");
  expect(asked.map(({ after }) => after)).toEqual([[], ["a7"], ["a7", "b3"]]);
});

test("a cut watch that was given cursors names each run once", async () => {
  const { watches, asked } = watchesOver("watchMany", [
    async function* () {
      yield begins("a", "a7");
      throw cut();
    },
    async function* () {},
  ]);
  const request = { runIds: ["a", "b", "c"], after: ["b2", "a7"], onlyNew: true };
  for await (const _ of watches.runs(request)) throw new Error("none");
  expect(asked[1]?.after?.toSorted()).toEqual(["a7", "b2"]);
});

test("a tail of events that was cut goes on, also where the service ended it, and says that events may be missing", async () => {
  const begun = create(TailEventsResponseSchema);
  const told = (id: string) =>
    create(TailEventsResponseSchema, { event: create(PublishedEventSchema, { id }) });
  const { watches, asked } = watchesOver("tailEvents", [
    () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(cut()) }) }),
    async function* () {
      yield begun;
      yield told("e1");
      throw cut();
    },
    async function* () {
      yield begun;
    },
    async function* () {
      yield begun;
      yield told("e2");
    },
  ]);
  const seen: string[] = [];
  const options = { onReopened: () => void seen.push("reopened") };
  for await (const { id } of watches.events({ workspaceId: "ws" }, options)) {
    seen.push(id);
    if (id === "e2") break;
  }
  expect(seen).toEqual(["e1", "reopened", "reopened", "e2"]);
  expect(asked).toHaveLength(4);
});

/** After-hooks over these streams of changes, and what was asked for. */
function changesOver(streams: (() => AsyncIterable<unknown>)[]) {
  const asked: { after?: string; fromOldest?: boolean }[] = [];
  const sources = {
    watchWorkflows(request: { after?: string; fromOldest?: boolean }) {
      const stream = streams[asked.length];
      asked.push(request);
      if (stream === undefined) throw new Error("no further stream was expected");
      return stream();
    },
  };
  const clients = {
    runs: {} as Client<typeof Runs>,
    inbox: {} as Client<typeof Inbox>,
    sources: sources as unknown as Client<typeof Workflows>,
  };
  return { asked, watches: watchesOf(clients) };
}

const changed = (cursor: string, operation?: string) =>
  create(WatchWorkflowsResponseSchema, {
    ...{ cursor, ...(operation === undefined ? {} : { change: { operation } }) },
  });

test("a hook after a verb saves each cursor once its change is handled, and goes on behind it", async () => {
  const { watches, asked } = changesOver([
    async function* () {
      yield changed("c1");
      yield changed("c2", "activated");
      throw cut();
    },
    async function* () {
      yield changed("c2");
      yield changed("c3", "paused");
    },
  ]);
  const log: string[] = [];
  const cursors = { load: () => "", save: (cursor: string) => void log.push(`saved ${cursor}`) };
  const handle = ({ operation }: { operation: string }) => {
    log.push(operation);
    if (operation === "paused") throw new Error("the disk is full");
  };
  const request = { workspaceId: "ws", fromOldest: true };
  await expect(watches.afterVerbs(request, cursors, handle)).rejects.toThrow("the disk is full");
  // The change that was not handled has no saved cursor: it comes again.
  expect(log).toEqual(["saved c1", "activated", "saved c2", "paused"]);
  expect(asked.map(({ after, fromOldest }) => [after, fromOldest])).toEqual([
    ["", true],
    ["c2", false],
  ]);
});

test("a hook after a verb begins behind the cursor that was saved", async () => {
  const { watches, asked } = changesOver([
    async function* () {
      yield changed("c8", "archived");
    },
  ]);
  const over = new AbortController();
  const cursors = { load: async () => "c7", save: () => over.abort(new Error("enough")) };
  const done = watches.afterVerbs({ workspaceId: "ws" }, cursors, () => {}, over);
  await expect(done).rejects.toThrow("enough");
  expect(asked[0]?.after).toBe("c7");
});
