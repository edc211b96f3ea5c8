import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { WorkflowStatus } from "../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { WorkflowOrder } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Json, JsonObject } from "../../../src/engine/values/json.ts";
import { search } from "../../../src/mcp/search.ts";
import { fakeWorld } from "../../support/mcp/world.ts";

const { DEPLOYED, PAUSED, DRAFT } = WorkflowStatus;

function workflow(name: string, lastRun?: string, openRuns = 0n) {
  const lastRunAt =
    lastRun === undefined ? {} : { lastRunAt: timestampFromDate(new Date(lastRun)) };
  const metrics = { ...lastRunAt, openRuns };
  return { definition: { id: `wf_${name}`, name }, metrics, status: DEPLOYED };
}

async function titles(given: JsonObject, answers = {}): Promise<unknown[]> {
  const { results } = await search(fakeWorld(answers).world, given);
  return (results as JsonObject[]).map(({ title }) => title);
}

describe("a filter", () => {
  test.each([
    ["Activated", [DEPLOYED]],
    ["Active", [DEPLOYED]],
    ["deployed", [DEPLOYED]],
    ["Triggered", [DEPLOYED]],
    [
      ["Paused", "Draft"],
      [PAUSED, DRAFT],
    ],
    [["Active", "Activated"], [DEPLOYED]],
    ["pending approval", [WorkflowStatus.PENDING_APPROVAL]],
  ])("takes the status %j in either vocabulary", async (status, statuses) => {
    const { world, asked } = fakeWorld();
    await search(world, { type: "Workflow", filter: { status: status as Json } });
    expect(asked).toMatchObject([
      { rpc: "Workflows.list", request: { workspaceId: "ws", statuses } },
    ]);
  });

  test("Triggered are those with open runs", async () => {
    const workflows = [workflow("idle"), workflow("busy", undefined, 2n)];
    const found = titles({ filter: { status: "Triggered" } }, { "Workflows.list": { workflows } });
    expect(await found).toEqual(["busy"]);
  });

  test("Triggered beside another status leaves none of the other out", async () => {
    const paused = { ...workflow("paused"), status: PAUSED };
    const deployed = { ...workflow("idle"), status: DEPLOYED };
    const answers = { "Workflows.list": { workflows: [paused, deployed] } };
    const filter = { status: ["Triggered", "Paused"] };
    expect(await titles({ filter }, answers)).toEqual(["paused"]);
  });

  test("that the call has whole is paged by the call", async () => {
    const page = { workflows: [workflow("a"), workflow("b")], nextPageToken: "p2", totalSize: 9 };
    const { world, asked } = fakeWorld({ "Workflows.list": page });
    const filter = { status: "Activated", contains: "approval" };
    const { nextPageToken, totalSize } = await search(world, { filter, limit: 2 });
    expect([nextPageToken, totalSize]).toEqual(["p2", 9]);
    expect(asked).toMatchObject([{ request: { pageSize: 2 } }]);
  });

  test("is the fields of Runs.Search, in either case style", async () => {
    const { world, asked } = fakeWorld();
    const filter = {
      ...{ state: ["failed", "RUNNING"], workflow_id: "wf_1", startedFrom: "2026-01-02" },
      ...{ costUsdFrom: 1.5, retrying: true, openLongerThanSeconds: 60, waitingFor: "approval" },
    };
    await search(world, { type: "Run", filter, limit: 5 });
    expect(asked).toMatchObject([
      {
        rpc: "Runs.search",
        request: {
          states: [WorkflowState.FAILED, WorkflowState.RUNNING],
          ...{ definitionId: "wf_1", costUsdFrom: 1.5, retrying: true, pageSize: 5 },
          startedFrom: timestampFromDate(new Date("2026-01-02T00:00:00Z")),
        },
      },
    ]);
  });

  test.each<[JsonObject, RegExp]>([
    [{ filter: { statsu: "Active" } }, /filter\."statsu" .* did you mean "status"\?; use status/],
    [{ filter: { __proto__: 1, constructor: 1 } }, /"constructor" is no key/],
    [{ filter: { status: "Activatd" } }, /did you mean "ACTIVATED"/],
    [{ filter: { status: 3 } }, /filter\.status is 3; use one of DRAFT/],
    [{ filter: { name: 3 } }, /filter\.name must be a text/],
    [{ filter: "status" }, /filter must be an object/],
    [{ type: "Run", filter: { startedFrom: "soon" } }, /must be a time such as/],
    [{ type: "Run", filter: { openLongerThanSeconds: 1.5 } }, /filter: .*int32/],
    [{ type: "Step" }, /filter\.runId is required/],
    [{ type: "Workflw" }, /type is "Workflw"; did you mean "Workflow"/],
    [{ typ: "Workflow" }, /"typ" is no key of the search; did you mean "type"/],
    [{ limit: 0 }, /limit is 0/],
    [{ sort: { lastRunAt: "down" } }, /use "asc" or "desc"/],
    [{ sort: { lastRun: "desc" } }, /sort\."lastRun" .* did you mean "lastRunAt"/],
    [{ sort: { name: "asc", createdAt: "desc" } }, /more than one key/],
  ])("%j is refused by name", async (given, problem) => {
    await expect(search(fakeWorld().world, given)).rejects.toThrow(problem);
  });
});

describe("an order", () => {
  test("that the call has is the call's", async () => {
    const { world, asked } = fakeWorld();
    await search(world, { sort: { name: "asc" } });
    expect(asked).toMatchObject([{ request: { orderBy: WorkflowOrder.NAME, pageSize: 20 } }]);
  });

  test("that it has not is made here, and what has no value comes last", async () => {
    const workflows = [
      workflow("never"),
      workflow("old", "2026-01-01T00:00:00Z"),
      workflow("new", "2026-02-01T00:00:00Z"),
    ];
    const answers = { "Workflows.list": { workflows } };
    expect(await titles({ sort: { lastRunAt: "desc" } }, answers)).toEqual(["new", "old", "never"]);
    expect(await titles({ sort: { lastRunAt: "asc" } }, answers)).toEqual(["old", "new", "never"]);
    expect(await titles({ sort: { lastRunAt: "desc" }, limit: 1 }, answers)).toEqual(["new"]);
  });

  test("by name goes both ways", async () => {
    const workflows = [workflow("b"), workflow("c"), workflow("a")];
    const found = titles({ sort: { name: "desc" } }, { "Workflows.list": { workflows } });
    expect(await found).toEqual(["c", "b", "a"]);
  });

  test("says how many match beside those that it shows", async () => {
    const workflows = Array.from({ length: 25 }, (_, n) => workflow(`w${n}`));
    const { world } = fakeWorld({ "Workflows.list": { workflows } });
    const { results, note } = await search(world, { sort: { runCount: "desc" } });
    expect(results).toHaveLength(20);
    expect(note).toMatch(/^5 more match: a higher limit, 100 at most/);
  });

  test("looks at a bounded number of things, and says that there are more", async () => {
    const page = { workflows: Array.from({ length: 250 }, (_, n) => workflow(`w${n}`)) };
    const answers = { "Workflows.list": { ...page, nextPageToken: "more" } };
    const { world, asked } = fakeWorld(answers);
    const { note } = await search(world, { sort: { runCount: "desc" } });
    expect(asked).toHaveLength(2);
    expect(note).toMatch(/first 500/);
  });
});

describe("pages", () => {
  test("go on until the limit, for a page of runs may be short", async () => {
    let n = 0;
    const answers = {
      "Runs.search": () => ({ runs: [{ id: `wfr_${++n}` }], nextPageToken: n < 9 ? `p${n}` : "" }),
    };
    const { world, asked } = fakeWorld(answers);
    const { results, nextPageToken } = await search(world, { type: "Run", limit: 3 });
    expect((results as JsonObject[]).map(({ id }) => id)).toEqual(["wfr_1", "wfr_2", "wfr_3"]);
    expect(nextPageToken).toBe("p3");
    expect(asked.map(({ request }) => (request as { pageToken: string }).pageToken)).toEqual([
      ...["", "p1", "p2"],
    ]);
  });

  test("leave out nothing that stands before their token", async () => {
    const items = ["a", "b", "c"].map((id) => ({ id, title: id }));
    const shown = titles(
      { type: "InboxItem", limit: 2 },
      { "Inbox.list": { items, nextPageToken: "p2" } },
    );
    expect(await shown).toEqual(["a", "b", "c"]);
  });

  test("of a call without pages end with a note of how many are left out", async () => {
    const steps = Array.from({ length: 30 }, (_, n) => ({ stepId: `s${n}` }));
    const { world } = fakeWorld({ "WorkflowService.getRun": { run: { id: "wfr_1", steps } } });
    const found = await search(world, { type: "Step", filter: { runId: "wfr_1" } });
    expect(found).toMatchObject({ totalSize: 30, note: expect.stringMatching(/^10 more match/) });
    expect(found).not.toHaveProperty("nextPageToken");
  });

  test("plain words fill the call's field, or are compared with titles", async () => {
    const { world, asked } = fakeWorld({
      "Inbox.list": {
        items: [
          { id: "a", title: "Pay Acme" },
          { id: "b", title: "Book" },
        ],
      },
    });
    await search(world, { query: "expense approval" });
    expect(asked).toMatchObject([{ request: { text: "expense approval" } }]);
    const { results } = await search(world, { type: "InboxItem", query: "acme" });
    expect(results).toMatchObject([{ id: "a" }]);
  });

  test("links have the workspace, and each part of an id of its own", async () => {
    const { world } = fakeWorld({
      "Inbox.list": { items: [{ id: "wfr_1/a b/1", title: "x\ny" }] },
    });
    const { results } = await search(world, { type: "InboxItem" });
    const url = "http://127.0.0.1:8080/console/inbox/wfr_1/a%20b/1?workspace=ws";
    expect(results).toMatchObject([{ url, title: "x y" }]);
  });
});
