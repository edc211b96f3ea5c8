/**
 * Workflows as something that changes: drafts, what they are called, archived and deleted, and what lists show.
 * Boundary: the RPCs over the real store; scopes and other workspaces are the tables of rpc-auth.test.ts and visibility.test.ts.
 */
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ChangeKind, RiskCode, VersionPart } from "../../gen/workflows/ops/v1/version_diffs_pb.ts";
import { SourceFormat } from "../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import {
  PublishOutcome,
  WorkflowOrder,
  Workflows,
} from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { createEndpoint } from "../../src/runtime/endpoints.ts";
import type { RunStart } from "../../src/runtime/submission.ts";
import { createSchedule } from "../../src/runtime/workflow-schedules.ts";
import { until } from "../support/assertions/until.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

let service: RpcService;
let transport: Transport;
let workspaceId = "";
let workspaces = 0;
beforeAll(async () => {
  service = await startRpcService();
  transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
});
afterAll(() => service.stop());
beforeEach(() => {
  workspaceId = `ws_${++workspaces}`;
});

const client = () => createClient(Workflows, transport);
const textOf = (name: string, task = "Work") =>
  `workflow: ${name}\non: { event: order.made }\nsteps:\n  work: { task: ${task} }\n`;
const FAULTY = "workflow: draft\nsteps:\n  work: { tsk: Work }\n";
const as = (actor: string) => ({ headers: { "Workflows-Actor": actor } });

async function create(name = "draft", more: object = {}): Promise<string> {
  const { workflow } = await client().create({ workspaceId, name, ...more });
  return workflow?.definition?.id ?? "";
}

async function publish(name = "draft", task?: string): Promise<string> {
  const sourceText = textOf(name, task);
  const { definition } = await client().publishSource({ workspaceId, sourceText });
  return definition?.id ?? "";
}

function sql<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
  return service.database.write.query<Row & Record<string, unknown>>({ name, text }, values);
}

/** The events of a workflow beside the contract's, in order: operation and who. */
async function eventsOf(definitionId: string): Promise<string[]> {
  const rows = await sql<{ changes: { type: string; payload: { by: string } }[] }>(
    "test_changes_of_workflow",
    "select changes from move_batches where changes::text like $1 order by id",
    [`%"aggregateId":"${definitionId}","aggregateType":"workflow"%`],
  );
  return rows
    .flatMap(({ changes }) => changes)
    .filter(({ type }) => type.startsWith("workflows.changes.workflow."))
    .map(({ type, payload }) => `${type.split(".").at(-1)} ${payload.by}`.trim());
}

async function runsOf(definitionId: string): Promise<number> {
  return (await service.client.listRuns({ workspaceId, definitionId })).total;
}

/** An event that starts the workflows of the workspace. */
async function orderMade(triggerEventId: string): Promise<string[]> {
  const event = { triggerType: TriggerType.EVENT, eventType: "order.made", triggerEventId };
  const { startedRuns } = await service.client.handleTrigger({ workspaceId, ...event });
  return startedRuns.map(({ definitionId }) => definitionId);
}

describe("drafts", () => {
  test("are saved with their faults, published without, and gone then", async () => {
    const definitionId = await create();
    expect((await client().getDraft({ definitionId })).draft).toBeUndefined();
    const layout = { work: { x: 1 } };
    const saved = await client().saveDraft({ definitionId, sourceText: FAULTY, layout }, as("ann"));
    expect(saved).toMatchObject({
      faultCount: 1,
      faults: [{ path: "steps.work", line: 3, column: 3 }],
      draft: { savedBy: "unverified:ann", faultCount: 1 },
    });
    const etag = saved.draft?.etag ?? "";
    expect(await client().getDraft({ definitionId })).toMatchObject({
      draft: { etag, sourceText: FAULTY, layout, format: SourceFormat.YAML, baseVersion: 0 },
      faults: saved.faults,
      faultCount: 1,
    });
    const refused = await refusedBy(client().publishDraft({ definitionId, etag }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["steps.work"] });
    expect(refused.error.rawMessage).toContain("line 3, column 3");
    const sourceText = textOf("draft");
    const mended = await client().saveDraft({ definitionId, sourceText, layout, etag });
    expect(mended.faults).toEqual([]);
    const published = await client().publishDraft({
      ...{ definitionId, etag: mended.draft?.etag ?? "", note: "why", deployTo: "production" },
    });
    expect(published).toMatchObject({
      outcome: PublishOutcome.PUBLISHED,
      digest: mended.digest,
      version: { version: 1, note: "why", hasSource: true },
      definition: { latestVersion: 1 },
    });
    expect(await client().getVersion({ definitionId })).toMatchObject({ sourceText, layout });
    expect((await client().getDraft({ definitionId })).draft).toBeUndefined();
    expect((await client().get({ id: definitionId })).workflow?.draft).toBeUndefined();
    expect(await eventsOf(definitionId)).toEqual([
      ...["created", "draft_saved unverified:ann", "draft_saved", "published", "activated"],
    ]);
  });

  test("of two editors the second one is told both etags, and nothing is lost", async () => {
    const definitionId = await create();
    const save = (etag: string, task: string) =>
      client().saveDraft({ definitionId, etag, sourceText: textOf("draft", task) }, as(task));
    const first = (await save("", "A")).draft?.etag ?? "";
    const second = (await save(first, "B")).draft?.etag ?? "";
    const { code, reason, error } = await refusedBy(save(first, "C"));
    expect({ code, reason }).toEqual({ code: "Aborted", reason: "ETAG_MISMATCH" });
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toMatchObject({
      ...{ etag_sent: first, etag_stored: second },
    });
    expect(error.rawMessage).toContain("unverified:B");
    const answers = await Promise.allSettled(
      ["D", "E", "F", "G"].map((task) => save(second, task)),
    );
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const each of [client().discardDraft, client().publishDraft]) {
      const stale = await refusedBy(each({ definitionId, etag: second }));
      expect(stale.reason).toBe("ETAG_MISMATCH");
    }
    const { draft } = await client().getDraft({ definitionId });
    expect(draft?.sourceText).toMatch(/task: [DEFG]/);
    await client().discardDraft({ definitionId, etag: draft?.etag ?? "" });
    const gone = await refusedBy(save(second, "H"));
    expect(gone.error.findDetails(ErrorInfoSchema)[0]?.metadata).toMatchObject({ etag_stored: "" });
    expect((await save("", "H")).draft?.etag).not.toBe(first);
  });

  test("that an editor saves by itself are one event a session of edits", async () => {
    const definitionId = await create();
    let etag = "";
    const save = async (actor: string) => {
      const text = { sourceText: textOf("draft"), autosave: true };
      etag =
        (await client().saveDraft({ definitionId, etag, ...text }, as(actor))).draft?.etag ?? "";
    };
    for (const actor of ["ann", "ann", "ann", "bob", "bob"]) await save(actor);
    const past =
      "update workflow_drafts set saved_at = now() - interval '11 minutes' where definition_id = $1";
    await sql("test_age_draft", past, [definitionId]);
    await save("bob");
    expect(await eventsOf(definitionId)).toEqual([
      ...["created", "edited unverified:ann", "edited unverified:bob", "edited unverified:bob"],
    ]);
  });

  test("name their workflow, and have 512 KiB at most", async () => {
    const definitionId = await create();
    const { faults, draft } = await client().saveDraft({
      ...{ definitionId, sourceText: `# first\n${textOf("other")}` },
    });
    expect(faults).toMatchObject([{ path: "workflow", line: 2 }]);
    expect(faults[0]?.description).toContain('draft of workflow "draft"');
    const etag = draft?.etag ?? "";
    const large = client().saveDraft({ definitionId, etag, sourceText: "#".repeat(524_289) });
    expect(await refusedBy(large)).toMatchObject({ fields: ["source_text"] });
    const nowhere = client().publishDraft({ definitionId, etag, deployTo: "A B" });
    expect(await refusedBy(nowhere)).toMatchObject({ fields: ["deploy_to"] });
  });

  test("are published to another environment, and production stays as it is", async () => {
    const definitionId = await publish();
    const { draft } = await client().saveDraft({ definitionId, sourceText: textOf("draft", "B") });
    const published = await client().publishDraft({
      ...{ definitionId, etag: draft?.etag ?? "", deployTo: "staging" },
    });
    expect(published).toMatchObject({
      ...{ outcome: PublishOutcome.PUBLISHED, version: { version: 2 } },
      definition: { latestVersion: 1 },
    });
    const { workflow } = await client().get({ id: definitionId });
    expect(workflow?.draft).toBeUndefined();
    const deployed = workflow?.deployments.map(({ environment, version }) => [
      environment,
      version,
    ]);
    expect(deployed).toEqual([
      ["production", 1],
      ["staging", 2],
    ]);
    // The same text again is the version that is there, also where production has another one.
    const repeated = await client().saveDraft({ definitionId, sourceText: textOf("draft", "B") });
    const etag = repeated.draft?.etag ?? "";
    const again = await client().publishDraft({ definitionId, etag, deployTo: "staging" });
    expect(again).toMatchObject({
      ...{ outcome: PublishOutcome.UNCHANGED, version: { version: 2 } },
      definition: { latestVersion: 1 },
    });
  });

  test("are saved and published once for a key", async () => {
    const definitionId = await create();
    const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });
    const text = { definitionId, sourceText: textOf("draft") };
    const saved = await client().saveDraft(text, withKey("save"));
    expect(await client().saveDraft(text, withKey("save"))).toEqual(saved);
    const named = { definitionId, etag: saved.draft?.etag ?? "" };
    const published = await client().publishDraft(named, withKey("publish"));
    const forget = `update caller_keys set answer = null, lease_until = now() - interval '1 second',
      holder = 'of a dead replica' where workspace_id = $1 returning key`;
    expect(await sql("test_forget_answers", forget, [workspaceId])).toHaveLength(2);
    expect(await client().publishDraft(named, withKey("publish"))).toEqual(published);
    const again = await client().saveDraft(text, withKey("save"));
    expect(again.draft?.etag).toBe(saved.draft?.etag);
  });
});

describe("a workflow", () => {
  test("is made with a draft, and changed where nobody else has", async () => {
    const words = { description: "d", tags: ["a"], owner: "ann", team: "finance" };
    const { workflow, faults } = await client().create({
      ...{ workspaceId, name: "made", sourceText: FAULTY, ...words },
    });
    expect(faults).toMatchObject([{ line: 3 }]);
    expect(workflow).toMatchObject({
      definition: { name: "made", description: "d", tags: ["a"], latestVersion: 0 },
      ...{ owner: "ann", team: "finance", status: WorkflowStatus.DRAFT, etag: "0" },
      draft: { faultCount: 1 },
    });
    const definitionId = workflow?.definition?.id ?? "";
    const update = (etag: string, updateMask: string[], more: object) =>
      client().update({ definitionId, etag, updateMask, ...more });
    const changed = await update("0", ["owner", "name"], { owner: "bob", name: "renamed" });
    expect(changed.workflow).toMatchObject({
      definition: { name: "renamed", description: "d", tags: ["a"] },
      ...{ owner: "bob", team: "finance", etag: "1" },
    });
    const { reason, error } = await refusedBy(update("0", ["team"], { team: "x" }));
    expect(reason).toBe("ETAG_MISMATCH");
    expect(error.rawMessage).toContain('"1"');
    const other = await create("other");
    const taken = await refusedBy(update("1", ["name"], { name: "other" }));
    expect(taken.code).toBe("AlreadyExists");
    expect(taken.error.rawMessage).toContain(other);
    expect(await refusedBy(update("1", ["nme"], {}))).toMatchObject({ fields: ["update_mask"] });
    expect(await refusedBy(update("1", [], {}))).toMatchObject({ fields: ["update_mask"] });
    expect((await refusedBy(create("other"))).code).toBe("AlreadyExists");
    expect(await eventsOf(definitionId)).toEqual(["created", "updated"]);
    // The contract shows the same definition.
    const { definition } = await service.client.getDefinition({ id: definitionId });
    expect(definition?.name).toBe("renamed");
  });

  test("that is archived starts nothing, and goes on with what runs where it was paused before", async () => {
    const definitionId = await publish("archived");
    const { run } = await service.client.startRun({ definitionId });
    const early = await refusedBy(client().archive({ definitionId }));
    expect(early).toMatchObject({ code: "FailedPrecondition", reason: "ILLEGAL_MOVE" });
    expect(early.error.rawMessage).toContain("Pause it first");
    await client().pause({ definitionId });
    const archived = await client().archive({ definitionId, reason: "old" }, as("ann"));
    expect(archived.workflow).toMatchObject({ status: WorkflowStatus.ARCHIVED, etag: "1" });
    expect(archived.workflow?.archivedAt).toBeDefined();
    expect(await client().archive({ definitionId })).toEqual(archived);
    await client().resume({ definitionId });
    expect(await orderMade("e1")).toEqual([]);
    const start = await refusedBy(service.client.startRun({ definitionId }));
    expect(start).toMatchObject({ code: "FailedPrecondition", reason: "ARCHIVED" });
    expect(start.error.rawMessage).toContain("Unarchive");
    const next = await refusedBy(publish("archived", "Another"));
    expect(next).toMatchObject({ code: "FailedPrecondition", reason: "ARCHIVED" });
    const done = { stepId: "work", state: StepRunState.COMPLETED };
    await service.client.transitionStep({ runId: run?.id ?? "", ...done });
    const again = await refusedBy(service.client.startRun({ definitionId, definitionVersion: 1 }));
    expect(again.reason).toBe("ARCHIVED");
    // The contract lists it as before.
    expect((await service.client.listDefinitions({ workspaceId })).total).toBe(1);
    const back = await client().unarchive({ definitionId });
    expect(back.workflow).toMatchObject({ status: WorkflowStatus.DEPLOYED, etag: "2" });
    expect(await orderMade("e2")).toEqual([definitionId]);
    expect(await eventsOf(definitionId)).toEqual([
      ...["created", "published", "activated", "paused", "archived unverified:ann"],
      ...["resumed", "updated"],
    ]);
  });

  test("that is archived has no schedule, and one from the present on when it is back", async () => {
    const sourceText = "workflow: ticking\non: { every: 1h }\nsteps: { a: { task: A } }\n";
    const { definition } = await client().publishSource({ workspaceId, sourceText });
    const definitionId = definition?.id ?? "";
    const slots = () =>
      sql<{ isNext: boolean }>(
        "test_slots",
        `select next_at > now() and next_at <= now() + interval '1 hour' as "isNext"
          from schedules where definition_id = $1`,
        [definitionId],
      );
    expect(await slots()).toEqual([{ isNext: true }]);
    await client().archive({ definitionId });
    expect(await slots()).toEqual([]);
    const long =
      "update workflow_versions set created_at = now() - interval '9 days' where definition_id = $1";
    await sql("test_age_version", long, [definitionId]);
    await client().unarchive({ definitionId });
    expect(await slots()).toEqual([{ isNext: true }]);
  });

  test("is deleted without runs alone, with all that is its", async () => {
    const definitionId = await publish("gone");
    const { run } = await service.client.startRun({ definitionId });
    const { code, reason, error } = await refusedBy(client().delete({ definitionId }));
    expect({ code, reason }).toEqual({ code: "FailedPrecondition", reason: "HAS_RUNS" });
    expect(error.rawMessage).toContain("Archive");
    expect((await service.client.getRun({ id: run?.id ?? "" })).run?.definitionId).toBe(
      definitionId,
    );
    const unused = await publish("unused");
    await client().saveDraft({ definitionId: unused, sourceText: FAULTY });
    await client().update({
      ...{ definitionId: unused, etag: "0", owner: "ann", updateMask: ["owner"] },
    });
    const withKey = { headers: { "Idempotency-Key": "delete" } };
    await client().delete({ definitionId: unused, workspaceId }, withKey);
    await client().delete({ definitionId: unused, workspaceId }, withKey);
    const gone = await Promise.all([
      refusedBy(client().get({ id: unused })),
      refusedBy(service.client.getDefinition({ id: unused })),
      refusedBy(service.client.startRun({ definitionId: unused })),
      refusedBy(client().saveDraft({ definitionId: unused })),
    ]);
    expect(gone.map(({ code }) => code)).toEqual(gone.map(() => "NotFound"));
    // What was on its way to be made of it is not left behind.
    const more = { workspaceId, definitionId: unused, environment: "", name: "late" };
    const changed = { changedBy: "", changeReason: "" };
    const hook = { verification: "none", secret: "", signatureHeader: "" } as const;
    const times = { line: "@every 1h", zone: "", overlap: "allow", runAs: "org" } as const;
    const limits = { catchUpSeconds: undefined, from: undefined, to: undefined, jitterSeconds: 0 };
    const late = await Promise.allSettled([
      createEndpoint(service, {
        ...{ ...more, ...hook, ...changed },
        ...{ rotateOnPublish: false, rotateGraceSeconds: 0 },
      }),
      createSchedule(
        service,
        { ...more, ...times, ...limits, isPaused: false, input: {}, runAsSubject: "" },
        changed,
      ),
    ]);
    const refused = { status: "rejected", reason: { reason: "not_found" } };
    expect(late).toMatchObject([refused, refused]);
    expect(await publish("unused")).not.toBe(unused);
    expect(await eventsOf(unused)).toEqual([
      ...["created", "published", "activated", "draft_saved", "updated", "deleted"],
    ]);
  });
});

describe("starts beside Archive and Delete", () => {
  async function startOf(definitionId: string): Promise<RunStart> {
    const { workflow } = await client().get({ id: definitionId });
    const none = { triggerEventId: "", triggerSource: "", initiatorAgentId: "" };
    return {
      ...{ ...none, initiatorUserId: "", parentRunId: "", entityId: "", entityType: "", hops: 0 },
      ...{ definitionId, versionId: workflow?.latest?.id ?? "", definitionVersion: 1, workspaceId },
      ...{ triggerType: "MANUAL", input: {} },
    };
  }
  const submit = (start: RunStart) =>
    service.processor.submit({ kind: "start", start, cause: { kind: "timer", id: "schedule" } });

  test("that were on their way are refused, and the others of their batch are not", async () => {
    const [archived, deleted, open] = [await publish("a"), await publish("b"), await publish("c")];
    const starts = await Promise.all([archived, deleted, open].map(startOf));
    await client().archive({ definitionId: archived });
    await client().delete({ definitionId: deleted });
    const results = await Promise.allSettled(starts.map(submit));
    expect(results).toMatchObject([
      { status: "rejected", reason: { reason: "archived" } },
      { status: "rejected", reason: { reason: "not_found" } },
      { status: "fulfilled", value: { created: true } },
    ]);
    expect(await Promise.all([archived, deleted, open].map(runsOf))).toEqual([0, 0, 1]);
  });

  test("that repeat an earlier one give its run, whatever else is in their batch", async () => {
    const definitionId = await publish("repeated");
    const start = { ...(await startOf(definitionId)), triggerEventId: "first" };
    const { runId } = await submit(start);
    await client().pause({ definitionId });
    await client().archive({ definitionId });
    const others = ["", "second", "first", "third", "first"];
    const results = await Promise.allSettled(
      others.map((triggerEventId) => submit({ ...start, triggerEventId })),
    );
    const refused = { status: "rejected", reason: { reason: "archived" } };
    const repeated = { status: "fulfilled", value: { created: false, runId } };
    expect(results).toMatchObject([refused, refused, repeated, refused, repeated]);
  });

  test("whose statement is under way are waited for", async () => {
    const definitionId = await publish("waited");
    const { database } = service;
    const waiting = {
      name: "test_waiting_for_starts",
      text: `select 1 from pg_locks where relation = 'closed_workflows'::regclass and not granted
        and database = (select oid from pg_database where datname = current_database())`,
    };
    // As the statement of a start does.
    const begin = {
      name: "test_begin",
      text: "select 1 from closed_workflows where definition_id = $1 for key share",
    };
    let isDone = false;
    const { archiving } = await database.transaction(async (tx) => {
      await tx.query(begin, [definitionId]);
      const call = client()
        .archive({ definitionId })
        .finally(() => {
          isDone = true;
        });
      await until(async () => (await database.read.query(waiting, []))[0]);
      expect(isDone).toBe(false);
      return { archiving: call };
    });
    expect((await archiving).workflow?.status).toBe(WorkflowStatus.ARCHIVED);
  });

  test.each(["archive", "delete"] as const)(
    "at once with %s: none begins after its answer",
    async (how) => {
      const definitionId = await publish(`at-once-${how}`);
      const starts = Array.from({ length: 40 }, () =>
        service.client.startRun({ definitionId }).then(
          () => true,
          () => false,
        ),
      );
      const closed = await client()
        [how]({ definitionId })
        .then(
          () => true,
          () => false,
        );
      const runs = await runsOf(definitionId);
      const begun = (await Promise.all(starts)).filter(Boolean).length;
      expect(await runsOf(definitionId)).toBe(begun);
      if (closed) expect(runs).toBe(begun);
      if (closed && how === "delete") expect(begun).toBe(0);
    },
  );
});

describe("List", () => {
  const names = async (more: object) => {
    const { workflows, totalSize } = await client().list({ workspaceId, ...more });
    expect(totalSize).toBe(workflows.length);
    return workflows.map(({ definition }) => definition?.name);
  };

  test("filters by what is known of a workflow, and sorts", async () => {
    const agent =
      "workflow: beta\ntags: [t]\nsteps:\n  a: { agent: bank, skill: s }\n  b: { approve: B, action: pay }\n";
    await client().publishSource({ workspaceId, sourceText: agent });
    const worker = "workflow: alpha\nsteps:\n  a: { queue: q }\n";
    await client().publishSource({ workspaceId, sourceText: worker });
    const draft = await create("gamma", {
      owner: "ann",
      team: "ops",
      description: "About Invoices",
    });
    const old = await publish("delta");
    await client().archive({ definitionId: old });
    expect(await names({})).toEqual(["gamma", "alpha", "beta"]);
    expect(await names({ orderBy: WorkflowOrder.NAME })).toEqual(["alpha", "beta", "gamma"]);
    const { ARCHIVED, DEPLOYED, DRAFT, PAUSED } = WorkflowStatus;
    expect(await names({ statuses: [ARCHIVED] })).toEqual(["delta"]);
    expect(await names({ statuses: [DRAFT] })).toEqual(["gamma"]);
    expect(await names({ statuses: [DEPLOYED, ARCHIVED] })).toEqual(["delta", "alpha", "beta"]);
    expect(await names({ statuses: [PAUSED] })).toEqual([]);
    expect(await names({ owner: "ann" })).toEqual(["gamma"]);
    expect(await names({ team: "ops", owner: "bob" })).toEqual([]);
    expect(await names({ tag: "t" })).toEqual(["beta"]);
    expect(await names({ text: "INVOICE" })).toEqual(["gamma"]);
    expect(await names({ text: "alph" })).toEqual(["alpha"]);
    expect(await names({ contains: { agent: true } })).toEqual(["beta"]);
    expect(await names({ contains: { agent: true, skill: true, approval: true } })).toEqual([
      "beta",
    ]);
    expect(await names({ contains: { mcp: true } })).toEqual([]);
    await client().update({
      ...{ definitionId: draft, etag: "0", owner: "bob", updateMask: ["owner"] },
    });
    await publish("alpha-2");
    const updated = await names({ orderBy: WorkflowOrder.UPDATED });
    expect(updated).toEqual(["alpha-2", "gamma", "alpha", "beta"]);
  });

  test.each([WorkflowOrder.NEWEST, WorkflowOrder.NAME, WorkflowOrder.UPDATED])(
    "pages by order %i, and leaves the archived ones out",
    async (orderBy) => {
      const made: string[] = [];
      for (const name of ["d", "b", "e", "a", "c"]) made.push(await create(name));
      await client().archive({ definitionId: made[2] ?? "" });
      const all = (await client().list({ workspaceId, orderBy })).workflows;
      const paged: typeof all = [];
      let pageToken = "";
      do {
        const answer = await client().list({ workspaceId, orderBy, pageSize: 2, pageToken });
        expect(answer.totalSize).toBe(4);
        paged.push(...answer.workflows);
        pageToken = answer.nextPageToken;
      } while (pageToken !== "");
      expect(paged).toEqual(all);
      expect(all).toHaveLength(4);
      const { nextPageToken } = await client().list({ workspaceId, orderBy, pageSize: 2 });
      const foreign = client().list({ workspaceId, orderBy, tag: "x", pageToken: nextPageToken });
      expect(await refusedBy(foreign)).toMatchObject({ fields: ["page_token"] });
    },
  );

  test("finds out what versions contain that were published before it was stored", async () => {
    const common = { name: "A", config: {} };
    const steps = [
      { id: "a", ...common, stepType: StepType.AGENT_ACTION, agentId: "x" },
      { id: "q", ...common, stepType: StepType.AGENT_ACTION, config: { queue: "q" } },
      { id: "g", ...common, stepType: StepType.APPROVAL_GATE, actionType: "pay" },
      { id: "s", ...common, stepType: StepType.AGENT_ACTION, config: { queue: "q" }, skillId: "s" },
      { id: "t", ...common, stepType: StepType.HUMAN_TASK },
    ];
    for (const step of steps) {
      const named = { workspaceId, name: step.id };
      const { definition } = await service.client.createDefinition(named);
      const definitionId = definition?.id ?? "";
      await service.client.publishVersion({ definitionId, steps: [step] });
    }
    const shown = async () => {
      const { workflows } = await client().list({ workspaceId });
      const one = await client().get({ id: workflows[0]?.definition?.id ?? "" });
      expect(one.workflow).toEqual(workflows[0]);
      return workflows.map(({ definition, contains }) => [
        definition?.name,
        ...Object.entries(contains ?? {}).flatMap(([name, is]) => (is === true ? [name] : [])),
      ]);
    };
    const before = await shown();
    expect(before).toEqual([["t"], ["s", "skill"], ["g", "approval"], ["q"], ["a", "agent"]]);
    const filtered = await names({ contains: { approval: true } });
    const drop = `delete from version_facts where version_id in (select v.id from workflow_versions v
      join workflow_definitions d on d.id = v.definition_id where d.workspace_id = $1) returning 1`;
    expect(await sql("test_drop_facts", drop, [workspaceId])).toHaveLength(5);
    expect(await shown()).toEqual(before);
    expect(await names({ contains: { approval: true } })).toEqual(filtered);
    expect(await names({ contains: { agent: true } })).toEqual(["a"]);
    expect(await names({ contains: { skill: true } })).toEqual(["s"]);
  });
});

describe("DiffVersions", () => {
  const FIRST =
    "workflow: diff\non: { event: a.b }\nsteps:\n  ask: { approve: Pay, action: pay, by: [ann], timeout: 1d }\n  pay: { agent: bank, undo: { agent: bank } }\n";
  const SECOND =
    "workflow: diff\nsteps:\n  pay: { agent: bank, action: charge }\n  tell: { task: Tell }\n";

  test("compares versions and the draft, and says what is risky", async () => {
    const { definition } = await client().publishSource({ workspaceId, sourceText: FIRST });
    const definitionId = definition?.id ?? "";
    expect(await client().diffVersions({ definitionId })).toMatchObject({
      changeCount: 0,
      risks: [],
    });
    const { draft } = await client().saveDraft({ definitionId, sourceText: SECOND });
    const answer = await client().diffVersions({ definitionId, toDraft: true });
    expect(answer).toMatchObject({ from: 1, to: 0 });
    const { ADDED, CHANGED, REMOVED } = ChangeKind;
    expect(answer.changes).toMatchObject([
      { change: REMOVED, part: VersionPart.STEP, id: "ask" },
      { change: CHANGED, part: VersionPart.STEP, id: "pay" },
      ...answer.changes.slice(2),
    ]);
    expect(answer.changes.map(({ change, id }) => [change, id])).toContainEqual([ADDED, "tell"]);
    const pay = answer.changes.find(({ id }) => id === "pay");
    expect(pay?.fields).toContainEqual(
      expect.objectContaining({ field: "action_type", beforeJson: '""', afterJson: '"charge"' }),
    );
    expect(answer.risks.map(({ code, stepId }) => [code, stepId])).toEqual([
      [RiskCode.APPROVAL_REMOVED, "ask"],
      [RiskCode.UNDO_REMOVED, "pay"],
      [RiskCode.TRIGGER_CHANGED, ""],
    ]);
    await client().publishDraft({ definitionId, etag: draft?.etag ?? "" });
    const published = await client().diffVersions({ definitionId, from: 1, to: 2 });
    expect(published.changes).toEqual(answer.changes);
    const missing = await refusedBy(client().diffVersions({ definitionId, from: 3 }));
    expect(missing.code).toBe("NotFound");
    const undrafted = await refusedBy(client().diffVersions({ definitionId, toDraft: true }));
    expect(undrafted.code).toBe("NotFound");
  });

  test("shows all of the first version as added, and refuses a draft with faults", async () => {
    const definitionId = await create("diff");
    await client().saveDraft({ definitionId, sourceText: SECOND });
    const { changes } = await client().diffVersions({ definitionId, toDraft: true });
    const steps = changes.filter(({ part }) => part === VersionPart.STEP);
    expect(steps.map(({ change }) => change)).toEqual([ChangeKind.ADDED, ChangeKind.ADDED]);
    const etag = (await client().getDraft({ definitionId })).draft?.etag ?? "";
    await client().saveDraft({ definitionId, etag, sourceText: FAULTY });
    const refused = await refusedBy(client().diffVersions({ definitionId, toDraft: true }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["steps.work"] });
  });
});
