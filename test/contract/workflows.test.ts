/**
 * Workflows of workflows.ops.v1: source texts that become versions, and what is read of them.
 * Boundary: the RPCs; scopes and other workspaces are the tables of rpc-auth.test.ts and visibility.test.ts.
 */
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  PublishOutcome,
  type PublishSourceRequest,
  Workflows,
} from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType, TriggerType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { readWorkflowFile } from "../../src/file/read-file.ts";
import { lockDefinition } from "../../src/store/definitions.ts";
import { specOfMessage, unstoredVersion } from "../../src/wire/definitions.ts";
import { until } from "../support/assertions/until.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws";
const TEXT = `# pays what is due
workflow: pay-due
description: Pay
tags: [finance]
on: { schedule: 0 9 * * 1 }
input: { amount: number, note: string? }
retry: { max: 2, backoff: 1s, factor: 1.1 }
steps:
  ask: { approve: Pay?, action: pay, risk: high, by: [user_ann], timeout: 1d }
  pay: { agent: bank, action: payments.charge, with: { amount: "{{ input.amount }}" } }
`;
let service: RpcService;
let transport: Transport;

beforeAll(async () => {
  service = await startRpcService();
  transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
});
afterAll(() => service.stop());

const client = () => createClient(Workflows, transport);
const publish = (sourceText: string, more: Omit<Partial<PublishSourceRequest>, "$typeName"> = {}) =>
  client().publishSource({
    workspaceId: WORKSPACE,
    sourceText,
    layout: undefined,
    note: "",
    ...more,
  });

/** What `workflows apply` sends to PublishVersion. */
function asApplied(text: string) {
  const { workflow } = readWorkflowFile(Buffer.from(text));
  if (workflow === undefined) throw new Error("the text has faults");
  return unstoredVersion(workflow.spec);
}

async function countVersions(definitionId: string): Promise<number> {
  return (await service.client.listVersions({ definitionId })).versions.length;
}

describe("PublishSource", () => {
  test("makes the definition and the version that PublishVersion makes, and keeps the text", async () => {
    const layout = { ask: { x: 1, y: 2 } };
    const answer = await publish(TEXT, { layout, note: "the first" });
    expect(answer).toMatchObject({
      outcome: PublishOutcome.CREATED,
      definition: { name: "pay-due", description: "Pay", tags: ["finance"], latestVersion: 1 },
      version: {
        ...{ version: 1, triggerType: TriggerType.SCHEDULE, hasSource: true, note: "the first" },
      },
    });
    const definitionId = answer.definition?.id ?? "";
    const other = await service.client.createDefinition({ workspaceId: WORKSPACE, name: "other" });
    const { steps, edges, trigger, defaultRetryPolicy } = asApplied(TEXT);
    if (trigger === undefined || defaultRetryPolicy === undefined) throw new Error("unset");
    const { version: applied } = await service.client.publishVersion({
      ...{ definitionId: other.definition?.id ?? "", steps, edges, trigger, defaultRetryPolicy },
    });
    const got = await client().getVersion({ definitionId });
    const same = { id: "", definitionId: "", createdAt: undefined };
    expect({ ...got.version, ...same }).toEqual({ ...applied, ...same });
    expect(got).toMatchObject({ sourceText: TEXT, layout, digest: answer.digest });
    expect(got.inputSchema).toEqual({
      type: "object",
      properties: { amount: { type: "number" }, note: { type: "string" } },
      required: ["amount"],
    });
    const listed = await service.client.listVersions({ definitionId });
    expect(listed.versions[0]).toEqual(got.version);
    // The same content has the same digest, however it was published.
    const byVersion = await client().getVersion({ definitionId: applied?.definitionId ?? "" });
    expect(byVersion.digest).toBe(answer.digest);
    expect(byVersion).toMatchObject({ sourceText: "", head: { hasSource: false, note: "" } });
    expect(byVersion.inputSchema).toBeUndefined();
  });

  test("makes no version of what is published, and keeps the newest text of it", async () => {
    const text = TEXT.replace("pay-due", "again");
    const { definition, digest } = await publish(text);
    const definitionId = definition?.id ?? "";
    const commented = `# why\n${text}`;
    const answer = await publish(commented, { note: "a comment" });
    expect(answer).toMatchObject({
      outcome: PublishOutcome.UNCHANGED,
      digest,
      version: { version: 1 },
    });
    expect(await countVersions(definitionId)).toBe(1);
    const got = await client().getVersion({ definitionId });
    expect(got).toMatchObject({ sourceText: commented, head: { note: "a comment" } });
    const changed = await publish(text.replace("Pay?", "Pay now?"));
    expect(changed).toMatchObject({ outcome: PublishOutcome.PUBLISHED, version: { version: 2 } });
    expect(changed.digest).not.toBe(digest);
    const first = await client().getVersion({ definitionId, version: 1 });
    expect(first.sourceText).toBe(commented);
  });

  test("makes a version of another input schema: what is published takes the starts that it took", async () => {
    const text = TEXT.replace("pay-due", "typed");
    const { definition, digest } = await publish(text);
    const definitionId = definition?.id ?? "";
    const { inputSchema } = await client().getVersion({ definitionId });
    const looser = text.replace("amount: number", "amount: string");
    const published = { outcome: PublishOutcome.PUBLISHED, digest, version: { version: 2 } };
    expect(await publish(looser)).toMatchObject(published);
    expect(await publish(looser)).toMatchObject({ outcome: PublishOutcome.UNCHANGED });
    const first = await client().getVersion({ definitionId, version: 1 });
    expect(first).toMatchObject({ sourceText: text, inputSchema });
  });

  test("of calls with one text at once makes one definition and one version", async () => {
    const text = TEXT.replace("pay-due", "at-once");
    const answers = await Promise.all(Array.from({ length: 8 }, () => publish(text)));
    const ids = new Set(answers.map(({ definition }) => definition?.id));
    expect(ids.size).toBe(1);
    const outcomes = answers.map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual([PublishOutcome.CREATED, ...Array(7).fill(PublishOutcome.UNCHANGED)]);
    const changed = text.replace("Pay?", "Pay now?");
    const next = await Promise.all(Array.from({ length: 8 }, () => publish(changed)));
    expect(next.map(({ outcome }) => outcome).sort()).toEqual([
      PublishOutcome.PUBLISHED,
      ...Array(7).fill(PublishOutcome.UNCHANGED),
    ]);
    expect(await countVersions([...ids][0] ?? "")).toBe(2);
  });

  test("makes the next version of a definition by its id, where it is as the text's maker read it", async () => {
    const text = (task: string, name = "by-id") =>
      `workflow: ${name}\nsteps:\n  work: { task: ${task} }\n`;
    const definitionId = (await publish(text("A"))).definition?.id ?? "";
    const next = await publish(text("B"), { definitionId, baseVersion: 1 });
    expect([next.definition?.id, next.version?.version]).toEqual([definitionId, 2]);
    const refused = async (name: string, more: object, task = "C") => {
      const { code, fields, reason } = await refusedBy(publish(text(task, name), more));
      return [code, reason, ...fields];
    };
    const stale = { definitionId, baseVersion: 1 };
    expect(await refused("by-id", stale)).toEqual(["Aborted", "ETAG_MISMATCH"]);
    expect(await refused("another", { definitionId })).toEqual([
      ...["InvalidArgument", "INVALID_FIELDS", "source_text"],
    ]);
    const based = { definitionId, baseVersion: 2 };
    expect(await refused("another", based)).toEqual(["Aborted", "LOST_RACE"]);
    const staged = (task: string, baseVersion: number) => {
      const next = { workspaceId: WORKSPACE, sourceText: text(task), definitionId, baseVersion };
      return client().publishSource(next, { headers: { "Workflows-Environment": "staging" } });
    };
    // Elsewhere it is the version that is deployed there.
    expect((await staged("D", 2)).version?.version).toBe(3);
    expect((await refusedBy(staged("E", 2))).reason).toBe("ETAG_MISMATCH");
    expect((await staged("E", 3)).version?.version).toBe(4);
    const unknown = { definitionId: "wf_01kyg60ewbmvnhhhf5qbskvxma" };
    expect(await refused("by-id", unknown)).toEqual(["NotFound", "NOT_FOUND"]);
    expect(await refused("by-id", { baseVersion: 1 })).toEqual([
      ...["InvalidArgument", "INVALID_FIELDS", "definition_id"],
    ]);
    expect(await countVersions(definitionId)).toBe(4);
    const { workflows } = await client().list({ workspaceId: WORKSPACE });
    expect(workflows.map(({ definition }) => definition?.name)).not.toContain("another");
  });

  test("compares with the latest version before it locks the definition", async () => {
    const text = TEXT.replace("pay-due", "compared");
    const { definition } = await publish(text);
    const definitionId = definition?.id ?? "";
    const { database } = service;
    const waiting = {
      name: "test_waiting",
      text: `select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    };
    // A version never changes. One that did would be another one for who reads it under the lock.
    const spoil = {
      name: "test_spoil",
      text: "update workflow_versions set timeout_seconds = 7 where definition_id = $1",
    };
    const { published } = await database.transaction(async (tx) => {
      await lockDefinition(tx, definitionId);
      const call = publish(text);
      await until(async () => (await database.read.query(waiting, []))[0]);
      await tx.query(spoil, [definitionId]);
      return { published: call };
    });
    expect((await published).outcome).toBe(PublishOutcome.UNCHANGED);
  });

  test("is done once for a key", async () => {
    const headers = { "Idempotency-Key": "publish-1" };
    const request = { workspaceId: WORKSPACE, sourceText: TEXT.replace("pay-due", "keyed") };
    const first = await client().publishSource(request, { headers });
    expect(await client().publishSource(request, { headers })).toEqual(first);
    expect(first.outcome).toBe(PublishOutcome.CREATED);
  });

  test("says again what it did when the first answer was lost with its replica", async () => {
    const { definition } = await service.client.createDefinition({
      ...{ workspaceId: WORKSPACE, name: "lost" },
    });
    const sourceText = TEXT.replace("pay-due", "lost");
    const request = { workspaceId: WORKSPACE, sourceText };
    const forget = {
      name: "forget_answers",
      text: `update caller_keys set answer = null, lease_until = now() - interval '1 second',
        holder = 'of a dead replica' where key like 'lost-%' returning key`,
    };
    for (const [key, outcome] of [
      ["lost-1", PublishOutcome.PUBLISHED],
      ["lost-2", PublishOutcome.UNCHANGED],
    ] as const) {
      const headers = { "Idempotency-Key": key };
      const first = await client().publishSource(request, { headers });
      expect(first).toMatchObject({ outcome, definition: { id: definition?.id } });
      expect((await service.database.write.query(forget, [])).length).toBeGreaterThan(0);
      expect(await client().publishSource(request, { headers })).toEqual(first);
    }
  });

  test("publishes its events, the definition's first", async () => {
    const { definition, version } = await publish(TEXT.replace("pay-due", "heard"));
    const { rows } = {
      rows: await service.database.write.query<{ changes: { id: string }[] }>(
        {
          name: "changes_of",
          text: "select changes from move_batches where changes::text like $1",
        },
        [`%${definition?.id ?? ""}-create%`],
      ),
    };
    expect(rows.flatMap(({ changes }) => changes.map(({ id }) => id))).toEqual([
      `${definition?.id}-create`,
      `${definition?.id}-created-0`,
      `${version?.id}-publish`,
      `${definition?.id}-published-${version?.id}`,
      `${definition?.id}-activated-${version?.id}`,
    ]);
  });

  test.each([
    ["a misspelt key", TEXT.replace("approve:", "aprove:"), "steps.ask", /line 9, .*approve/],
    [
      "a fault of the graph",
      TEXT.replace("agent: bank", "agent: bank, next: nowhere"),
      "steps.pay.next",
      /line 10/,
    ],
    [
      "a schema that is none",
      TEXT.replace("amount: number, note: string?", "type: 3"),
      "input",
      /line 6, .*no usable JSON Schema/,
    ],
    [
      "a name that is too long",
      TEXT.replace("pay-due", "n".repeat(300)),
      "workflow",
      /line 2, .*300 characters/,
    ],
    ["no YAML", "workflow: [", "source_text", /^line 1/],
    [
      "aliases without end",
      `a: &a [${"1,".repeat(1000)}]\n${Array.from({ length: 300 }, (_, at) => `k${at}: *a`).join("\n")}`,
      "k198[600]",
      /more than 200000 values/,
    ],
  ])("refuses %s with its place, and stores nothing", async (_, text, field, description) => {
    const { total } = await service.client.listDefinitions({ workspaceId: WORKSPACE });
    const { code, fields, error } = await refusedBy(publish(text));
    expect(code).toBe("InvalidArgument");
    expect(
      fields.some((each) => each === field),
      fields.join(),
    ).toBe(true);
    expect(error.rawMessage.replace(/^.*?: /, "").replace(`${field}: `, "")).toMatch(description);
    const after = await service.client.listDefinitions({ workspaceId: WORKSPACE });
    expect(after.total).toBe(total);
  });

  test("refuses a text over the limit, and bytes that are not UTF-8", async () => {
    const large = await refusedBy(publish(`${TEXT}#${"x".repeat(600_000)}`));
    expect(large).toMatchObject({ code: "InvalidArgument", fields: ["source_text"] });
    expect(large.error.rawMessage).toContain("over the limit of 524288");
    const answer = await fetch(`${service.baseUrl}/${Workflows.typeName}/PublishSource`, {
      method: "POST",
      headers: { "Content-Type": "application/proto" },
      body: Buffer.from([0x0a, 2, 0x77, 0x73, 0x12, 3, 0x61, 0xff, 0x62]),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "invalid_argument" });
  });
});

describe("CheckVersion", () => {
  test("lists all faults of a text with their places, and stores nothing", async () => {
    const text = "workflow: w\nsteps:\n  a: { task: A, nxt: b }\n  b: { aprove: B }\n";
    const { faults, faultCount, digest } = await client().checkVersion({ sourceText: text });
    expect(faults).toMatchObject([
      { path: "steps.a.nxt", line: 3, column: 17, field: "" },
      { path: "steps.b", line: 4 },
      ...Array(faultCount - 2).fill({}),
    ]);
    expect(faults[0]?.description).toContain('"next"');
    expect(digest).toBe("");
    await refusedBy(client().get({ workspaceId: WORKSPACE, name: "w" }));
  });

  test("gives the digest that PublishSource gives, and warnings", async () => {
    const text = "workflow: checked\nsteps:\n  a: { approve: A, action: pay }\n";
    const { faults, faultCount, warnings, name, digest } = await client().checkVersion({
      sourceText: text,
    });
    expect({ faults, faultCount, name }).toEqual({ faults: [], faultCount: 0, name: "checked" });
    expect(warnings).toMatchObject([{ path: "steps.a", line: 3 }]);
    expect((await publish(text)).digest).toBe(digest);
    const { steps, edges } = asApplied(text);
    expect((await client().checkVersion({ version: { steps, edges } })).digest).toBe(digest);
  });

  test("says how long a run takes at most, of a text and of a version", async () => {
    const text =
      "workflow: slow\nsteps:\n  a: { agent: x, timeout: 90s, retry: { max: 1, backoff: 5s } }\n  b: { task: B }\n";
    const worst = { attempts: 2n, endlessStepIds: ["b"] };
    const found = await client().checkVersion({ sourceText: text });
    expect(found.worstCase).toMatchObject(worst);
    expect(found.worstCase?.seconds).toBeUndefined();
    const { steps, edges } = asApplied(text);
    const timeoutSeconds = 60;
    expect(
      (await client().checkVersion({ version: { steps, edges, timeoutSeconds } })).worstCase,
    ).toMatchObject({
      ...worst,
      seconds: 60n,
    });
  });

  test("lists faults of a version by its fields", async () => {
    const steps = [
      { id: "a", name: "A", stepType: StepType.HUMAN_TASK, config: { output_schema: { type: 3 } } },
      { id: "a", name: "B", stepType: 99 as StepType },
    ];
    const { faults, faultCount } = await client().checkVersion({ version: { steps } });
    expect(faultCount).toBe(faults.length);
    expect(faults.map(({ field }) => field).sort()).toEqual(
      ["steps[0].config.output_schema", "steps[1].id", "steps[1].step_type"].sort(),
    );
  });

  test("needs one of both", async () => {
    expect((await refusedBy(client().checkVersion({}))).fields).toEqual(["source_text"]);
    const both = { sourceText: TEXT, version: {} };
    expect((await refusedBy(client().checkVersion(both))).fields).toEqual(["source_text"]);
  });

  test("lets other calls pass while a large text is read", async () => {
    const steps = Array.from({ length: 900 }, (_, at) => `  s${at}: { task: "T {{ input.a }}" }\n`);
    let isRead = false;
    const reading = client()
      .checkVersion({ sourceText: `workflow: large\nsteps:\n${steps.join("")}` })
      .finally(() => {
        isRead = true;
      });
    await service.client.listDefinitions({ workspaceId: WORKSPACE });
    expect(isRead).toBe(false);
    expect((await reading).faultCount).toBe(0);
  });
});

describe("lists", () => {
  const workspaceId = "listed";
  beforeAll(async () => {
    for (const name of ["Order-a", "refund", "order-b", "ORDER-c"]) {
      await service.client.createDefinition({ workspaceId, name });
    }
  });

  test("pages of workflows, newest first, with a part of their names", async () => {
    const names = async (nameContains: string, pageSize: number) => {
      const found: string[][] = [];
      let pageToken = "";
      do {
        const page = await client().list({ workspaceId, nameContains, pageSize, pageToken });
        found.push(page.workflows.map(({ definition }) => definition?.name ?? ""));
        expect(page.totalSize).toBe(nameContains === "" ? 4 : 3);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return found;
    };
    expect(await names("", 3)).toEqual([["ORDER-c", "order-b", "refund"], ["Order-a"]]);
    expect(await names("", 4)).toEqual([["ORDER-c", "order-b", "refund", "Order-a"]]);
    expect(await names("rDeR", 2)).toEqual([["ORDER-c", "order-b"], ["Order-a"]]);
  });

  test("what has room in a page comes whole", async () => {
    const text = `insert into workflow_definitions (id, workspace_id, name, description, tags)
      select 'wf_wide' || i, 'wide', 'w' || i, repeat('d', 4096), array_fill(repeat('t', 128), array[64])
      from generate_series(1, 250) as i`;
    await service.database.write.query({ name: "wide_definitions", text }, []);
    const page = await client().list({ workspaceId: "wide", pageSize: 500 });
    const whole = page.workflows.filter(({ definition }) => definition?.tags.length === 64);
    expect(whole).toHaveLength(250);
  });

  test("a token is of its filters", async () => {
    const { nextPageToken: pageToken } = await client().list({ workspaceId, pageSize: 1 });
    const other = client().list({ workspaceId, nameContains: "o", pageToken });
    expect((await refusedBy(other)).fields).toEqual(["page_token"]);
    expect((await refusedBy(client().list({ workspaceId, pageToken: "x" }))).fields).toEqual([
      "page_token",
    ]);
  });

  test("Get finds by id and by name, with the latest version", async () => {
    const { definition } = await publish(TEXT.replace("pay-due", "found"));
    const id = definition?.id ?? "";
    const byId = await client().get({ id });
    expect(byId.workflow).toMatchObject({ definition: { id }, latest: { version: 1 } });
    expect(await client().get({ workspaceId: WORKSPACE, name: "found" })).toEqual(byId);
    const unpublished = await client().get({ workspaceId, name: "refund" });
    expect(unpublished.workflow?.latest).toBeUndefined();
    for (const request of [
      { workspaceId: "other", name: "found" },
      { id: "wf_none" },
      { workspaceId: "other", id },
    ]) {
      expect((await refusedBy(client().get(request))).code).toBe("NotFound");
    }
    for (const request of [{}, { name: "found" }]) {
      expect((await refusedBy(client().get(request))).code).toBe("InvalidArgument");
    }
  });

  test("heads of versions, page by page", async () => {
    const { definition } = await publish(TEXT.replace("pay-due", "heads"));
    const definitionId = definition?.id ?? "";
    const { steps } = asApplied("workflow: x\nsteps:\n  a: { task: A }\n");
    for (let n = 0; n < 4; n += 1) await service.client.publishVersion({ definitionId, steps });
    const numbers: number[][] = [];
    let pageToken = "";
    do {
      const page = await client().listVersionHeads({ definitionId, pageSize: 2, pageToken });
      numbers.push(page.versions.map(({ version }) => version));
      expect(page.totalSize).toBe(5);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(numbers).toEqual([[5, 4], [3, 2], [1]]);
    const { versions } = await client().listVersionHeads({ definitionId });
    expect(versions.map(({ hasSource }) => hasSource)).toEqual([false, false, false, false, true]);
    expect((await refusedBy(client().getVersion({ definitionId, version: 6 }))).code).toBe(
      "NotFound",
    );
  });
});

test("a version that is published twice by PublishVersion is two versions, as before", async () => {
  const { definition } = await publish(TEXT.replace("pay-due", "twice"));
  const definitionId = definition?.id ?? "";
  const spec = specOfMessage(asApplied(TEXT));
  const { steps, edges } = unstoredVersion(spec);
  const workflows = createClient(WorkflowService, transport);
  await workflows.publishVersion({ definitionId, steps, edges });
  const { version } = await workflows.publishVersion({ definitionId, steps, edges });
  expect(version?.version).toBe(3);
});
