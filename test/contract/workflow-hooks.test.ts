/**
 * What surrounds a verb of a workflow: hooks that are asked before it, and changes that are watched after it.
 * Boundary: the RPCs over the real store, and hooks over real HTTP; the meaning of an answer by itself is
 * test/unit/collaborators/hook-asker.test.ts.
 */

import { fromBinary } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  ActionDecision,
  EvaluateActionRequestSchema,
  EvaluateActionResponseSchema,
} from "../../gen/governance/v1/governance_pb.ts";
import { HookVerb } from "../../gen/workflows/ops/v1/hooks_pb.ts";
import { Inbox, ItemState, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import type {
  WatchWorkflowsRequestSchema,
  WatchWorkflowsResponse,
} from "../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import { PublishOutcome, Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { createHookAsker } from "../../src/collaborators/hook-asker.ts";
import type { JsonObject } from "../../src/engine/values/json.ts";
import { readSource } from "../../src/ingress/rpc/read-source.ts";
import { createLog } from "../../src/process/log.ts";
import { findSignatureProblem } from "../../src/process/signatures.ts";
import { publishSource } from "../../src/runtime/publish-source.ts";
import {
  type Answer,
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const { ACTIVATE, ARCHIVE, CREATE, DELETE, PAUSE, RESUME, UNARCHIVE, UPDATE } = HookVerb;
const EVERY_VERB = [CREATE, UPDATE, ACTIVATE, PAUSE, RESUME, ARCHIVE, UNARCHIVE, DELETE];
const WORK = { id: "work", name: "Work", stepType: StepType.HUMAN_TASK };
const ALLOWED: Answer = { status: 200, json: { allow: true } };
const log = createLog({ level: "error", format: "json", write: () => {} });

let receiver: TestCollaborator;
let governance: TestCollaborator;
let service: RpcService;
let workflows: Client<typeof Workflows>;
let contract: Client<typeof WorkflowService>;
let inbox: Client<typeof Inbox>;
let answer: Answer;
let decision: ActionDecision;
let workspaceId = "";
let workspaces = 0;

beforeAll(async () => {
  receiver = await startCollaborator(() => answer);
  governance = await startCollaborator(() =>
    messageOf(EvaluateActionResponseSchema, {
      evaluation: { decision, reasons: ["it is friday"] },
    }),
  );
  const clients = createClients(
    {
      urls: { governance: governance.url },
      ...{ protocol: "connect", timeoutMs: 2_000, concurrency: 4 },
    },
    log,
  );
  // `away` is an origin at which nobody listens.
  const origins = [receiver.url, "http://127.0.0.1:9"];
  service = await startRpcService({
    endpoints: { secretsKeys: [Buffer.alloc(32, 1)], publicUrl: "" },
    hooks: { origins, ask: createHookAsker(clients, origins) },
  });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "2" });
  workflows = createClient(Workflows, transport);
  contract = createClient(WorkflowService, transport);
  inbox = createClient(Inbox, transport);
});
afterAll(async () => {
  await service.stop();
  await Promise.all([receiver.stop(), governance.stop()]);
});
beforeEach(() => {
  workspaceId = `ws_${++workspaces}`;
  answer = ALLOWED;
  decision = ActionDecision.ALLOW;
  receiver.asked.length = 0;
  governance.asked.length = 0;
});

async function define(name = "orders"): Promise<string> {
  return (await contract.createDefinition({ workspaceId, name })).definition?.id ?? "";
}

async function publish(name?: string): Promise<string> {
  const definitionId = await define(name);
  await contract.publishVersion({ definitionId, steps: [WORK] });
  return definitionId;
}

/** A hook that is asked at the receiver. */
function put(verbs: HookVerb[], more: Parameters<typeof workflows.putHook>[0] = {}) {
  const url = more.governance === true ? "" : `${receiver.url}/ask`;
  return workflows.putHook({ workspaceId, name: "four-eyes", verbs, url, ...more });
}

/** The verbs that were asked, and about what. */
function asked(): { verb: string; name: string }[] {
  return receiver.asked.map(({ body }) => {
    const { data } = JSON.parse(body.toString());
    return { verb: data.verb, name: data.workflow_name };
  });
}

async function metadataOf(call: Promise<unknown>): Promise<Record<string, string>> {
  const { code, error } = await refusedBy(call);
  expect(code).toBe("FailedPrecondition");
  return { message: error.rawMessage, ...error.findDetails(ErrorInfoSchema)[0]?.metadata };
}

type Watched = Parameters<typeof workflows.watchWorkflows>[0] & {
  readonly $typeName?: typeof WatchWorkflowsRequestSchema.typeName;
};

/** Takes messages until `count` changes have come; `onOpened` is called after the first message. */
async function watch(request: Watched, count: number, onOpened?: () => unknown) {
  const taken: WatchWorkflowsResponse[] = [];
  let isOpened = false;
  for await (const message of workflows.watchWorkflows({ workspaceId, ...request })) {
    if (!isOpened) await onOpened?.();
    isOpened = true;
    if (message.change !== undefined) taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}

const operationsOf = (taken: readonly WatchWorkflowsResponse[]) =>
  taken.map(({ change }) => change?.operation);

describe("a hook before a verb", () => {
  test("is asked by a POST that is signed with the secret, which is shown once", async () => {
    const { hook, secret } = await put([ARCHIVE], { reason: "audit" });
    expect(secret).toMatch(/^whsec_/);
    const definitionId = await publish();
    await workflows.archive(
      { definitionId, reason: "replaced" },
      { headers: { "Workflows-Actor": "ann" } },
    );
    const [once] = receiver.asked;
    const body = once?.body ?? Buffer.of();
    const request = { headers: once?.headers ?? {}, body, signatureHeader: "", nowMs: Date.now() };
    expect(findSignatureProblem("standard_webhooks", request, secret)).toBeUndefined();
    const other = secret.replace(/^whsec_./, "whsec_/");
    expect(findSignatureProblem("standard_webhooks", request, other)).toBeDefined();
    expect(JSON.parse(body.toString())).toMatchObject({
      type: "workflow.before.archive",
      data: {
        ...{ hook: "four-eyes", verb: "archive", workspace_id: workspaceId },
        ...{ definition_id: definitionId, workflow_name: "orders", reason: "replaced" },
        by: "unverified:ann",
      },
    });
    const { hooks } = await workflows.listHooks({ workspaceId });
    expect(hooks).toEqual([hook]);
    expect(
      JSON.stringify(hooks, (_, value) => (typeof value === "bigint" ? 0 : value)),
    ).not.toContain(secret);
    const again = await put([ARCHIVE], { etag: hook?.etag ?? "" });
    expect(again.secret).toBe("");
  });

  test("guards each call that does the verb, and no other", async () => {
    await put(EVERY_VERB);
    const definitionId = await define();
    const sourceText = "workflow: orders\non: manual\nsteps:\n  work: { task: Work }\n";
    await contract.publishVersion({ definitionId, steps: [WORK] });
    await workflows.publishSource({ workspaceId, sourceText: sourceText.replace("orders", "new") });
    const { draft } = await workflows.saveDraft({ definitionId, sourceText });
    await workflows.publishDraft({ definitionId, etag: draft?.etag ?? "", deployTo: "staging" });
    await workflows.deploy({ definitionId, environment: "production", fromEnvironment: "staging" });
    const { workflow } = await workflows.get({ id: definitionId });
    const change = { owner: "ann", updateMask: ["owner"] };
    await workflows.update({ definitionId, etag: workflow?.etag ?? "", ...change });
    await workflows.pause({ definitionId });
    await workflows.resume({ definitionId });
    await workflows.archive({ definitionId });
    await workflows.unarchive({ definitionId });
    await workflows.delete({ definitionId });
    expect(asked().map(({ verb, name }) => `${verb} ${name}`)).toEqual([
      ...["create orders", "activate orders", "create new", "activate new", "activate orders"],
      ...["update orders", "pause orders", "resume orders", "archive orders", "unarchive orders"],
      "delete orders",
    ]);
  });

  test("is not asked about a text that repeats the latest version, and about one that does not", async () => {
    const text = (title: string) =>
      `workflow: orders\non: manual\nsteps:\n  work: { task: ${title} }\n`;
    const publishText = (title: string) =>
      workflows.publishSource({ workspaceId, sourceText: text(title) });
    await publishText("First");
    await put([ACTIVATE]);
    answer = { status: 200, json: { allow: false } };
    expect((await publishText("First")).outcome).toBe(PublishOutcome.UNCHANGED);
    expect(asked()).toEqual([]);
    expect((await refusedBy(publishText("Second"))).reason).toBe("HOOK_REFUSED");
    const { definition: known } = await publishText("First");
    const ofDraft = async (title: string) => {
      const saved = { definitionId: known?.id ?? "", sourceText: text(title) };
      const etag = (await workflows.getDraft(saved).catch(() => undefined))?.draft?.etag ?? "";
      const { draft } = await workflows.saveDraft({ ...saved, etag });
      return workflows.publishDraft({ ...saved, etag: draft?.etag ?? "" });
    };
    const before = asked().length;
    expect((await ofDraft("First")).outcome).toBe(PublishOutcome.UNCHANGED);
    expect(asked().length).toBe(before);
    expect((await refusedBy(ofDraft("Second"))).reason).toBe("HOOK_REFUSED");
    // The input schema is of no digest, and says which starts are taken.
    const sourceText = `${text("First")}input: { amount: number }\n`;
    expect((await refusedBy(workflows.publishSource({ workspaceId, sourceText }))).reason).toBe(
      "HOOK_REFUSED",
    );
    // Nobody was asked for what is not the latest version any more.
    const { definition } = await publishText("First");
    const { workflow } = readSource(text("Third"));
    if (workflow === undefined) throw new Error("the text has faults");
    const { inputSchema, nameAt: _, ...third } = workflow;
    const source = { sourceText: "", layout: undefined, inputSchema, note: "", publishedBy: "" };
    await expect(
      publishSource(service, { ...third, workspaceId, source, mustRepeat: true }),
    ).rejects.toMatchObject({ reason: "lost_race" });
    expect(
      (await contract.getDefinition({ id: definition?.id ?? "" })).definition?.latestVersion,
    ).toBe(1);
  });

  test("is asked when a deployment is approved, and not when the decision is repeated", async () => {
    const definitionId = await publish();
    const rules = [{ environment: "production", approvers: ["ben"] }];
    await workflows.putDeployPolicy({ workspaceId, rules });
    const as = (actor: string) => ({ headers: { "Workflows-Actor": actor } });
    const wanted = { definitionId, environment: "production", version: 1, vars: { a: 1 } };
    const { deployment } = await workflows.deploy(wanted, as("ann"));
    const { id = "", digest = "" } = deployment ?? {};
    await put([ACTIVATE]);
    const approve = () => inbox.decide({ id, digest, verdict: Verdict.APPROVE }, as("ben"));
    const no = { status: 200, json: { allow: false } };
    answer = no;
    expect((await refusedBy(approve())).reason).toBe("HOOK_REFUSED");
    answer = ALLOWED;
    expect((await approve()).item?.state).toBe(ItemState.DONE);
    answer = no;
    expect((await approve()).item?.state).toBe(ItemState.DONE);
    expect(asked()).toEqual(Array(2).fill({ verb: "activate", name: "orders" }));
  });

  test("that refuses stops the verb, with its name and its reason in words, and an event", async () => {
    const definitionId = await publish();
    await put([PAUSE]);
    answer = { status: 200, json: { allow: false, reason: "the\nquarter ends" } };
    const refusal = await metadataOf(workflows.pause({ definitionId, reason: "why" }));
    expect(refusal).toMatchObject({
      ...{ hook: "four-eyes", resource_type: "hook", resource_name: "four-eyes" },
      message: 'hook "four-eyes" refuses pause: the quarter ends',
    });
    expect((await workflows.get({ id: definitionId })).workflow?.pause).toBeUndefined();
    const [recorded] = await watch({ fromOldest: true, operations: ["refused"] }, 1);
    expect(recorded?.change).toMatchObject({
      ...{ definitionId, reason: "why" },
      data: { verb: "pause", hook: "four-eyes", answer: "refused", why: "the quarter ends" },
    });
  });

  test.each<[string, () => void, RegExp]>([
    ["answers with an error", () => (answer = { status: 500 }), /status 500/],
    ["leads elsewhere", () => (answer = { status: 302, headers: { location: "/" } }), /status 302/],
    ["answers something else", () => (answer = { status: 200, json: { ok: true } }), /"allow"/],
    ["hangs up", () => (answer = "reset"), /cannot be reached/],
  ])("that %s refuses, and says so", async (_, begin, why) => {
    const definitionId = await publish();
    await put([ARCHIVE]);
    begin();
    const { reason, error } = await refusedBy(workflows.archive({ definitionId }));
    expect(reason).toBe("HOOK_AWAY");
    expect(error.rawMessage).toMatch(/^hook "four-eyes" did not answer/);
    expect(error.rawMessage).toMatch(why);
    expect((await workflows.get({ id: definitionId })).workflow?.archivedAt).toBeUndefined();
  });

  test("at which nobody listens, or whose secret no key opens, refuses", async () => {
    const definitionId = await publish();
    const { hook } = await put([ARCHIVE], { url: "http://127.0.0.1:9/ask" });
    const away = await metadataOf(workflows.archive({ definitionId }));
    expect(away.message).toContain("cannot be reached");
    await put([ARCHIVE], { etag: hook?.etag ?? "" });
    const spoil = { name: "spoil_hook", text: "update workflow_hooks set sealed_secret = '\\x01'" };
    await service.database.write.query(spoil, []);
    const unread = await metadataOf(workflows.archive({ definitionId }));
    expect(unread.message).toContain("SECRETS_KEY");
    expect(receiver.asked).toEqual([]);
  });

  test("that governance decides refuses what it denies or wants approved", async () => {
    const definitionId = await publish();
    await put([DELETE], { governance: true, definitionId });
    decision = ActionDecision.REQUIRE_APPROVAL;
    const wanted = await metadataOf(workflows.delete({ definitionId }));
    expect(wanted.message).toContain("an approval is needed: it is friday");
    decision = ActionDecision.DENY;
    const denied = await metadataOf(workflows.delete({ definitionId }));
    expect(denied.message).toBe('hook "four-eyes" refuses delete: it is friday');
    const request = fromBinary(
      EvaluateActionRequestSchema,
      governance.asked[0]?.body ?? Buffer.of(),
    );
    expect(request).toMatchObject({ actionType: "workflow.delete", workspaceId });
    decision = ActionDecision.UNSPECIFIED;
    expect((await refusedBy(workflows.delete({ definitionId }))).reason).toBe("HOOK_AWAY");
    decision = ActionDecision.ALLOW;
    const other = await publish("others");
    await workflows.delete({ definitionId: other });
    await workflows.delete({ definitionId });
    // The other workflow was not asked about; the hook of this one went with it.
    expect(governance.asked).toHaveLength(4);
    expect((await workflows.listHooks({ workspaceId })).hooks).toEqual([]);
  });

  test("shows readers of events the origin of its URL alone", async () => {
    await put([PAUSE], { url: `${receiver.url}/t0ken?key=t0ken` });
    await workflows.deleteHook({ workspaceId, name: "four-eyes" });
    const rows = await service.database.write.query<{ changes: JsonObject[] }>(
      { name: "test_hook_events", text: "select changes from move_batches order by id" },
      [],
    );
    const events = rows
      .flatMap(({ changes }) => changes ?? [])
      .filter((event) => event.workspaceId === workspaceId);
    expect(events).toMatchObject([
      { type: "workflows.changes.hook.put", payload: { origin: receiver.url } },
      { type: "workflows.changes.hook.deleted", payload: { origin: receiver.url } },
    ]);
    expect(JSON.stringify(events)).not.toContain("t0ken");
  });

  test("of another workspace, or one that was deleted, is not asked", async () => {
    await put([PAUSE]);
    const own = await publish();
    await workflows.deleteHook({ workspaceId, name: "four-eyes" });
    await workflows.pause({ definitionId: own });
    await put([RESUME]);
    workspaceId = `${workspaceId}_other`;
    const others = await publish();
    await workflows.resume({ definitionId: others });
    expect(receiver.asked).toEqual([]);
  });

  test("is refused with words where it cannot be", async () => {
    const faultOf = async (more: object) => {
      const { code, fields, error } = await refusedBy(put([PAUSE], more));
      expect(code).toBe("InvalidArgument");
      return { fields, message: error.rawMessage };
    };
    const elsewhere = await faultOf({ url: "https://elsewhere.example.com/ask" });
    expect(elsewhere.fields).toEqual(["url"]);
    expect(elsewhere.message).toContain("HOOKS_ORIGINS");
    expect((await faultOf({ url: "ftp://127.0.0.1" })).fields).toEqual(["url"]);
    expect((await faultOf({ url: "http://me:pw@127.0.0.1:9" })).fields).toEqual(["url"]);
    expect((await faultOf({ url: "" })).fields).toEqual(["url"]);
    expect((await faultOf({ name: "Four Eyes" })).fields).toEqual(["name"]);
    expect((await faultOf({ verbs: [] })).fields).toEqual(["verbs"]);
    expect((await faultOf({ verbs: [PAUSE, PAUSE] })).fields).toEqual(["verbs"]);
    const ofOne = { verbs: [CREATE, PAUSE], definitionId: await define("one") };
    expect((await faultOf(ofOne)).fields).toEqual(["verbs"]);
    const { hook } = await put([PAUSE]);
    for (const etag of ["", "another"]) {
      expect((await refusedBy(put([RESUME], { etag }))).reason).toBe("ETAG_MISMATCH");
    }
    const rotated = await put([RESUME], { etag: hook?.etag ?? "", rotateSecret: true });
    expect(rotated.secret).toMatch(/^whsec_/);
    const gone = workflows.deleteHook({ workspaceId, name: "none" });
    expect((await refusedBy(gone)).code).toBe("NotFound");
    expect((await refusedBy(put([PAUSE], { name: "b", definitionId: "wf_none" }))).code).toBe(
      "NotFound",
    );
  });
});

describe("changes of workflows", () => {
  test("are watched from now on, once each and in the order of their commits", async () => {
    const before = await publish("before");
    let definitionId = "";
    const taken = await watch({}, 7, async () => {
      definitionId = await publish();
      await workflows.pause({ definitionId, reason: "audit" });
      await workflows.resume({ definitionId });
      await workflows.archive({ definitionId: before });
    });
    expect(operationsOf(taken)).toEqual([
      ...["created", "published", "activated", "paused", "resumed", "activated", "archived"],
    ]);
    expect(taken[3]?.change).toMatchObject({ definitionId, reason: "audit" });
    expect(taken[5]?.change?.data).toMatchObject({ environment: "production", version: 1 });
    expect(taken[6]?.change?.definitionId).toBe(before);
  });

  test("go on behind a cursor, by whatever filters, and miss nothing that was committed in between", async () => {
    const definitionId = await publish();
    const [created] = await watch({ fromOldest: true }, 1);
    await workflows.archive({ definitionId });
    const after = created?.cursor ?? "";
    const rest = await watch({ after }, 3);
    expect(operationsOf(rest)).toEqual(["published", "activated", "archived"]);
    const [archived] = await watch({ after, operations: ["archived"] }, 1);
    expect(archived?.cursor).toBe(rest[2]?.cursor);
    const other = await publish("other");
    const [first] = await watch({ after, definitionId: other }, 1);
    expect(first?.change).toMatchObject({ definitionId: other, operation: "created" });
  });

  test("of many commits at once have numbers without gaps", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => define(`w${n}`)));
    const taken = await watch({ fromOldest: true }, 12);
    expect(new Set(taken.map(({ change }) => change?.definitionId))).toEqual(new Set(ids));
    const rows = await service.database.write.query<{ seq: number }>(
      {
        name: "test_change_numbers",
        text: "select seq from workflow_changes where workspace_id = $1 order by seq",
      },
      [workspaceId],
    );
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, at) => at + 1));
  });

  test("tell of deployments, decisions and drafts", async () => {
    const definitionId = await publish();
    const as = (actor: string) => ({ headers: { "Workflows-Actor": actor } });
    const rules = [{ environment: "staging", approvers: ["bob"] }];
    await workflows.putDeployPolicy({ workspaceId, rules });
    const deploy = { definitionId, environment: "staging", version: 1 };
    await workflows.deploy({ ...deploy, vars: { first: true } }, as("ann"));
    const { deployment } = await workflows.deploy(deploy, as("ann"));
    const withdrawal = { id: deployment?.id ?? "", reason: "wrong" };
    await workflows.withdrawDeployment(withdrawal, as("ann"));
    await workflows.deploy({ definitionId, environment: "qa", version: 1 }, as("ann"));
    await workflows.deploy({ definitionId, environment: "qa", retire: true }, as("ann"));
    await workflows.deploy({ ...deploy, environment: "production", vars: { a: 1 } }, as("ann"));
    const { draft } = await workflows.saveDraft({ definitionId, sourceText: "workflow: orders" });
    await workflows.discardDraft(
      { definitionId, etag: draft?.etag ?? "", reason: "no" },
      as("ann"),
    );
    const taken = await watch({ fromOldest: true }, 12);
    const told = taken.slice(3).map(({ change }) => {
      const { environment = "", state = "" } = (change?.data ?? {}) as Record<string, string>;
      return `${change?.operation} ${environment} ${state}`.trim();
    });
    expect(told).toEqual([
      ...["deployment_changed staging PENDING_APPROVAL", "deployment_changed staging SUPERSEDED"],
      ...["deployment_changed staging PENDING_APPROVAL", "deployment_changed staging RETIRED"],
      ...["deployment_changed qa ACTIVE", "deployment_changed qa RETIRED"],
      ...["activated production ACTIVE", "draft_saved", "draft_discarded"],
    ]);
    expect(taken[6]?.change).toMatchObject({ by: "unverified:ann", reason: "wrong" });
    expect(taken[11]?.change).toMatchObject({ by: "unverified:ann", reason: "no" });
  });

  test("are refused behind a cursor of another workspace, of the future, or that is too old", async () => {
    await publish();
    const [first, second] = await watch({ fromOldest: true }, 2);
    const refusalOf = async (request: object) => {
      const { code, fields, error } = await refusedBy(watch(request, 1));
      expect([code, fields]).toEqual(["InvalidArgument", ["after"]]);
      return error.rawMessage;
    };
    const old = {
      name: "test_old_change",
      text: "delete from workflow_changes where workspace_id = $1 and seq <= 2",
    };
    await service.database.write.query(old, [workspaceId]);
    expect(await refusalOf({ after: first?.cursor })).toContain("older than");
    expect(operationsOf(await watch({ after: second?.cursor }, 1))).toEqual(["activated"]);
    const [hash] = Buffer.from(second?.cursor ?? "", "base64url")
      .toString()
      .split("/");
    const future = Buffer.from(`${hash}/99`).toString("base64url");
    expect(await refusalOf({ after: future })).toContain("future");
    expect(await refusalOf({ after: "nonsense" })).toContain("no cursor");
    expect(await refusalOf({ workspaceId: "ws_none", after: second?.cursor })).toContain("another");
  });
});

describe("a verb that the state does not allow", () => {
  test("is refused with the states from and to", async () => {
    const definitionId = await define();
    const start = () => contract.startRun({ definitionId });
    const deploy = () => workflows.deploy({ definitionId, environment: "production" });
    expect(await metadataOf(deploy())).toMatchObject({ from: "DRAFT", to: "DEPLOYED" });
    expect(await metadataOf(start())).toMatchObject({ from: "DRAFT", to: "TRIGGERED" });
    await contract.publishVersion({ definitionId, steps: [WORK] });
    await start();
    const remove = () => workflows.delete({ definitionId });
    expect(await metadataOf(remove())).toMatchObject({ from: "DEPLOYED", to: "DELETED" });
    await workflows.pause({ definitionId });
    expect(await metadataOf(start())).toMatchObject({ from: "PAUSED", to: "TRIGGERED" });
    expect(await metadataOf(remove())).toMatchObject({ from: "PAUSED", to: "DELETED" });
    await workflows.archive({ definitionId });
    expect(await metadataOf(start())).toMatchObject({ from: "ARCHIVED", to: "TRIGGERED" });
    expect(await metadataOf(deploy())).toMatchObject({ from: "ARCHIVED", to: "DEPLOYED" });
    expect(await metadataOf(remove())).toMatchObject({ from: "ARCHIVED", to: "DELETED" });
  });
});
