/** Answers of polled owners: how they are read, and what the engine does with them. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  DelegationStatus,
  GetDelegationResponseSchema,
} from "../../../../gen/agents/v1/agents_pb.ts";
import {
  DecisionType,
  GetApprovalResponseSchema,
} from "../../../../gen/approvals/v1/approvals_pb.ts";
import { GetResponseSchema, ObjectiveState } from "../../../../gen/objectives/v1/objectives_pb.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import {
  readApprovalAnswer,
  readDelegationAnswer,
  readObjectiveAnswer,
} from "../../../../src/wire/calls/owner-answers.ts";
import { EngineRun, step, version } from "../../../support/engine/engine-run.ts";

const ASKED = { id: "x1", workspaceId: "ws" };
const POLLED = { costUsd: 0, agentId: "", reconciled: true } as const;

describe("answers of owners", () => {
  const objective = (state: ObjectiveState, workspaceId = "ws") =>
    readObjectiveAnswer(
      create(GetResponseSchema, { objective: { id: "x1", workspaceId, state } }),
      ASKED,
    );

  it("give an objective's state, never an output", () => {
    expect(objective(ObjectiveState.AWAITING_APPROVAL)).toEqual({
      ...POLLED,
      ...{ owner: "objective", id: "x1", state: "AWAITING_APPROVAL", errorMessage: "" },
    });
    expect(objective(ObjectiveState.COMPLETED, "")).not.toHaveProperty("output");
  });

  it("are none when they are of another workspace or name no state", () => {
    expect(objective(ObjectiveState.COMPLETED, "other")).toBeUndefined();
    expect(objective(ObjectiveState.UNSPECIFIED)).toBeUndefined();
    expect(readObjectiveAnswer(create(GetResponseSchema, {}), ASKED)).toBeUndefined();
  });

  it("give a delegation's result where it is an object", () => {
    const answer = (text: string) =>
      readDelegationAnswer(
        create(GetDelegationResponseSchema, {
          delegation: {
            workspaceId: "ws",
            status: DelegationStatus.COMPLETED,
            resultPayload: new TextEncoder().encode(text),
          },
        }),
        ASKED,
      );
    expect(answer('{"n":1}')).toMatchObject({ state: "COMPLETED", output: { n: 1 } });
    expect(answer("[1]")).not.toHaveProperty("output");
    expect(answer("")).not.toHaveProperty("output");
  });

  it.each([
    [[DecisionType.ESCALATED], "pending", undefined],
    [[DecisionType.ESCALATED, DecisionType.DENIED], "denied", "DENIED"],
    [[DecisionType.DENIED, DecisionType.ESCALATED], "", "DENIED"],
    [[], "DECISION_TYPE_AUTO_APPROVED", "AUTO_APPROVED"],
    [[], "expired", "EXPIRED"],
    [[], "escalated", undefined],
    [[], "", undefined],
  ])("give the final decision among %j, state %s: %s", (types, state, decision) => {
    const decisions = types.map((type) => ({ decision: type, decidedBy: "eve\u0000" }));
    const reply = create(GetApprovalResponseSchema, {
      approvalRequest: { id: "x1", workspaceId: "ws" },
      ...{ decisions, state },
    });
    expect(readApprovalAnswer(reply, ASKED)?.decision).toBe(decision);
    expect(readApprovalAnswer(reply, ASKED)?.decidedBy ?? "").not.toContain("\u0000");
    expect(readApprovalAnswer(reply, { ...ASKED, workspaceId: "other" })).toBeUndefined();
  });
});

describe("a decision found by a poll", () => {
  const answered = (contextJson: string) =>
    readApprovalAnswer(
      create(GetApprovalResponseSchema, {
        approvalRequest: { id: "x1", workspaceId: "ws", contextJson },
        decisions: [{ decision: DecisionType.APPROVED, decidedBy: "eve" }],
      }),
      ASKED,
    );

  it("counts for the digest of its request, and is not recorded each time it does not count", () => {
    const run = EngineRun.start(
      version([step({ id: "gate", stepType: "APPROVAL_GATE", actionType: "buy" })]),
      { sum: 3 },
    );
    run.answer("gate", { kind: "request_approval", requestId: "x1", autoApproved: false });
    const tell = (context: object) => {
      const report = answered(JSON.stringify(context));
      if (report === undefined) throw new Error("the answer holds a decision");
      return run.put({ kind: "approval_decided", stepIndex: 0, report });
    };
    const rows = run.history.length;
    for (const digest of ["0".repeat(64), "0".repeat(999), 7]) tell({ digest });
    expect([run.state("gate"), run.history.length]).toEqual(["WAITING", rows]);
    tell({ digest: run.rows.get(0)?.detail.digest });
    expect(run.state("gate")).toBe("COMPLETED");
  });

  it.each(["", "approve me", "[1]", "{}"])(
    "counts where the context %j names no digest",
    (text) => {
      expect(answered(text)).toMatchObject({ decision: "APPROVED", digest: "" });
    },
  );
});

describe("an end found by a poll", () => {
  const ended = (delegate: boolean) => {
    const config: JsonObject = delegate ? { delegate } : {};
    const run = EngineRun.start(
      version([step({ id: "a", stepType: "AGENT_ACTION", agentId: "x", config })]),
    );
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    if (delegate) run.answer("a", { kind: "delegate", delegationId: "d1", agentId: "x" });
    return run;
  };
  const report = { owner: "objective", id: "o1", state: "COMPLETED", errorMessage: "" } as const;
  const messageOf = (run: EngineRun) => run.rows.get(0)?.errorMessage;

  it("without an output gives {} and says so", () => {
    const run = ended(false);
    run.put({ kind: "owner_reported", stepIndex: 0, report: { ...report, ...POLLED } });
    expect([run.run.state, run.output("a")]).toEqual(["COMPLETED", {}]);
    expect(messageOf(run)).toMatch(/^healed: /);
    const late = { ...report, costUsd: 2, agentId: "", output: { n: 1 } };
    run.put({ kind: "owner_reported", stepIndex: 0, report: late });
    expect([run.output("a"), run.run.totalCostUsd]).toEqual([{}, 0]);
  });

  it("asks the delegation for the output first, and says nothing when it has one", () => {
    const polled = ended(true);
    polled.put({ kind: "owner_reported", stepIndex: 0, report: { ...report, ...POLLED } });
    polled.answer("a", { kind: "read_output", output: { n: 1 } });
    expect([polled.output("a"), messageOf(polled)]).toEqual([{ n: 1 }, ""]);
    const silent = ended(true);
    silent.put({ kind: "owner_reported", stepIndex: 0, report: { ...report, ...POLLED } });
    silent.answer("a", { kind: "read_output" });
    expect(silent.output("a")).toEqual({});
    expect(messageOf(silent)).toMatch(/^healed: /);
  });

  it("an event without an output is not marked as reconciled", () => {
    const run = ended(false);
    const event = { ...report, costUsd: 0, agentId: "" };
    run.put({ kind: "owner_reported", stepIndex: 0, report: event });
    expect([run.output("a"), messageOf(run)]).toEqual([{}, ""]);
  });
});
