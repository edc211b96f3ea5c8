/**
 * Simulate and Templates as callers see them, over the real service.
 * Boundary: the RPCs; what a simulation plays is test/unit/engine/simulation, what templates hold is test/unit/templates.
 */
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  MockOutcome,
  SimulatedEdgeState,
  SimulationEnd,
} from "../../gen/workflows/ops/v1/simulations_pb.ts";
import {
  TemplateNeedKind,
  Templates,
  TemplatesListResponseSchema,
} from "../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";
import { readStored } from "../support/services/stored-objects.ts";

const WORKSPACE = "ws";
const TEXT = `workflow: order
input: { amount: number }
steps:
  ask: { task: Look at it, output: { ok: boolean }, timeout: 1d, on: { timeout: pay }, next: good }
  good:
    branch: ask.output.ok
    then: { true: pay }
    else: stop
  pay: { approve: Pay?, action: pay, by: [user_ann], timeout: 2d, on: { denied: stop, expired: stop, timeout: stop }, next: end }
  stop: { notify: email, to: ann, body: No }
`;
let service: RpcService;
let transport: Transport;
let definitionId = "";
let runId = "";

beforeAll(async () => {
  service = await startRpcService();
  transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
  const published = await sources().publishSource({ workspaceId: WORKSPACE, sourceText: TEXT });
  definitionId = published.definition?.id ?? "";
  const { run } = await service.client.startRun({ definitionId, inputPayload: { amount: 4 } });
  runId = run?.id ?? "";
  const done = { stepId: "ask", state: StepRunState.COMPLETED, outputPayload: { ok: false } };
  await service.client.transitionStep({ runId, ...done });
});
afterAll(() => service.stop());

const runs = () => createClient(Runs, transport);
const templates = () => createClient(Templates, transport);
const sources = () => createClient(Workflows, transport);
const pathOf = (simulation: { path: readonly { stepId: string }[] } | undefined) =>
  simulation?.path.map(({ stepId }) => stepId);

describe("Simulate", () => {
  test("plays a version with mocks, and stores nothing", async () => {
    const before = await readStored(service.url);
    const input = { amount: 4 };
    const mocks = [
      { stepId: "ask", output: { ok: true }, delaySeconds: 3_600 },
      { stepId: "pay", outcome: MockOutcome.DENIED },
    ];
    const { simulation } = await runs().simulate({ definitionId, version: 1, input, mocks });
    expect(pathOf(simulation)).toEqual(["ask", "good", "pay", "stop"]);
    expect(simulation).toMatchObject({
      ...{ end: SimulationEnd.ENDED, state: WorkflowState.COMPLETED },
      outcome: "RUN_OUTCOME_SUCCEEDED",
    });
    const took = Number(simulation?.endedAt?.seconds) - Number(simulation?.startedAt?.seconds);
    expect(took).toBe(3_600);
    const edge = simulation?.edges.find(({ label }) => label === "denied");
    expect(edge).toMatchObject({
      ...{ fromStepId: "pay", toStepId: "stop", state: SimulatedEdgeState.TAKEN },
      reason: "pay ended as denied",
    });
    expect(await readStored(service.url)).toEqual(before);
  });

  test("plays the answers of a run, and the mocks beside them", async () => {
    const asked = { definitionId, input: { amount: 4 }, mocksFromRun: runId };
    const { simulation } = await runs().simulate(asked);
    expect(pathOf(simulation)).toEqual(["ask", "good", "stop"]);
    expect(simulation?.path[0]).toMatchObject({ output: { ok: false }, assumed: [] });
    const mocks = [{ stepId: "ask", output: { ok: true } }];
    const other = await runs().simulate({ ...asked, mocks });
    expect(pathOf(other.simulation)).toEqual(["ask", "good", "pay"]);
  });

  test("plays a text that is not published", async () => {
    const sourceText = "workflow: w\nsteps:\n  a: { agent: x, next: b }\n  b: { agent: y }\n";
    const { simulation } = await runs().simulate({ sourceText });
    expect(pathOf(simulation)).toEqual(["a", "b"]);
    expect(simulation?.path[0]?.assumed).toEqual(["an agent answers {}"]);
  });

  test.each([
    { what: "neither a version nor a text", request: {}, fields: ["definition_id"] },
    { what: "both", request: { definitionId: "d", sourceText: TEXT }, fields: ["definition_id"] },
    {
      what: "a text with faults",
      request: { sourceText: "workflow: w\n" },
      fields: ["source_text"],
    },
    {
      what: "an input that breaks the schema",
      request: { sourceText: TEXT, input: { amount: "4" } },
      fields: ["input.amount"],
    },
    {
      what: "a mock of an unknown step",
      request: { sourceText: TEXT, input: { amount: 4 }, mocks: [{ stepId: "askk" }] },
      fields: ["mocks.askk"],
    },
    {
      what: "an output that breaks the schema of its task",
      request: {
        ...{ sourceText: TEXT, input: { amount: 4 } },
        mocks: [{ stepId: "ask", output: { ok: 1 } }],
      },
      fields: ["mocks.ask.output.ok"],
    },
    {
      what: "a mock that its step has no use for",
      request: {
        ...{ sourceText: TEXT, input: { amount: 4 } },
        mocks: [{ stepId: "ask", outcome: MockOutcome.DENIED }],
      },
      fields: ["mocks.ask.outcome"],
    },
    {
      what: "a start before 1970",
      request: { sourceText: TEXT, startAt: { seconds: -1n, nanos: 0 } },
      fields: ["start_at"],
    },
  ])("of $what is INVALID_ARGUMENT", async ({ request, fields }) => {
    const refused = await refusedBy(runs().simulate(request));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields });
  });

  test("of what there is not is NOT_FOUND", async () => {
    const none = { definitionId: "wf_none" };
    expect((await refusedBy(runs().simulate(none))).code).toBe("NotFound");
    expect((await refusedBy(runs().simulate({ definitionId, version: 9 }))).code).toBe("NotFound");
    const noRun = { definitionId, mocksFromRun: "wfr_none" };
    expect((await refusedBy(runs().simulate(noRun))).code).toBe("NotFound");
  });
});

describe("Templates", () => {
  test("are listed by category and text, and shown whole", async () => {
    const { templates: all, categories } = await templates().list({});
    expect(all.length).toBeGreaterThanOrEqual(10);
    expect(all.map(({ sourceText }) => sourceText).join("")).toBe("");
    expect(categories).toEqual([...new Set(all.map(({ category }) => category))].sort());
    const finance = await templates().list({ category: "finance", text: "EXPENSE" });
    expect(finance.templates.map(({ id }) => id)).toEqual(["expense-approval"]);
    const { template } = await templates().get({ id: "expense-approval" });
    expect(template?.sourceText).toContain("$(threshold_usd)");
    expect(template?.scenarios[0]).toMatchObject({ outcome: "RUN_OUTCOME_SUCCEEDED" });
    expect((await refusedBy(templates().get({ id: "none" }))).code).toBe("NotFound");
  });

  test("are installed once under a name, with their parameters", async () => {
    const install = {
      ...{ workspaceId: WORKSPACE, templateId: "expense-approval", note: "for us" },
      parameters: { threshold_usd: 250, manager: "user_ann" },
    };
    const key = { headers: { "Idempotency-Key": "install-1" } };
    const made = await templates().install(install, key);
    expect(made).toMatchObject({
      definition: { name: "expense-approval", latestVersion: 1 },
      version: { version: 1, note: "for us", hasSource: true },
    });
    expect(made.sourceText).toContain("branch: input.amount_usd > 250");
    expect(await templates().install(install, key)).toEqual(made);
    const taken = await refusedBy(templates().install(install));
    expect(taken.code).toBe("AlreadyExists");
    const { versions } = await service.client.listVersions({
      definitionId: made.definition?.id ?? "",
    });
    expect(versions).toHaveLength(1);
    const other = await templates().install({ ...install, name: "travel expenses" });
    expect(other.definition?.name).toBe("travel expenses");
    const input = { employee: "sam@example.com", amount_usd: 300, purpose: "tea" };
    const mocks = [{ stepId: "validate", output: { valid: true } }];
    const id = other.definition?.id ?? "";
    const { simulation } = await runs().simulate({ definitionId: id, input, mocks });
    expect(pathOf(simulation)).toEqual(["validate", "valid", "size", "manager", "pay", "confirm"]);
  });

  describe("that a workspace keeps", () => {
    const TEXT =
      "workflow: kept\nsteps:\n  ask: { task: Ask, assignee: $(who), timeout: $(within) }\n";
    const PARAMETERS = {
      who: { type: "string", default: "user_ann", description: "Who is asked." },
      within: { type: "string", pattern: "^[0-9]+h$", default: "8h", description: "How long." },
    };
    const KEPT = {
      ...{ workspaceId: WORKSPACE, id: "our-task", title: "Our task", summary: "Asks one." },
      ...{ category: "Ours", parameters: { properties: PARAMETERS }, reason: "often used" },
      needs: [{ kind: TemplateNeedKind.QUEUE, name: "mail", purpose: "mails" }],
    };

    test("are listed beside the gallery, and installed like it", async () => {
      const { template } = await templates().save({ ...KEPT, sourceText: TEXT });
      expect(template).toMatchObject({
        ...{ id: "our-task", version: 1, builtIn: false, sourceText: TEXT, reason: "often used" },
        ...{ needs: KEPT.needs, parameters: { properties: PARAMETERS } },
      });
      const { templates: found, categories } = await templates().list({
        ...{ workspaceId: WORKSPACE, category: "ours" },
      });
      expect(found.map(({ id, builtIn }) => [id, builtIn])).toEqual([["our-task", false]]);
      expect(categories).toContain("Finance");
      // Without a workspace there is the gallery alone.
      expect((await templates().list({ category: "ours" })).templates).toEqual([]);
      const named = { id: "our-task", workspaceId: WORKSPACE };
      expect((await templates().get(named)).template).toEqual(template);
      expect((await refusedBy(templates().get({ id: "our-task" }))).code).toBe("NotFound");
      const install = { workspaceId: WORKSPACE, templateId: "our-task" };
      const made = await templates().install({ ...install, parameters: { who: "user_bob" } });
      expect(made).toMatchObject({ definition: { name: "our-task", latestVersion: 1 } });
      expect(made.sourceText).toContain("assignee: user_bob, timeout: 8h");
      const late = { ...install, name: "other", parameters: { within: "soon" } };
      expect((await refusedBy(templates().install(late))).fields).toEqual(["parameters.within"]);
    });

    test("are of the text of a version or of a draft", async () => {
      const { definition, version } = await sources().publishSource({
        ...{
          workspaceId: WORKSPACE,
          sourceText: "workflow: base\nsteps: { ask: { task: Ask } }\n",
        },
      });
      const definitionId = definition?.id ?? "";
      await sources().saveDraft({ definitionId, sourceText: TEXT.replace("kept", "base") });
      const plain = { ...KEPT, definitionId, parameters: {} };
      const ofVersion = await templates().save({ ...plain, id: "of-version" });
      expect(ofVersion.template?.sourceText).toContain("ask: { task: Ask }");
      expect(version?.version).toBe(1);
      const draft = { ...KEPT, definitionId, id: "of-draft", draft: true };
      const ofDraft = await templates().save(draft);
      expect(ofDraft.template?.sourceText).toContain("$(who)");
      const none = await refusedBy(templates().save({ ...plain, id: "none", version: 9 }));
      expect(none.code).toBe("NotFound");
      const bare = await service.client.createDefinition({ workspaceId: WORKSPACE, name: "bare" });
      const bareId = bare.definition?.id ?? "";
      const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
      await service.client.publishVersion({ definitionId: bareId, steps });
      const textless = await refusedBy(templates().save({ ...plain, definitionId: bareId }));
      expect(textless.code).toBe("FailedPrecondition");
      expect(textless.error.rawMessage).toContain("export it");
    });

    test("are replaced and deleted by who has read them", async () => {
      const save = (more: object) =>
        templates().save({ ...KEPT, id: "ours", sourceText: TEXT, ...more });
      const key = { headers: { "Idempotency-Key": "save-ours" } };
      const first = await templates().save({ ...KEPT, id: "ours", sourceText: TEXT }, key);
      expect(await templates().save({ ...KEPT, id: "ours", sourceText: TEXT }, key)).toEqual(first);
      expect((await refusedBy(save({}))).code).toBe("AlreadyExists");
      const etag = first.template?.etag ?? "";
      const second = await save({ etag, title: "Ours, again" });
      expect(second.template).toMatchObject({ version: 2, title: "Ours, again" });
      expect(await refusedBy(save({ etag }))).toMatchObject({ reason: "ETAG_MISMATCH" });
      const named = { workspaceId: WORKSPACE, id: "ours" };
      const stale = await refusedBy(templates().delete({ ...named, etag }));
      expect(stale).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
      await templates().delete({ ...named, etag: second.template?.etag ?? "" });
      expect((await refusedBy(templates().delete(named))).code).toBe("NotFound");
      expect((await refusedBy(templates().get(named))).code).toBe("NotFound");
    });

    test.each<[string, object, string[]]>([
      ["an id of other characters", { id: "Our Task" }, ["id"]],
      ["no text", { sourceText: "" }, ["source_text"]],
      ["a name without a parameter", { sourceText: `${TEXT}# $(more)\n` }, ["source_text"]],
      [
        "a parameter that is nowhere in the text",
        { sourceText: TEXT.replace("$(who)", "user_ann") },
        ["parameters.properties.who"],
      ],
      [
        "a parameter without a default",
        {
          parameters: {
            properties: { ...PARAMETERS, who: { type: "string", description: "So." } },
          },
        },
        ["parameters.properties.who.default"],
      ],
      [
        "a default that does not fit",
        {
          parameters: {
            properties: { ...PARAMETERS, within: { ...PARAMETERS.within, default: "1d" } },
          },
        },
        ["parameters.within"],
      ],
      ["a text with faults", { sourceText: TEXT.replace("task: Ask,", "") }, ["steps.ask"]],
      ["a text that is no mapping", { sourceText: "- $(who)\n- $(within)\n" }, ["source_text"]],
    ])("are refused with %s", async (_what, more, fields) => {
      const refused = await refusedBy(templates().save({ ...KEPT, sourceText: TEXT, ...more }));
      expect([refused.code, refused.fields]).toEqual(["InvalidArgument", fields]);
    });

    test("are told of when they are saved and deleted", async () => {
      const as = { headers: { "Workflows-Actor": "ann" } };
      const named = { workspaceId: WORKSPACE, id: "told" };
      await templates().save({ ...KEPT, ...named, sourceText: TEXT, reason: "first" }, as);
      await refusedBy(templates().save({ ...KEPT, ...named, sourceText: TEXT }, as));
      await templates().delete({ ...named, reason: "unused" }, as);
      const rows = await service.database.write.query<{ changes: JsonObject[] | null }>(
        { name: "test_template_events", text: "select changes from move_batches order by id" },
        [],
      );
      const events = rows
        .flatMap(({ changes }) => changes ?? [])
        .filter(({ aggregateId }) => aggregateId === "told");
      const of = { id: "told", workspace_id: WORKSPACE, version: 1, by: "unverified:ann" };
      expect(events).toMatchObject([
        { type: "workflows.changes.template.saved", payload: { ...of, reason: "first" } },
        { type: "workflows.changes.template.deleted", payload: { ...of, reason: "unused" } },
      ]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    });

    test("have no id of the gallery, and are a hundred at most", async () => {
      const save = (id: string) => templates().save({ ...KEPT, id, sourceText: TEXT });
      const taken = await refusedBy(save("data-sync"));
      expect([taken.code, taken.error.rawMessage]).toEqual([
        ...["AlreadyExists", "data-sync is a template of the gallery: take another id"],
      ]);
      await service.database.write.query(
        {
          name: "test_many_templates",
          text: `insert into workspace_templates select now(), 1, $1, 'many-' || n, '', '', '', '', '', '{}', '[]', 'e', ''
            from generate_series(1, 100) as n`,
        },
        [WORKSPACE],
      );
      expect((await refusedBy(save("one-more"))).code).toBe("FailedPrecondition");
    });

    test("are all listed, those that have no room without their parameters and needs", async () => {
      const workspaceId = "ws_large";
      const needs = JSON.stringify(
        Array(50).fill({ kind: "queue", name: "q", purpose: "é".repeat(256) }),
      );
      const parameters = JSON.stringify({ properties: { a: { description: "p".repeat(16_000) } } });
      await service.database.write.query(
        {
          name: "test_large_templates",
          text: `insert into workspace_templates select now(), 1, $1, 'large-' || n, 'Large ' || n, '', '', '', repeat('r', 4096), $2, $3, 'e', ''
            from generate_series(100, 199) as n`,
        },
        [workspaceId, parameters, needs],
      );
      let omitted = 0;
      const { templates: found } = await templates().list(
        { workspaceId, text: "large-" },
        { onHeader: (headers) => (omitted = Number(headers.get("workflows-payloads-omitted"))) },
      );
      expect(found.map(({ id }) => id)).toEqual(
        Array.from({ length: 100 }, (_, n) => `large-${n + 100}`),
      );
      const bare = found.filter(
        ({ parameters, needs }) => parameters === undefined && needs.length === 0,
      );
      expect([bare.length, omitted]).toEqual([52, 52]);
      expect(bare).toEqual(found.slice(48));
      const bytes = toBinary(
        TemplatesListResponseSchema,
        create(TemplatesListResponseSchema, { templates: found }),
      ).length;
      expect(bytes).toBeLessThan(3.5 * 1024 * 1024);
      expect(
        (await templates().get({ workspaceId, id: "large-199" })).template?.needs,
      ).toHaveLength(50);
    });
  });

  test("refuse wrong parameters by their names, and make nothing", async () => {
    const before = await readStored(service.url);
    const wrong = (parameters: { [name: string]: string | number }) =>
      refusedBy(
        templates().install({ workspaceId: WORKSPACE, templateId: "data-sync", parameters }),
      );
    expect((await wrong({ shedule: "0 3 * * *" })).fields).toEqual(["parameters.shedule"]);
    expect((await wrong({ zone: 7 })).fields).toEqual(["parameters.zone"]);
    const cron = await wrong({ schedule: "61 * * * *" });
    expect(cron).toMatchObject({ code: "InvalidArgument", fields: ["on.schedule"] });
    const none = { workspaceId: WORKSPACE, templateId: "none" };
    expect((await refusedBy(templates().install(none))).code).toBe("NotFound");
    expect(await readStored(service.url)).toEqual(before);
  });
});
