/**
 * Runs.WatchMany as callers see it: every move of every run once, each run's in order, until all have ended.
 * Boundary: the real server and store; commits reach the watch as those of another replica do. How a stream is cut off and ends
 * with its token is shared with Runs.Watch (watch.test.ts).
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Move, Runs, type WatchManyResponse } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { answerWatchMany } from "../../src/ingress/rpc/watch-many.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createRunFeed } from "../../src/runtime/run-feed.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

const WORKSPACE = "ws_watch_many";
/** Rows of 20,000 bytes behind the first one of runs: more than a feed keeps, and than one statement reads. */
const LONG_HISTORIES = {
  name: "add_long_histories",
  text: `with added as (
      insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
      select m.run_id, n, m.batch_id, m.recorded_at, json_build_array(1, 'rpc', '', $2::text), '[]'
      from run_moves m, generate_series(2, 150) as n where m.run_id = any($1::text[]) and m.seq = 1)
    update workflow_runs set seq = 150 where id = any($1::text[])`,
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
    ...{ id: stepId, stepType: StepType.HUMAN_TASK, config: { instructions: stepId } },
  }));
  const edges = [{ fromStepId: "a", toStepId: "b" }];
  await client.publishVersion({ definitionId: id, steps, edges });
  return id;
}

async function start({ client } = service, of = definitionId): Promise<string> {
  const { run } = await client.startRun({ definitionId: of });
  return run?.id ?? "";
}

const startMany = (count: number) => Promise.all(Array.from({ length: count }, () => start()));

const complete = (runId: string, stepId: string) =>
  service.client.transitionStep({ runId, stepId, state: StepRunState.COMPLETED });

async function historyOf(runId: string): Promise<Move[]> {
  return (await runs.getHistory({ runId, pageSize: 500 })).moves;
}

/** Takes messages until the stream ends; `onMove` is called with each move. */
async function take(
  messages: AsyncIterable<WatchManyResponse>,
  onMove: (move: Move) => Promise<unknown> = async () => {},
): Promise<WatchManyResponse[]> {
  const taken: WatchManyResponse[] = [];
  for await (const message of messages) {
    taken.push(message);
    if (message.move !== undefined) await onMove(message.move);
  }
  return taken;
}

/** The moves of each run, in the order in which they came. */
function movesOf(messages: readonly WatchManyResponse[]): Record<string, Move[]> {
  const moves: Record<string, Move[]> = {};
  for (const { move } of messages) {
    if (move !== undefined) moves[move.runId] = [...(moves[move.runId] ?? []), move];
  }
  return moves;
}

const next: Readonly<Record<string, string>> = { 1: "a", 2: "b" };
async function goOn({ runId, seq }: Move) {
  const stepId = next[String(seq)];
  if (stepId !== undefined) await complete(runId, stepId);
}

test.each(TRANSPORTS)(
  "gives every move of every run once, each run's in order, and ends when all have ended: %s",
  async (_name, make) => {
    const runIds = await startMany(3);
    const taken = await take(createClient(Runs, make(service.baseUrl)).watchMany({ runIds }), goOn);
    const firsts = taken.slice(0, runIds.length);
    expect(firsts.map(({ runId }) => runId).sort()).toEqual([...runIds].sort());
    expect(firsts.every(({ state }) => state === WorkflowState.RUNNING)).toBe(true);
    const moves = movesOf(taken);
    expect(Object.keys(moves)).toHaveLength(runIds.length);
    for (const runId of runIds) {
      expect(moves[runId]).toEqual(await historyOf(runId));
      expect(moves[runId]).toHaveLength(3);
    }
    for (const { cursor, move } of taken) if (move !== undefined) expect(cursor).toBe(move.cursor);
  },
);

test("goes on after the cursor of each run, and with the first move of a run that has none", async () => {
  const [one = "", other = ""] = await startMany(2);
  for (const runId of [one, other]) {
    await complete(runId, "a");
    await complete(runId, "b");
  }
  const all = await historyOf(one);
  const after = [all[0]?.cursor ?? ""];
  const moves = movesOf(await take(runs.watchMany({ runIds: [one, other], after })));
  expect(moves[one]).toEqual(all.slice(1));
  expect(moves[other]).toHaveLength(3);
});

test("with only_new a run begins where it is, which its first message says, and goes on after a cursor all the same", async () => {
  const [open = "", seen = "", ended = ""] = await startMany(3);
  for (const runId of [seen, ended]) await complete(runId, "a");
  await complete(ended, "b");
  const after = [(await historyOf(seen))[0]?.cursor ?? ""];
  const messages = runs.watchMany({ runIds: [open, seen, ended], after, onlyNew: true });
  let isMoved = false;
  const taken: WatchManyResponse[] = [];
  for await (const message of messages) {
    taken.push(message);
    if (taken.length < 3 || isMoved) continue;
    isMoved = true;
    await complete(open, "a");
    await complete(open, "b");
    await complete(seen, "b");
  }
  const states = new Map(taken.slice(0, 3).map(({ runId, state }) => [runId, state]));
  expect([open, seen, ended].map((runId) => states.get(runId))).toEqual([
    ...[WorkflowState.RUNNING, WorkflowState.RUNNING, WorkflowState.COMPLETED],
  ]);
  const seqs = (runId: string) => (movesOf(taken)[runId] ?? []).map(({ seq }) => Number(seq));
  expect([seqs(open), seqs(seen), seqs(ended)]).toEqual([[2, 3], [2, 3], []]);
});

test("reads histories that no feed keeps, of more runs than one statement reads", async () => {
  const runIds = await startMany(12);
  await service.database.read.query(LONG_HISTORIES, [runIds, "r".repeat(20_000)]);
  await Promise.all(runIds.map((id) => service.client.cancelRun({ id })));
  const moves = movesOf(await take(runs.watchMany({ runIds })));
  for (const runId of runIds) {
    const seqs = moves[runId]?.map(({ seq }) => Number(seq));
    expect(seqs).toEqual(Array.from({ length: 151 }, (_, at) => at + 1));
  }
});

describe("is refused", () => {
  test("for a run that the caller does not see, whatever the others are", async () => {
    const refused = await refusedBy(take(runs.watchMany({ runIds: [await start(), "wfr_none"] })));
    expect(refused.code).toBe("NotFound");
  });

  test("for no run, too many, one that is named twice and an empty id", async () => {
    const runId = await start();
    const many = Array.from({ length: 101 }, (_, at) => `wfr_${at}`);
    for (const [runIds, field] of [
      [[], "run_ids"],
      [many, "run_ids"],
      [[runId, runId], "run_ids[1]"],
      [[runId, ""], "run_ids[1]"],
    ] as const) {
      const refused = await refusedBy(take(runs.watchMany({ runIds: [...runIds] })));
      expect(refused).toMatchObject({ code: "InvalidArgument", fields: [field] });
    }
  });

  test("after a cursor of a run that is not watched, of the future, of no run, and a second one", async () => {
    const [runId = "", other = ""] = await startMany(2);
    const own = (await historyOf(runId))[0]?.cursor ?? "";
    const foreign = (await historyOf(other))[0]?.cursor ?? "";
    const future = Buffer.from(`${runId}/999`).toString("base64url");
    for (const [after, field] of [
      [[foreign], "after[0]"],
      [[future], "after[0]"],
      [["x"], "after[0]"],
      [[own, own], "after[1]"],
    ] as const) {
      const refused = await refusedBy(take(runs.watchMany({ runIds: [runId], after: [...after] })));
      expect(refused).toMatchObject({ code: "InvalidArgument", fields: [field] });
    }
  });
});

test("ends in words when the replica stops", async () => {
  const own = await startRpcService();
  const of = await define(own);
  const runIds = [await start(own, of), await start(own, of)];
  let stopped: Promise<void> | undefined;
  const { code, error } = await refusedBy(
    take(runsOf(own).watchMany({ runIds }), async () => {
      stopped ??= own.stop();
    }),
  );
  expect(code).toBe("Unavailable");
  expect(error.message).toContain("watch again after the last cursor");
  await stopped;
});

describe("its places", () => {
  function depsOf(feed: ReturnType<typeof createRunFeed>, nowMs = () => 0) {
    const { database } = service;
    return {
      ...{ database, graphs: createGraphCache(database), feed, visibility: EVERY_WORKSPACE },
      ...{ answerHeader: new Headers(), signal: new AbortController().signal, nowMs },
      hasToken: false,
      requireCaller: async () => undefined,
    };
  }

  function requestOf(runIds: string[]) {
    const $typeName = "workflows.ops.v1.WatchManyRequest" as const;
    return { $typeName, runIds, after: [], onlyNew: false };
  }

  /** A feed that refuses the watch of so many runs at once, and counts those that are watched. */
  function countingFeed(atMost: number) {
    const { database, log } = service;
    const feed = createRunFeed({ database, log });
    const watched = new Set<string>();
    const watch = (run: Parameters<typeof feed.watch>[0]) => {
      if (watched.size >= atMost) throw new Error("full");
      const made = feed.watch(run);
      watched.add(run.id);
      const close = () => {
        watched.delete(run.id);
        made.close();
      };
      return { ...made, close };
    };
    return { feed: { ...feed, watch }, watched };
  }

  test("are given back as runs end, and when the stream is cut off", async () => {
    const runIds = await startMany(3);
    const { feed, watched } = countingFeed(3);
    let nowMs = 0;
    const stream = answerWatchMany(
      depsOf(feed, () => nowMs),
      requestOf(runIds),
    );
    await service.client.cancelRun({ id: runIds[0] ?? "" });
    // The first messages, the start of each run and the end of one; then none is left to take.
    for (let taken = 0; taken < 7; taken += 1) expect((await stream.next()).done).toBe(false);
    expect(watched.size).toBe(3);
    const waiting = stream.next();
    await complete(runIds[1] ?? "", "a");
    expect((await waiting).value?.runId).toBe(runIds[1]);
    expect([...watched].sort()).toEqual(runIds.slice(1).sort());
    nowMs += 31_000;
    await expect(stream.next()).rejects.toMatchObject({ reason: "overloaded" });
    expect(watched.size).toBe(0);
    await feed.stop();
  });

  test("are given back when there is not one for each run", async () => {
    const { feed, watched } = countingFeed(2);
    const stream = answerWatchMany(depsOf(feed), requestOf(await startMany(3)));
    await expect(stream.next()).rejects.toThrow("full");
    expect(watched.size).toBe(0);
    await feed.stop();
  });
});
