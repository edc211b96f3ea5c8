/** Reports that come before the reply that names their object: they meet its commit in memory, or are kept. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { submitEarly } from "../../../../src/runtime/routing/early-reports.ts";
import { LearnedIds } from "../../../../src/runtime/routing/learned-ids.ts";
import { findReports, objectProbesOf } from "../../../../src/runtime/routing/route-inputs.ts";
import type { AimedSubmission } from "../../../../src/runtime/routing/route-submit.ts";
import type { Submission } from "../../../../src/runtime/submission.ts";
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
const CALL = "wfr_1/work/1/create_objective";

let at: TestProcessor;
let sql: pg.Client;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  await sql.query(
    `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
      values (now(), now(), 3, 1, $2, $1, 'create_objective', 'h', '')`,
    [WORKSPACE, CALL],
  );
});
beforeEach(async () => {
  await sql.query("delete from early_reports");
  await sql.query("delete from step_runs");
});
afterAll(async () => {
  await sql.end();
  await at.stop();
});

async function kept(): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>("select object_id as id from early_reports");
  return rows.map(({ id }) => id);
}

const cause = { kind: "call", id: CALL } as const;
const reply: Submission = {
  ...{ kind: "input", runId: "wfr_1", workspaceId: WORKSPACE },
  input: {
    ...{ kind: "call_returned", cause, callId: CALL, attempt: 1, call: "create_objective" },
    ...{
      stepIndex: 3,
      result: { ok: true, value: { kind: "create_objective", objectiveId: OBJECT } },
    },
  },
};

function afterCall(): LearnedIds {
  const learned = new LearnedIds();
  learned.noteCalls([{ workspaceId: WORKSPACE, kind: "create_objective" }]);
  return learned;
}

/** What another replica commits when it takes the reply. */
async function commitReplyElsewhere(): Promise<void> {
  await sql.query(
    `insert into step_runs (started_at, run_id, workspace_id, step_index, objective_id, cost_usd, retry_count,
        output_extends_input, state) values (now(), 'wfr_1', $1, 3, $2, 0, 0, false, 'RUNNING')`,
    [WORKSPACE, OBJECT],
  );
}

/** Submits the report as it came; `applies` says whether its run takes it. Gives what was submitted. */
async function submitReport(learned: LearnedIds, applies: boolean, meanwhile = async () => {}) {
  const submitted: Submission[] = [];
  const { inputs, early } = await findReports(at.database, [REPORT], objectProbesOf([REPORT]));
  expect(inputs).toEqual([]);
  await meanwhile();
  const submit = async (aimed: readonly AimedSubmission[]) => {
    submitted.push(...aimed.map(({ submission }) => submission));
    const updatedRunIds = applies && aimed.length > 0 ? ["wfr_1"] : [];
    return [{ startedRunIds: [], updatedRunIds, alreadyStartedRunIds: [], errors: [] }];
  };
  await submitEarly({ database: at.database, processor: learned }, [REPORT], early, submit);
  return submitted;
}

const TAKEN = { runId: "wfr_1", input: { kind: "owner_reported", stepIndex: 3 } };

describe("a report that comes before the reply", () => {
  it("is submitted behind the reply, and is not kept, where this replica takes the reply in a moment", async () => {
    const learned = afterCall();
    const submitting = submitReport(learned, true);
    learned.note(reply);
    expect(await submitting).toMatchObject([TAKEN]);
    expect(await kept()).toEqual([]);
  });

  it("is submitted, and is not kept, where another replica takes the reply in a moment", async () => {
    expect(await submitReport(afterCall(), true, commitReplyElsewhere)).toMatchObject([TAKEN]);
    expect(await kept()).toEqual([]);
  });

  it("is kept where the reply was not taken after all", async () => {
    const learned = afterCall();
    learned.note(reply);
    expect(await submitReport(learned, false)).toMatchObject([TAKEN]);
    expect(await kept()).toEqual([OBJECT]);
  });

  it("is kept where no reply of this replica names its object", async () => {
    expect(await submitReport(new LearnedIds(), true)).toEqual([]);
    expect(await kept()).toEqual([OBJECT]);
  });
});
