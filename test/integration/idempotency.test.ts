/**
 * Idempotency keys as the platform's services keep them: nothing is made twice, and nothing waits for ever.
 * Boundary: needs TEST_DATABASE_URL and TEST_NATS_URL; the sandbox plays the platform's middleware.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { VersionSpec } from "../../src/engine/values/definition.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/sandbox.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { type DeafService, startDeafService } from "../support/services/deaf-service.ts";

const CREATE = "objectives.v1.ObjectiveService/Create";
const PATIENCE = { timeout: 40_000 };
const ONE_RETRY = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };

function work(maxRetries = 0): VersionSpec {
  return versionOf([stepOf("work", { name: "work", retryPolicy: { ...ONE_RETRY, maxRetries } })]);
}

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

async function start(
  protocol: "connect" | "grpc" | "grpc-web" = "connect",
  options: Partial<SandboxOptions> = {},
): Promise<{ sandbox: Sandbox; service: DeafService }> {
  const natsUrl = process.env.TEST_NATS_URL ?? "";
  const sandbox = await startSandbox({ natsUrl, strictKeys: {}, ...options });
  started.push(sandbox);
  const { OBJECTIVES_URL: url } = sandbox.urls;
  const urls = { objectives: url, approvals: url, notifications: url, agents: url };
  const service = await startDeafService(urls, protocol);
  started.push(service);
  return { sandbox, service };
}

const keysOf = ({ ledgers }: Sandbox) => ledgers.objectives.map((entry) => entry.idempotencyKey);

describe.each(["connect", "grpc", "grpc-web"] as const)("by %s", (protocol) => {
  it.each(["lose_answer", "reset_in_body"] as const)(
    "%s: an answer that was lost is given again, and nothing is made twice",
    async (trouble) => {
      const { sandbox, service } = await start(protocol);
      sandbox.troubles.begin(CREATE, trouble, 1);
      const runId = await service.begin("lost", work());
      await vi.waitFor(async () => {
        const [made] = sandbox.ledgers.objectives;
        expect(made).toBeDefined();
        expect((await service.stepOfRun(runId))?.objectiveId).toBe(made?.id);
      }, PATIENCE);
      expect(await service.stepOfRun(runId)).toMatchObject({ retryCount: 0 });
      expect(keysOf(sandbox)).toEqual([`${runId}/work/1/create_objective`]);
    },
  );

  it("a key whose first call died is waited for until it is free", async () => {
    // Longer than five tries: a conflict never counts as a failure of the collaborator.
    const { sandbox, service } = await start(protocol, { strictKeys: { keptMs: 8_000 } });
    sandbox.troubles.begin(CREATE, "die", 1);
    const runId = await service.begin("died", work());
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.objectiveId).toMatch(/^obj_/),
      PATIENCE,
    );
    expect(await service.stepOfRun(runId)).toMatchObject({ retryCount: 0, errorMessage: "" });
    expect(keysOf(sandbox)).toEqual([`${runId}/work/1/create_objective`]);
  });
});

const PAID = { name: "pay", agentId: "", actionType: "pay" };
const KINDS = [
  {
    kind: "an approval request of each approver",
    rpc: "approvals.v1.ApprovalService/RequestApproval",
    step: stepOf("work", {
      ...{ ...PAID, stepType: "APPROVAL_GATE", config: { approvers: ["ann", "bob"] } },
    }),
    ledger: "approvals",
    keys: ["request_approval", "request_approval-2"],
  },
  {
    kind: "a notification that is waited for",
    rpc: "notifications.v1.NotificationService/Send",
    step: stepOf("work", {
      ...{ stepType: "NOTIFICATION", notificationChannel: "EMAIL", config: { blocking: true } },
    }),
    ledger: "notifications",
    keys: ["send_notification"],
  },
  {
    kind: "a notification that is not waited for",
    rpc: "notifications.v1.NotificationService/Send",
    step: stepOf("work", { stepType: "NOTIFICATION", notificationChannel: "EMAIL" }),
    ledger: "notifications",
    keys: ["send_notification"],
  },
  {
    kind: "a delegation",
    rpc: "agents.v1.AgentService/Delegate",
    step: stepOf("work", { name: "work", config: { delegate: true } }),
    ledger: "delegations",
    keys: ["delegate"],
  },
] as const;

describe.each(["lose_answer", "reset_in_body"] as const)("%s", (trouble) => {
  it.each(KINDS)("makes $kind once", async ({ rpc, step, ledger, keys }) => {
    const { sandbox, service } = await start();
    sandbox.troubles.begin(rpc, trouble, 2 * keys.length);
    const runId = await service.begin("made once", versionOf([step]));
    await vi.waitFor(async () => {
      const { rows } = await service.sql.query("select id from effects");
      expect(rows).toEqual([]);
      expect(sandbox.troubles.meet(`/${rpc}`)).toBeUndefined();
    }, PATIENCE);
    const made = sandbox.ledgers[ledger].map(({ idempotencyKey }) => idempotencyKey);
    expect(made.toSorted()).toEqual(keys.map((key) => `${runId}/work/1/${key}`));
  });
});

describe("by connect", () => {
  it("a failure that was stored fails the attempt; the next one has a key of its own", async () => {
    const { sandbox, service } = await start();
    sandbox.troubles.begin(CREATE, { status: 503 }, 1);
    const runId = await service.begin("stored", work(1));
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.objectiveId).toMatch(/^obj_/),
      PATIENCE,
    );
    expect(await service.stepOfRun(runId)).toMatchObject({ retryCount: 1 });
    expect(keysOf(sandbox)).toEqual([`${runId}/work/2/create_objective`]);
  });

  it("a failure that was stored says so where there is no other attempt", async () => {
    const { sandbox, service } = await start();
    sandbox.troubles.begin(CREATE, { status: 500 }, 1);
    const runId = await service.begin("stored for good", work());
    await vi.waitFor(
      async () =>
        expect(await service.stepOfRun(runId)).toMatchObject({
          state: "FAILED",
          errorMessage: "create_objective was refused: UNKNOWN: HTTP 500",
        }),
      PATIENCE,
    );
    expect(sandbox.ledgers.objectives).toEqual([]);
  });
});

describe("the sandbox, when it is strict", () => {
  const url = (sandbox: Sandbox) => `${sandbox.urls.OBJECTIVES_URL}/${CREATE}`;
  const post = (sandbox: Sandbox, key: string, body: object) =>
    fetch(url(sandbox), {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(body),
    });

  it("gives status, content type and body again, and nothing besides", async () => {
    const { sandbox } = await start();
    const first = await post(sandbox, "k1", { title: "a" });
    const second = await post(sandbox, "k1", { title: "a" });
    expect(await second.text()).toBe(await first.text());
    expect(second.headers.get("x-idempotent-replay")).toBe("true");
    expect(first.headers.get("x-idempotent-replay")).toBeNull();
    expect(second.headers.get("content-type")).toBe("application/json");
    expect(sandbox.ledgers.objectives).toHaveLength(1);
  });

  it("takes another body, also one that means the same, for a conflict", async () => {
    const { sandbox } = await start();
    await post(sandbox, "k2", { title: "a", description: "b" });
    const other = await post(sandbox, "k2", { description: "b", title: "a" });
    expect(other.status).toBe(409);
    expect(await other.json()).toEqual({ error: "idempotency_key_reused" });
  });
});
