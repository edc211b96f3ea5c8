/**
 * Runs.Watch as callers see it: every move once and in order, until the run ends or the caller is cut off.
 * Boundary: the real server and store; commits reach the watch as those of another replica do.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Move, Runs, type WatchResponse } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { answerWatch } from "../../src/ingress/rpc/watch.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createRunFeed } from "../../src/runtime/run-feed.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

const WORKSPACE = "ws_watch";

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

test("a caller that takes no message for 30 s is cut off, and leaves nothing behind", async () => {
  const { database, log } = service;
  const feed = createRunFeed({ database, log });
  const graphs = createGraphCache(database);
  const runId = await start();
  await complete(runId, "a");
  let nowMs = 0;
  const deps = {
    ...{ database, graphs, feed, visibility: EVERY_WORKSPACE, answerHeader: new Headers() },
    ...{ signal: new AbortController().signal, nowMs: () => nowMs },
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
