/**
 * NOTIFICATIONS_URL=builtin: steps and approvals of the real service send to a real SMTP server and a real HTTP receiver.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the receivers are the test's own.
 */
import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  DeliveryChannel,
  NotificationService,
  SendRequestSchema,
} from "../../../gen/notifications/v1/notifications_pb.ts";
import { Inbox, Verdict } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { startBuiltInNotifications } from "../../../src/builtin/notifications/notifications.ts";
import { createClients } from "../../../src/collaborators/clients.ts";
import { createLog } from "../../../src/process/log.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { until } from "../../support/assertions/until.ts";
import { startHookServer, startMailServer } from "../../support/services/message-receivers.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";

const TRIES = { "/flaky": [503, 429, 200], "/gone": [410], "/moved": [302] };
let cluster: Cluster;
let service: Replica;
let inbox: Client<typeof Inbox>;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let hooks: Awaited<ReturnType<typeof startHookServer>>;
let definitions = 0;

beforeAll(async () => {
  mail = await startMailServer((to, nth) => {
    if (to.startsWith("busy@") && nth === 1) return 451;
    return to.startsWith("gone@") ? 550 : 250;
  });
  hooks = await startHookServer((path, nth) => {
    const [, statuses] = Object.entries(TRIES).find(([each]) => each === path) ?? [];
    return statuses?.[nth - 1] ?? 200;
  });
  cluster = await startCluster();
  const named = { "slack:#finance": "/slack", "teams:ops": "/teams", "slack:#away": "/flaky" };
  const targets = Object.entries({ ...named, sms: "/sms", "ws_b/sms": "/sms_of_b" });
  const settings = {
    APPROVALS_URL: "builtin",
    NOTIFICATIONS_URL: "builtin",
    PUBLIC_URL: "https://example.com/flows/",
    NOTIFICATIONS_SMTP_URL: mail.url,
    NOTIFICATIONS_FROM: "Workflows <workflows@example.com>",
    NOTIFICATIONS_TARGETS: targets
      .map(([name, path]) => `${name}=${hooks.origin}${path}`)
      .join(","),
    NOTIFICATIONS_ORIGINS: hooks.origin,
  };
  service = await cluster.start(settings);
  await cluster.start(settings);
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: service.url }));
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([mail.stop(), hooks.stop()]);
});

const as = (actor: string): CallOptions => ({ headers: { "Workflows-Actor": actor } });

/** A run of one step. */
async function run(step: object, workspaceId = "ws") {
  const { workflows } = service;
  const name = `definition_${++definitions}`;
  const { definition } = await workflows.createDefinition({ workspaceId, name });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: [{ id: "step", name: "Step", ...step }] });
  const { run: begun } = await workflows.startRun({ definitionId, inputPayload: { sum: 5 } });
  return begun?.id ?? "";
}

function notify(notificationChannel: string, config: object, more: object = {}) {
  return { stepType: StepType.NOTIFICATION, notificationChannel, config, ...more };
}

function ended(id: string) {
  return until(async () => {
    const { run: now } = await service.workflows.getRun({ id });
    return now?.state === WorkflowState.RUNNING ? undefined : now;
  });
}

const postsTo = (path: string) => hooks.posts.filter((post) => post.path === path);
const mailsTo = (address: string) => mail.mails.filter(({ to }) => to.includes(address));
const headerOf = (raw: string | undefined, name: string) =>
  new RegExp(`^${name}: (.+)\r$`, "im").exec(raw ?? "")?.[1];

function stateOf(recipient: string) {
  return until(async () => {
    const [row] = await cluster.rows<{ state: number; attempts: number; last_error: string }>(
      "select state, attempts, last_error from notifications where recipient = $1 and done_at is not null",
      [recipient],
    );
    return row;
  });
}

describe("a NOTIFICATION step", () => {
  it("sends e-mail to each recipient, and again under the same id where the server was busy", async () => {
    const recipient = "ann@example.com, busy@example.com";
    const config = { recipient, subject: "Paid {{ input.sum }}", body: "Döne.", priority: "HIGH" };
    const id = await run(notify("EMAIL", { ...config, blocking: true }));
    const { steps } = (await ended(id)) ?? {};
    expect(steps?.[0]?.notificationId).toMatch(/^ntf_/);
    const [first] = await until(() =>
      mailsTo("ann@example.com").length > 0 ? mailsTo("ann@example.com") : undefined,
    );
    expect(headerOf(first?.raw, "Subject")).toBe("Paid 5");
    expect(headerOf(first?.raw, "From")).toContain("workflows@example.com");
    expect(await stateOf("busy@example.com")).toMatchObject({ state: 2, attempts: 2 });
    const tries = mailsTo("busy@example.com");
    expect(tries.map(({ code }) => code)).toEqual([451, 250]);
    const ids = new Set(tries.map(({ raw }) => headerOf(raw, "Message-ID")));
    expect([...ids]).toEqual([`<${steps?.[0]?.notificationId}.2@example.com>`]);
    expect(mailsTo("ann@example.com")).toHaveLength(1);
  });

  it("posts to Slack, Teams and a generic webhook in their forms", async () => {
    const words = { subject: "A <b>", body: "x & y" };
    await run(notify("SLACK", { ...words, recipient: "#finance" }));
    await run(notify("teams", { ...words, recipient: "ops" }));
    const url = `${hooks.origin}/any?key=1`;
    await run(notify("WEBHOOK", { ...words, recipient: url }));
    const [slack] = await until(() => nonEmpty(postsTo("/slack")));
    expect(slack?.body).toEqual({ text: "*A &lt;b&gt;*\nx &amp; y" });
    const [teams] = await until(() => nonEmpty(postsTo("/teams")));
    expect(JSON.stringify(teams?.body)).toContain('"type":"AdaptiveCard"');
    const [hook] = await until(() => nonEmpty(postsTo("/any?key=1")));
    expect(hook?.body).toMatchObject({ ...words, workspace_id: "ws", recipient: url });
    expect(hook?.headers["webhook-id"]).toBe(hook?.body.id);
  });

  it("reaches a whole channel by its receiver, of the run's workspace first", async () => {
    const config = { recipient: "+4912", body: "hi" };
    await run(notify("sms", config));
    await run(notify("sms", config), "ws_b");
    const [own] = await until(() => nonEmpty(postsTo("/sms_of_b")));
    const [other] = await until(() => nonEmpty(postsTo("/sms")));
    expect([own, other].map((post) => post?.body.workspace_id)).toEqual(["ws_b", "ws"]);
    expect(other?.body.recipient).toBe("sms:+4912");
  });

  it("is tried again while the receiver is away, under one id", async () => {
    await run(notify("SLACK", { recipient: "#away", body: "hi" }));
    const posts = await until(() =>
      postsTo("/flaky").length === 3 ? postsTo("/flaky") : undefined,
    );
    expect(new Set(posts.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(await stateOf("slack:#away")).toMatchObject({ state: 2, attempts: 3 });
  });

  it("is given up where another try would fail alike, and follows no redirect", async () => {
    await run(notify("EMAIL", { recipient: "gone@example.com", body: "hi" }));
    for (const path of ["/gone", "/moved"]) {
      await run(notify("WEBHOOK", { recipient: `${hooks.origin}${path}`, body: "hi" }));
    }
    const gone = { state: 3, attempts: 1 };
    expect(await stateOf("gone@example.com")).toMatchObject({ ...gone, last_error: "SMTP 550" });
    expect(await stateOf(`${hooks.origin}/gone`)).toMatchObject({
      ...gone,
      last_error: "HTTP 410",
    });
    expect(await stateOf(`${hooks.origin}/moved`)).toMatchObject({
      ...gone,
      last_error: "HTTP 302",
    });
    expect(postsTo("/followed")).toEqual([]);
  });

  it.each([
    ["SLACK", { recipient: "#none" }, "NOTIFICATIONS_TARGETS has no slack:#none"],
    ["WEBHOOK", { recipient: "http://169.254.169.254/x" }, "NOTIFICATIONS_ORIGINS does not have"],
    ["EMAIL", {}, "recipient_id names no recipient"],
    ["EMAIL", { recipient: "a@b.c\r\nBcc: d@e.f" }, "NOTIFICATIONS_TARGETS has no"],
  ])("by %s to %o fails where it waits for the send", async (channel, config, problem) => {
    const id = await run(notify(channel, { ...config, body: "hi", blocking: true }));
    const failed = await ended(id);
    expect(failed?.state).toBe(WorkflowState.FAILED);
    expect(failed?.steps[0]?.errorMessage).toContain(problem);
  });
});

describe("a gate", () => {
  const items = () => ["ann@example.org", "slack:#finance"] as const;

  it("tells its approvers the command and the page, reminds them, and asks the next one by an escalation", async () => {
    const id = await run({
      stepType: StepType.APPROVAL_GATE,
      actionType: "pay",
      riskLevel: "HIGH",
      config: {
        approvers: [...items()],
        required: 1,
        remind_after_seconds: 1,
        escalate_after_seconds: 4,
        escalate_to: ["dan@example.org"],
      },
    });
    const [asked, reminded] = await until(() =>
      mailsTo("ann@example.org").length >= 2 ? mailsTo("ann@example.org") : undefined,
    );
    expect(headerOf(asked?.raw, "Subject")).toBe("Approval needed: pay");
    expect(asked?.raw).toContain(`Decide: workflows approve ${id}/step/1`);
    const pageOf = (item: string) =>
      `https://example.com/flows/console/inbox/${encodeURIComponent(item)}?workspace=ws`;
    expect(asked?.raw.replaceAll("=3D", "=")).toContain(pageOf(`${id}/step/1`));
    expect(headerOf(reminded?.raw, "Subject")).toBe("Reminder: approval needed: pay");
    const command = `Decide: workflows approve ${id}/step/2`;
    const texts = await until(() =>
      nonEmpty(postsTo("/slack").filter(({ body }) => String(body.text).includes(command))),
    );
    expect(texts[0]?.body.text).toContain("Risk: HIGH");
    expect(texts[0]?.body.text).toContain(`<${pageOf(`${id}/step/2`)}|Open>`);
    const [next] = await until(() => nonEmpty(mailsTo("dan@example.org")));
    const item = /workflows approve (\S+)/.exec(next?.raw ?? "")?.[1] ?? "";
    expect(item).toBe(`${id}/step/3`);
    const { digest = "" } = (await inbox.get({ id: item })).item ?? {};
    await inbox.decide({ id: item, verdict: Verdict.APPROVE, digest }, as("dan@example.org"));
    expect((await ended(id))?.steps[0]?.state).toBe(StepRunState.COMPLETED);
    // What was due before the end may still come; then there is no notice left.
    await until(async () => {
      const left = await cluster.rows(
        "select 1 from approval_requests where decision = 0 and notice_at is not null union all select 1 from notifications where done_at is null",
      );
      return left.length === 0 ? true : undefined;
    });
  });
});

it("sends each request once, whichever replica takes it and however often it is repeated", async () => {
  const log = createLog({ level: "error", format: "json", write: () => undefined });
  const database = openDatabase({ url: cluster.databaseUrl, log });
  const addresses = { hasMail: false, targets: {}, origins: [hooks.origin] };
  const owner = startBuiltInNotifications({ database, log, addresses, giveUpAfterMs: 1_000 });
  const settings = { urls: {}, protocol: "connect", timeoutMs: 5_000, concurrency: 8 } as const;
  const clients = createClients({ ...settings, local: { notifications: owner.routes } }, log);
  const bytes = (body: string) => {
    const fields = { workspaceId: "ws", recipientId: `${hooks.origin}/once`, body };
    const channel = DeliveryChannel.UNSPECIFIED;
    return toBinary(SendRequestSchema, create(SendRequestSchema, { ...fields, channel }));
  };
  const send = (key: string, body = "hi") =>
    clients
      .require("notifications")
      .create(NotificationService.method.send, bytes(body), { callId: key, workspaceId: "ws" });
  try {
    const [first, again] = [await send("k"), await send("k")];
    expect(again.notification?.id).toBe(first.notification?.id);
    await expect(send("k", "other")).rejects.toMatchObject({
      message: expect.stringContaining("another request"),
    });
    await until(() => nonEmpty(postsTo("/once")));
    await send("k");
    await send("last", "last");
    const posts = await until(() => (postsTo("/once").length >= 2 ? postsTo("/once") : undefined));
    expect(posts.map(({ body }) => body.body)).toEqual(["hi", "last"]);
  } finally {
    clients.close();
    await owner.stop();
    await database.close();
  }
});

function nonEmpty<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

it("a delegation tells the person whom the item is passed on to, once, with the reason and the page; a claim tells nobody", async () => {
  const to = "eve@example.org";
  const id = await run({ stepType: StepType.HUMAN_TASK, config: { title: "Sign it" } });
  const item = `${id}/step/1`;
  const call = { headers: { "Workflows-Actor": "ann", "Idempotency-Key": randomUUID() } };
  await until(() => inbox.claim({ id: item }, as(to)).catch(() => undefined));
  await inbox.release({ id: item }, as(to));
  for (let tried = 0; tried < 2; tried += 1) {
    await inbox.delegate({ id: item, to, reason: "I am away" }, call);
  }
  const mails = await until(() => nonEmpty(mailsTo(to)));
  const kept = "select subject from notifications where recipient = 'eve@example.org'";
  expect(await cluster.rows(kept)).toEqual([{ subject: "Passed on to you: Sign it" }]);
  const raw = mails[0]?.raw.replaceAll("=3D", "=").replaceAll("=\r\n", "") ?? "";
  expect(raw).toContain(`ann (unverified) passed "Sign it" on to you.`);
  expect(raw).toContain("Reason: I am away");
  expect(raw).toContain(`Look: workflows inbox ${item}`);
  expect(raw).toContain(`console/inbox/${encodeURIComponent(item)}?workspace=ws`);
});
