import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
} from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  PublishedEventSchema,
  Runs,
  TailEventsResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowRunSchema } from "../../../gen/workflows/v1/workflows_pb.ts";
import { followStarts, type SeenStarts } from "../../../src/entities/starts.ts";

/** A service with runs, whose streams are cut as a test says. */
function service() {
  const started: { id: string; ms: number; waits?: boolean }[] = [];
  const streams: (readonly string[])[] = [];
  const meanwhile: (() => void)[] = [];
  const searches: string[] = [];
  const runs = createClient(
    Runs,
    createRouterTransport(({ rpc }) => {
      rpc(Runs.method.search, ({ startedFrom, pageSize, pageToken }) => {
        searches.push(pageToken);
        const from = startedFrom === undefined ? 0 : timestampMs(startedFrom);
        const all = started.filter(({ ms }) => ms >= from).toReversed();
        const at = Number(pageToken);
        const page = all.slice(at, at + pageSize);
        return {
          runs: page.map(({ id, ms, waits }) => {
            const begun = waits ? {} : { startedAt: timestampFromMs(ms) };
            return create(WorkflowRunSchema, { id, definitionId: "wf", ...begun });
          }),
          nextPageToken: at + pageSize < all.length ? String(at + pageSize) : "",
        };
      });
      rpc(Runs.method.tailEvents, async function* () {
        yield create(TailEventsResponseSchema, {});
        for (const runId of streams.shift() ?? []) {
          const { ms } = started.find(({ id }) => id === runId) ?? start(runId);
          const event = create(PublishedEventSchema, { runId, time: timestampFromMs(ms) });
          yield create(TailEventsResponseSchema, { event });
        }
        meanwhile.shift()?.();
        throw new ConnectError("cut", Code.Unavailable);
      });
    }),
  );
  function start(id: string, ms = 1_000_000 + started.length) {
    const run = { id, ms };
    started.push(run);
    return run;
  }
  /** It is accepted, and waits for the run limit of its workflow. */
  function queue(id: string) {
    Object.assign(start(id), { waits: true });
  }
  return { runs, streams, meanwhile, searches, start, queue };
}

/** The runs that one stream gives until it is cut. */
async function givenUntilCut(
  runs: Client<typeof Runs>,
  seen: SeenStarts,
  onError: (error: unknown) => void = () => {},
): Promise<string[]> {
  const given: string[] = [];
  const { signal } = new AbortController();
  const following = { runs, workspaceId: "ws", signal, seen, begun() {}, onError };
  try {
    for await (const { runId } of followStarts(following)) given.push(runId);
  } catch (error) {
    expect(ConnectError.from(error).code).toBe(Code.Unavailable);
  }
  return given;
}

test("starts while no stream is open are given when one is, and each once", async () => {
  const { runs, streams, meanwhile, start } = service();
  const seen: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  start("before");
  // An event may come after its run was looked up, or twice.
  streams.push(["a", "b"], ["missed 1", "c", "c"], []);
  meanwhile.push(() => void [start("missed 1"), start("missed 2")]);
  expect(await givenUntilCut(runs, seen)).toEqual(["a", "b"]);
  expect(await givenUntilCut(runs, seen)).toEqual(["missed 1", "missed 2", "c"]);
  expect(await givenUntilCut(runs, seen)).toEqual([]);
});

test("of more than a page none is lost, and a start that is committed late is given", async () => {
  const { runs, streams, meanwhile, start } = service();
  const seen: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  streams.push(["a"], []);
  const many = Array.from({ length: 1_200 }, (_, at) => `run ${at}`);
  meanwhile.push(() => {
    start("late", 999_000);
    for (const id of many) start(id);
  });
  expect(await givenUntilCut(runs, seen)).toEqual(["a"]);
  const given = await givenUntilCut(runs, seen);
  expect(new Set(given)).toEqual(new Set(["late", ...many]));
  expect(given).toHaveLength(many.length + 1);
});

test("runs that wait for their limit are not given, and hide no run that began before", async () => {
  const { runs, streams, meanwhile, start, queue } = service();
  const seen: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  for (const id of ["old 1", "old 2"]) start(id);
  // More than a page of them.
  for (let more = 0; more < 501; more += 1) queue(`waits ${more}`);
  streams.push(["a", "waits 0"], []);
  meanwhile.push(() => {
    queue("waits too");
    start("missed");
  });
  expect(await givenUntilCut(runs, seen)).toEqual(["a", "waits 0"]);
  expect(await givenUntilCut(runs, seen)).toEqual(["missed"]);
});

test("of more than are looked up the newest are given, and the error is told", async () => {
  const { runs, streams, meanwhile, start } = service();
  const seen: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  streams.push(["a"], []);
  meanwhile.push(() => {
    for (let at = 0; at < 10_501; at += 1) start(`run ${at}`, 1_000_000);
  });
  const errors: unknown[] = [];
  const tell = (error: unknown) => void errors.push(error);
  expect(await givenUntilCut(runs, seen, tell)).toEqual(["a"]);
  expect(errors).toEqual([]);
  const given = await givenUntilCut(runs, seen, tell);
  expect([given.length, given.at(-1)]).toEqual([10_000, "run 10500"]);
  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining("10000") })]);
});

test("the first look ends where more runs wait than are looked up, and older starts are not given", async () => {
  const { runs, streams, searches, start, queue } = service();
  start("old");
  for (let n = 0; n < 10_100; n += 1) queue(`waits-${n}`);
  streams.push(["new"]);
  const seen: SeenStarts = { sinceMs: undefined, newestMs: 0, runIds: new Set() };
  expect(await givenUntilCut(runs, seen)).toEqual(["new"]);
  // 20 of the first look, and one of the look for what began before the stream.
  expect(searches).toHaveLength(21);
});
