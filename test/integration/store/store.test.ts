/** The store by itself: migrations, definitions under concurrency, rows that are read as they were written. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Run } from "../../../src/engine/values/run.ts";
import { createDefinition, publishVersion } from "../../../src/runtime/definitions.ts";
import { rowOfChild } from "../../../src/store/child-runs.ts";
import { hexOf } from "../../../src/store/columns.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { packEdges, unpackEdges } from "../../../src/store/edge-marks.ts";
import { readRuns } from "../../../src/store/lock-runs.ts";
import { migrateDatabase, requireMigrated, SchemaTooOld } from "../../../src/store/migrate.ts";
import { AnswerLost, DatabaseAway, isAway, isLostRace } from "../../../src/store/pg-errors.ts";
import { findVersion, listDefinitions } from "../../../src/store/reads/definitions.ts";
import { listVersions } from "../../../src/store/reads/version-lists.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { rowOfRun, runOfRow } from "../../../src/store/rows.ts";
import { type Batch, saveBatch } from "../../../src/store/save-batch.ts";
import { stepOf, triggerOf, versionOf } from "../../support/builders/version-spec.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const log = { warn() {} };
let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await freshDatabase();
  database = openDatabase({ url: test.url, log });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

const NAMED = { workspaceId: "ws", description: "", tags: [] };
const valid = versionOf([stepOf("a", { stepType: "HUMAN_TASK", name: "a" })]);

describe("migrations", () => {
  it("are applied once by replicas that start together, and required when they are off", async () => {
    const name = `test_empty_${process.pid}`;
    const url = new URL(test.url);
    const server = new pg.Client({ connectionString: test.url });
    await server.connect();
    await server.query(`create database ${name}`);
    url.pathname = `/${name}`;
    try {
      await expect(requireMigrated(url.href)).rejects.toBeInstanceOf(SchemaTooOld);
      await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(url.href)));
      await requireMigrated(url.href);
    } finally {
      await server.query(`drop database ${name} with (force)`);
      await server.end();
    }
  });
});

const callOf = (id: string, stepIndex: number, kind = "send_notification") => ({
  id,
  stepIndex,
  kind,
  workspaceId: "ws",
  attempt: 1,
  request: hexOf(new Uint8Array()),
  createdAt: new Date(),
  leaseUntil: new Date(),
  holder: "",
});
const NOTHING: Batch = {
  newRuns: [],
  changedRuns: [],
  newSteps: [],
  changedSteps: [],
  moves: [],
  newCalls: [],
  finishedCalls: [],
  droppedSteps: [],
  newChildren: [],
  changedChildren: [],
  inboxSteps: [],
  starts: [],
  takenEvents: [],
  fences: { runs: [], steps: [], openCalls: [] },
};
const STARTED = { workspaceId: "ws", definitionId: "wf_batches", source: "" };
const EVENT = { workspaceId: "ws", source: "", type: "crm.came", subject: "", time: "", data: {} };
const CHILD = {
  ...{ step: 1, attempt: 1, child: 0, runId: "", costUsd: 0, seq: 1 },
  state: "new" as const,
};

describe("calls", () => {
  const save = (batch: Partial<Batch>) =>
    database.transaction((tx) => saveBatch(tx, { ...NOTHING, ...batch }));

  it("are written once, and only the notifications of dropped steps are dropped", async () => {
    const first = callOf("run_a/tell/1/send_notification", 1);
    await save({ newCalls: [first] });
    const others = [
      callOf("run_a/tell/2/send_notification", 1),
      callOf("run_a/ask/1/request_approval", 1, "request_approval"),
      callOf("run_a/mail/1/send_notification", 2),
      callOf("run_a-b/tell/1/send_notification", 1),
      callOf("run_a0/tell/1/send_notification", 1),
    ];
    const saved = await save({ newCalls: [first, ...others] });
    expect(saved?.newCalls.toSorted()).toEqual(others.map(({ id }) => id).toSorted());
    await save({
      droppedSteps: [
        { runId: "run_a", stepIndex: 1 },
        { runId: "run_a", stepIndex: 3 },
      ],
    });
    const ids = others.map(({ id }) => id);
    const { openCalls: left } = await readRuns(database.read, [], [first.id, ...ids]);
    expect([...left].toSorted()).toEqual(ids.slice(1).toSorted());
  });
});

describe("batches", () => {
  const runId = "run_batches";
  const cause = { kind: "rpc", id: "test" } as const;
  const recordedAt = new Date();
  const kindsOf = (seq: number): Partial<Batch>[] => [
    { starts: [{ ...STARTED, runId, eventId: `event_${seq}`, createdAt: recordedAt }] },
    { moves: [{ runId, partition: 0, seq, cause, moves: [], recordedAt }] },
    { newCalls: [callOf(`${runId}/a/1/delegate`, 1, "delegate")] },
    { finishedCalls: [`${runId}/b/1/delegate`] },
    { droppedSteps: [{ runId, stepIndex: 1 }] },
    { newChildren: [rowOfChild(runId, { ...CHILD, child: seq })] },
    { changedChildren: [rowOfChild(runId, { ...CHILD, child: -2 })] },
    { takenEvents: [{ ...EVENT, id: `event_${seq}` }] },
  ];

  it("are saved by a few statements, whatever they hold, and have a batch of moves if they have moves", async () => {
    const subsets = 2 ** kindsOf(0).length;
    const names = await database.transaction(async (tx) => {
      for (let subset = 0; subset < subsets; subset += 1) {
        const chosen = kindsOf(subset).filter((_, place) => (subset >> place) % 2 === 1);
        const batch: Batch = Object.assign({}, NOTHING, ...chosen);
        const saved = await saveBatch(tx, batch);
        if (subset === 0) expect(saved).toBeUndefined();
        else expect(saved?.batches).toHaveLength(batch.moves.length);
      }
      const text = "select name from pg_prepared_statements where name like 'save_batch%'";
      return tx.query<{ name: string }>({ name: "prepared", text }, []);
    });
    expect(names).toHaveLength(16);
    const text =
      "select (select count(*) from run_moves) as moves, count(*) as batches from move_batches";
    const counted = await database.read.query({ name: "counted", text }, []);
    expect(counted).toEqual([{ moves: subsets / 2, batches: subsets / 2 }]);
  });
});

describe("definitions", () => {
  it("have names that are unique in their workspace", async () => {
    const made = await createDefinition({ database }, { ...NAMED, name: "sales" });
    expect(made).toMatchObject({ latestVersion: 0, triggerKey: null });
    await expect(createDefinition({ database }, { ...NAMED, name: "sales" })).rejects.toMatchObject(
      {
        reason: "already_exists",
        facts: { resource: { type: "definition", name: made.id } },
      },
    );
    await createDefinition({ database }, { ...NAMED, workspaceId: "ws2", name: "sales" });
    await expect(
      createDefinition({ database }, { ...NAMED, workspaceId: "", name: " " }),
    ).rejects.toMatchObject({
      reason: "invalid_fields",
      facts: { fields: [{ field: "name" }, { field: "workspace_id" }] },
    });
  });

  it("number their versions without gaps under concurrent publishes", async () => {
    const { id: definitionId } = await createDefinition({ database }, { ...NAMED, name: "raced" });
    const invalid = { ...valid, steps: [] };
    const results = await Promise.allSettled([
      ...Array.from({ length: 10 }, () =>
        publishVersion({ database }, { definitionId, spec: valid }),
      ),
      publishVersion({ database }, { definitionId, spec: invalid }),
    ]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    const page = { limit: 100, bytesAtMost: 1_000_000 };
    const versions = await listVersions(database.read, EVERY_WORKSPACE, definitionId, page);
    expect(versions.map(({ version }) => version)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await findVersion(database.read, EVERY_WORKSPACE, definitionId, 3)).toMatchObject({
      version: 3,
    });
  });

  it("listen by their latest version alone", async () => {
    const { id: definitionId } = await createDefinition({ database }, { ...NAMED, name: "hears" });
    const trigger = triggerOf({ triggerType: "EVENT", eventType: "crm.deal.won" });
    const published = await publishVersion(
      { database },
      { definitionId, spec: { ...valid, trigger } },
    );
    expect(published.definition).toMatchObject({
      triggerKey: "e|crm.deal.won|~",
      latestVersion: 1,
    });
    expect(published.definition.listensSince).toBeInstanceOf(Date);
    const deaf = await publishVersion({ database }, { definitionId, spec: valid });
    expect(deaf.definition).toMatchObject({ triggerKey: null, listensSince: null });
  });

  it("are listed by tag, newest first, with their number", async () => {
    for (const name of ["t1", "t2", "t3"]) {
      await createDefinition(
        { database },
        { ...NAMED, workspaceId: "wt", name, tags: ["x", name] },
      );
    }
    const filters = { workspaceId: "wt", tag: "x", limit: 2, offset: 0 };
    const { rows, total } = await listDefinitions(database.read, EVERY_WORKSPACE, filters);
    expect([rows.map(({ name }) => name), total]).toEqual([["t3", "t2"], 3]);
    const one = await listDefinitions(database.read, EVERY_WORKSPACE, { ...filters, tag: "t1" });
    expect(one.rows.map(({ name }) => name)).toEqual(["t1"]);
  });

  it("are published by the outbox, one event a change", async () => {
    const { id: definitionId } = await createDefinition({ database }, { ...NAMED, name: "listed" });
    await publishVersion({ database }, { definitionId, spec: valid });
    const rows = await database.read.query<{ changes: { type: string; aggregateId: string }[] }>(
      {
        name: "changes",
        text: `select changes from move_batches where changes is not null
          and changes::text like '%' || $1 || '%' order by id`,
      },
      [definitionId],
    );
    expect(rows.flatMap(({ changes }) => changes.map(({ type }) => type))).toEqual([
      "workflows.changes.definition.create",
      "workflows.changes.workflow.created",
      "workflows.changes.version.publish",
      ...["published", "activated"].map((name) => `workflows.changes.workflow.${name}`),
    ]);
  });
});

describe("marks of edges", () => {
  it("come back as they were packed", () => {
    for (const length of [0, 1, 3, 4, 5, 17]) {
      const marks = Uint8Array.from({ length }, (_, n) => n % 3);
      const packed = packEdges(marks);
      expect(packed.length).toBe(Math.ceil(length / 4));
      expect([...unpackEdges(packed).slice(0, length)]).toEqual([...marks]);
    }
  });
});

describe("a run's row", () => {
  it("gives the run back", () => {
    const run: Run = {
      id: "wfr_1",
      workspaceId: "ws",
      definitionId: "wf_1",
      versionId: "wfv_1",
      definitionVersion: 1,
      triggerType: "EVENT",
      triggerEventId: "e",
      triggerSource: "crm",
      initiatorAgentId: "",
      initiatorUserId: "u",
      parentRunId: "",
      entityId: "",
      entityType: "",
      hops: 2,
      createdAtMs: 1_700_000_000_123,
      state: "PAUSED",
      startedAtMs: 1_700_000_000_124,
      totalCostUsd: 1.25,
      seq: 9,
      stepMarks: Uint8Array.of(1, 0x63),
      edgeMarks: Uint8Array.of(1, 0, 2, 0),
      unsettled: [1],
      pending: [],
    };
    const row = rowOfRun(run);
    const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
    expect(row.stepMarks).toBe(hexOf(run.stepMarks));
    const { stepMarks, edgeMarks } = row;
    // Of most runs they are unset.
    const unset = { environment: null, vars: null, startedBy: null, concurrencyKey: null };
    expect(
      runOfRow({ ...unset, ...row, stepMarks: bytes(stepMarks), edgeMarks: bytes(edgeMarks) }),
    ).toEqual(run);
  });
});

describe("errors of the database", () => {
  it("are distinguished by their code", async () => {
    const away = openDatabase({ url: "postgres://x:y@127.0.0.1:1/none", log });
    const statement = { name: "one", text: "select 1" };
    const error = await away.read.query(statement, []).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseAway);
    expect([isAway(error), isLostRace(error)]).toEqual([true, false]);
    const built = await findVersion(away.read, EVERY_WORKSPACE, "wf_x", 1).catch(
      (reason: unknown) => reason,
    );
    expect(isAway(built)).toBe(true);
    await away.close();
    const wrong = { name: "wrong", text: "select 1 / $1::int" };
    const fault = await database.read.query(wrong, [0]).catch((reason: unknown) => reason);
    expect([isAway(fault), isLostRace(fault)]).toEqual([false, false]);
  });

  it("say whether a statement that commits by itself was refused, or its answer is lost", async () => {
    const failing = (text: string) =>
      database.alone.query({ name: text, text }, []).catch((reason: unknown) => reason);
    // The disk is full: the database is away, and the statement is certainly not committed.
    const full = await failing("do $$ begin raise 'full' using errcode = '53100'; end $$");
    expect([full instanceof AnswerLost, isAway(full)]).toEqual([false, true]);
    expect(await failing("select pg_terminate_backend(pg_backend_pid())")).toBeInstanceOf(
      AnswerLost,
    );
  });

  it("end a transaction without leaving anything", async () => {
    const name = "rolled back";
    await expect(
      database.transaction(async (tx) => {
        await tx.query(
          {
            name: "insert_definition_for_test",
            text: `insert into workflow_definitions (id, workspace_id, name, description, tags)
              values ($1, 'ws', $2, '', '{}')`,
          },
          ["wf_rolled", name],
        );
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    const { rows } = await listDefinitions(database.read, EVERY_WORKSPACE, {
      workspaceId: "ws",
      tag: "",
      limit: 500,
      offset: 0,
    });
    expect(rows.some((row) => row.name === name)).toBe(false);
  });
});
