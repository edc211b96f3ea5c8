/**
 * What is due at once is found by a look that comes at once: columns of time round to the millisecond.
 * Boundary: needs TEST_DATABASE_URL. A look within the half millisecond is likely in one try and sure in fifty.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../../src/process/log.ts";
import { takeNotices } from "../../../src/store/approval-notices.ts";
import {
  claimDecisions,
  decideApproval,
  escalateApproval,
  keepApproval,
} from "../../../src/store/approval-requests.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { insertNotification } from "../../../src/store/notifications.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const TRIES = Array.from({ length: 50 }, (_, number) => `${number}`);
const log = createLog({ level: "error", format: "json", write: () => undefined });
// `now()` is that of the transaction, so the look is at the very time of the row.
const IS_DUE = {
  name: "is_due",
  text: `select next_at <= now() as "isDue" from notifications where id = $1`,
};
let fresh: TestDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, log });
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

function keep(id: string) {
  const text = { agentId: "", surface: "", actionType: "", contextJson: "", itemId: "" };
  const body = { bodyHash: Buffer.from("x"), actionPayload: Buffer.from("x") };
  const of = { id, workspaceId: "ws", approverUserId: "ann", riskLevel: 1, isNoticed: true };
  return keepApproval(database, { ...text, ...body, ...of });
}

const decision = (id: string) => ({
  requestId: id,
  id: `apd_${id}`,
  decision: 1,
  decidedBy: "ann",
  reason: "",
  via: "",
});

it("a message to send", async () => {
  for (const id of TRIES) {
    const text = { subject: "", body: "hi", link: "", metadataJson: "" };
    const of = { id, workspaceId: "ws", bodyHash: Buffer.from(id), recipients: ["a"] };
    const due = await database.transaction(async (tx) => {
      await insertNotification(tx, { ...text, ...of, priority: 0, category: 0 });
      return tx.query(IS_DUE, [id]);
    });
    expect(due).toEqual([{ isDue: true }]);
  }
});

it("the notice of a request for approval", async () => {
  for (const requestId of TRIES) {
    await keep(requestId);
    const taken = await database.transaction((tx) => takeNotices(tx, 8));
    expect(taken).toMatchObject([{ requestId }]);
  }
});

it.each([
  { what: "a decision", record: decideApproval },
  { what: "a request that was passed on", record: escalateApproval },
])("the event of $what", async ({ what, record }) => {
  for (const number of TRIES) {
    const requestId = `${what} ${number}`;
    await keep(requestId);
    await record(database, decision(requestId));
    expect(await claimDecisions(database, 60_000, 8)).toMatchObject([{ requestId }]);
  }
});
