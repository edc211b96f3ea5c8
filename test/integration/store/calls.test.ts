/** Leases of calls with many rows: what a claim takes and costs, and renewals beside commits. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CallKind } from "../../../src/engine/values/call.ts";
import {
  type ClaimPlaces,
  claimCalls,
  dropCalls,
  releaseCalls,
  renewCalls,
} from "../../../src/store/calls.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import {
  type Explained,
  explain,
  type RanStatement,
  recordStatements,
} from "../../support/assertions/explain.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

let fresh: TestDatabase;
let database: Database;
let sql: pg.Client;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, log: { warn() {} } });
  sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await database.close();
  await fresh.drop();
});
beforeEach(async () => {
  await sql.query("truncate effects");
});

interface Rows {
  readonly count: number;
  readonly workspace: string;
  readonly holder?: string;
  readonly kind?: CallKind;
  readonly bytes?: number;
  /** Seconds from now until the lease ends, or the call is free. */
  readonly leaseSeconds?: number;
}

async function insert({
  count,
  workspace,
  holder = "",
  kind = "create_objective",
  bytes = 500,
  leaseSeconds = -10,
}: Rows) {
  await sql.query(
    `insert into effects (id, workspace_id, step_index, attempt, kind, request, created_at, lease_until, holder)
     select 'wfr_' || $2 || lpad(n::text, 7, '0') || '/step/1/' || $4, $2, 1, 1, $4,
       decode(repeat('ab', $5), 'hex'), now(), now() + make_interval(secs => $6 + n / 1000000.0), $3
     from generate_series(1, $1::int) n`,
    [count, workspace, holder, kind, bytes, leaseSeconds],
  );
}

const places = (more: Partial<ClaimPlaces> = {}): ClaimPlaces => ({
  kind: "create_objective",
  after: "",
  places: 60,
  bytes: 1e9,
  ...more,
});

async function claimCounts(holder: string, wanted: ClaimPlaces[]): Promise<Record<string, number>> {
  const { claimed } = await claimCalls(database, holder, wanted, []);
  const counts: Record<string, number> = {};
  for (const { workspaceId } of claimed) counts[workspaceId] = (counts[workspaceId] ?? 0) + 1;
  return counts;
}

describe("a claim", () => {
  it("gives each waiting workspace its share, whichever has waited longest", async () => {
    await insert({ count: 5_000, workspace: "a", leaseSeconds: -3_600 });
    await insert({ count: 30, workspace: "b" });
    await insert({ count: 1, workspace: "c" });
    expect(await claimCounts("r", [places()])).toEqual({ a: 20, b: 20, c: 1 });
    expect(await claimCounts("r", [places()])).toEqual({ a: 30, b: 10 });
  });

  it.each([
    // More places than calls are found, so that only the end of the walk tells that more wait.
    { calls: 1, places: 300 },
    // Workspaces that were served have more, and come after those that were not.
    { calls: 2, places: 200 },
  ])(
    "reaches every workspace when more wait than one claim looks at: $calls each",
    async (each) => {
      await sql.query(
        `insert into effects select now(), now() - interval '1 second', 1, 1, 'wfr_' || n || '/s/' || c || '/x',
         'ws' || lpad(n::text, 4, '0'), 'create_objective', '', 'ab'
       from generate_series(1, 450) n, generate_series(1, $1) c`,
        [each.calls],
      );
      const seen = new Set<string>();
      let after = "";
      for (let claims = 1; claims <= 3; claims++) {
        const wanted = places({ places: each.places, after });
        const claim = await claimCalls(database, "r", [wanted], []);
        for (const { workspaceId } of claim.claimed) seen.add(workspaceId);
        after = claim.next.get("create_objective") ?? "";
        expect(claim.full.has("create_objective")).toBe(claims < 3);
      }
      expect(seen.size).toBe(450);
      expect(after).toBe("");
    },
  );

  it("takes no more bytes than there is room for, but one call", async () => {
    await insert({ count: 10, workspace: "a", bytes: 100_000 });
    expect(await claimCounts("r", [places({ bytes: 350_000 })])).toEqual({ a: 3 });
    expect(await claimCounts("r", [places({ bytes: 5 })])).toEqual({ a: 1 });
    // The first calls of all workspaces come before the second ones.
    await insert({ count: 10, workspace: "b", bytes: 100_000 });
    expect(await claimCounts("r", [places({ bytes: 450_000 })])).toEqual({ a: 2, b: 2 });
  });

  it("leaves kinds that are not asked for, workspaces that have their share, and what rests", async () => {
    await insert({ count: 3, workspace: "a" });
    await insert({ count: 3, workspace: "b" });
    await insert({ count: 3, workspace: "b", kind: "start_run" });
    await insert({ count: 3, workspace: "c", leaseSeconds: 60 });
    const without = [{ kind: "create_objective", workspaceId: "a" }] as const;
    const { claimed } = await claimCalls(database, "r", [places()], without);
    expect(claimed.map(({ workspaceId, kind }) => `${workspaceId} ${kind}`)).toEqual(
      Array.from({ length: 3 }, () => "b create_objective"),
    );
  });

  it("takes over from a replica that died, and nothing of one that lives", async () => {
    await insert({ count: 700, workspace: "a", holder: "dead" });
    await insert({ count: 5, workspace: "b", holder: "alive", leaseSeconds: 10 });
    const first = await claimCalls(database, "r", [places({ places: 1_000 })], []);
    expect(first).toMatchObject({ claimed: { length: 500 }, moreExpired: true });
    const second = await claimCalls(database, "r", [places({ places: 1_000 })], []);
    expect(second).toMatchObject({ claimed: { length: 200 }, moreExpired: false });
  });

  it("takes what an older release gave back, and what is given back is taken by an older release", async () => {
    await insert({ count: 1, workspace: "a", holder: "old-release" });
    await insert({ count: 1, workspace: "b" });
    const old = `select id from effects where lease_until <= clock_timestamp() for update skip locked`;
    expect((await sql.query(old)).rowCount).toBe(2);
    expect(await claimCounts("r", [places()])).toEqual({ a: 1, b: 1 });
  });
});

it("costs one look where no call is free and no lease has run out", async () => {
  await insert({ count: 3, workspace: "a", holder: "alive", leaseSeconds: 60 });
  const recorded = recordStatements(database);
  const claim = await claimCalls(recorded.database, "r", [places({ after: "ws" })], []);
  // As a claim that walked over all workspaces: the next one begins with the first.
  expect(claim).toEqual({
    ...{ claimed: [], next: new Map([["create_objective", ""]]) },
    ...{ full: new Set(), moreExpired: false },
  });
  expect(recorded.ran).toHaveLength(1);
});

describe("with 200,000 calls", () => {
  async function costsOf(ran: readonly RanStatement[]): Promise<Explained[]> {
    await sql.query("vacuum analyze effects");
    const costs: Explained[] = [];
    for (const each of ran) costs.push(await explain(sql, each));
    return costs;
  }

  async function statements(): Promise<RanStatement[]> {
    const recorded = recordStatements(database);
    const kinds = ["create_objective", "send_notification", "start_run"] as const;
    const wanted = kinds.map((kind) => places({ kind, places: 100 }));
    await claimCalls(recorded.database, "r", wanted, []);
    const ids = Array.from(
      { length: 500 },
      (_, n) => `wfr_held${String(n + 1).padStart(7, "0")}/step/1/create_objective`,
    );
    await renewCalls(recorded.database, "other", ids);
    await releaseCalls(recorded.database, "other", ids);
    await dropCalls(recorded.database, ids);
    return recorded.ran;
  }

  it.each([
    ["that are held", { workspace: "held", holder: "other", leaseSeconds: 3_600 }],
    ["of one workspace that are free, before one of another", { workspace: "free" }],
  ])("%s, no statement reads more than with 2,000", { timeout: 120_000 }, async (_, rows) => {
    const ran = await statements();
    const costs: Explained[][] = [];
    for (const count of [2_000, 200_000]) {
      await sql.query("truncate effects");
      await insert({ ...rows, count });
      await insert({ count: 1, workspace: "zz" });
      costs.push(await costsOf(ran));
    }
    const [small = [], large = []] = costs;
    for (const [at, { statement }] of ran.entries()) {
      const { name } = statement;
      expect({ name, scanned: large[at]?.scanned }).toEqual({ name, scanned: [] });
      expect({ name, factor: (large[at]?.buffers ?? 0) / (small[at]?.buffers ?? 1) }).toEqual({
        name,
        factor: expect.toSatisfy((factor: number) => factor <= 2),
      });
    }
  });
});

describe("renewals beside commits", () => {
  it("wait for no call that a commit has locked, and count it as kept", async () => {
    await insert({ count: 3, workspace: "a", holder: "r", leaseSeconds: 5 });
    const { rows } = await sql.query<{ id: string }>("select id from effects order by id");
    const ids = rows.map(({ id }) => id);
    await sql.query("begin");
    await sql.query("delete from effects where id = $1", [ids[1]]);
    const kept = await renewCalls(database, "r", [...ids, "wfr_gone/s/1/x"]);
    await sql.query("commit");
    expect(kept.map(({ id }) => id).sort()).toEqual(ids);
    const { rows: left } = await sql.query(
      "select id from effects where lease_until > now() + interval '10 seconds' order by id",
    );
    expect(left.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
  });

  it("have no deadlock with commits that end calls in any order", { timeout: 60_000 }, async () => {
    await insert({ count: 1_000, workspace: "a", holder: "r", leaseSeconds: 60 });
    const { rows } = await sql.query<{ id: string }>("select id from effects");
    const ids = rows.map(({ id }) => id);
    const shuffled = [...ids].sort(() => Math.random() - 0.5);
    let done = false;
    const renewing = (async () => {
      while (!done) await renewCalls(database, "r", ids);
    })();
    const commit = (part: number) =>
      database.transaction(async (tx) => {
        for (let at = part * 20; at < part * 20 + 20; at++) {
          const values = [[shuffled[at]]];
          await tx.query(
            { name: "end_call", text: "delete from effects where id = any($1)" },
            values,
          );
        }
      });
    const lanes = [0, 1, 2, 3].map(async (lane) => {
      for (let part = lane; part < 48; part += 4) await commit(part);
    });
    await Promise.all(lanes);
    done = true;
    await renewing;
    expect((await sql.query("select 1 from effects")).rowCount).toBe(40);
  });
});
