/** Reports that come before the reply that names their object: they meet its commit in memory, or are kept. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { LearnedIds } from "../../../../src/runtime/routing/learned-ids.ts";
import { findInputs } from "../../../../src/runtime/routing/route-inputs.ts";
import {
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const OBJECT = "obj-early";
const REPORT: BusEvent = {
  ...{
    id: "evt-1",
    source: "objectives",
    type: "objectives.changes.completed",
    subject: "",
    time: "",
  },
  ...{ data: {}, workspaceId: WORKSPACE, actorAgentId: "", hops: 0 },
  report: {
    kind: "owner",
    report: {
      ...{ owner: "objective", id: OBJECT, state: "COMPLETED", output: {} },
      ...{ errorMessage: "", costUsd: 0, agentId: "" },
    },
  },
};
const LEARNED = { runId: "wfr_1", stepIndex: 3, workspaceId: WORKSPACE, id: OBJECT };

let at: TestProcessor;
let sql: pg.Client;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  await sql.query(
    `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
      values (now(), now(), 3, 1, 'wfr_1/work/1/create_objective', $1, 'create_objective', 'h', '')`,
    [WORKSPACE],
  );
});
beforeEach(() => sql.query("delete from early_reports"));
afterAll(async () => {
  await sql.end();
  await at.stop();
});

async function kept(): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>("select object_id as id from early_reports");
  return rows.map(({ id }) => id);
}

describe("a report that comes before the reply", () => {
  it("ends its step, and is not kept, where this replica commits the reply in the next moment", async () => {
    const learned = new LearnedIds();
    const { inputs, meetEarly } = await findInputs(
      { database: at.database, processor: learned },
      [REPORT],
      [],
    );
    expect(inputs).toEqual([]);
    const early = meetEarly();
    learned.note([LEARNED]);
    expect(await early).toMatchObject([
      { place: 0, submission: { runId: "wfr_1", input: { kind: "owner_reported", stepIndex: 3 } } },
    ]);
    expect(await kept()).toEqual([]);
  });

  it("is kept where no commit of this replica names its object", async () => {
    const learned = new LearnedIds();
    const { meetEarly } = await findInputs(
      { database: at.database, processor: learned },
      [REPORT],
      [],
    );
    expect(await meetEarly()).toEqual([]);
    expect(await kept()).toEqual([OBJECT]);
  });
});
