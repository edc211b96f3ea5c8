/** An arrival becomes the same input, with the same cause, from the bus, a kept report or a poll. */
import { expect, it } from "vitest";
import { eventInput, originOf, reportInput } from "../../../../src/engine/matching/arrival.ts";
import type { ApprovalReport } from "../../../../src/engine/values/input.ts";

const DECISION: ApprovalReport = {
  requestId: "request-1",
  decision: "APPROVED",
  decidedBy: "user-7",
  reason: "",
  digest: "",
};
const EVENT = {
  ...{ workspaceId: "ws", id: "event-1", source: "approvals", type: "approvals.decided" },
  ...{ subject: "", time: "", data: {}, actorAgentId: "agent-2", hops: 0 },
};

it("names who decided as the actor of an approval, of an event and of an answer", () => {
  const report = { kind: "approval", report: DECISION } as const;
  const ofEvent = reportInput(3, report, originOf(EVENT));
  expect(ofEvent).toEqual({
    kind: "approval_decided",
    cause: { kind: "event", id: "event-1", by: "user-7" },
    stepIndex: 3,
    report: DECISION,
  });
  // An early report is stored with the id of its event and without the event.
  expect(reportInput(3, report, { kind: "event", id: "event-1", actorAgentId: "" })).toEqual(
    ofEvent,
  );
  const answer = reportInput(3, report, { kind: "call", id: "reconcile", actorAgentId: "" });
  expect(answer.cause).toEqual({ kind: "call", id: "reconcile", by: "user-7" });
});

it("names the acting agent of an event, and no one where it names none", () => {
  expect(eventInput(1, EVENT, EVENT.actorAgentId).cause).toEqual({
    ...{ kind: "event", id: "event-1", by: "agent-2" },
  });
  expect(eventInput(1, EVENT, "").cause).toEqual({ kind: "event", id: "event-1" });
});
