/**
 * RetryStep, SkipStep, CompleteStep and FailStep, and the item of a held step: who may order, what is recorded, what is
 * refused.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Inbox, ItemKind, ItemState } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { ReasonCode, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** `words/subject`, `agent/words/subject`: the token says it all. */
async function find(token: string): Promise<Caller> {
  const [subject = "", words = "", agent = ""] = token.split("/").reverse();
  const isAgent = agent === "agent";
  return { subject, workspaceId: "ws", scopes: grantedScopes(words.split("+"), isAgent), isAgent };
}

const as = (token: string, more: Record<string, string> = {}): CallOptions => ({
  headers: { authorization: `Bearer ${token}`, ...more },
});
const ADMIN = as("admin/root");
let service: RpcService;
let runs: Client<typeof Runs>;
let inbox: Client<typeof Inbox>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService({ callers: { find } });
  const { baseUrl } = service;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  runs = createClient(Runs, transport);
  inbox = createClient(Inbox, transport);
  const { definition } = await service.client.createDefinition({ name: "held" }, ADMIN);
  definitionId = definition?.id ?? "";
  const schema = { type: "object", required: ["n"] };
  const config = { on_error: "hold", output_schema: schema };
  const steps = [
    { id: "work", name: "Work", stepType: StepType.HUMAN_TASK, config },
    { id: "gate", name: "Gate", stepType: StepType.APPROVAL_GATE, config: { on_error: "hold" } },
  ];
  await service.client.publishVersion({ definitionId, steps }, ADMIN);
});
afterAll(() => service.stop());

/** A run whose step `work` is held; its item. */
async function hold() {
  const { run } = await service.client.startRun({ definitionId }, ADMIN);
  const runId = run?.id ?? "";
  const failed = { stepId: "work", state: StepRunState.FAILED, errorMessage: "no form" };
  const { step } = await service.client.transitionStep({ runId, ...failed }, ADMIN);
  expect(step).toMatchObject({ state: StepRunState.WAITING, errorMessage: "no form" });
  return { runId, stepId: "work", id: `${runId}/work/0`, reason: "the form is back" };
}

type Held = Awaited<ReturnType<typeof hold>> & { readonly attempt?: number };

const ORDERS = {
  retry: (at: Held, options = ADMIN) => runs.retryStep(at, options),
  skip: (at: Held, options = ADMIN) => runs.skipStep(at, options),
  complete: (at: Held, options = ADMIN) => runs.completeStep({ ...at, output: { n: 1 } }, options),
  fail: (at: Held, options = ADMIN) => runs.failStep(at, options),
};
const NAMES = ["retry", "skip", "complete", "fail"] as const;

describe("a held step", () => {
  test("has an item for those who may give orders, and for no other caller", async () => {
    const { id, runId } = await hold();
    const kinds = [ItemKind.HELD];
    const { items } = await inbox.list({ kinds }, as("operator/ed"));
    expect(items.find((item) => item.id === id)).toMatchObject({
      ...{ kind: ItemKind.HELD, state: ItemState.OPEN, title: "Work", runId },
      lastError: "no form",
    });
    expect((await inbox.count({ kinds }, as("viewer/vic"))).totalSize).toBe(0);
    const ofViewer = await inbox.list({}, as("viewer/vic"));
    expect(ofViewer.items.map((item) => item.id)).not.toContain(id);
    expect((await refusedBy(inbox.get({ id }, as("viewer/vic")))).code).toBe("NotFound");
    // The task itself is over: only an order ends the step.
    const complete = inbox.completeTask({ id: `${runId}/work/1`, output: { n: 1 } }, ADMIN);
    expect((await refusedBy(complete)).code).toBe("FailedPrecondition");
    expect((await refusedBy(inbox.completeTask({ id }, ADMIN))).code).toBe("InvalidArgument");
  });

  test("is explained with its error and what ends it", async () => {
    const { runId } = await hold();
    const { explanation } = await runs.explain({ runId }, ADMIN);
    expect(explanation?.waits.find(({ stepId }) => stepId === "work")).toMatchObject({
      ...{ code: ReasonCode.HELD, lastError: "no form", attempt: 1 },
      sentence: expect.stringContaining("an order to retry, skip, complete or fail it"),
    });
    const { attempts } = await runs.getAttempts({ runId, stepId: "work" }, ADMIN);
    expect(attempts).toMatchObject([{ state: StepRunState.FAILED, errorMessage: "no form" }]);
  });

  test("is not ended by an agent, in any way", async () => {
    const held = await hold();
    const agent = as("agent/admin/bot");
    for (const name of NAMES) {
      expect((await refusedBy(ORDERS[name](held, agent))).code, name).toBe("PermissionDenied");
    }
    const { runId } = held;
    const done = { runId, stepId: "work", state: StepRunState.FAILED };
    expect((await refusedBy(service.client.transitionStep(done, agent))).code).toBe(
      "PermissionDenied",
    );
  });

  test.each([
    ["retry", StepRunState.WAITING, WorkflowState.RUNNING, ItemState.VOID],
    ["skip", StepRunState.COMPLETED, WorkflowState.RUNNING, ItemState.DONE],
    ["complete", StepRunState.COMPLETED, WorkflowState.RUNNING, ItemState.DONE],
    ["fail", StepRunState.FAILED, WorkflowState.FAILED, ItemState.VOID],
  ] as const)("%s ends that, and its item closes", async (name, state, runState, itemState) => {
    const held = await hold();
    const { step, run } = await ORDERS[name](held);
    expect([step?.state, run?.state]).toEqual([state, runState]);
    expect((await inbox.get({ id: held.id }, ADMIN)).item?.state).toBe(itemState);
    const { items } = await inbox.list({ kinds: [ItemKind.HELD] }, ADMIN);
    expect(items.map(({ id }) => id)).not.toContain(held.id);
    if (name === "retry") {
      const again = await inbox.get({ id: `${held.runId}/work/2` }, ADMIN);
      expect(again.item?.state).toBe(ItemState.OPEN);
    } else {
      expect((await refusedBy(ORDERS[name](held))).code).toBe("FailedPrecondition");
    }
  });
});

test("an order is in the history with who gave it, why and through what", async () => {
  const held = await hold();
  await runs.skipStep(held, as("operator/olga", { "Workflows-Via": "console" }));
  const { moves } = await runs.getHistory({ runId: held.runId, newestFirst: true }, ADMIN);
  expect(moves[0]?.cause).toMatchObject({
    ...{ id: "SkipStep", actor: "olga", reason: held.reason, via: "console" },
  });
  expect(moves[1]?.changes[0]).toMatchObject({ operation: "waiting", note: "held" });
});

test("an order with a key is done once", async () => {
  const held = await hold();
  const keyed = as("admin/root", { "Idempotency-Key": `k-${held.runId}` });
  const first = await ORDERS.retry(held, keyed);
  expect(await ORDERS.retry(held, keyed)).toEqual(first);
  expect(first.step?.retryCount).toBe(1);
});

test("an order names the latest attempt: a repeat gives up no further one", async () => {
  const held = { ...(await hold()), attempt: 1 };
  expect((await ORDERS.retry(held)).step?.retryCount).toBe(1);
  for (const name of NAMES) {
    for (const attempt of [1, 3]) {
      const refused = await refusedBy(ORDERS[name]({ ...held, attempt }));
      expect(refused.code, name).toBe("FailedPrecondition");
      expect(refused.error.rawMessage).toContain(`its latest attempt is 2, not ${attempt}`);
    }
  }
  const { attempts } = await runs.getAttempts({ runId: held.runId, stepId: "work" }, ADMIN);
  expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
  const negative = await refusedBy(ORDERS.skip({ ...held, attempt: -1 }));
  expect(negative).toMatchObject({ code: "InvalidArgument", fields: ["attempt"] });
  const { step } = await ORDERS.skip({ ...held, attempt: 2 });
  expect(step?.state).toBe(StepRunState.COMPLETED);
});

test("what is missing or breaks the schema is refused, and the step stays held", async () => {
  const held = await hold();
  const bare = await refusedBy(runs.retryStep({}, ADMIN));
  expect(bare).toMatchObject({ code: "InvalidArgument", fields: ["run_id", "step_id", "reason"] });
  for (const order of [
    runs.completeStep(held, ADMIN),
    runs.skipStep({ ...held, output: {} }, ADMIN),
  ]) {
    expect(await refusedBy(order)).toMatchObject({ code: "InvalidArgument" });
  }
  const via = as("admin/root", { "Workflows-Via": "My Console" });
  expect(await refusedBy(ORDERS.skip(held, via))).toMatchObject({ fields: ["Workflows-Via"] });
  const unknown = await refusedBy(runs.retryStep({ ...held, stepId: "none" }, ADMIN));
  expect(unknown.code).toBe("NotFound");
  expect((await inbox.get({ id: held.id }, ADMIN)).item?.state).toBe(ItemState.OPEN);
});

test("an order for a gate needs an admin", async () => {
  const { runId } = await hold();
  const gate = { runId, stepId: "gate", reason: "why" };
  const refused = await refusedBy(runs.completeStep(gate, as("operator/ed")));
  expect(refused.code).toBe("PermissionDenied");
  const { step } = await runs.completeStep(gate, ADMIN);
  expect(step?.state).toBe(StepRunState.COMPLETED);
});
