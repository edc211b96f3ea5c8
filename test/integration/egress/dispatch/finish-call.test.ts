/** A call from its first try to its committed result; the test chooses the processor's answers. */
import { setImmediate } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { afterEach, expect, it, vi } from "vitest";
import { CallFailure } from "../../../../src/collaborators/call-failure.ts";
import { CallInHand } from "../../../../src/egress/dispatch/call-in-hand.ts";
import { finishCall } from "../../../../src/egress/dispatch/finish-call.ts";
import type { Performers } from "../../../../src/egress/performers/performers.ts";
import type { CallResult } from "../../../../src/engine/values/call.ts";
import { createLog } from "../../../../src/process/log.ts";
import { Refusal } from "../../../../src/process/refusal.ts";
import type { LeasedCall, Settled, Submission } from "../../../../src/runtime/submission.ts";

const CALL: LeasedCall = {
  callId: "wfr_1/a/1/request_approval",
  runId: "wfr_1",
  workspaceId: "ws_1",
  stepIndex: 0,
  attempt: 1,
  kind: "request_approval",
  request: new Uint8Array(),
  createdAtMs: 0,
};

afterEach(() => {
  vi.useRealTimers();
});

const notTried = () => Promise.reject(new Error("it is not tried"));
const performers: Performers = {
  ...{ look_up: notTried, create_objective: notTried, delegate: notTried, read_output: notTried },
  ...{ query_usage: notTried, cancel_objective: notTried, request_approval: notTried },
  ...{ escalate_approval: notTried, evaluate_action: notTried, send_notification: notTried },
  ...{ start_run: notTried, cancel_run: notTried, compensate_run: notTried, tell_parent: notTried },
  start_rerun: notTried,
};

it("one without a waiter leaves the event loop free while its end cannot be committed", async () => {
  let submitted = 0;
  let hasRoom = false;
  const submit = async (): Promise<Settled> => {
    submitted += 1;
    if (!hasRoom && submitted < 1_000) throw new Refusal("overloaded", "too many wait");
    return { runId: CALL.runId, reply: { kind: "unchanged" }, created: false };
  };
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const item = new CallInHand(CALL, 0);
  item.giveUp();
  const finishing = finishCall({ processor: { submit }, performers, log }, item);
  await setImmediate();
  hasRoom = true;
  expect(await finishing).toBe("settled");
  expect(submitted).toBe(2);
});

it("a result that the database cannot write fails its step, and is not submitted without end", async () => {
  const results: CallResult[] = [];
  const submit = async ({ input }: Extract<Submission, { kind: "input" }>): Promise<Settled> => {
    if (input.kind !== "call_returned") throw new Error(`${input.kind} is not expected`);
    results.push(input.result);
    if (input.result.ok) throw new Refusal("too_costly", "the change is too large");
    return { runId: CALL.runId, reply: { kind: "applied" }, created: false };
  };
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const value = { kind: "request_approval", requestId: "r1", autoApproved: false } as const;
  const answered = { ...performers, request_approval: async () => ({ ok: true, value }) as const };
  const processor = {
    submit(submission: Submission) {
      if (submission.kind !== "input") throw new Error("no start is expected");
      return submit(submission);
    },
  };
  const end = await finishCall({ processor, performers: answered, log }, new CallInHand(CALL, 0));
  expect(end).toBe("settled");
  expect(results).toEqual([
    { ok: true, value },
    { ok: false, message: "request_approval was refused: the change is too large" },
  ]);
});

it("a cancellation is asked for until it is answered, however often its owner fails", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const failure = new CallFailure("it failed", { kind: "answered", code: Code.Internal });
  let tries = 0;
  const cancelling = {
    ...performers,
    async cancel_objective() {
      tries += 1;
      if (tries < 20) throw failure;
      return { ok: true, value: { kind: "cancel_objective" } } as const;
    },
  };
  const submit = async (): Promise<Settled> => ({
    ...{ runId: CALL.runId, reply: { kind: "unchanged" }, created: false },
  });
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const call: LeasedCall = { ...CALL, kind: "cancel_objective" };
  const finishing = finishCall(
    { processor: { submit }, performers: cancelling, log },
    new CallInHand(call, 0),
  );
  await vi.advanceTimersByTimeAsync(1_200_000);
  expect(await finishing).toBe("settled");
  expect(tries).toBe(20);
});
