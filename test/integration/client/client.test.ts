/** The client library against the real service, with a front between them that loses answers and cuts streams. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { InboxWatchResponse } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import type { Move } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType } from "../../../gen/workflows/v1/workflows_pb.ts";
import { createWorkflowsClient } from "../../../src/client/client.ts";
import { type RpcService, startRpcService } from "../../support/services/rpc-service.ts";
import {
  type Fate,
  startUnsteadyFront,
  type UnsteadyFront,
} from "../../support/services/unsteady-front.ts";

const WORKSPACE = "ws_client";
const STEPS = Array.from({ length: 12 }, (_, n) => `s${n}`);
let service: RpcService;
let definitionId: string;
let front: UnsteadyFront | undefined;

beforeAll(async () => {
  service = await startRpcService();
  const { workflows } = createWorkflowsClient(service);
  const { definition } = await workflows.createDefinition({
    workspaceId: WORKSPACE,
    name: "chain",
  });
  definitionId = definition?.id ?? "";
  const steps = STEPS.map((id) => ({
    ...{ id, stepType: StepType.HUMAN_TASK, config: { instructions: id } },
  }));
  const edges = STEPS.slice(1).map((toStepId, at) => ({ fromStepId: STEPS[at] ?? "", toStepId }));
  await workflows.publishVersion({ definitionId, steps, edges });
});
afterAll(() => service.stop());
afterEach(async () => {
  await front?.stop();
  front = undefined;
});

async function behind(fateOf: (path: string, number: number) => Fate) {
  front = await startUnsteadyFront(service.baseUrl, fateOf);
  return { client: createWorkflowsClient(front), seen: front.seen };
}

async function start(): Promise<string> {
  const { run } = await service.client.startRun({ definitionId });
  return run?.id ?? "";
}

const complete = (runId: string, stepId: string) =>
  service.client.transitionStep({ runId, stepId, state: StepRunState.COMPLETED });

test("a start whose answers are lost starts one run", async () => {
  const fates: Fate[] = ["lose", "away", { cutAfterBytes: 0 }];
  const { client, seen } = await behind((_, number) => fates[number] ?? "pass");
  const { run } = await client.workflows.startRun({ definitionId, entityId: "lost" });
  expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  expect(seen).toHaveLength(4);
  const { runs } = await service.client.listRuns({ workspaceId: WORKSPACE, entityId: "lost" });
  expect(runs.map(({ id }) => id)).toEqual([run?.id]);
});

test("a watch that is cut again and again gives each move once, in order, and ends with the run", async () => {
  const { client, seen } = await behind((_, number) =>
    number < 6 ? { cutAfterBytes: 900 } : number === 6 ? "away" : "pass",
  );
  const runId = await start();
  const moves: Move[] = [];
  for await (const move of client.watches.run({ runId })) {
    moves.push(move);
    const stepId = STEPS[moves.length - 1];
    if (stepId !== undefined) await complete(runId, stepId);
  }
  expect(seen.length).toBeGreaterThan(3);
  const all: Move[] = [];
  for await (const move of client.lists.history({ runId, pageSize: 5 })) all.push(move);
  expect(all).toHaveLength(STEPS.length + 1);
  expect(moves).toEqual(all);
});

test("a watch of many runs that is cut again and again gives each move once, each run's in order, and ends with them", async () => {
  const { client, seen } = await behind((_, number) =>
    number < 8 ? { cutAfterBytes: 300 * (number + 1) } : number === 8 ? "away" : "pass",
  );
  const runIds = await Promise.all([start(), start(), start()]);
  const moves = new Map<string, Move[]>(runIds.map((runId) => [runId, []]));
  for await (const move of client.watches.runs({ runIds })) {
    const own = moves.get(move.runId) ?? [];
    own.push(move);
    const stepId = STEPS[own.length - 1];
    if (stepId !== undefined) await complete(move.runId, stepId);
  }
  expect(seen.length).toBeGreaterThan(3);
  for (const runId of runIds) {
    const all: Move[] = [];
    for await (const move of client.lists.history({ runId, pageSize: 100 })) all.push(move);
    expect(all).toHaveLength(STEPS.length + 1);
    expect(moves.get(runId)).toEqual(all);
  }
});

test("a watch of the inbox goes on after a cut, until its signal ends it", async () => {
  const { client } = await behind((_, number) => (number < 2 ? { cutAfterBytes: 900 } : "pass"));
  const runId = await start();
  const abort = new AbortController();
  const reason = new Error("seen enough");
  const changes: InboxWatchResponse[] = [];
  const watched = (async () => {
    const request = { workspaceId: WORKSPACE };
    for await (const change of client.watches.inbox(request, { signal: abort.signal })) {
      changes.push(change);
      if (change.item?.id === `${runId}/s0/1`) await complete(runId, "s0");
      if (change.item?.id === `${runId}/s1/1`) abort.abort(reason);
    }
  })();
  await expect(watched).rejects.toBe(reason);
  expect(changes.at(-1)?.item?.id).toBe(`${runId}/s1/1`);
});

test("a watch ends with its signal, whatever the garbage collector has taken meanwhile", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const { client } = await behind(() => "pass");
  const runId = await start();
  const abort = new AbortController();
  const reason = new Error("seen enough");
  const moves: Move[] = [];
  const watched = (async () => {
    for await (const move of client.watches.run({ runId }, { signal: abort.signal })) {
      collect();
      if (moves.push(move) === 3) abort.abort(reason);
      else await complete(runId, `s${moves.length - 1}`);
    }
  })();
  await expect(watched).rejects.toBe(reason);
  expect(moves).toHaveLength(3);
});

test("what the service says of a fault arrives with the error", async () => {
  const { client, seen } = await behind(() => "pass");
  const publish = client.workflows.publishVersion({ definitionId, steps: [{ id: "" }] });
  const error = await publish.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELDS" });
  const { fields } = error as { fields: readonly { field: string }[] };
  expect(fields.map(({ field }) => field)).toContain("steps[0].id");
  expect(seen).toHaveLength(1);
});

test("a service that is nowhere is UNAVAILABLE within the deadline", async () => {
  const { workflows } = createWorkflowsClient({ baseUrl: "http://127.0.0.1:1", timeoutMs: 300 });
  const error = await workflows.getRun({ id: "a" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "WorkflowsError", code: "UNAVAILABLE", reason: undefined });
});

test.each([
  ["objects", (value: JsonObject): JsonObject => ({ in: value })],
  ["lists", (value: JsonObject): JsonObject => ({ in: [[[value]]] })],
])("a payload of %s that is as deep as the service takes is read", async (_, wrap) => {
  const { client } = await behind(() => "pass");
  let inputPayload: JsonObject = { end: true };
  // Each list around it is a level, too.
  while (depthOf(wrap(inputPayload)) <= DEEPEST) inputPayload = wrap(inputPayload);
  const started = await client.workflows.startRun({ definitionId, inputPayload });
  const { run } = await client.workflows.getRun({ id: started.run?.id ?? "" });
  expect(run?.inputPayload).toEqual(inputPayload);
});

const DEEPEST = 64;

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
