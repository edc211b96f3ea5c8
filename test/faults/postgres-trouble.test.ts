/**
 * What Postgres answers when it cannot do what is asked: the service repeats it or refuses it, and each run that was
 * answered exists once and ends.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const RUNS = 40;
const AT_ONCE = 8;
const PAUSE = { stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 0.2 } };
const VERSION = {
  steps: [
    { id: "a", name: "A", ...PAUSE },
    { id: "b", name: "B", ...PAUSE },
  ],
  edges: [{ fromStepId: "a", toStepId: "b" }],
};
/** What a caller may get, and repeats: nothing else. */
const PASSING = [Code.Unavailable, Code.Aborted, Code.ResourceExhausted];

let cluster: Cluster;
let replica: Replica;
let definitionId = "";
beforeAll(async () => {
  cluster = await startCluster();
  replica = await cluster.start();
  const wanted = { workspaceId: "w", name: "pauses" };
  definitionId = (await replica.workflows.createDefinition(wanted)).definition?.id ?? "";
  await replica.workflows.publishVersion({ definitionId, ...VERSION });
});
afterAll(() => cluster?.stop());

/** Starts a run by a key, repeated as a good client does. */
function startOne(key: string): Promise<string> {
  const headers = { "Idempotency-Key": key };
  return until(async () => {
    try {
      return (await replica.workflows.startRun({ definitionId }, { headers })).run?.id;
    } catch (error) {
      expect(PASSING).toContain(ConnectError.from(error).code);
      return undefined;
    }
  }, 60_000);
}

async function startMany(name: string): Promise<string[]> {
  const keys = Array.from({ length: RUNS }, (_, n) => `${name}-${n}`);
  const ids: string[] = [];
  const left = keys.values();
  const work = async () => {
    for (const key of left) ids.push(await startOne(key));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return ids;
}

/** All runs that were answered are there, once each, and have ended well. */
async function requireAll(name: string, ids: readonly string[]): Promise<void> {
  expect(new Set(ids).size, name).toBe(RUNS);
  const open = await until(async () => {
    const rows = await cluster.rows<{ id: string; state: string }>(
      "select id, state from workflow_runs where id = any($1)",
      [ids],
    );
    const done = rows.every(({ state }) => state === "COMPLETED");
    return done && rows.length === RUNS ? rows : undefined;
  }, 60_000);
  expect(open).toHaveLength(RUNS);
}

async function countRuns(): Promise<number> {
  const rows = await cluster.rows<{ n: number }>("select count(*)::int as n from workflow_runs");
  return rows[0]?.n ?? 0;
}

/** Every third insert of a batch is refused with this SQLSTATE, `times` in all: a sequence counts also what is rolled back. */
async function refuseBatches(state: string, times: number): Promise<void> {
  await cluster.rows("create sequence refusals");
  await cluster.rows(`create function refuse() returns trigger language plpgsql as $$ declare n bigint;
    begin
      n := nextval('refusals');
      if n % 3 = 0 and n <= ${3 * times} then raise exception 'refused' using errcode = '${state}'; end if;
      return new;
    end $$`);
  await cluster.rows(
    "create trigger refuse before insert on move_batches for each row execute function refuse()",
  );
}

/** Gives how often a batch was refused at most. */
async function acceptBatches(): Promise<number> {
  await cluster.rows("drop trigger refuse on move_batches");
  await cluster.rows("drop function refuse");
  const [row] = await cluster.rows<{ n: string }>("select last_value as n from refusals");
  await cluster.rows("drop sequence refusals");
  return Math.floor(Number(row?.n) / 3);
}

const backends = "pid <> pg_backend_pid() and datname = current_database()";
const terminate = () =>
  cluster.rows(`select pg_terminate_backend(pid) from pg_stat_activity where ${backends}`);

describe("a commit that Postgres refuses", () => {
  it.each([
    ["a deadlock", "40P01"],
    ["a serialization failure", "40001"],
    ["a lock that is not given in time", "55P03"],
    ["a statement that takes too long", "57014"],
    ["too many connections", "53300"],
    ["a shutdown", "57P01"],
    ["a full disk", "53100"],
  ])("%s (%s)", async (name, state) => {
    const before = await countRuns();
    await refuseBatches(state, 10);
    const ids = await startMany(state);
    await requireAll(name, ids);
    expect(await acceptBatches()).toBeGreaterThanOrEqual(10);
    expect(await countRuns()).toBe(before + RUNS);
  });
});

it("connections that are ended, again and again", async () => {
  const before = await countRuns();
  let done = false;
  const starting = startMany("ended").finally(() => {
    done = true;
  });
  let times = 0;
  let runsThen = before;
  await until(async () => {
    if (done) return true;
    // Some runs come through between two ends.
    const runs = await countRuns();
    if (runs < runsThen + 4) return undefined;
    runsThen = runs;
    times += 1;
    await terminate();
    return undefined;
  }, 60_000);
  await requireAll("connections", await starting);
  expect(times).toBeGreaterThan(3);
  expect(await countRuns()).toBe(before + RUNS);
});

it("a database that turns read-only, as after a failover", async () => {
  const before = await countRuns();
  const [row] = await cluster.rows<{ name: string }>("select current_database() as name");
  const alter = (what: string) => cluster.rows(`alter database "${row?.name}" ${what}`);
  const starting = startMany("read-only");
  await alter("set default_transaction_read_only = on");
  await terminate();
  await until(async () => {
    const refused = await replica.workflows
      .startRun({ definitionId }, { headers: { "Idempotency-Key": "while-read-only" } })
      .then(() => undefined)
      .catch((error: unknown) => ConnectError.from(error).code);
    return refused === Code.Unavailable ? true : undefined;
  });
  await cluster.rows("set default_transaction_read_only = off");
  await alter("reset default_transaction_read_only");
  await terminate();
  await requireAll("read-only", await starting);
  // The call that was refused may have been let through once, at the end.
  expect((await countRuns()) - before - RUNS).toBeLessThanOrEqual(1);
});

it("a table that is locked for longer than a statement waits", async () => {
  const before = await countRuns();
  await cluster.rows("begin");
  await cluster.rows("lock table workflow_runs in access exclusive mode");
  const starting = startMany("locked");
  const codes: (Code | undefined)[] = [];
  await until(async () => {
    codes.push(
      await replica.workflows
        .startRun({ definitionId })
        .then(() => undefined)
        .catch((error: unknown) => ConnectError.from(error).code),
    );
    return codes.length > 1 ? true : undefined;
  });
  await cluster.rows("rollback");
  for (const code of codes) expect(PASSING).toContain(code);
  await requireAll("locked", await starting);
  expect(await countRuns()).toBe(before + RUNS);
});
