/** Reruns with the real processor and dispatcher: begun by whichever replica is left, once, and as they were planned. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  KeptReason,
  PreviewCompensationRequestSchema,
} from "../../gen/workflows/ops/v1/previews_pb.ts";
import { planRerun, type RerunPlan } from "../../src/engine/flow/plan-rerun.ts";
import { rerunCallOf } from "../../src/engine/inputs/rerun.ts";
import { callIdOf } from "../../src/engine/values/call.ts";
import type { RerunOrder } from "../../src/engine/values/input.ts";
import { answerPreviewCompensation } from "../../src/ingress/rpc/previews.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { performRerun, startRerun } from "../../src/runtime/start-rerun.ts";
import { releaseCalls } from "../../src/store/calls.ts";
import { unpackRow } from "../../src/store/packed-moves.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { decodeStartRerun } from "../../src/wire/calls/own-calls.ts";
import { encodeCall } from "../../src/wire/calls/requests.ts";
import { until } from "../support/assertions/until.ts";
import { edgeOf, stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { readHistory } from "../support/histories/stored-history.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";
import { type ParentService, startParentService } from "../support/services/parent-service.ts";
import { WORKSPACE } from "../support/services/processor.ts";

let database: TestDatabase;
let at: ParentService;

beforeAll(async () => {
  database = await freshDatabase();
  at = startParentService(database.url);
});
afterAll(async () => {
  await at?.stop();
  await database?.drop();
});

const CAUSE = { kind: "rpc", id: "Rerun", by: "ann", reason: "again", via: "cli" } as const;
const RERUN_OF = {
  name: "test_rerun_of",
  text: "select id from workflow_runs where rerun->>'of' = $1",
};
const task = (id: string, more = {}) => stepOf(id, { stepType: "HUMAN_TASK", name: id, ...more });
const PAYMENT = versionOf(
  [
    task("book", { compensationStepId: "undo" }),
    task("wait"),
    task("pay"),
    task("tell"),
    task("undo"),
  ],
  [edgeOf("book -> wait", "seat > 100"), "book -> pay", "pay -> tell"],
);

/** The plan and the order of a rerun of what was not completed. */
async function planned(runId: string): Promise<{ plan: RerunPlan; order: RerunOrder }> {
  const { graph, run, steps } = await at.view(runId);
  const rows = new Map(steps.map(({ step, row }) => [step.index, row]));
  const detailOf = (index: number) => rows.get(index)?.detail ?? {};
  const plan = planRerun({ graph, run, detailOf }, graph, { hasNewInput: false });
  const { seq, versionId, definitionVersion: version } = run;
  return { plan, order: { seq, versionId, version, seed: plan.seed, reason: "again" } };
}

/** Rerun at the older run; gives the id of the call that starts the new one. */
async function handOver(by: ParentService, runId: string, order: RerunOrder): Promise<string> {
  const input = { kind: "rerun_requested", order, cause: CAUSE } as const;
  const submission = { kind: "input", runId, workspaceId: WORKSPACE, input } as const;
  expect((await by.processor.submit(submission)).reply.kind).toBe("applied");
  return callIdOf({ runId, stepId: "-", attempt: order.seq + 1, call: "start_rerun" });
}

/** The only rerun of a run, once it has begun. */
async function rerunOf(runId: string): Promise<string> {
  return until(async () => {
    const [found, ...more] = await at.database.read.query<{ id: string }>(RERUN_OF, [runId]);
    expect(more).toEqual([]);
    return found?.id;
  });
}

describe("a rerun whose replica died after the older run handed over", () => {
  it("is begun by another replica as it was planned, and once", async () => {
    const version = await at.publish("payment", PAYMENT);
    const more = { entityId: "deal-1", entityType: "deal", initiatorUserId: "user-1", hops: 3 };
    const runId = await at.start(version, { ...more, input: { n: 1 } });
    await at.report(runId, "book", { output: { seat: 7 }, costUsd: 2 });
    await at.report(runId, "pay", { state: "FAILED", errorMessage: "no bank" });
    const old = (await at.reaches(runId, "FAILED")).run;
    const { plan, order } = await planned(runId);
    const dying = startParentService(database.url, true);
    const callId = await handOver(dying, runId, order);
    await dying.stop();
    await releaseCalls(at.database, "parent-idle", [callId]);
    const newId = await rerunOf(runId);
    await at.quiet();
    const { run, input, steps } = await at.view(newId);
    expect(input).toEqual({ n: 1 });
    expect(run).toMatchObject({ ...more, entityType: old.entityType, triggerEventId: callId });
    expect(run).toMatchObject({ state: "RUNNING", totalCostUsd: 0, rerun: { of: runId } });
    expect(steps.map(({ step, state }) => `${step.def.id} ${state}`)).toEqual([
      ...["book COMPLETED", "wait SKIPPED", "pay WAITING", "tell PENDING"],
    ]);
    expect(steps[0]?.output).toEqual({ seat: 7 });
    expect(plan.steps.map(({ act }) => act)).toEqual(["reuse", "skip", "run", "later"]);
    const [begun] = (await readHistory(at.database, newId)).rows;
    expect(begun && unpackRow(newId, begun).cause).toEqual(CAUSE);
    const call = rerunCallOf(old, order, CAUSE);
    expect(decodeStartRerun(encodeCall(call))).toEqual(call);
    // The RPC does the same beside the dispatcher, by the same id.
    const own = { callId, workspaceId: WORKSPACE };
    expect(await startRerun(at, own, call)).toBe(newId);
    expect(await rerunOf(runId)).toBe(newId);
    // Of a run that is gone there is nothing to start, and the caller reads so.
    const gone = { ...own, callId: callId.replace(runId, "wfr_gone") };
    await expect(startRerun(at, gone, call)).rejects.toMatchObject({ reason: "not_found" });
    expect(await performRerun(at, gone, call)).toMatchObject({ ok: false });
  });
});

describe("a rerun whose start a caller had taken", () => {
  it("does not begin, and the older run keeps its undo", async () => {
    const version = await at.publish("taken", PAYMENT);
    const runId = await at.start(version);
    await at.report(runId, "book", { output: { seat: 7 } });
    await at.report(runId, "pay", { state: "FAILED", errorMessage: "no bank" });
    await at.reaches(runId, "FAILED");
    const { order } = await planned(runId);
    const attempt = order.seq + 1;
    const callId = callIdOf({ runId, stepId: "-", attempt, call: "start_rerun" });
    const taken = await at.start(version, { triggerEventId: callId });
    await handOver(at, runId, order);
    await at.quiet();
    const { run } = await at.view(runId);
    expect(run.rerun).toEqual({});
    const { rows } = await readHistory(at.database, runId);
    expect(JSON.stringify(rows.at(-1))).toContain(`the rerun was not started: run ${taken}`);
    await at.put(runId, { kind: "compensate_requested", reason: "" });
    await until(async () => (await at.step(runId, "undo")).state === "WAITING" || undefined);
    expect((await at.step(taken, "book")).state).toBe("WAITING");
  });
});

describe("a reused step that started child runs", () => {
  it("is undone by the run that started them, and both plans and previews of reruns say so", async () => {
    const trigger = triggerOf({ triggerType: "WORKFLOW" });
    const undone = [task("work", { compensationStepId: "undo" }), task("undo")];
    await at.publish("child", versionOf(undone, [], { trigger }));
    const call = stepOf("call", {
      name: "call",
      agentId: "",
      config: { workflow: { name: "child" } },
    });
    const version = await at.publish("parent", versionOf([call, task("tell")], ["call -> tell"]));
    const first = await at.start(version);
    const [child] = await at.children(first, 1);
    await at.report(child?.id ?? "", "work");
    await until(async () => (await at.step(first, "tell")).state === "WAITING" || undefined);
    let runId = first;
    for (let n = 0; n < 2; n += 1) {
      await at.report(runId, "tell", { state: "FAILED", errorMessage: "no phone" });
      await at.reaches(runId, "FAILED");
      const { plan, order } = await planned(runId);
      expect(plan.steps.map(({ undoStays }) => undoStays)).toEqual([true, false]);
      await handOver(at, runId, order);
      runId = await rerunOf(runId);
    }
    await at.report(runId, "tell", { state: "FAILED", errorMessage: "no phone" });
    await at.reaches(runId, "FAILED");
    const deps = {
      ...{ database: at.database, graphs: createGraphCache(at.database) },
      ...{ visibility: EVERY_WORKSPACE, answerHeader: new Headers() },
    };
    const preview = (id: string) =>
      answerPreviewCompensation(deps, create(PreviewCompensationRequestSchema, { runId: id }));
    expect(await preview(runId)).toMatchObject({
      ...{ unchanged: true, undone: [] },
      kept: [{ stepId: "call", reason: KeptReason.LEFT_TO_OLDER_RUN }],
    });
    expect(await preview(first)).toMatchObject({ undone: [{ stepId: "call", hasChildren: true }] });
    await at.put(first, { kind: "compensate_requested", reason: "" });
    await until(async () => {
      const { steps } = await at.view(child?.id ?? "");
      return (
        steps.some(({ step, state }) => step.def.id === "undo" && state === "WAITING") || undefined
      );
    });
  });
});
