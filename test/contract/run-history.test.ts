/**
 * GetHistory, GetAttempts and GetTree as callers see them, and Explain beside a later release.
 * Boundary: the real server and store; no collaborator is called.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  Cause_Kind,
  type GetHistoryRequest,
  type Move,
  ReasonCode,
  Runs,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws_history";
const { COMPLETED, FAILED } = StepRunState;

let service: RpcService;
let runs: Client<typeof Runs>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService();
  runs = createClient(
    Runs,
    createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }),
  );
  const { definition } = await service.client.createDefinition({
    workspaceId: WORKSPACE,
    name: "chain",
  });
  definitionId = definition?.id ?? "";
  const steps = ["a", "b", "c"].map((id) => ({
    id,
    stepType: StepType.HUMAN_TASK,
    config: { instructions: id },
    retryPolicy: { maxRetries: 2 },
  }));
  const edges = [
    { fromStepId: "a", toStepId: "b" },
    { fromStepId: "b", toStepId: "c" },
  ];
  await service.client.publishVersion({ definitionId, steps, edges });
});
afterAll(() => service.stop());

test("Explain leaves out a call of a kind that a later release makes", async () => {
  const runId = await start();
  const call = {
    name: "test_later_call",
    text: `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
      values (now(), now(), 0, 1, $1, $2, 'ask_the_moon', 'later', '\\x00') returning id`,
  };
  await service.database.write.query(call, [`${runId}/a/1/ask_the_moon`, WORKSPACE]);
  const { explanation } = await runs.explain({ runId });
  expect(explanation?.waits.map(({ code }) => code)).toEqual([ReasonCode.TASK]);
});

async function start(parentRunId = ""): Promise<string> {
  const { run } = await service.client.startRun({ definitionId, parentRunId });
  return run?.id ?? "";
}

const move = (runId: string, stepId: string, state: StepRunState, more: object = {}) =>
  service.client.transitionStep({ runId, stepId, state, ...more });

/** Every page of the history, one after the other. */
async function pages(request: Partial<GetHistoryRequest> & { runId: string }): Promise<Move[][]> {
  const found: Move[][] = [];
  let pageToken = "";
  do {
    const { runId, pageSize = 0, newestFirst = false } = request;
    const page = await runs.getHistory({ runId, pageSize, newestFirst, pageToken });
    found.push(page.moves);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

describe("GetHistory", () => {
  test("gives every move once, in both orders, page by page", async () => {
    const runId = await start();
    for (const id of ["a", "b", "c"]) await move(runId, id, COMPLETED);
    const { moves, totalSize, nextPageToken } = await runs.getHistory({ runId });
    expect(nextPageToken).toBe("");
    expect(moves.map(({ seq }) => Number(seq))).toEqual(moves.map((_, place) => place + 1));
    expect(totalSize).toBe(moves.length);
    const forwards = await pages({ runId, pageSize: 2 });
    expect(forwards.map(({ length }) => length)).toEqual([2, 2]);
    expect(forwards.flat()).toEqual(moves);
    const backwards = await pages({ runId, pageSize: 3, newestFirst: true });
    expect(backwards.map(({ length }) => length)).toEqual([3, 1]);
    expect(backwards.flat()).toEqual(moves.toReversed());
  });

  test("says what moved, and why", async () => {
    const runId = await start();
    await service.client.pauseRun({ id: runId, reason: "audit" });
    const { moves } = await runs.getHistory({ runId });
    expect(moves[0]?.cause).toMatchObject({ kind: Cause_Kind.RPC, id: "StartRun" });
    const changes = moves.flatMap((each) => each.changes);
    expect(changes).toContainEqual(
      expect.objectContaining({ stepId: "a", stepTo: StepRunState.WAITING, operation: "waiting" }),
    );
    const { cause, changes: last } = moves.at(-1) ?? {};
    expect(cause).toMatchObject({ kind: Cause_Kind.RPC, id: "PauseRun" });
    expect(last).toEqual([
      expect.objectContaining({
        stepId: "",
        runFrom: WorkflowState.RUNNING,
        runTo: WorkflowState.PAUSED,
        operation: "pause",
        reason: "audit",
      }),
    ]);
  });

  test("a cursor of a move goes on after it", async () => {
    const runId = await start();
    await move(runId, "a", COMPLETED);
    const { moves } = await runs.getHistory({ runId });
    const after = await runs.getHistory({ runId, pageToken: moves[0]?.cursor ?? "" });
    expect(after.moves).toEqual(moves.slice(1));
  });

  test("a cursor of another run, of the future, of another order or of another service is refused", async () => {
    const [runId, other] = [await start(), await start()];
    const cursors = {
      "is of the run": (await runs.getHistory({ runId: other })).moves[0]?.cursor ?? "",
      "is of a place that the run has not reached": Buffer.from(`${runId}/999`).toString(
        "base64url",
      ),
      "is of a list in another order": Buffer.from(`${runId}/1/desc`).toString("base64url"),
      "is no cursor": "x",
    };
    for (const [problem, pageToken] of Object.entries(cursors)) {
      const { code, fields, error } = await refusedBy(runs.getHistory({ runId, pageToken }));
      expect([code, fields]).toEqual(["InvalidArgument", ["page_token"]]);
      expect(error.message).toContain(problem);
    }
    const { fields } = await refusedBy(runs.getHistory({ runId: "", pageSize: 501 }));
    expect(fields).toEqual(["run_id", "page_size"]);
  });
});

describe("GetAttempts", () => {
  test("gives each attempt with its error, its cost and what ended it", async () => {
    const runId = await start();
    await move(runId, "a", FAILED, { errorMessage: "no ink", costUsd: 0.25 });
    await move(runId, "a", COMPLETED, { costUsd: 0.5, agentId: "agent_7" });
    const { attempts, truncated } = await runs.getAttempts({ runId, stepId: "a" });
    expect(truncated).toBe(false);
    expect(
      attempts.map(({ attempt, state, errorMessage, costUsd }) => [
        attempt,
        state,
        errorMessage,
        costUsd,
      ]),
    ).toEqual([
      [1, FAILED, "no ink", 0.25],
      [2, COMPLETED, "", 0.5],
    ]);
    expect(attempts.map(({ endedBy }) => endedBy?.id)).toEqual([
      "TransitionStep",
      "TransitionStep",
    ]);
    expect(attempts[0]?.idleSeconds).toBe(0);
    expect(attempts[1]?.ids).toMatchObject({ agentId: "agent_7" });
  });

  test("an attempt that goes on has no end; a step that has not begun has no attempt", async () => {
    const runId = await start();
    const { attempts } = await runs.getAttempts({ runId, stepId: "a" });
    expect(attempts).toEqual([
      expect.objectContaining({ attempt: 1, state: StepRunState.WAITING }),
    ]);
    expect(attempts[0]?.endedAt).toBeUndefined();
    expect((await runs.getAttempts({ runId, stepId: "b" })).attempts).toEqual([]);
    expect((await refusedBy(runs.getAttempts({ runId, stepId: "z" }))).code).toBe("NotFound");
  });
});

describe("GetTree", () => {
  test("gives the runs above, the nearest first, and those below, level by level", async () => {
    const root = await start();
    const children = [await start(root), await start(root)];
    const grandchild = await start(children[1]);
    const top = await runs.getTree({ runId: root });
    expect(top.run?.runId).toBe(root);
    expect(top.ancestors).toEqual([]);
    expect(top.descendants.map(({ runId }) => runId)).toEqual([...children, grandchild]);
    expect(top.truncated).toBe(false);
    const bottom = await runs.getTree({ runId: grandchild });
    expect(bottom.ancestors.map(({ runId }) => runId)).toEqual([children[1], root]);
    expect(bottom.run).toMatchObject({ state: WorkflowState.RUNNING, parentRunId: children[1] });
    expect(bottom.descendants).toEqual([]);
  });
});
