import { describe, expect, it } from "vitest";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

describe("agent action", () => {
  it("looks the agent up, creates the objective, delegates and takes the delegation's result", () => {
    const run = EngineRun.start(
      version([step({ id: "r", stepType: "AGENT_ACTION", requiredCapability: "research" })]),
      { q: "x" },
    );
    expect(run.calls).toEqual(["r:look_up"]);
    run.answer("r", { kind: "look_up", resolution: { agentId: "ag", skillId: "" } });
    run.answer("r", { kind: "create_objective", objectiveId: "o1" });
    const call = run.callFor("r", "delegate").call;
    expect(call).toMatchObject({ toAgentId: "ag", fromAgentId: "workflows", objectiveId: "o1" });
    run.answer("r", { kind: "delegate", delegationId: "d1", agentId: "ag" });
    const objective = { owner: "objective", id: "o1", errorMessage: "", agentId: "" } as const;
    run.put({
      kind: "owner_reported",
      stepIndex: 0,
      report: { ...objective, state: "BLOCKED", costUsd: 0 },
    });
    expect(run.states).toBe("r:WAITING");
    run.put({
      kind: "owner_reported",
      stepIndex: 0,
      report: { ...objective, state: "COMPLETED", costUsd: 0.5 },
    });
    expect(run.calls).toEqual(["r:read_output"]);
    run.answer("r", { kind: "read_output", output: { found: 1 } });
    expect(run.run.state).toBe("COMPLETED");
    expect(run.output("r")).toEqual({ found: 1 });
    expect(run.run.totalCostUsd).toBe(0.5);
  });

  it("records its delegation although the objective ended before Delegate's reply", () => {
    const run = EngineRun.start(
      version([
        step({ id: "r", stepType: "AGENT_ACTION", agentId: "a", config: { delegate: true } }),
      ]),
    );
    run.agentEnds("r", "COMPLETED", { found: 1 });
    expect(run.run.state).toBe("COMPLETED");
    run.answer("r", { kind: "delegate", delegationId: "d1", agentId: "" });
    expect(run.rows.get(0)).toMatchObject({ state: "COMPLETED", delegationId: "d1" });
  });

  it("does not retry an objective cancelled elsewhere", () => {
    const retryPolicy = { maxRetries: 5, backoffSeconds: 0, backoffMultiplier: 1 };
    const run = EngineRun.start(
      version([step({ id: "a", stepType: "AGENT_ACTION", agentId: "x", retryPolicy })]),
    );
    run.agentEnds("a", "CANCELLED");
    expect(run.run.state).toBe("FAILED");
  });
});

describe("approval gate", () => {
  const spec = version(
    [
      step({ id: "g", stepType: "APPROVAL_GATE", actionType: "buy", riskLevel: "high" }),
      step({ id: "yes" }),
      step({ id: "no" }),
    ],
    [edge("g>yes", "approved"), edge("g>no", "denied")],
  );
  const decide = (run: EngineRun, decision: string, digest = "") =>
    run.put({
      kind: "approval_decided",
      stepIndex: 0,
      report: { requestId: "ap1", decision, decidedBy: "eve", reason: "r", digest },
    });
  const asked = () => {
    const run = EngineRun.start(spec, { sum: 3 });
    run.answer("g", { kind: "request_approval", requestId: "ap1", autoApproved: false });
    return run;
  };

  it("waits, then goes on along the label of the decision", () => {
    const run = asked();
    expect(run.states).toBe("g:WAITING yes:PENDING no:PENDING");
    decide(run, "ESCALATED");
    expect(run.states).toBe("g:WAITING yes:PENDING no:PENDING");
    decide(run, "APPROVED");
    expect(run.states).toBe("g:COMPLETED yes:WAITING no:SKIPPED");
    expect(run.inputOf("yes")).toMatchObject({ sum: 3, approvals: [{ decided_by: "eve" }] });
    const denied = asked();
    decide(denied, "DENIED");
    expect(denied.states).toBe("g:COMPLETED yes:SKIPPED no:WAITING");
    expect(denied.inputOf("no")).toEqual({ sum: 3, outcome: "denied" });
  });

  it("refuses a decision on another digest", () => {
    const run = asked();
    expect(decide(run, "APPROVED", "0000")).toEqual({ kind: "unchanged" });
    expect(run.states).toContain("g:WAITING");
    const call = run.rows.get(0)?.detail.digest ?? "";
    expect(call).toMatch(/^[0-9a-f]{64}$/);
    decide(run, "APPROVED", call);
    expect(run.states).toContain("g:COMPLETED");
  });

  it("means approved by COMPLETED and denied by FAILED, by hand", () => {
    const run = asked();
    run.report("g", "FAILED", { errorMessage: "no budget" });
    expect(run.states).toBe("g:COMPLETED yes:SKIPPED no:WAITING");
    expect(run.report("g", "COMPLETED")).toEqual({ kind: "unchanged" });
    expect(run.report("g", "FAILED")).toMatchObject({ kind: "refused", from: "COMPLETED" });
  });

  it("reports the id that a caller recorded before the reply of its call", () => {
    const run = EngineRun.start(spec, { sum: 3 });
    run.report("g", "WAITING", { approvalRequestId: "ap1" });
    decide(run, "APPROVED");
    expect(run.output("g")).toMatchObject({ approvals: [{ approval_request_id: "ap1" }] });
  });

  it("records who decided its only request by hand", () => {
    const run = asked();
    run.report("g", "COMPLETED", { agentId: "ann", output: { note: "fine" } });
    const approvals = [{ approval_request_id: "ap1", decision: "approved", decided_by: "ann" }];
    expect(run.output("g")).toMatchObject({ sum: 3, note: "fine", approvals });
  });
});

describe("an agent's step that is ended by hand", () => {
  const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
  const begun = () =>
    EngineRun.start(
      version([step({ id: "a", stepType: "AGENT_ACTION", agentId: "a1", retryPolicy })]),
    );
  const made = { kind: "create_objective", objectiveId: "o1" } as const;

  it("cancels the objective that would go on beside the next attempt's", () => {
    const run = begun();
    run.answer("a", made);
    run.report("a", "FAILED", { errorMessage: "stuck" });
    expect(run.calls).toEqual(["a:cancel_objective", "a:create_objective"]);
    const reported = begun();
    reported.answer("a", made);
    reported.report("a", "FAILED", { objectiveId: "o1" });
    expect(reported.calls).toEqual(["a:create_objective"]);
  });

  it("does not cancel an objective that reported its end before the reply of its call", () => {
    const run = begun();
    run.report("a", "COMPLETED", { objectiveId: "o1" });
    run.answer("a", made);
    expect([run.states, run.calls]).toEqual(["a:COMPLETED", []]);
  });
});

describe("governance check", () => {
  const spec = version([step({ id: "c", stepType: "GOVERNANCE_CHECK", actionType: "send" })]);
  const evaluated = (decision: string) => {
    const run = EngineRun.start(spec, { a: 1 });
    run.answer("c", { kind: "evaluate_action", decision, riskLevel: "HIGH", reasons: ["why"] });
    return run;
  };
  it("allows, denies, asks or waits", () => {
    expect(evaluated("ALLOW").run.state).toBe("COMPLETED");
    const denied = evaluated("DENY");
    expect(denied.run.state).toBe("FAILED");
    expect(denied.rows.get(0)?.errorMessage).toContain("why");
    const asks = evaluated("REQUIRE_APPROVAL");
    expect(asks.callFor("c", "request_approval").call).toMatchObject({ riskLevel: "HIGH" });
    const waits = evaluated("UNSPECIFIED");
    expect(waits.states).toBe("c:WAITING");
    const report = { stepId: "c", decision: "ALLOW", riskLevel: "", reasons: [] };
    waits.put({ kind: "governance_decided", report });
    expect(waits.run.state).toBe("COMPLETED");
    expect(waits.rows.get(0)?.governanceDecision).toBe("ALLOW");
  });

  it("is decided by hand as a gate is where it asked for approval", () => {
    const asks = () => {
      const run = evaluated("REQUIRE_APPROVAL");
      run.answer("c", { kind: "request_approval", requestId: "ap1", autoApproved: false });
      return run;
    };
    const run = asks();
    const { digest } = run.rows.get(0)?.detail ?? {};
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    // Asked for already.
    run.report("c", "COMPLETED", { governanceDecision: "REQUIRE_APPROVAL" });
    expect([run.states, run.calls]).toEqual(["c:WAITING", []]);
    run.report("c", "COMPLETED", { agentId: "ann" });
    const approvals = [{ approval_request_id: "ap1", decision: "approved", decided_by: "ann" }];
    expect(run.output("c")).toMatchObject({ a: 1, digest, approvals });
    expect(run.rows.get(0)?.governanceDecision).toBe("REQUIRE_APPROVAL");
    const denied = asks();
    denied.report("c", "FAILED", { errorMessage: "no" });
    expect(denied.rows.get(0)).toMatchObject({ state: "FAILED", errorMessage: "denied: no" });
  });

  const governanceSays = (run: EngineRun, decision: string) =>
    run.put({
      kind: "governance_decided",
      report: { stepId: "c", decision, riskLevel: "", reasons: [] },
    });
  const answer = (run: EngineRun, decision: string) =>
    run.answer("c", { kind: "evaluate_action", decision, riskLevel: "LOW", reasons: [] });

  it("takes a decision that overtook the answer which leaves it open", () => {
    const run = EngineRun.start(spec, {});
    governanceSays(run, "ALLOW");
    expect(run.states).toBe("c:RUNNING");
    answer(run, "UNSPECIFIED");
    expect(run.run.state).toBe("COMPLETED");
    expect(run.rows.get(0)).toMatchObject({ governanceDecision: "ALLOW", detail: {} });
  });

  it("ignores such a decision when the answer decides, or another attempt asks", () => {
    const decided = EngineRun.start(spec, {});
    governanceSays(decided, "ALLOW");
    answer(decided, "DENY");
    expect(decided.run.state).toBe("FAILED");
    const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
    const retried = EngineRun.start(version(spec.steps.map((each) => ({ ...each, retryPolicy }))));
    governanceSays(retried, "ALLOW");
    retried.answer("c", "refused", "evaluate_action");
    answer(retried, "UNSPECIFIED");
    expect(retried.states).toBe("c:WAITING");
  });

  it("by hand, an unspecified decision follows from the state", () => {
    const allowed = evaluated("UNSPECIFIED");
    allowed.report("c", "COMPLETED", { governanceDecision: "ACTION_DECISION_UNSPECIFIED" });
    expect(allowed.rows.get(0)).toMatchObject({ state: "COMPLETED", governanceDecision: "ALLOW" });
  });

  it("a denial with many reasons leaves a message that an event can carry", () => {
    const run = EngineRun.start(spec, {});
    const reasons = Array(50).fill("r".repeat(1_000));
    run.answer("c", { kind: "evaluate_action", decision: "DENY", riskLevel: "", reasons });
    expect(run.rows.get(0)?.errorMessage).toHaveLength(16 * 1024);
  });
});

describe("waits", () => {
  const event = (id: string, data = {}) => ({
    id,
    source: "s",
    type: "mail.received",
    subject: "inbox.a",
    time: "",
    data,
  });
  const wait = (id: string, config = {}) =>
    step({
      id,
      stepType: "WAIT_FOR_EVENT",
      eventTypePattern: "mail.*",
      eventSubjectPattern: "inbox.{{ box }}",
      config,
    });

  it("ends on the first event that fits patterns and filter", () => {
    const spec = version([wait("w", { filter_expr: "from == input.who" })]);
    const run = EngineRun.start(spec, { who: "ann", box: "a" });
    expect(run.states).toBe("w:WAITING");
    const put = (e: ReturnType<typeof event>) =>
      run.put({ kind: "event_arrived", stepIndex: 0, event: e });
    expect(put(event("e1", { from: "bob" }))).toEqual({ kind: "unchanged" });
    put({ ...event("e2", { from: "ann" }), subject: "inbox.b" });
    expect(run.states).toBe("w:WAITING");
    put(event("e3", { from: "ann" }));
    expect(run.output("w")).toEqual({ from: "ann" });
    expect(run.rows.get(0)?.eventId).toBe("e3");
  });

  it("does not give an event to a wait that opened after another took it", () => {
    const spec = version([wait("w1"), wait("w2")], [edge("w1>w2")]);
    const run = EngineRun.start(spec, { box: "a" });
    run.put({ kind: "event_arrived", stepIndex: 0, event: event("e1", { box: "a" }) });
    expect(run.states).toBe("w1:COMPLETED w2:WAITING");
    run.put({ kind: "event_arrived", stepIndex: 1, event: event("e1") });
    expect(run.states).toBe("w1:COMPLETED w2:WAITING");
    run.put({ kind: "event_arrived", stepIndex: 1, event: event("e2") });
    expect(run.run.state).toBe("COMPLETED");
  });

  it("refuses a pattern that gets its wildcard from a value", () => {
    const run = EngineRun.start(version([wait("w")]), { box: ">" });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toContain("wildcard");
  });

  it("opens at its retry: an event that another wait took before does not end it", () => {
    const retryPolicy = { maxRetries: 1, backoffSeconds: 10, backoffMultiplier: 1 };
    const later = { ...wait("later"), eventSubjectPattern: "inbox.{{ task.output.box }}" };
    const steps = [wait("first"), { ...later, retryPolicy }, step({ id: "task" })];
    const run = EngineRun.start(version(steps), { box: "a" });
    expect(run.states).toBe("first:WAITING later:RUNNING task:WAITING");
    run.now += 5_000;
    run.put({ kind: "event_arrived", stepIndex: 0, event: event("e1") });
    run.report("task", "COMPLETED", { output: { box: "a" } });
    run.now += 10_000;
    run.put({ kind: "step_due", stepIndex: 1 });
    run.put({ kind: "event_arrived", stepIndex: 1, event: event("e1") });
    expect(run.states).toBe("first:COMPLETED later:WAITING task:COMPLETED");
    run.put({ kind: "event_arrived", stepIndex: 1, event: event("e2") });
    expect(run.run.state).toBe("COMPLETED");
  });

  it("delays by the clock", () => {
    const spec = version([
      step({ id: "d", stepType: "WAIT_FOR_EVENT", config: { delay_seconds: 2 } }),
    ]);
    const run = EngineRun.start(spec, { k: 1 });
    run.now += 1_999;
    expect(run.put({ kind: "step_due", stepIndex: 0 })).toEqual({ kind: "unchanged" });
    run.now += 1;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.view().output).toEqual({ k: 1 });
  });
});

describe("a time that is given by a value", () => {
  const started = (config: Record<string, string>, input: Record<string, string | number>) => {
    const pattern = "delay_seconds" in config ? {} : { eventTypePattern: "mail.*" };
    const spec = version([step({ id: "d", stepType: "WAIT_FOR_EVENT", config, ...pattern })]);
    return EngineRun.start(spec, input);
  };

  it.each(["delay_seconds", "lookback_seconds"])("%s takes 0 to 68 years", (key) => {
    for (const n of [0, "0", 1.5, 2_147_483_647]) {
      expect(started({ [key]: "{{ n }}" }, { n }).run.state).not.toBe("FAILED");
    }
    for (const n of [-1, "soon", 2_147_483_648, 1e300, ""]) {
      const run = started({ [key]: "{{ n }}" }, { n });
      expect(run.run.state).toBe("FAILED");
      expect(run.rows.get(0)?.errorMessage).toContain(`config.${key} is no number of seconds`);
    }
  });
});

describe("notification", () => {
  it("does not block, and its late id makes a history row without an event", () => {
    const run = EngineRun.start(
      version([step({ id: "n", stepType: "NOTIFICATION", notificationChannel: "slack" })]),
    );
    expect(run.run.state).toBe("COMPLETED");
    const events = run.events.length;
    run.answer("n", { kind: "send_notification", notificationId: "n1" });
    expect(run.rows.get(0)?.notificationId).toBe("n1");
    expect(run.events.length).toBe(events);
  });

  it("fails when it blocks and the send is refused", () => {
    const run = EngineRun.start(
      version([
        step({
          id: "n",
          stepType: "NOTIFICATION",
          notificationChannel: "slack",
          config: { blocking: true },
        }),
      ]),
    );
    run.answer("n", "no such channel", "send_notification");
    expect(run.run.state).toBe("FAILED");
  });
});
