/**
 * Gates with several requests receive the decision of each: by the bus, also before the reply of the call, and by the sweep.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name; calls are answered by the test.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { placeOfCall } from "../../src/engine/values/call.ts";
import { unpackRow } from "../../src/store/packed-moves.ts";
import { listMissedReports } from "../../src/store/service-reads/early-reports.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { readHistory } from "../support/histories/stored-history.ts";
import { findRunRows } from "../support/histories/stored-run.ts";
import { type BusService, startBusService } from "../support/services/bus-service.ts";

const WAIT_AT_MOST = { timeout: 10_000, interval: 20 };
const GATE = versionOf([
  stepOf("gate", {
    stepType: "APPROVAL_GATE",
    agentId: "",
    actionType: "buy",
    config: { approvers: ["ann", "bob", "cid"], required: 2 },
  }),
]);
let service: BusService;

beforeAll(async () => {
  service = await startBusService();
  await until(() => service.consumers.busState() === "ok" || undefined);
});
afterAll(async () => {
  await service.stop();
});

async function ask(): Promise<string> {
  return service.start(await service.define("ws", GATE));
}

/** The reply of the n-th request of a run's gate. */
async function reply(runId: string, n: number, requestId: string): Promise<void> {
  const call = await until(() =>
    service.calls.find((each) => each.runId === runId && placeOfCall(each.callId) === n),
  );
  const { callId, stepIndex, attempt } = call;
  const value = { kind: "request_approval", requestId, autoApproved: false } as const;
  await service.processor.submit({
    kind: "input",
    runId,
    workspaceId: "",
    input: {
      kind: "call_returned",
      cause: { kind: "call", id: callId },
      ...{ callId, call: "request_approval", stepIndex, attempt, result: { ok: true, value } },
    },
  });
}

async function decide(requestId: string, decision: string, workspaceId = "ws"): Promise<void> {
  await service.publish("approvals", {
    ...{ specversion: "1.0", id: randomUUID(), source: "approvals", type: "approvals.x" },
    tenantid: workspaceId,
    data: { approval_request_id: requestId, decision, decided_by: `by ${requestId}` },
  });
  await service.settle("approvals");
}

async function gateOf(runId: string) {
  return (await findRunRows(service.database.read, runId))?.steps.get(0);
}

async function decisionsOf(runId: string): Promise<string[]> {
  return ((await gateOf(runId))?.detail.approvals ?? []).map(({ decision }) => decision);
}

/** Who the history names as the cause of its rows. */
async function decidersOf(runId: string) {
  const { rows } = await readHistory(service.database, runId);
  return rows.map((row) => unpackRow(runId, row).cause.by);
}

describe("a gate that asked three", () => {
  it("takes decisions on the second and third by their ids, in its workspace alone", async () => {
    const [runId, key] = [await ask(), randomUUID()];
    await reply(runId, 1, `a-${key}`);
    await reply(runId, 2, `b-${key}`);
    await reply(runId, 3, `c-${key}`);
    await decide(`b-${key}`, "APPROVED", "other");
    expect(await decisionsOf(runId)).toEqual(["", "", ""]);
    await decide(`b-${key}`, "APPROVED");
    expect(await decisionsOf(runId)).toEqual(["", "approved", ""]);
    await decide(`b-${key}`, "DENIED");
    await decide(`c-${key}`, "APPROVED");
    expect(await gateOf(runId)).toMatchObject({
      state: "COMPLETED",
      approvalRequestId: `a-${key}`,
      output: { approvals: [{}, { decided_by: `by b-${key}` }, { decided_by: `by c-${key}` }] },
    });
    const left = await service.rows("select 1 from step_runs where ticket_ids is not null");
    expect(left).toEqual([]);
  });

  it("takes a decision that overtook the reply of its call, while others are recorded already", async () => {
    const [runId, key] = [await ask(), randomUUID()];
    await reply(runId, 1, `a-${key}`);
    await decide(`a-${key}`, "APPROVED");
    await decide(`c-${key}`, "APPROVED");
    expect(await decisionsOf(runId)).toEqual(["approved", "", ""]);
    await reply(runId, 3, `c-${key}`);
    await vi.waitFor(
      async () => expect((await gateOf(runId))?.state).toBe("COMPLETED"),
      WAIT_AT_MOST,
    );
    // The history names who decided, for an early decision too.
    expect(await decidersOf(runId)).toContain(`by c-${key}`);
  });

  it("gets the decision by the sweep after a crash between the reply and the look-up", async () => {
    const [runId, key] = [await ask(), randomUUID()];
    await reply(runId, 2, `b-${key}`);
    await service.rows(
      `insert into early_reports (workspace_id, object_id, event_id, report, arrived_at)
        values ('ws', $1, 'e', '{}', now())`,
      [`b-${key}`],
    );
    const { missed } = await listMissedReports(service.database.read, 0, 60, 100);
    expect(missed).toContainEqual({ runId, workspaceId: "ws", stepIndex: 0, id: `b-${key}` });
  });
});
