/**
 * Runs whose events are lost: their steps end all the same, by polling the owners.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name. Nothing listens to the bus here.
 */
import { readFileSync } from "node:fs";
import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  DelegateResponseSchema,
  DelegationStatus,
  GetDelegationResponseSchema,
} from "../../../../gen/agents/v1/agents_pb.ts";
import {
  DecisionType,
  GetApprovalRequestSchema,
  GetApprovalResponseSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
} from "../../../../gen/approvals/v1/approvals_pb.ts";
import {
  CancelResponseSchema,
  CreateResponseSchema,
  GetRequestSchema,
  GetResponseSchema,
  ObjectiveState,
} from "../../../../gen/objectives/v1/objectives_pb.ts";
import { PublishVersionRequestSchema } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { viewRun } from "../../../../src/engine/draft/payloads.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import type { Cause } from "../../../../src/engine/values/input.ts";
import type { RunView } from "../../../../src/engine/values/view.ts";
import { routeEvents } from "../../../../src/runtime/routing/route-event.ts";
import { startSandbox } from "../../../../src/sandbox/sandbox.ts";
import { writeSalesScript } from "../../../../src/sandbox/scripts/sales.ts";
import { type PackedRow, unpackRow } from "../../../../src/store/packed-moves.ts";
import { readVersionSpec } from "../../../../src/wire/definitions.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  type Answer,
  type AskedOnce,
  messageOf,
  startCollaborator,
} from "../../../support/collaborators/collaborators.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import { type DeafService, startDeafService } from "../../../support/services/deaf-service.ts";
import { publish, WORKSPACE } from "../../../support/services/processor.ts";

const INTERVAL_MS = 1_000;
/** Long enough that nothing is checked twice in a test. */
const LONG_MS = 600_000;
const PATIENCE = { timeout: 20_000, interval: 20 };
const RECONCILED = /^healed: /;
const NAMED = versionOf([stepOf("work", { name: "work" })]);
const HANDED_ON = versionOf([stepOf("work", { name: "work", config: { delegate: true } })]);
const GATE = versionOf([
  stepOf("gate", { name: "gate", stepType: "APPROVAL_GATE", actionType: "buy" }),
]);

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

/** Collaborators that all live at one address and answer by the last part of the path. */
async function serve(answers: Readonly<Record<string, (asked: AskedOnce) => Answer>>) {
  const server = await startCollaborator((asked) => {
    const [, service, method] = asked.path.split("/");
    const answer = answers[`${service?.split(".")[0]}.${method}`];
    return answer?.(asked) ?? { status: 404, json: { code: "not_found", message: "none" } };
  });
  started.push(server);
  const { url } = server;
  const service = await startDeafService({ objectives: url, agents: url, approvals: url });
  started.push(service);
  const timesAsked = (path: string) => server.asked.filter((one) => one.path.endsWith(path)).length;
  return { service, timesAsked };
}

const created = (id: string) => () => messageOf(CreateResponseSchema, { objective: { id } });
const delegated = () => messageOf(DelegateResponseSchema, { delegation: { id: "del_1" } });
const objective = (state: ObjectiveState) => () =>
  messageOf(GetResponseSchema, { objective: { id: "obj_1", workspaceId: WORKSPACE, state } });

async function begin(service: DeafService, spec: typeof NAMED) {
  const runId = await service.begin(`reconciled ${Math.random()}`, spec);
  await vi.waitFor(async () => {
    const { objectiveId = "", approvalRequestId = "" } = (await service.stepOfRun(runId)) ?? {};
    expect(objectiveId + approvalRequestId).not.toBe("");
  }, PATIENCE);
  return runId;
}

describe("a run without events from the bus", () => {
  it("completes: the sales process, each step within three intervals", async () => {
    const sandbox = await startSandbox({
      natsUrl: process.env.TEST_NATS_URL ?? "",
      script: quickSales(),
    });
    started.push(sandbox);
    const { OBJECTIVES_URL: url } = sandbox.urls;
    const service = await startDeafService({
      ...{ objectives: url, agents: url, registry: url },
      ...{ approvals: url, governance: url, notifications: url },
    });
    started.push(service);
    service.reconcile({ intervalMs: INTERVAL_MS });
    const spec = salesSpec();
    await publish(service.database, "sales", spec);
    const [routed] = await routeEvents(service, [contactCreated()]);
    const runId = routed?.ok ? (routed.startedRunIds[0] ?? "") : "";
    const view = async (): Promise<RunView> => {
      const rows = await findRunRows(service.database.read, runId);
      if (rows === undefined) throw new Error(`there is no run ${runId}`);
      return viewRun(compileGraph(spec), rows.run, rows.input, rows.steps);
    };
    await until(async () =>
      stepOfView(await view(), "await-reply")?.state === "WAITING" ? 1 : undefined,
    );
    await routeEvents(service, [mailReceived()]);
    const ended = await view();
    expect(ended.run.state).toBe("COMPLETED");
    const worked = ["research-company", "qualify-lead", "manager-approval", "send-outreach"];
    for (const id of worked) {
      const step = stepOfView(ended, id);
      expect([id, step?.state, step?.row?.errorMessage]).toEqual([id, "COMPLETED", ""]);
      const tookMs = (step?.row?.completedAtMs ?? Infinity) - (step?.row?.startedAtMs ?? 0);
      expect(tookMs).toBeLessThan(3 * INTERVAL_MS);
    }
    expect(stepOfView(ended, "qualify-lead")?.output).toMatchObject({ deal_value_usd: 85_000 });
    const causes = await causesOfEnds(service, runId, spec);
    const isOfApproval = (id: string) => id === "manager-approval";
    for (const id of worked) {
      const cause = causes.get(id);
      expect([id, cause?.kind]).toEqual([id, "call"]);
      // An objective may be found ended before its delegation has: then a call of the step reads the delegation.
      expect(cause?.id).toMatch(
        isOfApproval(id) ? /^reconcile\/approvals\// : /^reconcile\/agents\/|\/read_output$/,
      );
    }
  });
});

describe("an objective without a delegation", () => {
  it("that ended gives {}, and the step says that it was reconciled", async () => {
    const { service } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.COMPLETED),
    });
    const runId = await begin(service, NAMED);
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    const step = await service.stepOfRun(runId);
    expect(step?.output).toEqual({});
    expect(step?.errorMessage).toMatch(RECONCILED);
  });

  it("keeps its output when the event is only late", async () => {
    const { service, timesAsked } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.COMPLETED),
    });
    const runId = await begin(service, NAMED);
    let marks = 0;
    let handled = false;
    service.reconcile({
      intervalMs: INTERVAL_MS,
      async markBus() {
        marks += 1;
        return async () => handled;
      },
    });
    await vi.waitFor(() => expect(marks).toBe(1), PATIENCE);
    const [routed] = await routeEvents(service, [objectiveCompleted("obj_1", { found: 1 })]);
    expect(routed).toMatchObject({ ok: true, updatedRunIds: [runId] });
    handled = true;
    const asked = timesAsked("/Get");
    const other = await begin(service, NAMED);
    await vi.waitFor(
      async () => expect((await service.stepOfRun(other))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    expect(timesAsked("/Get")).toBeGreaterThan(asked);
    const step = await service.stepOfRun(runId);
    expect(step?.output).toEqual({ found: 1 });
    expect(step?.errorMessage).toBe("");
  });

  it("has the output of a report that was kept before it had its id, and that no replica took", async () => {
    const { service } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.COMPLETED),
    });
    const runId = await begin(service, NAMED);
    // As the replica left it that learned the id and died before it looked.
    const report = { owner: "objective", id: "obj_1", state: "COMPLETED", output: { found: 2 } };
    await service.sql.query(
      `insert into early_reports (workspace_id, object_id, event_id, report, arrived_at)
      values ($1, 'obj_1', 'ev_kept', $2, now())`,
      [WORKSPACE, { kind: "owner", report: { ...report, errorMessage: "", agentId: "" } }],
    );
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    const step = await service.stepOfRun(runId);
    expect([step?.output, step?.errorMessage]).toEqual([{ found: 2 }, ""]);
  });

  it("shows where it waits, and is not polled while it is quick", async () => {
    const { service, timesAsked } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.AWAITING_APPROVAL),
    });
    const runId = await begin(service, NAMED);
    service.reconcile({ intervalMs: 20 * INTERVAL_MS });
    await service.age(10 * INTERVAL_MS);
    await begin(service, NAMED);
    expect(timesAsked("/Get")).toBe(0);
    await service.sql.query(
      "update step_runs set started_at = started_at - interval '1 h' where run_id = $1",
      [runId],
    );
    // The first replica knows that no step is old yet, and looks again when the one it saw would be.
    service.reconcile({ intervalMs: 20 * INTERVAL_MS });
    await vi.waitFor(async () => expect((await service.stepOfRun(runId))?.state).toBe("WAITING"), {
      timeout: 10_000,
    });
    expect(timesAsked("/Get")).toBe(1);
  });

  it("of another workspace, unknown or silent changes nothing", async () => {
    const foreign = messageOf(GetResponseSchema, {
      objective: { id: "obj_1", workspaceId: "other", state: ObjectiveState.COMPLETED },
    });
    const answers: Answer[] = [foreign, { status: 404, json: { code: "not_found" } }, "reset"];
    let asked = 0;
    const { service } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": () => answers[Math.min(asked++, answers.length - 1)] ?? "reset",
    });
    const runId = await begin(service, NAMED);
    service.reconcile({ intervalMs: INTERVAL_MS / 2 });
    await vi.waitFor(() => expect(asked).toBeGreaterThan(3), PATIENCE);
    expect((await service.stepOfRun(runId))?.state).toBe("RUNNING");
    expect(await causesOfHealing(service, runId)).toEqual([]);
  });
});

describe("a delegated step", () => {
  const reply = (status: DelegationStatus, result?: object) => () =>
    messageOf(GetDelegationResponseSchema, {
      delegation: {
        id: "del_1",
        workspaceId: WORKSPACE,
        status,
        ...(result === undefined
          ? {}
          : { resultPayload: new TextEncoder().encode(JSON.stringify(result)) }),
      },
    });

  it("takes the delegation's result", async () => {
    const { service, timesAsked } = await serve({
      "objectives.Create": created("obj_1"),
      "agents.Delegate": delegated,
      "agents.GetDelegation": reply(DelegationStatus.COMPLETED, { found: 2 }),
    });
    const runId = await begin(service, HANDED_ON);
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    const step = await service.stepOfRun(runId);
    expect([step?.output, step?.errorMessage]).toEqual([{ found: 2 }, ""]);
    expect(timesAsked("ObjectiveService/Get")).toBe(0);
  });

  it("whose objective alone ended asks the delegation before it takes {}", async () => {
    const { service } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.COMPLETED),
      "agents.Delegate": delegated,
      "agents.GetDelegation": reply(DelegationStatus.ACCEPTED),
    });
    const runId = await begin(service, HANDED_ON);
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    const step = await service.stepOfRun(runId);
    expect(step?.output).toEqual({});
    expect(step?.errorMessage).toMatch(RECONCILED);
  });

  it("that was cancelled elsewhere is not retried", async () => {
    const retryPolicy = { maxRetries: 3, backoffSeconds: 0, backoffMultiplier: 1 };
    const { service } = await serve({
      "objectives.Create": created("obj_1"),
      "objectives.Get": objective(ObjectiveState.CANCELLED),
      "objectives.Cancel": () => messageOf(CancelResponseSchema, {}),
      "agents.Delegate": delegated,
      "agents.GetDelegation": reply(DelegationStatus.FAILED),
    });
    const spec = versionOf([
      stepOf("work", { name: "work", config: { delegate: true }, retryPolicy }),
    ]);
    const runId = await begin(service, spec);
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(async () => expect((await service.stepOfRun(runId))?.state).toBe("FAILED"), {
      timeout: 3 * INTERVAL_MS,
    });
    expect((await service.stepOfRun(runId))?.retryCount).toBe(0);
  });
});

describe("an approval", () => {
  it.each([
    ["by its decision", [DecisionType.ESCALATED, DecisionType.APPROVED], "approved", "approved"],
    ["by its state alone", [], "expired", "expired"],
  ])("is decided %s", async (_, decisions, state, outcome) => {
    const { service } = await serve({
      "approvals.RequestApproval": () =>
        messageOf(RequestApprovalResponseSchema, { approvalRequest: { id: "apr_1" } }),
      "approvals.GetApproval": () =>
        messageOf(GetApprovalResponseSchema, {
          approvalRequest: { id: "apr_1", workspaceId: WORKSPACE },
          decisions: decisions.map((decision) => ({ decision, decidedBy: "eve", reason: "fine" })),
          state,
        }),
    });
    const runId = await begin(service, GATE);
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () =>
        expect((await service.stepOfRun(runId))?.detail.approvals?.[0]?.decision).toBe(outcome),
      PATIENCE,
    );
    const by = outcome === "approved" ? "eve" : "";
    expect((await service.stepOfRun(runId))?.detail.approvals?.[0]?.decidedBy).toBe(by);
  });

  it("of several is polled as long as it is open", async () => {
    const asked: string[] = [];
    const { service } = await serve({
      "approvals.RequestApproval": ({ body }) => {
        const { approverUserId } = fromBinary(RequestApprovalRequestSchema, body);
        const id = `apr_${approverUserId}`;
        return messageOf(RequestApprovalResponseSchema, { approvalRequest: { id } });
      },
      "approvals.GetApproval": ({ body }) => {
        const { approvalRequestId: id } = fromBinary(GetApprovalRequestSchema, body);
        asked.push(id);
        const isDecided = id === "apr_bob" || asked.filter((each) => each === id).length > 2;
        return messageOf(GetApprovalResponseSchema, {
          approvalRequest: { id, workspaceId: WORKSPACE },
          state: isDecided ? "approved" : "pending",
        });
      },
    });
    const config = { approvers: ["ann", "bob"] };
    const gate = stepOf("gate", { name: "gate", stepType: "APPROVAL_GATE", config });
    const runId = await begin(service, versionOf([gate]));
    service.reconcile({ intervalMs: INTERVAL_MS });
    await vi.waitFor(
      async () => expect((await service.stepOfRun(runId))?.state).toBe("COMPLETED"),
      PATIENCE,
    );
    expect(asked.filter((id) => id === "apr_ann").length).toBeGreaterThan(2);
    expect(asked.filter((id) => id === "apr_bob")).toEqual(["apr_bob"]);
  });
});

describe("many steps", () => {
  it("are shared by replicas: each is polled once", async () => {
    let made = 0;
    const asked: string[] = [];
    const { service } = await serve({
      "objectives.Create": () => created(`obj_many_${made++}`)(),
      "objectives.Get": ({ body }) => {
        asked.push(fromBinary(GetRequestSchema, body).id);
        return objective(ObjectiveState.RUNNING)();
      },
    });
    const names = Array.from({ length: 30 }, (_, n) => stepOf(`s${n}`, { name: "work" }));
    const spec = versionOf(names);
    await Promise.all(Array.from({ length: 20 }, () => begin(service, spec)));
    await vi.waitFor(async () => {
      const { rows } = await service.sql.query(
        "select 1 from step_runs where objective_id is null",
      );
      expect(rows).toEqual([]);
    }, PATIENCE);
    await service.age(LONG_MS);
    for (let replica = 0; replica < 3; replica += 1) service.reconcile({ intervalMs: LONG_MS });
    await vi.waitFor(() => expect(new Set(asked).size).toBe(600), PATIENCE);
    expect(asked).toHaveLength(600);
  });
});

/** Causes in the run's history that name a question to an owner. */
async function causesOfHealing({ sql }: DeafService, runId: string): Promise<Cause[]> {
  const { rows } = await sql.query<PackedRow>(
    "select cause, moves from run_moves where run_id = $1 order by seq",
    [runId],
  );
  const causes = rows.map((row) => unpackRow(runId, row).cause);
  return causes.filter(({ id }) => id.startsWith("reconcile/"));
}

/** What ended each step, by step id. */
async function causesOfEnds(
  { sql }: DeafService,
  runId: string,
  { steps }: ReturnType<typeof salesSpec>,
): Promise<Map<string, Cause>> {
  const { rows } = await sql.query<PackedRow>(
    "select cause, moves from run_moves where run_id = $1 order by seq",
    [runId],
  );
  const ends = new Map<string, Cause>();
  for (const { cause, moves } of rows.map((row) => unpackRow(runId, row))) {
    for (const move of moves) {
      if (move.of === "step" && move.to === "COMPLETED")
        ends.set(steps[move.step]?.id ?? "", cause);
    }
  }
  return ends;
}

function stepOfView(view: RunView, id: string) {
  return view.steps.find(({ step }) => step.def.id === id);
}

/** The story without its pauses. */
function quickSales() {
  const script = writeSalesScript();
  return {
    ...script,
    tasks: (script.tasks ?? []).map(({ match, reply: { followedBy: _, ...reply } }) => ({
      match,
      reply: { ...reply, afterMs: 50 },
    })),
    approvals: (script.approvals ?? []).map((rule) => ({ ...rule, afterMs: 50 })),
  };
}

/** The demo's process as it is: its agents' work is delegated, and a delegation keeps an output that no event carried. */
function salesSpec() {
  const file = new URL("../../../../testdata/processes/outbound-sales.json", import.meta.url);
  return readVersionSpec(fromJsonString(PublishVersionRequestSchema, readFileSync(file, "utf8")))
    .spec;
}

const EVENT = {
  workspaceId: WORKSPACE,
  source: "siphon",
  time: "",
  actorAgentId: "",
  hops: 0,
} as const;

function contactCreated(): BusEvent {
  const type = "siphon.tap.hubspot.contact.created";
  const snapshot = {
    email: "dana@northwind.example",
    company: "Northwind",
    lifecyclestage: "lead",
  };
  const tap = { provider: "hubspot", entityType: "contact", entityId: "c1", action: "created" };
  return { ...EVENT, id: "contact-1", type, subject: type, tap, data: { snapshot } };
}

function mailReceived(): BusEvent {
  const type = "siphon.tap.gmail.message.received";
  const data = { snapshot: { from: "dana@northwind.example" } };
  return { ...EVENT, id: "mail-1", type, subject: type, data };
}

function objectiveCompleted(id: string, output: Record<string, number>): BusEvent {
  const type = "objectives.changes.objective.transition";
  const report = {
    ...({ owner: "objective", id, state: "COMPLETED", output } as const),
    ...{ errorMessage: "", costUsd: 0, agentId: "" },
  };
  return {
    ...EVENT,
    id: "late-1",
    type,
    subject: type,
    data: {},
    report: { kind: "owner", report },
  };
}
