/**
 * Runs.Search as callers see it: each filter, pages, and what is refused.
 * Boundary: the real server and store; no collaborator is called. What runs wait for is test/integration/explain.test.ts too.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ReasonCode,
  RunOutcome,
  Runs,
  type SearchRequestSchema,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { countFoundRuns } from "../../src/store/reads/search-facets.ts";
import {
  type RunPlace,
  type RunSearch,
  type SearchLimits,
  searchRuns,
} from "../../src/store/reads/search-runs.ts";
import { EVERY_WORKSPACE } from "../../src/store/reads/visibility.ts";
import { until } from "../support/assertions/until.ts";
import { ANY_RUN } from "../support/builders/run-search.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

type Search = MessageInitShape<typeof SearchRequestSchema>;

const WORKSPACE = "ws_search";
const { COMPLETED, FAILED } = StepRunState;
const HOUR_MS = 3_600_000;

let service: RpcService;
let runs: Client<typeof Runs>;
const of: Record<string, string> = {};
const ids: Record<string, string> = {};

beforeAll(async () => {
  service = await startRpcService();
  const { baseUrl } = service;
  runs = createClient(Runs, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
  await publish("task", {
    stepType: StepType.HUMAN_TASK,
    retryPolicy: { maxRetries: 3, backoffSeconds: 3600 },
  });
  await publish("held", { stepType: StepType.HUMAN_TASK, config: { on_error: "hold" } });
  await publish("event", {
    stepType: StepType.WAIT_FOR_EVENT,
    eventTypePattern: "order.paid",
  });
  await start("plain", "task");
  await start("second version", "task", { entityId: "ent_1", entityType: "deal" });
  await start("of ann", "task", { initiatorUserId: "ann", initiatorAgentId: "agent_7" });
  await start("child", "task", { parentRunId: ids.plain });
  await start("dear", "task");
  await move("dear", COMPLETED, { costUsd: 12.5 });
  await start("failed", "event");
  await move("failed", FAILED, { errorMessage: "The Printer is at 100% and out of paper_" });
  await start("retrying", "task");
  await move("retrying", FAILED, { errorMessage: "no ink" });
  await start("held", "held");
  await move("held", FAILED, { errorMessage: "no form" });
  await start("waiting", "event");
  await start("paused", "task");
  await service.client.pauseRun({ id: ids.paused });
});
afterAll(() => service.stop());

async function publish(name: string, step: object): Promise<void> {
  const { definition } = await service.client.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  of[name] = definitionId;
  const steps = [{ id: "work", name: "Work", ...step }];
  await service.client.publishVersion({ definitionId, steps });
}

async function start(name: string, workflow: string, more: object = {}): Promise<void> {
  const { run } = await service.client.startRun({ definitionId: of[workflow] ?? "", ...more });
  ids[name] = run?.id ?? "";
}

const move = (name: string, state: StepRunState, more: object) =>
  service.client.transitionStep({ runId: ids[name] ?? "", stepId: "work", state, ...more });

const namesOf = (found: readonly { id: string }[]) =>
  found.map(({ id }) => Object.entries(ids).find(([, known]) => known === id)?.[0]);

/** The names of the runs, newest first. */
async function search(filters: Search): Promise<unknown[]> {
  const { runs: found, nextPageToken } = await runs.search({ workspaceId: WORKSPACE, ...filters });
  expect(nextPageToken).toBe("");
  return namesOf(found);
}

const ALL = [
  ...["paused", "waiting", "held", "retrying", "failed", "dear", "child", "of ann"],
  ...["second version", "plain"],
];
const without = (...names: string[]) => ALL.filter((name) => !names.includes(name));

describe("Search", () => {
  test.each<[what: string, filters: () => Search, found: string[]]>([
    ["nothing", () => ({}), ALL],
    [
      "states",
      () => ({ states: [WorkflowState.FAILED, WorkflowState.PAUSED] }),
      ["paused", "failed"],
    ],
    ["workflow", () => ({ definitionId: of.event }), ["waiting", "failed"]],
    ["version", () => ({ definitionId: of.event, definitionVersion: 1 }), ["waiting", "failed"]],
    ["a version without runs", () => ({ definitionId: of.event, definitionVersion: 2 }), []],
    ["entity", () => ({ entityId: "ent_1" }), ["second version"]],
    ["type of entity", () => ({ entityType: "ENTITY_TYPE_DEAL" }), ["second version"]],
    ["a short type of entity", () => ({ entityType: "deal" }), ["second version"]],
    ["agent", () => ({ initiatorAgentId: "agent_7" }), ["of ann"]],
    ["user", () => ({ initiatorUserId: "ann" }), ["of ann"]],
    ["parent", () => ({ parentRunId: ids.plain }), ["child"]],
    ["parent and state", () => ({ parentRunId: ids.plain, states: [WorkflowState.FAILED] }), []],
    ["error text", () => ({ errorText: "printer" }), ["failed"]],
    ["error text as it is", () => ({ errorText: "100%" }), ["failed"]],
    ["error text without wildcards", () => ({ errorText: "pr%ter" }), []],
    ["cost", () => ({ costUsdFrom: 12.5, costUsdBelow: 13 }), ["dear"]],
    ["no cost", () => ({ costUsdBelow: 12.5 }), without("dear")],
    ["retrying", () => ({ retrying: true }), ["retrying"]],
    ["RETRY", () => ({ waitingFor: [ReasonCode.RETRY] }), ["retrying"]],
    ["HELD", () => ({ waitingFor: [ReasonCode.HELD] }), ["held"]],
    [
      "EVENT, PAUSED",
      () => ({ waitingFor: [ReasonCode.EVENT, ReasonCode.PAUSED] }),
      ["paused", "waiting"],
    ],
    [
      "TASK of an agent",
      () => ({ waitingFor: [ReasonCode.TASK], initiatorAgentId: "agent_7" }),
      ["of ann"],
    ],
    ["what waits and has ended", () => ({ retrying: true, states: [WorkflowState.FAILED] }), []],
    ["what ended", () => ({ endedFrom: at(-HOUR_MS) }), ["failed", "dear"]],
    ["what ended before", () => ({ endedBefore: at(-HOUR_MS) }), []],
    ["what began", () => ({ startedFrom: at(-HOUR_MS), startedBefore: at(HOUR_MS) }), ALL],
    ["what began later", () => ({ startedFrom: at(HOUR_MS) }), []],
    ["open for long", () => ({ openLongerThanSeconds: 3_600 }), []],
    ["open", () => ({ openLongerThanSeconds: 0 }), without("failed", "dear")],
  ])("finds by %s", async (_what, filters, found) => {
    expect(await search(filters())).toEqual(found);
  });

  test("goes on page by page, and gives each run as ListRuns does", async () => {
    const found = [];
    let pageToken = "";
    do {
      const page = await runs.search({ workspaceId: WORKSPACE, pageSize: 3, pageToken });
      found.push(...page.runs);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(found).toEqual((await service.client.listRuns({ workspaceId: WORKSPACE })).runs);
  });

  test("counts what matches, in all and by values, whatever the page", async () => {
    const request = { workspaceId: WORKSPACE, definitionId: of.event ?? "", pageSize: 1 };
    expect((await runs.search(request)).counts).toBeUndefined();
    const { runs: found, counts } = await runs.search({ ...request, counts: true });
    expect(namesOf(found)).toEqual(["waiting"]);
    expect(counts).toMatchObject({ totalSize: 2, atLeast: false });
    const values = (field: string) =>
      counts?.facets
        .find((facet) => facet.field === field)
        ?.values.map(({ value, totalSize }) => [value, totalSize]);
    expect(values("state")).toEqual([
      ["WORKFLOW_STATE_FAILED", 1],
      ["WORKFLOW_STATE_RUNNING", 1],
    ]);
    expect(values("definition_id")).toEqual([[of.event, 2]]);
    expect(values("entity_type")).toEqual([["", 2]]);
    expect(values("definition_version")).toEqual([["1", 2]]);
    expect(values("waiting_for")).toEqual([["REASON_CODE_EVENT", 1]]);
    const other = await runs.search({ workspaceId: "ws_other", counts: true });
    expect(other.counts).toMatchObject({ totalSize: 0, atLeast: false });
    const ended = { retrying: true, states: [WorkflowState.FAILED], counts: true };
    expect((await runs.search({ workspaceId: WORKSPACE, ...ended })).counts?.totalSize).toBe(0);
  });

  test("counts what runs wait for, each run once for each thing", async () => {
    const { counts } = await runs.search({ workspaceId: WORKSPACE, counts: true, pageSize: 1 });
    const facet = counts?.facets.find(({ field }) => field === "waiting_for");
    expect(facet).toMatchObject({ atLeast: false });
    const values = facet?.values.map(({ value, totalSize }) => [value, totalSize]);
    // The step of the paused run is a task.
    expect(values).toEqual([
      ["REASON_CODE_TASK", 5],
      ...["HELD", "RETRY", "PAUSED", "EVENT"].map((code) => [`REASON_CODE_${code}`, 1]),
    ]);
    expect(counts?.facets.find(({ field }) => field === "definition_version")?.values).toEqual([]);
  });

  test("counts a run once, however many of its steps wait for the same", async () => {
    const workspaceId = "ws_waits";
    const { definition } = await service.client.createDefinition({ workspaceId, name: "two" });
    const definitionId = definition?.id ?? "";
    const steps = ["a", "b"].map((id) => ({ id, name: id, stepType: StepType.HUMAN_TASK }));
    await service.client.publishVersion({ definitionId, steps });
    await service.client.startRun({ definitionId });
    const { counts } = await runs.search({ workspaceId, counts: true });
    const facet = counts?.facets.find(({ field }) => field === "waiting_for");
    expect(facet?.values).toMatchObject([{ value: "REASON_CODE_TASK", totalSize: 1 }]);
  });

  test("says that it has counted the waits of the newest runs alone", async () => {
    const asked = { ...ANY_RUN, workspaceId: WORKSPACE };
    const limits = { runs: 100, steps: 4 };
    const counted = await countFoundRuns(service.database.read, EVERY_WORKSPACE, asked, limits);
    expect(counted).toMatchObject({ total: 10, isMinimum: false, isMinimumOfWaits: true });
    const waits = counted.facets.filter(({ facet }) => facet === "waiting_for");
    // Of the two newest runs, each with a step and one more.
    expect(waits.map(({ value, count }) => `${value} ${count}`)).toEqual([
      ...["TASK 1", "PAUSED 1", "EVENT 1"],
    ]);
  });

  test.each([
    ["runs", { costUsdFrom: 1 }, { runs: 4, steps: 100 }, 0, true],
    ["all runs", { costUsdFrom: 1 }, { runs: 11, steps: 100 }, 1, false],
    ["steps", { errorText: "o" }, { runs: 100, steps: 8 }, 2, true],
  ])("says that it has not counted all: %s", async (_what, filters, limits, total, isMinimum) => {
    const asked = { ...ANY_RUN, workspaceId: WORKSPACE, ...filters };
    const { read } = service.database;
    expect(await countFoundRuns(read, EVERY_WORKSPACE, asked, limits)).toMatchObject({
      ...{ total, isMinimum },
    });
  });

  test("shows nothing of another workspace", async () => {
    const { runs: found } = await runs.search({
      workspaceId: "ws_other",
      parentRunId: ids.plain ?? "",
    });
    expect(found).toEqual([]);
  });

  test("refuses what no run can be searched by", async () => {
    const page = await runs.search({ workspaceId: WORKSPACE, pageSize: 1 });
    const refused = async (request: Search) => (await refusedBy(runs.search(request))).fields;
    expect(await refused({})).toEqual(["workspace_id"]);
    const other = { workspaceId: WORKSPACE, retrying: true, pageToken: page.nextPageToken };
    expect(await refused(other)).toEqual(["page_token"]);
    expect(
      await refused({
        ...{ workspaceId: WORKSPACE, definitionVersion: 1, pageSize: 501, costUsdFrom: -1 },
        states: [WorkflowState.UNSPECIFIED],
        outcomes: [RunOutcome.UNSPECIFIED],
        waitingFor: [ReasonCode.TASK, ReasonCode.BREAKER_OPEN],
        openLongerThanSeconds: -1,
        startedFrom: timestampFromMs(-1),
      }),
    ).toEqual([
      ...["definition_id", "cost_usd_from", "states", "outcomes", "started_from", "waiting_for[1]"],
      ...["open_longer_than_seconds", "page_size"],
    ]);
  });
});

describe("a search that examines less than there is", () => {
  test.each([
    ["runs", { costUsdFrom: 1 }, { runs: 2, steps: 100 }, [[], [], ["dear"], [], [], []]],
    [
      "steps",
      { errorText: "o" },
      { runs: 100, steps: 4 },
      [[], ["held", "retrying"], ["failed"], [], []],
    ],
    ["a run with more steps", { errorText: "form" }, { runs: 100, steps: 1 }, undefined],
  ])("says where to go on: %s", async (_what, filters, limits, pages) => {
    const found = await pagesOf(filters, limits);
    if (pages === undefined) expect(found.flat()).toEqual(["held"]);
    else expect(found).toEqual(pages);
  });

  test("takes its candidates by one filter alone, where several have an index", async () => {
    const limits = { runs: 1, steps: 100 };
    const entityId = "ent_1";
    const found = await pagesOf({ entityId, definitionId: of.task ?? "" }, limits);
    expect(found.flat()).toEqual(["second version"]);
    // The first page examines the run of the entity, the second finds no other one.
    expect(await pagesOf({ entityId, definitionId: of.event ?? "" }, limits)).toEqual([[], []]);
    const byAgent = { initiatorAgentId: "agent_7", definitionId: of.event ?? "" };
    expect(await pagesOf(byAgent, limits)).toEqual([[], []]);
    const byEntity = { entityId, initiatorAgentId: "agent_7" };
    expect(await pagesOf(byEntity, limits)).toEqual([[], []]);
  });
});

describe("runs by how they ended", () => {
  const OUTCOMES = "ws_outcomes";
  const named: Record<string, string> = {};

  beforeAll(async () => {
    const { client } = service;
    const { definition } = await client.createDefinition({ workspaceId: OUTCOMES, name: "ends" });
    const definitionId = definition?.id ?? "";
    const task = { stepType: StepType.HUMAN_TASK, config: { instructions: "do it" } };
    await client.publishVersion({
      definitionId,
      steps: [
        { ...task, id: "first", compensationStepId: "undo" },
        { ...task, id: "second" },
        { ...task, id: "undo" },
      ],
      edges: [{ fromStepId: "first", toStepId: "second" }],
    });
    for (const name of ["open", "done", "failed", "cancelled", "undone", "broken"]) {
      const { run } = await client.startRun({ definitionId });
      named[name] = run?.id ?? "";
    }
    const end = (name: string, stepId: string, state: StepRunState = COMPLETED) =>
      client.transitionStep({ runId: named[name] ?? "", stepId, state });
    for (const name of ["done", "failed", "undone", "broken"]) await end(name, "first");
    await end("done", "second");
    await end("failed", "second", FAILED);
    await client.cancelRun({ id: named.cancelled ?? "" });
    for (const name of ["undone", "broken"]) {
      await client.compensateRun({ id: named[name] ?? "" });
      // It was cancelled: a report that comes late is a row behind the run's last change.
      await end(name, "second");
    }
    await end("undone", "undo");
    await end("broken", "undo", FAILED);
    const short = await client.createDefinition({ workspaceId: OUTCOMES, name: "late" });
    const lateId = short.definition?.id ?? "";
    await client.publishVersion({
      ...{ definitionId: lateId, timeoutSeconds: 1 },
      steps: [{ ...task, id: "first" }],
    });
    const { run } = await client.startRun({ definitionId: lateId });
    const runId = run?.id ?? "";
    named.late = runId;
    const input = { kind: "deadline_passed", cause: { kind: "timer", id: "deadline" } } as const;
    await until(async () => {
      await service.processor.submit({ kind: "input", runId, workspaceId: OUTCOMES, input });
      const { run: now } = await client.getRun({ id: runId });
      return now?.state === WorkflowState.FAILED ? true : undefined;
    });
  });

  test.each<[RunOutcome[], string[]]>([
    [[RunOutcome.SUCCEEDED], ["done"]],
    [[RunOutcome.FAILED], ["failed"]],
    [[RunOutcome.TIMED_OUT], ["late"]],
    [[RunOutcome.CANCELLED], ["cancelled"]],
    [[RunOutcome.COMPENSATED], ["undone"]],
    [[RunOutcome.COMPENSATION_FAILED], ["broken"]],
    [
      [RunOutcome.SUCCEEDED, RunOutcome.TIMED_OUT],
      ["late", "done"],
    ],
    [
      [RunOutcome.FAILED, RunOutcome.TIMED_OUT, RunOutcome.COMPENSATED, 6],
      ["late", "broken", "undone", "failed"],
    ],
  ])("finds %j", async (outcomes, found) => {
    const { runs: page } = await runs.search({ workspaceId: OUTCOMES, outcomes });
    const names = page.map(({ id }) => Object.keys(named).find((name) => named[name] === id));
    expect(names).toEqual(found);
  });

  test("finds none that is in another state", async () => {
    const states = [WorkflowState.RUNNING];
    const request = { workspaceId: OUTCOMES, states, outcomes: [RunOutcome.FAILED] };
    expect((await runs.search(request)).runs).toEqual([]);
  });
});

/** The names of the runs on each page of a search. */
async function pagesOf(filters: Partial<RunSearch>, limits: SearchLimits): Promise<unknown[][]> {
  const found: unknown[][] = [];
  let after: RunPlace | undefined;
  do {
    const { read } = service.database;
    const page = await searchRuns(
      read,
      EVERY_WORKSPACE,
      { ...ANY_RUN, workspaceId: WORKSPACE, ...filters },
      50,
      after,
      limits,
    );
    found.push(namesOf(page.ids.map((id) => ({ id }))));
    after = page.next;
  } while (after !== undefined && found.length < 20);
  return found;
}

function at(ms: number) {
  return timestampFromMs(Date.now() + ms);
}
