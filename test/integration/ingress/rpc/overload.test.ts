/**
 * More calls than the service can take, over real connections while Postgres takes no writes: what is refused,
 * and what becomes of the rest.
 */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RetryInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import {
  StepType,
  WorkflowService,
  WorkflowState,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { SCOPES } from "../../../../src/collaborators/identity/callers.ts";
import { LANES } from "../../../../src/runtime/processor.ts";
import { until } from "../../../support/assertions/until.ts";
import { type RpcService, startRpcService } from "../../../support/services/rpc-service.ts";

const LANE_LIMIT = 6;
/** Fewer than the streams of a connection: none waits at the caller. */
const FLOOD = 90;
/** A share of a full lane is half of it where two workspaces wait. */
const SHARE = LANE_LIMIT / 2;
/** What is being written, and what waits. */
const HELD_AT_MOST = 2 * LANES * LANE_LIMIT;
const STEPS = [
  { id: "fork", stepType: StepType.BRANCH },
  { id: "say", stepType: StepType.NOTIFICATION, notificationTemplate: "done" },
];

let service: RpcService;
let sql: pg.Client;

beforeAll(async () => {
  const scopes = new Set(SCOPES);
  const find = async (workspaceId: string) => ({ subject: "caller", workspaceId, scopes });
  service = await startRpcService({ callers: { find }, laneLimit: LANE_LIMIT });
  sql = new pg.Client({ connectionString: service.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await service.stop();
});

/** A caller of a workspace on a connection of its own, with a definition whose runs end at once. */
async function furnish(workspaceId: string) {
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "2" });
  const client = createClient(WorkflowService, transport);
  const options = { headers: { authorization: `Bearer ${workspaceId}` } };
  const { definition } = await client.createDefinition({ name: "orders" }, options);
  const definitionId = definition?.id ?? "";
  const edges = [{ fromStepId: "fork", toStepId: "say" }];
  await client.publishVersion({ definitionId, steps: STEPS, edges }, options);
  return {
    /** One call: its run, or the refusal. */
    async start(): Promise<Ended> {
      try {
        const { run } = await client.startRun({ definitionId }, options);
        return { runId: run?.id ?? "" };
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        return { error };
      }
    },
    stateOf: async (id: string) => (await client.getRun({ id }, options)).run?.state,
  };
}

type Ended = { readonly runId: string } | { readonly error: ConnectError };
const runIdsOf = (all: readonly Ended[]) => all.flatMap((one) => ("runId" in one ? one.runId : []));

it("is refused quickly, what was accepted completes, and another workspace has its share", async () => {
  const loud = await furnish("ws_loud");
  const quiet = await furnish("ws_quiet");
  await loud.start();
  const [before] = runIdsOf([await quiet.start()]);
  await sql.query("begin; lock table workflow_runs in share row exclusive mode");
  const ended: Ended[] = [];
  const flood = Array.from({ length: FLOOD }, async () => {
    const one = await loud.start();
    ended.push(one);
    return one;
  });
  await until(() => (ended.length >= FLOOD - HELD_AT_MOST ? true : undefined));
  // Nothing could be written so far: these were refused for want of room, and waited for no write.
  for (const one of ended) {
    if (!("error" in one)) throw new Error("a call was answered while nothing could be written");
    expect(one.error.code).toBe(Code.ResourceExhausted);
  }
  const own = Array.from({ length: SHARE }, () => quiet.start());
  // Sent after them over the same connection; reads go on.
  expect(await quiet.stateOf(before ?? "")).toBe(WorkflowState.COMPLETED);
  await sql.query("commit");
  const [all, ownEnded] = await Promise.all([Promise.all(flood), Promise.all(own)]);
  for (const one of all) {
    if (!("error" in one)) continue;
    expect(one.error.code).toBe(Code.ResourceExhausted);
    expect(one.error.findDetails(RetryInfoSchema)).toHaveLength(1);
  }
  const accepted = runIdsOf(all);
  expect(accepted.length).toBeGreaterThanOrEqual(LANE_LIMIT * LANES - SHARE);
  expect(runIdsOf(ownEnded)).toHaveLength(SHARE);
  for (const runId of accepted) expect(await loud.stateOf(runId)).toBe(WorkflowState.COMPLETED);
  for (const runId of runIdsOf(ownEnded)) {
    expect(await quiet.stateOf(runId)).toBe(WorkflowState.COMPLETED);
  }
  const { rows } = await sql.query<{ n: number }>("select count(*)::int as n from workflow_runs");
  expect(rows[0]?.n).toBe(accepted.length + SHARE + 2);
});
