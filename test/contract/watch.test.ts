/**
 * Runs.Watch as callers see it: every move once and in order, until the run ends or the caller is cut off.
 * Boundary: the real server and store; commits reach the watch as those of another replica do.
 */
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Move, Runs, type WatchResponse } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { STREAM_LIMITS } from "../../src/ingress/rpc/stream-limits.ts";
import { answerWatch } from "../../src/ingress/rpc/watch.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createRunFeed } from "../../src/runtime/run-feed.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { until } from "../support/assertions/until.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

const WORKSPACE = "ws_watch";
/** Rows of 50,000 bytes behind the first one of a run. */
const LONG_HISTORY = {
  name: "add_long_history",
  text: `with added as (
      insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
      select m.run_id, n, m.batch_id, m.recorded_at, json_build_array(1, 'rpc', '', $2::text), '[]'
      from run_moves m, generate_series(2, 400) as n where m.run_id = $1 and m.seq = 1)
    update workflow_runs set seq = 400 where id = $1`,
};

let service: RpcService;
let runs: Client<typeof Runs>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService();
  runs = runsOf(service);
  definitionId = await define(service);
});
afterAll(() => service.stop());

function runsOf({ baseUrl }: RpcService): Client<typeof Runs> {
  return createClient(Runs, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
}

async function define({ client }: RpcService): Promise<string> {
  const { definition } = await client.createDefinition({ workspaceId: WORKSPACE, name: "chain" });
  const id = definition?.id ?? "";
  const steps = ["a", "b"].map((stepId) => ({
    id: stepId,
    stepType: StepType.HUMAN_TASK,
    config: { instructions: stepId },
  }));
  await client.publishVersion({
    definitionId: id,
    steps,
    edges: [{ fromStepId: "a", toStepId: "b" }],
  });
  return id;
}

async function start({ client } = service, of = definitionId): Promise<string> {
  const { run } = await client.startRun({ definitionId: of });
  return run?.id ?? "";
}

const complete = (runId: string, stepId: string) =>
  service.client.transitionStep({ runId, stepId, state: StepRunState.COMPLETED });

const movesOf = (messages: readonly WatchResponse[]): Move[] =>
  messages.flatMap(({ move }) => (move === undefined ? [] : [move]));

/** Takes messages until the stream ends; `onMove` is called with each move. */
async function take(
  messages: AsyncIterable<WatchResponse>,
  onMove: (move: Move) => Promise<unknown> = async () => {},
): Promise<WatchResponse[]> {
  const taken: WatchResponse[] = [];
  for await (const message of messages) {
    taken.push(message);
    if (message.move !== undefined) await onMove(message.move);
  }
  return taken;
}

describe("a watch", () => {
  test.each(TRANSPORTS)(
    "gives every move of a run once, in order, and ends with it: %s",
    async (_name, make) => {
      const runId = await start();
      const messages = createClient(Runs, make(service.baseUrl)).watch({ runId });
      const taken = await take(messages, async ({ seq }) => {
        if (seq === 1n) await complete(runId, "a");
        if (seq === 2n) await complete(runId, "b");
      });
      expect(taken[0]?.move).toBeUndefined();
      const { moves } = await runs.getHistory({ runId });
      expect(moves).toHaveLength(3);
      expect(movesOf(taken)).toEqual(moves);
      expect(taken.slice(1).map(({ cursor }) => cursor)).toEqual(moves.map(({ cursor }) => cursor));
    },
  );

  test("goes on after a cursor, also of a run that has ended", async () => {
    const runId = await start();
    await complete(runId, "a");
    await complete(runId, "b");
    const { moves } = await runs.getHistory({ runId });
    const after = moves[0]?.cursor ?? "";
    expect(movesOf(await take(runs.watch({ runId, after })))).toEqual(moves.slice(1));
    expect(movesOf(await take(runs.watch({ runId, after: moves.at(-1)?.cursor ?? "" })))).toEqual(
      [],
    );
  });

  test("is refused for an unknown run, and after a cursor of another run or of the future", async () => {
    const [runId, other] = [await start(), await start()];
    expect((await refusedBy(take(runs.watch({ runId: "wfr_none" })))).code).toBe("NotFound");
    const foreign = (await runs.getHistory({ runId: other })).moves[0]?.cursor ?? "";
    const future = Buffer.from(`${runId}/999`).toString("base64url");
    for (const after of [foreign, future, "x"]) {
      const { code, fields } = await refusedBy(take(runs.watch({ runId, after })));
      expect([code, fields]).toEqual(["InvalidArgument", ["after"]]);
    }
    const { code, fields } = await refusedBy(take(runs.watch({ runId: "" })));
    expect([code, fields]).toEqual(["InvalidArgument", ["run_id"]]);
  });

  test("ends in words when the replica stops", async () => {
    const own = await startRpcService();
    const runId = await start(own, await define(own));
    const watched = refusedBy(take(runsOf(own).watch({ runId }), () => own.stop()));
    const { code, error } = await watched;
    expect(code).toBe("Unavailable");
    expect(error.message).toContain("watch again after the last cursor");
  });
});

describe("a watch that nothing moves", () => {
  const token = { isGood: true };
  let guarded: RpcService;
  let runId: string;

  beforeAll(async () => {
    const caller = { subject: "ann", workspaceId: WORKSPACE, isAgent: false };
    const scopes = new Set(["workflows:read", "workflows:author", "workflows:run"] as const);
    const find = async () => (token.isGood ? { ...caller, scopes } : undefined);
    const streamLimits = { ...STREAM_LIMITS, tokenEveryMs: 20, ageMs: 1_000 };
    guarded = await startRpcService({ callers: { find }, streamLimits });
    const own = { ...guarded, client: withToken(guarded) };
    runId = await start(own, await define(own));
  });
  afterAll(() => guarded.stop());

  function withToken({ baseUrl }: RpcService) {
    return createClient(WorkflowService, transportOf(baseUrl));
  }
  function transportOf(baseUrl: string) {
    const bearer: Interceptor = (next) => (request) => {
      request.header.set("authorization", "Bearer t");
      return next(request);
    };
    return createConnectTransport({ baseUrl, httpVersion: "2", interceptors: [bearer] });
  }

  test("ends with its caller's token", async () => {
    const stream = createClient(Runs, transportOf(guarded.baseUrl)).watch({ runId });
    const watched = refusedBy(
      take(stream, async () => {
        token.isGood = false;
      }),
    );
    expect((await watched).code).toBe("Unauthenticated");
    token.isGood = true;
  });

  test("ends when its time is over, with a word of how to go on", async () => {
    const stream = createClient(Runs, transportOf(guarded.baseUrl)).watch({ runId });
    const { code, error } = await refusedBy(take(stream));
    expect(code).toBe("Unavailable");
    expect(error.message).toContain("watch again after the last cursor");
  });
});

describe("a caller that reads nothing", () => {
  let own: RpcService;
  let runId: string;
  let watching = 0;

  beforeAll(async () => {
    const streamLimits = { ...STREAM_LIMITS, takenWithinMs: 200 };
    const feed = createRunFeed(service);
    own = await startRpcService({
      streamLimits,
      feed: { ...feed, watch: (run) => counted(feed.watch(run)) },
    });
    runId = await start(own, await define(own));
    // More than the buffers of a connection on this machine hold.
    await own.database.read.query(LONG_HISTORY, [runId, "r".repeat(50_000)]);
  });
  afterAll(() => own.stop());

  function counted<Watch extends { close(): void }>(watch: Watch): Watch {
    const { close } = watch;
    watching += 1;
    watch.close = () => {
      watching = 0;
      close();
    };
    return watch;
  }

  /** The request, as Connect frames it. */
  function message(): Buffer {
    const body = Buffer.from(JSON.stringify({ runId }));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  }

  test("is cut off by a code, and its connection goes on: HTTP/2", async () => {
    const session = http2.connect(own.baseUrl);
    const stream = session.request({
      ":method": "POST",
      ":path": "/workflows.ops.v1.Runs/Watch",
      "content-type": "application/connect+json",
    });
    // Nothing reads the stream.
    stream.end(message());
    const [error] = await once(stream, "error").catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: "ERR_HTTP2_STREAM_ERROR" });
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    await until(() => (watching === 0 ? true : undefined));
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  test("loses its connection: HTTP/1.1", async () => {
    const { port, hostname } = new URL(own.baseUrl);
    const socket = net.connect(Number(port), hostname);
    socket.pause();
    const sent = message();
    socket.write(
      `POST /workflows.ops.v1.Runs/Watch HTTP/1.1\r\nhost: x\r\n` +
        `content-type: application/connect+json\r\ncontent-length: ${sent.length}\r\n\r\n`,
    );
    socket.write(sent);
    await until(() => (watching === 1 ? true : undefined));
    await until(() => (watching === 0 ? true : undefined));
    socket.resume();
    await once(socket, "close");
  });
});

test("a caller that goes while its run is looked up keeps no place", async () => {
  const { database, log } = service;
  const feed = createRunFeed({ database, log });
  const left: string[] = [];
  const counted = {
    ...feed,
    watch(run: Parameters<typeof feed.watch>[0]) {
      const watch = feed.watch(run);
      return { ...watch, close: () => void left.push(run.id) };
    },
  };
  const runId = await start();
  const deps = {
    ...{ database, graphs: createGraphCache(database), feed: counted, visibility: EVERY_WORKSPACE },
    ...{ answerHeader: new Headers(), signal: AbortSignal.abort(), nowMs: () => 0 },
    hasToken: false,
    requireCaller: async () => undefined,
  };
  const request = { $typeName: "workflows.ops.v1.WatchRequest", runId, after: "" } as const;
  await answerWatch(deps, request).next();
  expect(left).toEqual([runId]);
  await feed.stop();
});

test("the watch of a run that is deleted before its rows are read ends", async () => {
  const { database, log } = service;
  const feed = createRunFeed({ database, log });
  const runId = await start();
  const { signal } = new AbortController();
  const deps = {
    ...{ database, graphs: createGraphCache(database), feed, visibility: EVERY_WORKSPACE },
    ...{ answerHeader: new Headers(), signal, nowMs: () => performance.now() },
    hasToken: false,
    requireCaller: async () => undefined,
  };
  const request = { $typeName: "workflows.ops.v1.WatchRequest", runId, after: "" } as const;
  const stream = answerWatch(deps, request, { ...STREAM_LIMITS, ageMs: 2_000 });
  await stream.next();
  const text = "delete from run_moves where run_id = $1";
  await database.write.query({ name: "delete_history", text }, [runId]);
  await expect(stream.next()).rejects.toMatchObject({ reason: "not_found" });
  await feed.stop();
});

test("a caller that takes no message for 30 s is cut off, and leaves nothing behind", async () => {
  const { database, log } = service;
  const feed = createRunFeed({ database, log });
  const graphs = createGraphCache(database);
  const runId = await start();
  await complete(runId, "a");
  let nowMs = 0;
  const deps = {
    ...{ database, graphs, feed, visibility: EVERY_WORKSPACE, answerHeader: new Headers() },
    ...{
      signal: new AbortController().signal,
      nowMs: () => nowMs,
      hasToken: false,
      requireCaller: async () => undefined,
    },
  };
  const request = { $typeName: "workflows.ops.v1.WatchRequest", runId, after: "" } as const;
  const stream = answerWatch(deps, request);
  expect((await stream.next()).done).toBe(false);
  expect((await stream.next()).value?.move?.seq).toBe(1n);
  nowMs += 29_000;
  expect((await stream.next()).value?.move?.seq).toBe(2n);
  nowMs += 31_000;
  await expect(stream.next()).rejects.toMatchObject({
    reason: "overloaded",
    message: "a message was not taken within 30 s; watch again after the last cursor",
  });
  expect((await stream.next()).done).toBe(true);
  await feed.stop();
});
