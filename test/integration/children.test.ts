/** Child runs: started, reported, cancelled and compensated by calls, with the real processor and dispatcher. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StartRun } from "../../src/engine/values/call.ts";
import type { StepDefinition } from "../../src/engine/values/definition.ts";
import type { Json, JsonObject } from "../../src/engine/values/json.ts";
import type { StepView } from "../../src/engine/values/view.ts";
import { publishVersion } from "../../src/runtime/definitions.ts";
import { deploy, retire } from "../../src/runtime/deployments.ts";
import { compensateChildRun, startChildRun } from "../../src/runtime/own-submissions.ts";
import type { VersionRow } from "../../src/store/reads/definitions.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";
import { type ParentService, startParentService } from "../support/services/parent-service.ts";
import { WORKSPACE } from "../support/services/processor.ts";

let database: TestDatabase;
let at: ParentService;
let count = 0;

beforeAll(async () => {
  database = await freshDatabase();
  at = startParentService(database.url);
});
afterAll(async () => {
  await at?.stop();
  await database?.drop();
});

const BY_WORKFLOW = { trigger: triggerOf({ triggerType: "WORKFLOW" }) };
/** One task that a test ends by hand. */
const TASK = stepOf("task", { stepType: "HUMAN_TASK", name: "task" });
const COMPENSATION = stepOf("undo", { stepType: "HUMAN_TASK", name: "undo" });
const COMPENSATED_TASK = { ...TASK, compensationStepId: "undo" };

/** A name of its own for each definition. */
function named(what: string): string {
  count += 1;
  return `${what}-${count}`;
}

function calling(workflow: JsonObject, more: Partial<StepDefinition> = {}): StepDefinition {
  return stepOf("call", { name: "call", agentId: "", config: { workflow }, ...more });
}

async function publishChild(...steps: StepDefinition[]): Promise<string> {
  const name = named("child");
  await at.publish(name, versionOf(steps.length === 0 ? [TASK] : steps, [], BY_WORKFLOW));
  return name;
}

async function startParent(step: StepDefinition, ...others: StepDefinition[]): Promise<string> {
  return at.start(await at.publish(named("parent"), versionOf([step, ...others])), {
    entityId: "deal-1",
    entityType: "deal",
    initiatorAgentId: "agent-1",
    initiatorUserId: "user-1",
    hops: 3,
    input: { amount: 7, leads: ["a", "b", "c", "d", "e"] },
  });
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined || list.length !== 1) throw new Error(`${list.length} of one`);
  return first;
}

function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

async function stepOfRun(runId: string, stepId: string) {
  const { state, output, row } = await at.step(runId, stepId);
  return { state, output, error: row?.errorMessage ?? "" };
}

describe("one child", () => {
  it("ends its step with its output and its cost, and inherits what it acts for", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name, input: { twice: "{{ amount * 2 }}" } }));
    const child = only(await at.children(parent, 1));
    await at.quiet();
    expect((await stepOfRun(parent, "call")).output).toEqual({ run_ids: [child.id] });
    expect(child).toMatchObject({
      triggerType: "WORKFLOW",
      parentRunId: parent,
      entityId: "deal-1",
      entityType: "ENTITY_TYPE_DEAL",
      initiatorAgentId: "agent-1",
      initiatorUserId: "user-1",
      hops: 3,
    });
    expect((await at.view(child.id)).input).toEqual({ twice: 14 });
    await at.report(child.id, "task", { output: { score: 9 }, costUsd: 0.25 });
    const { run, output } = await at.reaches(parent, "COMPLETED");
    expect(output).toEqual({ score: 9 });
    expect((await stepOfRun(parent, "call")).output).toEqual({ score: 9, run_ids: [child.id] });
    expect(run.totalCostUsd).toBe(0.25);
  });

  it("takes the step's input without a template, and the latest version at its start", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name }));
    const child = only(await at.children(parent, 1));
    expect((await at.view(child.id)).input).toMatchObject({ amount: 7 });
    expect(child.definitionVersion).toBe(1);
  });

  it("of a run in staging is of staging: by what is deployed there, else by the latest version without vars", async () => {
    const reading = { ...TASK, config: { instructions: "{{ run.environment }}: {{ run.vars }}" } };
    const spec = versionOf([reading], [], BY_WORKFLOW);
    const { definitionId } = await at.publish(named("child"), spec);
    await publishVersion(at, { definitionId, spec });
    const place = { workspaceId: WORKSPACE, definitionId, environment: "staging" };
    const order = { ...place, by: "ann", note: "", expectedVersion: undefined };
    await deploy(at, { ...order, version: 1, fromEnvironment: "", vars: { n: 5 } });
    const parent = await at.publish(
      named("p"),
      versionOf([calling({ definition_id: definitionId })]),
    );
    const startChild = async () =>
      only(await at.children(await at.start(parent, { environment: "staging" }), 1));
    const child = { environment: "staging", definitionVersion: 1, vars: { n: 5 } };
    expect(await startChild()).toMatchObject(child);
    await retire(at, order);
    const other = await startChild();
    expect(other).toMatchObject({ environment: "staging", definitionVersion: 2 });
    expect(other.vars).toBeUndefined();
  });

  it("is started again by the next attempt when it failed, and costs count for all attempts", async () => {
    const name = await publishChild();
    const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
    const parent = await startParent(calling({ name }, { retryPolicy }));
    const first = only(await at.children(parent, 1));
    await at.report(first.id, "task", { state: "FAILED", errorMessage: "no", costUsd: 1 });
    const [, second] = await at.children(parent, 2);
    if (second === undefined) throw new Error("there is no second child");
    await at.quiet();
    expect((await stepOfRun(parent, "call")).output).toEqual({ run_ids: [second.id] });
    await at.report(second.id, "task", { costUsd: 2 });
    const { run } = await at.reaches(parent, "COMPLETED");
    expect(run.totalCostUsd).toBe(3);
    expect((await at.step(parent, "call")).row?.retryCount).toBe(1);
  });

  it("takes the error edge when it fails for good, and says where", async () => {
    const name = await publishChild();
    const version = await at.publish(
      named("parent"),
      versionOf([calling({ name }), TASK], ["call -> task [error]"]),
    );
    const parent = await at.start(version);
    const child = only(await at.children(parent, 1));
    await at.report(child.id, "task", { state: "FAILED", errorMessage: "it broke" });
    const task = await until(async () => {
      const found = await at.step(parent, "task");
      return found.state === "WAITING" ? found : undefined;
    });
    const message = `child run ${child.id} ended FAILED: step task: it broke`;
    expect(task.input).toMatchObject({ outcome: "error", error_message: message });
  });

  it("is not retried when it was cancelled", async () => {
    const name = await publishChild();
    const retryPolicy = { maxRetries: 5, backoffSeconds: 0, backoffMultiplier: 1 };
    const parent = await startParent(calling({ name }, { retryPolicy }));
    const child = only(await at.children(parent, 1));
    await at.put(child.id, { kind: "cancel_requested", reason: "enough" });
    await at.reaches(parent, "FAILED");
    expect((await stepOfRun(parent, "call")).error).toBe(
      `child run ${child.id} ended CANCELLED: enough`,
    );
  });

  it("is refused with a message when this workflow may not start it", async () => {
    const manual = named("manual");
    await at.publish(manual, versionOf([TASK]));
    const other = named("other");
    const trigger = triggerOf({ triggerType: "WORKFLOW", parentWorkflowId: "wf_other" });
    const { definitionId } = await at.publish(other, versionOf([TASK], [], { trigger }));
    const errors: string[] = [];
    const workflows: JsonObject[] = [
      { name: "nobody" },
      { name: manual },
      { definition_id: definitionId },
      { definition_id: definitionId, version: 7 },
    ];
    for (const workflow of workflows) {
      const parent = await startParent(calling(workflow));
      await at.reaches(parent, "FAILED");
      errors.push((await stepOfRun(parent, "call")).error);
    }
    expect(errors).toEqual([
      "there is no workflow named nobody",
      `the workflow named ${manual} is started by a MANUAL trigger, not by another workflow`,
      `the workflow ${definitionId} is started by wf_other alone`,
      `the workflow ${definitionId} has no version 7`,
    ]);
  });

  it("nests eight deep and no deeper, and sums the costs up", async () => {
    const name = named("deep");
    const again = calling({ name, input: { level: "{{ level + 1 }}" } });
    await at.publish(name, versionOf([again], [], BY_WORKFLOW));
    const version = await at.publish(named("top"), versionOf([again]));
    const top = await at.start(version, { input: { level: 0 } });
    await at.reaches(top, "FAILED");
    let depth = 0;
    let id = top;
    for (;;) {
      const rows = await at.database.read.query<{ id: string }>(
        { name: "t_child", text: "select id from workflow_runs where parent_run_id = $1" },
        [id],
      );
      const [row] = rows;
      if (row === undefined) break;
      id = row.id;
      depth += 1;
    }
    expect(depth).toBe(8);
    expect((await stepOfRun(id, "call")).error).toBe("child runs nest at most 8 deep");
  });
});

describe("a tree three deep", () => {
  /** Names of a workflow a level, the root's last: each has a task that is compensated, and calls the one below it. */
  async function grow(): Promise<VersionRow> {
    const names = ["leaf", "inner", "outer"].map(named);
    await at.publish(names[0] ?? "", versionOf([COMPENSATED_TASK, COMPENSATION], [], BY_WORKFLOW));
    for (const [below, name] of names.slice(1).entries()) {
      const steps = [
        COMPENSATED_TASK,
        COMPENSATION,
        calling({ name: names[below] ?? "", input: {} }),
      ];
      await at.publish(name, versionOf(steps, ["task -> call"], BY_WORKFLOW));
    }
    const root = [COMPENSATED_TASK, COMPENSATION, calling({ name: names[2] ?? "", input: {} })];
    return at.publish(named("root"), versionOf(root, ["task -> call"]));
  }
  /** Ends the tasks of every level but the leaf's; gives the runs from the root down. */
  async function descend(version: VersionRow): Promise<string[]> {
    const ids = [await at.start(version)];
    for (let level = 0; level < 3; level += 1) {
      const id = ids[level] ?? "";
      await at.report(id, "task", { costUsd: 1 });
      ids.push(only(await at.children(id, 1)).id);
      await at.quiet();
    }
    return ids;
  }
  const totals = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await at.view(id)).run.totalCostUsd));

  it("is cancelled from the root, compensated from the leaf, and costs the sum", async () => {
    const ids = await descend(await grow());
    const [root = "", , , leaf = ""] = ids;
    await at.report(leaf, "task", { state: "RUNNING", costUsd: 1 });
    await at.put(root, { kind: "cancel_requested", reason: "" });
    await at.reaches(leaf, "CANCELLED");
    await at.quiet();
    expect(await totals(ids)).toEqual([1, 1, 1, 1]);
    await at.put(root, { kind: "compensate_requested", reason: "" });
    for (const id of ids.slice(0, 3).reverse()) {
      await until(async () => (await at.view(id)).steps.some(isWaitingUndo) || undefined);
      await at.report(id, "undo", { costUsd: 1 });
    }
    for (const id of ids.slice(0, 3)) await at.reaches(id, "FAILED");
    await at.quiet();
    expect((await at.step(root, "task")).state).toBe("COMPENSATED");
    expect(await totals(ids)).toEqual([7, 5, 3, 1]);
  });

  it("is compensated again from the root where a leaf could not be compensated", async () => {
    const ids = await descend(await grow());
    const [root = "", , , leaf = ""] = ids;
    await at.report(leaf, "task", { costUsd: 1 });
    await at.reaches(root, "COMPLETED");
    expect(await totals(ids)).toEqual([4, 3, 2, 1]);
    const second = await descend(await grow());
    const [top = "", , , last = ""] = second;
    await at.report(last, "task", { state: "FAILED", errorMessage: "no", costUsd: 1 });
    await at.reaches(top, "FAILED");
    for (const state of ["FAILED", "COMPLETED"] as const) {
      await at.put(top, { kind: "compensate_requested", reason: "" });
      for (const id of second.slice(0, 3).reverse()) {
        await until(async () => (await at.view(id)).steps.some(isWaitingUndo) || undefined);
        const isLowest = id === second[2];
        await at.report(id, "undo", { state: isLowest ? state : "COMPLETED", costUsd: 1 });
        if (isLowest && state === "FAILED") break;
      }
      await at.reaches(top, "FAILED");
      await at.quiet();
    }
    expect(await totals(second)).toEqual([8, 6, 4, 1]);
    expect(await at.put(top, { kind: "compensate_requested", reason: "" })).toBe("unchanged");
  });
});

function isWaitingUndo({ step, state }: StepView): boolean {
  return step.def.id === "undo" && state === "WAITING";
}

describe("for_each", () => {
  it("runs one child an item, in order, never more open than allowed", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name, for_each: "leads", max_parallel: 2 }));
    for (let done = 0; done < 5; done += 1) {
      const children = await at.children(parent, Math.min(5, done + 2));
      const open = children.filter(({ state }) => state === "RUNNING");
      expect(open).toHaveLength(Math.min(2, 5 - done));
      // The last that was started ends first: the order is that of the list all the same.
      const next = open.at(-1);
      if (next === undefined) throw new Error("no child is open");
      const { input } = await at.view(next.id);
      await at.report(next.id, "task", { output: { was: input?.item ?? null }, costUsd: 0.1 });
      await at.quiet();
    }
    const { run, output } = await at.reaches(parent, "COMPLETED");
    expect(output?.items).toEqual(["a", "b", "c", "d", "e"].map((was) => ({ was })));
    expect(run.totalCostUsd).toBe(0.5);
    const inputs = await Promise.all(
      textsOf((await stepOfRun(parent, "call")).output?.run_ids).map(
        async (id) => (await at.view(id)).input,
      ),
    );
    expect(inputs).toEqual(
      ["a", "b", "c", "d", "e"].map((item, index) => ({ amount: 7, item, index })),
    );
  });

  it("shows ids from the start, starts none while paused, and goes on at the resume", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name, for_each: "leads", max_parallel: 1 }));
    const first = only(await at.children(parent, 1));
    await at.put(parent, { kind: "pause_requested", reason: "" });
    await at.report(first.id, "task");
    await at.quiet();
    expect(await at.children(parent, 1)).toHaveLength(1);
    expect((await stepOfRun(parent, "call")).output).toEqual({ run_ids: [first.id] });
    await at.put(parent, { kind: "resume_requested" });
    expect(await at.children(parent, 2)).toHaveLength(2);
  });

  it("completes at once with an empty list, and fails when it is no list", async () => {
    const name = await publishChild();
    const empty = await startParent(calling({ name, for_each: "[]" }));
    expect((await at.reaches(empty, "COMPLETED")).output).toEqual({ items: [] });
    const none = await startParent(calling({ name, for_each: "{{ amount }}" }));
    await at.reaches(none, "FAILED");
    expect((await stepOfRun(none, "call")).error).toBe(
      "for_each {{ amount }} gave a number, not a list",
    );
  });

  it("fails with its first failed child and cancels the others", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name, for_each: "leads", max_parallel: 3 }));
    const children = await at.children(parent, 3);
    const [first] = children;
    if (first === undefined) throw new Error("no child");
    await at.report(first.id, "task", { state: "FAILED", errorMessage: "bad lead" });
    await at.reaches(parent, "FAILED");
    for (const { id } of children.slice(1)) await at.reaches(id, "CANCELLED");
    await at.quiet();
    expect(await at.children(parent, 3)).toHaveLength(3);
    expect((await stepOfRun(parent, "call")).error).toContain("bad lead");
  });

  it("goes on while enough may succeed, with null for those that failed", async () => {
    const name = await publishChild();
    const step = calling({ name, for_each: "leads", required: 3 });
    const parent = await startParent(step);
    const children = await at.children(parent, 5);
    await at.quiet();
    for (const { id } of children) {
      const { input } = await at.view(id);
      const fails = input?.item === "b" || input?.item === "e";
      await at.report(id, "task", {
        ...(fails ? { state: "FAILED" } : { output: { kept: input?.item ?? null } }),
      });
    }
    const { output } = await at.reaches(parent, "COMPLETED");
    const kept = (item: string): Json => ({ kept: item });
    expect(output?.items).toEqual([kept("a"), null, kept("c"), kept("d"), null]);
  });
});

describe("cancel and compensate", () => {
  it("a cancelled parent cancels its open children", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name, for_each: "leads", max_parallel: 4 }));
    const children = await at.children(parent, 4);
    await at.quiet();
    await at.put(parent, { kind: "cancel_requested", reason: "stop" });
    for (const { id } of children) await at.reaches(id, "CANCELLED");
    await at.quiet();
    expect(await at.children(parent, 4)).toHaveLength(4);
  });

  it("many steps cancel their children, and compensate them, at once", async () => {
    const name = await publishChild(COMPENSATED_TASK, COMPENSATION);
    const ids = Array.from({ length: 8 }, (_, at) => `call-${at}`);
    const steps = ids.map((id) => stepOf(id, calling({ name, for_each: "[1]" }, { id })));
    const parent = await at.start(await at.publish(named("parent"), versionOf(steps)));
    const children = await at.children(parent, 8);
    await at.quiet();
    await at.put(parent, { kind: "pause_requested", reason: "" });
    expect(await at.put(parent, { kind: "resume_requested" })).toBe("applied");
    expect(await at.put(parent, { kind: "cancel_requested", reason: "" })).toBe("applied");
    for (const { id } of children) await at.reaches(id, "CANCELLED");
    await at.quiet();
    expect(await at.put(parent, { kind: "compensate_requested", reason: "" })).toBe("applied");
    await at.reaches(parent, "FAILED");
  });

  it("a step that times out cancels its child, and what the child costs then is too late", async () => {
    const name = await publishChild();
    const parent = await startParent(calling({ name }, { timeoutSeconds: 0.001 }));
    const child = only(await at.children(parent, 1));
    await at.put(parent, { kind: "step_due", stepIndex: 0 });
    await at.reaches(parent, "FAILED");
    await at.reaches(child.id, "CANCELLED");
  });

  it("compensates a child that COMPLETED, and then the steps upstream", async () => {
    const name = await publishChild(COMPENSATED_TASK, COMPENSATION);
    const version = await at.publish(
      named("parent"),
      versionOf(
        [
          stepOf("book", { stepType: "HUMAN_TASK", name: "book", compensationStepId: "unbook" }),
          stepOf("unbook", { stepType: "HUMAN_TASK", name: "unbook" }),
          calling({ name }),
          stepOf("last", { stepType: "HUMAN_TASK", name: "last" }),
        ],
        ["book -> call", "call -> last"],
      ),
    );
    const parent = await at.start(version);
    await at.report(parent, "book");
    const child = only(await at.children(parent, 1));
    await at.report(child.id, "task", { costUsd: 1 });
    await at.reaches(child.id, "COMPLETED");
    await at.quiet();
    expect(await at.put(child.id, { kind: "compensate_requested", reason: "" })).toBe("refused");
    await at.report(parent, "last", { state: "FAILED" });
    await at.reaches(parent, "FAILED");
    await at.put(parent, { kind: "compensate_requested", reason: "compensate" });
    await at.reaches(child.id, "COMPENSATING");
    expect((await stepOfRun(parent, "unbook").catch(() => undefined))?.state).toBeUndefined();
    await at.report(child.id, "undo", { costUsd: 0.5 });
    await at.reaches(child.id, "FAILED");
    await until(async () => (await at.step(parent, "call")).state === "COMPENSATED" || undefined);
    await at.report(parent, "unbook");
    const { run } = await at.reaches(parent, "FAILED");
    expect((await at.step(parent, "book")).state).toBe("COMPENSATED");
    expect(run.totalCostUsd).toBe(1.5);
  });

  it("stops where a child cannot be compensated, and retries at the next request", async () => {
    const name = await publishChild(COMPENSATED_TASK, COMPENSATION);
    const parent = await startParent(calling({ name, for_each: "leads", max_parallel: 5 }));
    const children = await at.children(parent, 5);
    for (const { id } of children) await at.report(id, "task");
    await at.reaches(parent, "COMPLETED");
    const outer = await startParentOf(parent);
    expect(outer).toBe("refused");
    const second = await startParent(calling({ name, for_each: "leads", max_parallel: 2 }));
    const [one] = await at.children(second, 2);
    if (one === undefined) throw new Error("no child");
    await at.report(one.id, "task");
    await at.children(second, 3);
    await at.quiet();
    await at.put(second, { kind: "compensate_requested", reason: "" });
    await at.reaches(one.id, "COMPENSATING");
    await at.report(one.id, "undo", { state: "FAILED", errorMessage: "cannot" });
    await at.reaches(second, "FAILED");
    expect((await at.view(second)).run.state).toBe("FAILED");
    await at.put(second, { kind: "compensate_requested", reason: "again" });
    await at.reaches(one.id, "COMPENSATING");
    await at.report(one.id, "undo");
    await at.reaches(second, "FAILED");
    await at.quiet();
    expect(await at.put(second, { kind: "compensate_requested", reason: "" })).toBe("unchanged");
  });
});

function startParentOf(runId: string): Promise<string> {
  return at.put(runId, { kind: "compensate_requested", reason: "" });
}

/** Expires the leases, and dates the calls so far back that a collaborator would have dropped their keys. */
async function freeCalls({ database: { transaction } }: ParentService): Promise<void> {
  const text =
    "update effects set lease_until = now() - interval '1 ms', created_at = now() - interval '2 days'";
  await transaction((tx) => tx.query({ name: "t_free", text }, []));
}

describe("a service that dies", () => {
  it("between a parent's commit and its child's start loses nothing and doubles nothing", async () => {
    const own = await freshDatabase();
    const dying = startParentService(own.url, true);
    const name = "child";
    await dying.publish(name, versionOf([TASK], [], BY_WORKFLOW));
    const version = await dying.publish("parent", versionOf([calling({ name })]));
    const parent = await dying.start(version);
    const cancelled = await dying.start(version);
    // The start of its child is in flight.
    await dying.put(cancelled, { kind: "cancel_requested", reason: "" });
    await freeCalls(dying);
    await dying.stop();
    const next = startParentService(own.url);
    const child = only(await next.children(parent, 1));
    const late = only(await next.children(cancelled, 1));
    await next.reaches(late.id, "CANCELLED");
    await next.quiet();
    await next.stop();
    // The next one dies after the commit of the child's end and before the report to its parent.
    const dyingToo = startParentService(own.url, true);
    await dyingToo.report(child.id, "task", { output: { done: true } });
    await freeCalls(dyingToo);
    await dyingToo.stop();
    const last = startParentService(own.url);
    try {
      expect((await last.reaches(parent, "COMPLETED")).output).toMatchObject({ done: true });
      await last.quiet();
      expect(await last.children(parent, 1)).toHaveLength(1);
    } finally {
      await last.stop();
      await own.drop();
    }
  });

  it("starts one run for one call, however often it is performed", async () => {
    const name = await publishChild();
    const call: StartRun = {
      ...{ kind: "start_run", workspaceId: WORKSPACE, definitionId: "", name, version: 0 },
      ...{ parentRunId: "wfr_gone", parentDefinitionId: "wf_gone", hops: 0, input: {} },
      parentStep: { index: 0, attempt: 1, child: 0, depth: 1 },
      ...{ initiatorAgentId: "", initiatorUserId: "", entityId: "", entityType: "" },
    };
    const own = { callId: "wfr_gone/call/1/start_run-0", workspaceId: WORKSPACE };
    const results = await Promise.all([1, 2, 3].map(() => startChildRun(at, own, call)));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    const child = only(await at.children("wfr_gone", 1));
    // Its parent is gone: the report has no receiver.
    await at.report(child.id, "task");
    await at.quiet();
    // The first answer was lost, and the run may no longer start another one.
    await publishVersion(at, { definitionId: child.definitionId, spec: versionOf([TASK]) });
    expect(await startChildRun(at, own, call)).toEqual(results[0]);
    const another = { ...own, callId: "wfr_gone/call/1/start_run-1" };
    expect(await startChildRun(at, another, call)).toMatchObject({ ok: false });
    const elsewhere = await startChildRun(at, { ...own, workspaceId: "ws_other" }, call);
    expect(elsewhere).toEqual({ ok: false, message: `there is no workflow named ${name}` });
  });

  it("fails its step when the run cannot be started, whatever the reason", async () => {
    const name = await publishChild();
    await at.database.transaction(async ({ build }) => {
      await build.execute(`create function refuse_run() returns trigger language plpgsql as
        $$ begin raise exception using errcode = '22008'; end $$`);
      await build.execute(`create trigger refuse_run before insert on workflow_runs for each row
        when (new.trigger_type = 'WORKFLOW') execute function refuse_run()`);
    });
    try {
      const parent = await startParent(calling({ name }));
      await at.reaches(parent, "FAILED");
      expect((await stepOfRun(parent, "call")).error).toContain("the run cannot be started");
    } finally {
      await at.database.transaction(({ build }) =>
        build.execute("drop function refuse_run cascade"),
      );
    }
  });

  it("counts a deleted run as compensated", async () => {
    const own = { callId: "wfr_gone/call/1/compensate_run-1-1-0", workspaceId: WORKSPACE };
    const call = { kind: "compensate_run", runId: "wfr_none", reason: "" } as const;
    expect(await compensateChildRun(at, own, call)).toEqual({
      ok: true,
      value: { kind: "compensate_run", compensated: true },
    });
  });
});
