/** Nothing happens twice: a result that two replicas submit, a commit whose answer is lost. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CallValue } from "../../src/engine/values/call.ts";
import type { Input } from "../../src/engine/values/input.ts";
import type { LeasedCall } from "../../src/runtime/processor.ts";
import { keepEvents } from "../../src/store/events.ts";
import { until } from "../support/assertions/until.ts";
import { transitioned } from "../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { findRunRows } from "../support/histories/stored-run.ts";
import { type CommitCutter, startCommitCutter } from "../support/servers/commit-cutter.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../support/services/processor.ts";

const RPC = { kind: "rpc", id: "TransitionStep" } as const;
const DELEGATED = versionOf([stepOf("work", { name: "work", config: { delegate: true } })]);

let at: TestProcessor;
let cutter: CommitCutter | undefined;

beforeAll(async () => {
  at = await startProcessor(undefined, async (url) => {
    cutter = await startCommitCutter(url);
    return cutter.url;
  });
});
afterEach(() => {
  at.calls.length = 0;
});
afterAll(async () => {
  await at.stop();
  await cutter?.stop();
});

async function start(name: string, spec: Parameters<typeof publish>[2]): Promise<string> {
  const version = await publish(at.database, name, spec);
  const { runId } = await at.processor.submit({
    kind: "start",
    start: startOf(version),
    cause: RPC,
  });
  return runId;
}

function send(runId: string, input: Input) {
  return at.processor.submit({ kind: "input", runId, workspaceId: "", input });
}

function answer(call: LeasedCall, value: CallValue) {
  const { callId, stepIndex, attempt, kind } = call;
  return send(call.runId, {
    kind: "call_returned",
    cause: { kind: "call", id: callId },
    callId,
    call: kind,
    stepIndex,
    attempt,
    result: { ok: true, value },
  });
}

function takeCall(kind: LeasedCall["kind"]): LeasedCall {
  const call = at.calls.find((candidate) => candidate.kind === kind);
  if (call === undefined) throw new Error(`no ${kind} was issued`);
  return call;
}

const found = (agentId: string): CallValue => ({
  kind: "look_up",
  resolution: { agentId, skillId: "" },
});

async function stepOfRun(runId: string, index = 0) {
  return (await findRunRows(at.database.read, runId))?.steps.get(index);
}

describe("the result of a call that two replicas made", () => {
  it("counts once: the second changes neither the step nor its next call", async () => {
    const runId = await start("zombie look-up", DELEGATED);
    const lookUp = takeCall("look_up");
    await answer(lookUp, found("a1"));
    const { reply } = await answer(lookUp, found("a2"));
    expect(reply).toEqual({ kind: "unchanged" });
    expect((await stepOfRun(runId))?.agentId).toBe("a1");
    expect(at.calls.filter(({ kind }) => kind === "create_objective")).toHaveLength(1);
  });

  it("issues no call a second time, and reverts nothing", async () => {
    const runId = await start("zombie objective", DELEGATED);
    await answer(takeCall("look_up"), found("a1"));
    const creation = takeCall("create_objective");
    const made = { kind: "create_objective", objectiveId: "obj_zombie" } as const;
    await answer(creation, made);
    await answer(takeCall("delegate"), {
      kind: "delegate",
      delegationId: "del_zombie",
      agentId: "a1",
    });
    at.calls.length = 0;
    await answer(creation, made);
    await send(runId, transitioned("work", "COMPLETED", { costUsd: 0.25 }));
    await answer(creation, made);
    expect(at.calls).toEqual([]);
    const whole = await findRunRows(at.database.read, runId);
    expect(whole?.run).toMatchObject({ state: "COMPLETED", seq: 2 });
  });

  it("is taken once also when both come in one batch", async () => {
    await start("zombie twins", DELEGATED);
    const lookUp = takeCall("look_up");
    await Promise.all([answer(lookUp, found("a1")), answer(lookUp, found("a2"))]);
    expect(at.calls.filter(({ kind }) => kind === "create_objective")).toHaveLength(1);
  });
});

describe("the result of a call of a missing run", () => {
  it("is refused, so that the call is dropped and not retried for ever", async () => {
    await start("gone", DELEGATED);
    const call = { ...takeCall("look_up"), runId: "wfr_gone" };
    await expect(answer(call, found("a1"))).rejects.toMatchObject({ reason: "not_found" });
  });
});

describe("a commit whose answer is lost", () => {
  it("is not done again: a failed attempt counts once", async () => {
    const policy = { maxRetries: 5, backoffSeconds: 0, backoffMultiplier: 1 };
    const task = stepOf("task", { stepType: "HUMAN_TASK", name: "task", retryPolicy: policy });
    const runId = await start("failed once", versionOf([task]));
    cutter?.cutNextCommit();
    const { reply } = await send(runId, transitioned("task", "FAILED", { costUsd: 0.25 }));
    expect(reply).toEqual({ kind: "applied" });
    expect(await stepOfRun(runId)).toMatchObject({ retryCount: 1, costUsd: 0.25 });
  });

  it("hands on what it left to do: calls are dispatched at once, waits find the kept events", async () => {
    const spec = versionOf(
      [
        stepOf("task", { stepType: "HUMAN_TASK", name: "task" }),
        stepOf("work"),
        stepOf("wait", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "crm.kept" }),
      ],
      ["task -> work", "task -> wait"],
    );
    const runId = await start("handed on", spec);
    const event = { id: "kept", source: "crm", type: "crm.kept", subject: "", time: "", data: {} };
    await at.database.transaction((tx) => keepEvents(tx, [{ ...event, workspaceId: WORKSPACE }]));
    cutter?.cutNextCommit();
    await send(runId, transitioned("task", "COMPLETED"));
    expect(takeCall("look_up").runId).toBe(runId);
    await until(async () =>
      (await stepOfRun(runId, 2))?.state === "COMPLETED" ? true : undefined,
    );
  });

  it("is refused when its outcome is unknown, and never starts a second run", async () => {
    const version = await publish(at.database, "untold", DELEGATED);
    const observer = new pg.Client({ connectionString: at.url });
    await observer.connect();
    try {
      cutter?.cutNextCommit(true);
      const begun = { kind: "start", start: startOf(version), cause: RPC } as const;
      await expect(at.processor.submit(begun)).rejects.toMatchObject({ reason: "unavailable" });
      cutter?.mend();
      const text = "select 1 from workflow_runs where version_id = $1";
      expect((await observer.query(text, [version.id])).rows).toHaveLength(1);
    } finally {
      cutter?.mend();
      await observer.end();
    }
  });
});
