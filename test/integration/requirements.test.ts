/**
 * What is asked for, line by line, done over the API of a running service; and the page that says so.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. `DOCS_UPDATE=1 npm test -- requirements` writes docs/requirements.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type WorkflowsClient } from "../../src/client/index.ts";
import { projectRoot } from "../../tools/run-command.ts";
import { QUEUE } from "../support/requirements/console-rows.ts";
import { requirementsPage } from "../support/requirements/requirement.ts";
import { Stage } from "../support/requirements/stage.ts";
import { REQUIREMENTS } from "../support/requirements/table.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

const PAGE = join(projectRoot, "docs", "requirements.md");
const SOURCES =
  "APPROVALS=approvals.changes.>,SIPHON=siphon.tap.>,WORKFLOWS=workflows.changes.run.>," +
  `ORDERS=${QUEUE.subject}?workspace=${QUEUE.workspaceId}&type=${QUEUE.type}`;

let cluster: Cluster;
let nats: NatsConnection;
let service: {
  readonly client: WorkflowsClient;
  readonly nats: NatsConnection;
  readonly url: string;
};
beforeAll(async () => {
  cluster = await startCluster();
  const { url } = await cluster.start({ APPROVALS_URL: "builtin", BUS_SOURCES: SOURCES });
  nats = await connect({ servers: cluster.natsUrl });
  service = { client: createClient({ baseUrl: url }), nats, url };
});
afterAll(async () => {
  await nats?.close();
  await cluster?.stop();
});

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
