/**
 * workflows.ops.v1.System for callers by a token: who they are, and what of their workspace it shows.
 * Boundary: no timers run, so that a run stays past its deadline. The whole service is test/integration/system.test.ts.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckStatus, System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { WorkersSeen } from "../../src/runtime/workers-seen.ts";
import { ownView } from "../support/services/own-view.ts";
import { type RpcService, startRpcService } from "../support/services/rpc-service.ts";

const { OK, WARN, FAIL } = CheckStatus;
let service: RpcService;
let system: Client<typeof System>;

beforeAll(async () => {
  // A token is `workspace/role`.
  const find = async (token: string) => {
    const [workspaceId = "", role = ""] = token.split("/");
    const isAgent = role === "agent";
    const scopes = grantedScopes([isAgent ? "admin" : role], isAgent);
    return { subject: `${role}_1`, workspaceId, scopes, isAgent };
  };
  const workers = new WorkersSeen(() => 0);
  workers.note(
    { workspaceId: "ws_a", queue: "served" },
    { worker: "w", running: 1, concurrency: 2 },
  );
  const replica = ownView(workers, { served: 3, unserved: 2 });
  service = await startRpcService({ callers: { find }, replica });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  system = createClient(System, transport);
});
afterAll(() => service.stop());

function as(workspaceId: string, role = "admin"): CallOptions {
  return { headers: { authorization: `Bearer ${workspaceId}/${role}` } };
}

async function checkOf(name: string, who: CallOptions) {
  const { checks, status } = await system.doctor({}, who);
  const check = checks.find((each) => each.name === name);
  expect(status).toBe(Math.max(...checks.map((each) => each.status)));
  return check;
}

describe("WhoAmI", () => {
  test("gives the scopes of a role, and the RPCs that they allow", async () => {
    const { rpcs, ...who } = await system.whoAmI({}, as("ws_a", "viewer"));
    expect(who).toMatchObject({
      authenticated: true,
      subject: "viewer_1",
      workspaceId: "ws_a",
      scopes: ["workflows:read"],
      isAgent: false,
    });
    expect(rpcs).toContain("workflows.ops.v1.System/WhoAmI");
    expect(rpcs).toContain("workflows.v1.WorkflowService/GetRun");
    expect(rpcs).not.toContain("workflows.v1.WorkflowService/StartRun");
  });

  test("an agent has no inbox, whatever its scopes", async () => {
    const { rpcs, scopes, isAgent } = await system.whoAmI({}, as("ws_a", "agent"));
    expect(isAgent).toBe(true);
    expect(scopes).toContain("workflows:admin");
    expect(scopes).not.toContain("workflows:inbox");
    expect(rpcs).not.toContain("workflows.ops.v1.Inbox/Decide");
    expect(rpcs).toContain("workflows.v1.WorkflowService/CancelRun");
  });
});

describe("Doctor", () => {
  test("names a run past its deadline to its own workspace alone", async () => {
    const { client, database } = service;
    const made = await client.createDefinition({ name: "late" }, as("ws_a"));
    const definitionId = made.definition?.id ?? "";
    const steps = [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }];
    await client.publishVersion({ definitionId, steps, timeoutSeconds: 60 }, as("ws_a"));
    const { run } = await client.startRun({ definitionId }, as("ws_a"));
    expect((await checkOf("deadlines", as("ws_a")))?.status).toBe(OK);
    const late = (seconds: number) =>
      database.write.query(
        {
          name: "test_late",
          text: "update workflow_runs set deadline_at = now() - make_interval(secs => $2) where id = $1",
        },
        [run?.id, seconds],
      );
    // A timer may be about to fire it.
    await late(5);
    expect((await checkOf("deadlines", as("ws_a")))?.status).toBe(OK);
    await late(60);
    const check = await checkOf("deadlines", as("ws_a"));
    expect(check?.status).toBe(FAIL);
    expect(check?.sentence).toContain(run?.id);
    expect(check?.action).not.toBe("");
    expect((await checkOf("deadlines", as("ws_b")))?.status).toBe(OK);
  });

  test("names queues that have tasks and no worker", async () => {
    const check = await checkOf("queues", as("ws_a"));
    expect(check?.status).toBe(WARN);
    expect(check?.sentence).toBe("Tasks wait in queues without a worker: unserved.");
  });

  test("says what is not known, when the database is away", async () => {
    const away = await startRpcService();
    const transport = createConnectTransport({ baseUrl: away.baseUrl, httpVersion: "1.1" });
    await away.database.close();
    const { checks, status } = await createClient(System, transport).doctor({});
    expect(status).toBe(WARN);
    expect(checks.filter(({ name }) => ["publisher", "deadlines"].includes(name))).toMatchObject([
      { status: WARN, sentence: "It is not known how long events have waited." },
      { status: WARN, sentence: "It is not known whether runs are past their deadline." },
    ]);
  });
});

test("ListQueues joins what waits with who serves it", async () => {
  const { queues, totalSize } = await system.listQueues({}, as("ws_a"));
  expect(totalSize).toBe(2);
  expect(queues).toMatchObject([
    { name: "served", messages: 3n, oldestSeconds: 1, workers: 1, running: 1, concurrency: 2 },
    { name: "unserved", messages: 2n, workers: 0, running: 0, concurrency: 0 },
  ]);
});
