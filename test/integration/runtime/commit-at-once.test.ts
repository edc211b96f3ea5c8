/** Batches that one statement locks, saves and commits: what stops it, and what becomes of it when its answer is lost. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import {
  type Committed,
  createProcessor,
  type Processor,
  type Submission,
} from "../../../src/runtime/processor.ts";
import type { Database, Statement } from "../../../src/store/database.ts";
import { AnswerLost, DatabaseAway } from "../../../src/store/pg-errors.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { readHistory } from "../../support/histories/stored-history.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

type Sent = (statement: Statement, values: readonly unknown[]) => Promise<unknown>;

/** The statement that saves what each case submits: a task ends, and with it its item in the inbox. */
const SAVE = "save_batch_moves_calls_others";

let at: TestProcessor;
let sql: pg.Client;
let version: VersionRow;
let replica: Processor;
let runId: string;
/** What the replica sent, those of transactions included. */
let asked: string[];
/** What is done in place of the next statement that saves alone, with a way to send it. */
let instead: ((send: () => Promise<unknown>) => Promise<unknown>) | undefined;
let committed: Committed[];
let beforeTransaction: (() => Promise<void>) | undefined;
let afterMark: (() => Promise<unknown>) | undefined;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  const steps = [stepOf("t", { stepType: "HUMAN_TASK", name: "t" }), stepOf("call")];
  version = await publish(at.database, "at once", versionOf(steps, ["t -> call"]));
});
afterAll(async () => {
  await sql?.end();
  await at?.stop();
});
beforeEach(async () => {
  [asked, committed, instead, beforeTransaction] = [[], [], undefined, undefined];
  afterMark = undefined;
  const { database, log } = at;
  const query: Sent = async (statement, values) => {
    asked.push(statement.name);
    const other = statement.name.startsWith("save_batch") ? instead : undefined;
    if (other === undefined) {
      const rows = await database.alone.query(statement, values);
      if (statement.name === "mark_unanswered_run") await afterMark?.();
      return rows;
    }
    instead = undefined;
    return other(() => database.alone.query(statement, values));
  };
  const watched: Database = {
    ...database,
    alone: { query: query as Database["alone"]["query"] },
    async transaction(work, options) {
      asked.push("transaction");
      await beforeTransaction?.();
      return database.transaction(work, options);
    },
  };
  replica = createProcessor({
    ...{ database: watched, graphs: createGraphCache(database), encodeCall, log },
    ...{ replicaId: "at-once", lookups: { choose: () => undefined } },
    onCommitted: (each) => void committed.push(each),
  });
  const cause = { kind: "rpc", id: "StartRun" } as const;
  ({ runId } = await replica.submit({ kind: "start", start: startOf(version), cause }));
  [asked, committed] = [[], []];
});

const completed = (): Submission => ({
  ...{ kind: "input", runId, workspaceId: WORKSPACE },
  input: transitioned("t", "COMPLETED", { output: { done: true } }),
});
const lost = () => new AnswerLost("lost", { cause: new DatabaseAway("lost") });
const movesAfterStart = async () => (await readHistory(at.database, runId)).rows.length - 1;
const stateOfStep = async (index: number) =>
  (await findRunRows(at.database.read, runId))?.steps.get(index)?.state;
const lastBatch = async () =>
  (await sql.query("select last_value from move_batches_id_seq")).rows[0].last_value;
const callsOf = () => committed.flatMap(({ calls }) => calls.map(({ stepIndex }) => stepIndex));

it("an input is committed by one statement, with the calls that it leads to", async () => {
  const { reply } = await replica.submit(completed());
  expect(reply.kind).toBe("applied");
  expect(asked).toEqual([SAVE]);
  expect(callsOf()).toEqual([1]);
  expect(committed.flatMap(({ batches }) => batches)).toHaveLength(1);
});

describe("the statement writes nothing and does not wait", () => {
  it("where another transaction has locked the run", async () => {
    await sql.query("begin");
    await sql.query("select 1 from workflow_runs where id = $1 for update", [runId]);
    const before = await lastBatch();
    const beganAt = performance.now();
    let tookMs = Number.POSITIVE_INFINITY;
    beforeTransaction = async () => {
      tookMs = performance.now() - beganAt;
      expect(await lastBatch()).toBe(before);
      await sql.query("rollback");
    };
    const { reply } = await replica.submit(completed());
    expect(reply.kind).toBe("applied");
    // Less than the time limit of locks.
    expect(tookMs).toBeLessThan(2_500);
    // By what is kept, by what was read, and with locks that are tried.
    expect(asked).toEqual([SAVE, SAVE, "transaction"]);
    expect(await movesAfterStart()).toBe(1);
  });

  it("where a step of it was written since", async () => {
    instead = async (send) => {
      await sql.query(
        "update step_runs set checked_at = now() - interval '1 ms' where run_id = $1",
        [runId],
      );
      return send();
    };
    const { reply } = await replica.submit(completed());
    expect(reply.kind).toBe("applied");
    expect(asked).toEqual([SAVE, SAVE]);
    expect(await movesAfterStart()).toBe(1);
  });

  it("where a call of which it has the result waits for none any more", async () => {
    await replica.submit(completed());
    const call = committed.flatMap(({ calls }) => calls)[0];
    if (call === undefined) throw new Error("no call was wanted");
    await sql.query("delete from effects where id = $1", [call.callId]);
    const { callId, kind, stepIndex, attempt } = call;
    const { reply } = await replica.submit({
      ...{ kind: "input", runId, workspaceId: WORKSPACE },
      input: {
        ...{ kind: "call_returned", cause: { kind: "call", id: callId }, callId, call: kind },
        ...{ stepIndex, attempt, result: { ok: false, message: "no" } },
      },
    });
    expect(reply.kind).toBe("unchanged");
    expect(await stateOfStep(1)).not.toBe("FAILED");
  });
});

describe("a statement whose answer is lost", () => {
  it("has done its work where it was committed", async () => {
    instead = async (send) => {
      await send();
      throw lost();
    };
    const { reply } = await replica.submit(completed());
    expect(reply.kind).toBe("applied");
    expect(asked).toEqual([SAVE, "mark_unanswered_run"]);
    expect(await movesAfterStart()).toBe(1);
    expect(callsOf()).toEqual([1]);
    expect(committed.flatMap(({ batches }) => batches.map(({ id }) => id))).toHaveLength(1);
    // What it kept of the run is as the statement left it.
    const failed = transitioned("call", "COMPLETED", { output: {} });
    await replica.submit({ kind: "input", runId, workspaceId: WORKSPACE, input: failed });
    expect(asked.slice(2)).not.toContain("transaction");
  });

  it("is not committed any more where the server reads it later", async () => {
    let late: unknown;
    instead = async (send) => {
      // The server reads it when the replica has decided, and before it tries again.
      afterMark = async () => {
        [late] = await Promise.allSettled([send()]);
      };
      throw lost();
    };
    const { reply } = await replica.submit(completed());
    expect(reply.kind).toBe("applied");
    expect(late).toMatchObject({ status: "rejected", reason: { code: "42704" } });
    expect(await movesAfterStart()).toBe(1);
    expect(await stateOfStep(0)).toBe("COMPLETED");
  });

  it("is not committed where another replica has moved the run", async () => {
    const { database, log } = at;
    const other = createProcessor({
      ...{ database, graphs: createGraphCache(database), encodeCall, log, onCommitted() {} },
      ...{ replicaId: "other", lookups: { choose: () => undefined } },
    });
    instead = async () => {
      const input = { kind: "pause_requested", cause: { kind: "rpc", id: "x" }, reason: "" };
      await other.submit({ kind: "input", runId, workspaceId: WORKSPACE, input } as Submission);
      throw lost();
    };
    const { reply } = await replica.submit(completed());
    await other.stop();
    expect(reply.kind).toBe("applied");
    expect((await findRunRows(database.read, runId))?.run.state).toBe("PAUSED");
    expect(await movesAfterStart()).toBe(2);
  });
});
