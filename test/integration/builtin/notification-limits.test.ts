/**
 * What bounds the built-in notifications: tries without a result, queues, slow receivers, addresses, logs.
 * Boundary: needs TEST_DATABASE_URL; the receivers are the test's own.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import {
  NotificationService,
  SendRequestSchema,
} from "../../../gen/notifications/v1/notifications_pb.ts";
import type { Addresses } from "../../../src/builtin/notifications/addresses.ts";
import type { Mail } from "../../../src/builtin/notifications/mail.ts";
import {
  type BuiltInNotifications,
  startBuiltInNotifications,
} from "../../../src/builtin/notifications/notifications.ts";
import { post } from "../../../src/builtin/notifications/post.ts";
import { type Clients, createClients } from "../../../src/collaborators/clients.ts";
import { createLog } from "../../../src/process/log.ts";
import { DUE_NOW } from "../../../src/store/columns.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { claimNotifications, keepNotification } from "../../../src/store/notifications.ts";
import { until } from "../../support/assertions/until.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";
import { BREAKS, HANGS, startHookServer } from "../../support/services/message-receivers.ts";

const SECRET = "hunter2";
const lines: string[] = [];
const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) });
let fresh: TestDatabase;
let database: Database;
let hooks: Awaited<ReturnType<typeof startHookServer>>;
let owner: BuiltInNotifications | undefined;
let clients: Clients | undefined;
let keys = 0;
let statements = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, log });
  hooks = await startHookServer((path, nth) => {
    if (path.startsWith("/hangs")) return HANGS;
    if (path.startsWith("/breaks")) return BREAKS;
    return path === "/away" && nth < 9 ? 503 : 200;
  });
});
beforeEach(() => sql("truncate notifications"));
afterEach(async () => {
  clients?.close();
  await owner?.stop();
});
afterAll(async () => {
  await hooks.stop();
  await database.close();
  await fresh.drop();
});

function sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const statement = { name: `limits_${++statements}`, text };
  return database.write.query<Row & Record<string, unknown>>(statement, values);
}

function start(more: Partial<Addresses> = {}, mail?: Mail): void {
  const addresses = { hasMail: mail !== undefined, targets: {}, origins: [hooks.origin], ...more };
  owner = startBuiltInNotifications({ database, log, addresses, mail, giveUpAfterMs: 86_400_000 });
  const settings = { urls: {}, protocol: "connect", timeoutMs: 5_000, concurrency: 8 } as const;
  clients = createClients({ ...settings, local: { notifications: owner.routes } }, log);
}

async function send(recipientId: string, workspaceId = "ws"): Promise<void> {
  const request = create(SendRequestSchema, { workspaceId, recipientId, body: "hi" });
  const bytes = toBinary(SendRequestSchema, request);
  const origin = { callId: `key_${++keys}`, workspaceId };
  await clients?.require("notifications").create(NotificationService.method.send, bytes, origin);
}

function keep(id: string, workspaceId: string, atMost?: number) {
  const text = { subject: "", body: "hi", link: "", metadataJson: "" };
  const of = { id, workspaceId, bodyHash: Buffer.from(id), recipients: ["a"] };
  return keepNotification(database, { ...text, ...of, priority: 0, category: 0 }, atMost);
}

/** The message once it is done; where `isDue` holds its next try is due. */
function done(isDue = "false") {
  return until(async () => {
    await sql(`update notifications set next_at = ${DUE_NOW} where done_at is null and ${isDue}`);
    owner?.wake();
    const [row] = await sql(
      "select state, attempts, last_error from notifications where done_at is not null",
    );
    return row;
  });
}

const postsTo = (path: string) => hooks.posts.filter((each) => each.path === path).length;

it("is given up after five tries that may have reached the receiver", async () => {
  start();
  await send(`${hooks.origin}/breaks`);
  expect(await done("attempts > 0")).toMatchObject({ state: 3, attempts: 5 });
  expect(postsTo("/breaks")).toBeLessThanOrEqual(5);
});

it("is tried on while the receiver says that it has not taken it", async () => {
  start();
  await send(`${hooks.origin}/away`);
  // While a try is under way it is unsure.
  expect(await done("unsure = 0")).toMatchObject({ state: 2, last_error: "" });
  expect(postsTo("/away")).toBe(9);
});

it("is sent no more by a process that dies in each try, whose pauses double", async () => {
  await keep("ntf_1", "ws");
  const pauses: number[] = [];
  for (let tries = 0; tries < 5; tries += 1) {
    expect(await claimNotifications(database, 60_000, 8)).toMatchObject([{ isGivenUp: false }]);
    expect(await claimNotifications(database, 60_000, 8)).toEqual([]);
    const [{ s } = { s: 0 }] = await sql<{ s: number }>(
      `update notifications n set next_at = ${DUE_NOW} from notifications o where o.id = n.id
        returning round(extract(epoch from o.next_at - now()))::int as s`,
    );
    pauses.push(s);
  }
  expect(pauses).toEqual([60, 120, 240, 480, 960]);
  expect(await claimNotifications(database, 60_000, 8)).toMatchObject([{ isGivenUp: true }]);
  expect(await sql("select state, attempts from notifications")).toEqual([
    { state: 3, attempts: 5 },
  ]);
});

it("is refused where the workspace has too many, and taken from another one", async () => {
  expect(await keep("ntf_1", "ws", 2)).toBeDefined();
  expect(await keep("ntf_2", "ws", 2)).toBeDefined();
  expect(await keep("ntf_3", "ws", 2)).toBeUndefined();
  expect(await keep("ntf_2", "ws", 2)).toBeDefined();
  expect(await keep("ntf_4", "other", 2)).toBeDefined();
  await sql(
    `insert into notifications select now(), now() + interval '1 day', null, 0, 0, 1, n, 0, 0, 'ntf_full', 'full', '', 'a', '', '', '', '', ''
      from generate_series(1, 10000) as n`,
  );
  start();
  await expect(send(`${hooks.origin}/x`, "full")).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
});

it("of one workspace is sent while the receivers of another one hang", async () => {
  start();
  for (let n = 0; n < 40; n += 1) await send(`${hooks.origin}/hangs/${n}`, "slow");
  await send(`${hooks.origin}/quick`, "quick");
  await until(() => (postsTo("/quick") > 0 ? true : undefined), 5_000);
  const hanging = hooks.posts.filter(({ path }) => path.startsWith("/hangs")).length;
  expect(hanging).toBeLessThanOrEqual(16);
  await hooks.stop();
});

it("to a URL of a workflow goes to no address that is not public", async () => {
  hooks = await startHookServer();
  const { port } = new URL(hooks.origin);
  const origin = `http://localhost:${port}`;
  start({ origins: [origin], targets: { own: `${origin}/own` } });
  await send(`${origin}/inside`);
  expect(await done()).toEqual({
    ...{ state: 3, attempts: 1, last_error: "the host has an address that is not public" },
  });
  await sql("truncate notifications");
  await send("own");
  expect(await done()).toMatchObject({ state: 2 });
  expect(hooks.posts.map(({ path }) => path)).toEqual(["/own"]);
});

it("leaves no secret in the log or its row when it fails", async () => {
  const closed = new URL(hooks.origin);
  await hooks.stop();
  const targets = { hook: `${closed.origin}/${SECRET}?token=${SECRET}` };
  start({ targets }, { url: `smtp://user:${SECRET}@127.0.0.1:${closed.port}`, from: "a@b.c" });
  await send("hook,ann@example.com");
  const failed = await until(async () => {
    const rows = await sql<{ last_error: string }>(
      "select recipient, last_error from notifications where last_error <> '' order by place",
    );
    return rows.length === 2 ? rows : undefined;
  });
  expect(failed.map(({ last_error }) => last_error)).toEqual(["ECONNREFUSED", "ESOCKET"]);
  await owner?.stop();
  expect(lines.filter((line) => line.includes("is tried again")).length).toBeGreaterThan(1);
  expect(lines.join("\n")).not.toContain(SECRET);
  const url = `http://user:${SECRET}@127.0.0.1:${closed.port}/${SECRET}`;
  const failure: unknown = await post({ url, headers: {}, body: "", isNamed: true }).catch(
    (e) => e,
  );
  expect(`${String(failure)} ${JSON.stringify(failure)}`).not.toContain(SECRET);
});
