import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  StepRunState,
  TriggerType,
  WorkflowState,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { ACTIONS } from "../../../src/mcp/actions.ts";
import { doAll, doInput } from "../../../src/mcp/do.ts";
import { fakeWorld } from "../../support/mcp/world.ts";

const RUN = { run: { id: "wfr_1", state: WorkflowState.RUNNING, definitionId: "wf_1" } };
const trigger = { action: "Workflow.trigger", args: { id: "wf_1", input: { amount: 40 } } };

describe("an action", () => {
  test.each<JsonObject>([
    trigger,
    { code: "await $.Workflow.trigger('wf_1', { amount: 40 })" },
    { code: "await $.Workflow.trigger({ id: 'wf_1', input: { amount: 40 } })" },
  ])("%j starts a run with its input", async (given) => {
    const { world, asked } = fakeWorld({ "WorkflowService.startRun": RUN });
    const { results } = await doAll(world, given);
    const request = { definitionId: "wf_1", inputPayload: { amount: 40 }, workspaceId: "ws" };
    expect(asked).toMatchObject([
      {
        rpc: "WorkflowService.startRun",
        request: { ...request, triggerType: TriggerType.MANUAL, initiatorAgentId: "" },
      },
    ]);
    expect(results).toMatchObject([{ result: { runId: "wfr_1", state: "RUNNING" } }]);
  });

  test("that an agent does names it", async () => {
    const { world, asked } = fakeWorld({ isAgent: true, "WorkflowService.startRun": RUN });
    await doAll(world, trigger);
    await doAll(world, { code: "await $.Event.create({ type: 'Deal.won', data: { a: 1 } })" });
    const report = { id: "wfr_1/pay", state: "failed", error: "no funds", costUsd: 0.5 };
    await doAll(world, { action: "Step.report", args: report });
    expect(asked).toMatchObject([
      { request: { initiatorAgentId: "scout" } },
      { request: { initiatorAgentId: "scout", eventType: "Deal.won", inputPayload: { a: 1 } } },
      {
        request: {
          ...{ runId: "wfr_1", stepId: "pay", state: StepRunState.FAILED, agentId: "scout" },
          ...{ errorMessage: "no funds", costUsd: 0.5 },
        },
      },
    ]);
  });

  test("takes the workflow by its name", async () => {
    const workflow = { definition: { id: "wf_9", name: "expense" } };
    const { world, asked } = fakeWorld({
      ...{ "Workflows.get": { workflow }, "WorkflowService.startRun": RUN },
    });
    await doAll(world, { action: "Workflow.trigger", args: { id: "expense" } });
    expect(asked).toMatchObject([
      { rpc: "Workflows.get", request: { workspaceId: "ws", name: "expense" } },
      { request: { definitionId: "wf_9" } },
    ]);
  });

  test("that makes a workflow says what is wrong with its text, and who publishes it", async () => {
    const workflow = { definition: { id: "wf_9", name: "plain" } };
    const fault = { path: "steps.a", line: 3, column: 3, description: "is unknown" };
    const created = { workflow, faults: [fault] };
    const { world } = fakeWorld({ "Workflows.create": created, "Workflows.get": { workflow } });
    const make = (args: JsonObject) => doAll(world, { action: "Workflow.create", args });
    const { results } = await make({ name: "plain", source: "workflow: plain" });
    const next = expect.stringContaining("a person publishes its draft");
    expect(results).toMatchObject([{ result: { id: "wf_9", next, faults: [fault] } }]);
    const bare = await make({ name: "plain" });
    const none = expect.stringContaining("It has no draft");
    expect(bare.results).toMatchObject([{ result: { next: none } }]);
  });

  test("asks for approval only where a workflow has one", async () => {
    const workflow = { definition: { id: "wf_9", name: "plain" }, contains: { agent: true } };
    const { world, asked } = fakeWorld({ "Workflows.get": { workflow } });
    const asking = doAll(world, { action: "Approval.request", args: { id: "wf_9" } });
    await expect(asking).rejects.toThrow(/plain has no approval; search with filter/);
    expect(asked.map(({ rpc }) => rpc)).toEqual(["Workflows.get"]);
  });
});

describe("keys", () => {
  test("of lines differ, and are the same for a repeat", async () => {
    const code = "await $.Workflow.trigger('wf_1')\nawait $.Workflow.trigger('wf_1')";
    const keys = async (key?: string) => {
      const { world, asked } = fakeWorld({ "WorkflowService.startRun": RUN });
      await doAll(world, { code, ...(key === undefined ? {} : { key }) });
      return asked.map((each) => each.key);
    };
    expect(await keys("k")).toEqual(["k-1", "k-2"]);
    const { world, asked } = fakeWorld({ "WorkflowService.startRun": RUN });
    await doAll(world, { ...trigger, key: "k-1" });
    expect(asked).toMatchObject([{ key: "k-1-1" }]);
    const [first, second] = [await keys(), await keys()];
    expect(new Set([...first, ...second]).size).toBe(4);
  });
});

describe("what an agent may not do", () => {
  const people = [...ACTIONS].filter(([, { isForAgents }]) => isForAgents !== true);
  test.each(people.map(([name]) => name))(
    "%s is refused before anything is asked",
    async (name) => {
      const { world, asked } = fakeWorld({ isAgent: true });
      const why = /an agent does not do it: .*people decide, deploy and stop/;
      await expect(doAll(world, { action: name, args: {} })).rejects.toThrow(why);
      const code = `await $.Workflow.trigger('wf_1')\nawait $.${name}('x')`;
      await expect(doAll(world, { code })).rejects.toThrow(/line 2: .* an agent does not do it/);
      expect(asked).toEqual([]);
    },
  );

  test("stopping is among them", () => {
    const names = people.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(["Workflow.pause", "Workflow.archive", "Run.cancel"]),
    );
  });
});

test.each([
  "InboxItem.approve",
  "InboxItem.deny",
  "InboxItem.complete",
  "Workflow.publish",
  "Workflow.activate",
  "Template.install",
])("%s is refused to everyone, with where it is done", async (name) => {
  const { world, asked } = fakeWorld();
  const why = /nothing is decided or deployed over MCP\. .*`npx workflows \w+/;
  await expect(doAll(world, { action: name, args: { id: "x" } })).rejects.toThrow(why);
  expect(asked).toEqual([]);
});

describe("arguments", () => {
  test.each<[JsonObject, RegExp]>([
    [{}, /give either action with args, or code/],
    [{ action: "Workflow.trigger", code: "x" }, /either/],
    [{ code: "await $.Run.get('wfr_1')", args: {} }, /args is for action/],
    [{ action: "Workflow.triger" }, /no action Workflow\.triger; did you mean "Workflow\.trigger"/],
    [{ action: 3 }, /no action 3/],
    [{ action: "Workflow.trigger", args: { idd: "x" } }, /did you mean "id"\?; use id, input/],
    [{ action: "Workflow.trigger", args: {} }, /id is required/],
    [{ action: "Workflow.trigger", args: { id: 3 } }, /id must be a text/],
    [{ action: "Workflow.trigger", args: { id: "wf_1", input: [] } }, /input must be an object/],
    [{ action: "Step.report", args: { id: "wfr_1", state: "RUNNING" } }, /no id of a step/],
    [{ action: "Step.report", args: { id: "wfr_1/a", state: "SKIPPED" } }, /use one of RUNNING/],
    [{ action: "Run.get", args: { id: "wfr_1" }, key: "a b" }, /key must be/],
    [
      { code: "await $.Run.cancel('a', 'b', 'c')" },
      /line 1: Run\.cancel takes Run\.cancel\(id, reason\)/,
    ],
    [{ code: "await $.Workflow.delete('wf_1')" }, /line 1: there is no action Workflow\.delete/],
  ])("%j are refused", async (given, problem) => {
    const { world, asked } = fakeWorld();
    await expect(doAll(world, given)).rejects.toThrow(problem);
    expect(asked).toEqual([]);
  });

  test("too small a scope is said so", async () => {
    const { world } = fakeWorld({ scopes: ["workflows:read"] });
    await expect(doAll(world, trigger)).rejects.toThrow(
      /Workflow\.trigger is refused: the token lacks/,
    );
  });

  test("the schema lists what each action takes", () => {
    const { properties } = doInput(["Workflow.trigger"]);
    expect(properties.action.enum).toEqual(["Workflow.trigger"]);
    expect(properties.args.description).toContain("Workflow.trigger(id, input): starts a run");
  });
});

test("the first line that fails ends the call, and what was done before is told", async () => {
  let calls = 0;
  const { world, asked } = fakeWorld({
    "WorkflowService.startRun": () =>
      ++calls === 2 ? new ConnectError("it is paused", Code.FailedPrecondition) : RUN,
  });
  const code = "await $.Workflow.trigger('wf_1')\n".repeat(3);
  const failing = doAll(world, { code });
  await expect(failing).rejects.toThrow(
    /action 2 of 3, failed: FailedPrecondition: it is paused\. Done before: .*wfr_1/,
  );
  expect(asked).toHaveLength(2);
});
