/**
 * What is asked for, line by line, done over the API of a running service; and the page that says so.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. `DOCS_UPDATE=1 npm test -- requirements` writes docs/requirements.md.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { projectRoot } from "../../tools/run-command.ts";
import { QUEUE } from "../support/requirements/console-starter-rows.ts";
import { requirementsPage } from "../support/requirements/requirement.ts";
import { type Heard, Stage, type Surroundings } from "../support/requirements/stage.ts";
import { REQUIREMENTS } from "../support/requirements/table.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

const PAGE = join(projectRoot, "docs", "requirements.md");
const SOURCES =
  "APPROVALS=approvals.changes.>,SIPHON=siphon.tap.>,WORKFLOWS=workflows.changes.run.>," +
  "IDENTITY=identity.changes.>," +
  `ORDERS=${QUEUE.subject}?workspace=${QUEUE.workspaceId}&type=${QUEUE.type}`;
const SECRETS_KEY = Buffer.alloc(32, 1).toString("base64");

let cluster: Cluster;
let nats: NatsConnection;
let service: Surroundings;
const events: Heard[] = [];
const messages: Heard[] = [];
const REFUSAL = JSON.stringify({ allow: false, reason: "not on a friday" });
/** Takes notifications as chats do, and refuses what it is asked at `/refuses`. */
const chats = createServer(async (request, response) => {
  const { url: to = "" } = request;
  messages.push({ to, text: await text(request) });
  response.end(to === "/refuses" ? REFUSAL : "ok");
});
beforeAll(async () => {
  await once(chats.listen(0, "127.0.0.1"), "listening");
  cluster = await startCluster();
  nats = await connect({ servers: cluster.natsUrl });
  nats.subscribe("workflows.changes.>", {
    callback: (_, { subject, data }) => {
      events.push({ to: subject, text: Buffer.from(data).toString() });
    },
  });
  await nats.flush();
  const { url } = await cluster.start({
    ...{ APPROVALS_URL: "builtin", BUS_SOURCES: SOURCES, SECRETS_KEY },
    ...{ NOTIFICATIONS_URL: "builtin", NOTIFICATIONS_TARGETS: targets(), HOOKS_ORIGINS: origin() },
  });
  const client = createClient({ baseUrl: url });
  service = { client, nats, url, events, messages, hookUrl: `${origin()}/refuses` };
});
afterAll(async () => {
  chats.close();
  chats.closeAllConnections();
  await nats?.close();
  await cluster?.stop();
});

function origin(): string {
  const { port } = chats.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

function targets(): string {
  const named = { "slack:#finance": "slack", "teams:ops": "teams", sms: "sms" };
  return Object.entries(named)
    .map(([name, path]) => `${name}=${origin()}/${path}`)
    .join(",");
}

describe.each(REQUIREMENTS)("$title", ({ rows }) => {
  const checked = rows.filter(({ check }) => check !== undefined);
  it.concurrent.each(checked)("$wanted", async ({ check }) => {
    await check?.(new Stage(service));
  });

  it.each(rows)("$wanted: has a check unless it is open, and says what is missing", (row) => {
    expect(row.check === undefined).toBe(row.state === "open");
    if (row.state !== "works") expect(row.lacks).toBeDefined();
  });
});

it("is what docs/requirements.md shows", () => {
  const page = requirementsPage(REQUIREMENTS);
  if (process.env.DOCS_UPDATE !== undefined) writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, "utf8")).toBe(page);
});
