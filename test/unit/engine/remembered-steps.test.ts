/** A report that is aimed by memory (`ifCurrent`) is applied as one whose step was looked up, or it leaves nothing. */
import { describe, expect, it } from "vitest";
import { type BareInput, EngineRun, step, version } from "../../support/engine/engine-run.ts";

type Happening = (run: EngineRun) => void;

const GATE = version([step({ id: "g", stepType: "APPROVAL_GATE", actionType: "pay" })]);
const AGENT = version([
  step({
    ...{ id: "g", stepType: "AGENT_ACTION", agentId: "agent" },
    retryPolicy: { maxRetries: 1, backoffSeconds: 1, backoffMultiplier: 1 },
  }),
]);
const requested: Happening = (run) => {
  run.answer("g", { kind: "request_approval", requestId: "object", autoApproved: false });
};
const created: Happening = (run) => {
  run.answer("g", { kind: "create_objective", objectiveId: "object" });
};

/** What may have happened to the step since its id was remembered. */
const SINCE: Readonly<Record<string, Happening>> = {
  "nothing else": () => undefined,
  "it was completed by hand": (run) => void run.report("g", "COMPLETED"),
  "it failed by hand": (run) => void run.report("g", "FAILED", { errorMessage: "no" }),
  "its run was cancelled": (run) => void run.put({ kind: "cancel_requested", reason: "" }),
  "its run was paused": (run) => void run.put({ kind: "pause_requested", reason: "" }),
};

const DECISIONS = ["APPROVED", "DENIED", "EXPIRED", "ESCALATED", "AUTO_APPROVED", "PENDING"];
const decisions = ["object", "other"].flatMap((requestId) =>
  DECISIONS.flatMap((decision) =>
    ["", "other"].map(
      (digest): BareInput => ({
        ...{ kind: "approval_decided", stepIndex: 0 },
        report: { requestId, decision, decidedBy: "eve", reason: "", digest },
      }),
    ),
  ),
);
const reports = ["object", "other"].flatMap((id) =>
  ["RUNNING", "BLOCKED", "COMPLETED", "FAILED", "CANCELLED"].map(
    (state): BareInput => ({
      ...{ kind: "owner_reported", stepIndex: 0 },
      report: { owner: "objective", id, state, errorMessage: "", costUsd: 0, agentId: "" },
    }),
  ),
);

const shown = ({ run, rows, history, openCalls }: EngineRun) =>
  structuredClone({ run, rows, history, calls: [...openCalls.keys()] });

/** Gives how many of the inputs were applied, in how many all. */
function compare(begun: () => EngineRun, inputs: readonly BareInput[]): number {
  let applied = 0;
  for (const input of inputs) {
    const [lookedUp, remembered] = [begun(), begun()];
    const before = shown(remembered);
    const reply = lookedUp.put(input);
    remembered.put({ ...input, ifCurrent: true } as BareInput);
    const wanted = reply.kind === "applied" ? shown(lookedUp) : before;
    expect(shown(remembered), JSON.stringify(input)).toEqual(wanted);
    if (reply.kind === "applied") applied += 1;
  }
  return applied;
}

describe("a remembered step takes a report, or leaves nothing, when", () => {
  it.each(Object.entries(SINCE))("%s", (name, since) => {
    const begun = (spec: typeof GATE, first: Happening) => () => {
      const run = EngineRun.start(spec);
      first(run);
      since(run);
      return run;
    };
    const counts = [
      compare(begun(GATE, requested), decisions),
      compare(begun(AGENT, created), reports),
    ];
    const isOpen = name === "nothing else" || name === "its run was paused";
    expect(counts.map((count) => count > 0)).toEqual([isOpen, isOpen]);
  });

  it("it was decided, or the reply was not taken", () => {
    const decided = () => {
      const run = EngineRun.start(GATE);
      requested(run);
      run.put(decisions[0] as BareInput);
      return run;
    };
    expect(compare(decided, decisions)).toBe(0);
    expect(compare(() => EngineRun.start(GATE), decisions)).toBe(0);
    expect(compare(() => EngineRun.start(AGENT), reports)).toBe(0);
  });
});
