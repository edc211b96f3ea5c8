/**
 * The invariant checker (tools/verify/) over more than it holds at once, over a stream that changes meanwhile, and with
 * checks that break off.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the service is a process of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { connect, type JetStreamManager, type NatsConnection } from "nats";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";
import { checkPublished } from "../../tools/verify/published.ts";
import { beginFindings, type Report } from "../../tools/verify/report.ts";
import { connectReadOnly } from "../../tools/verify/stored-runs.ts";
import { readEvents, readStreamState } from "../../tools/verify/stream.ts";
import { verifyAll } from "../../tools/verify/verify-all.ts";
import { checkOtherWorkspaces } from "../../tools/verify/workspaces.ts";
import { until } from "../support/assertions/until.ts";
import { playStory, type Story } from "../support/services/verified-story.ts";

const DAY_NS = 86_400_000 * 1_000_000;

let story: Story;
let connection: NatsConnection;
let manager: JetStreamManager;
let copy: Awaited<ReturnType<Story["copy"]>>;
let client: pg.Client;

beforeAll(async () => {
  story = await playStory();
  connection = await connect({ servers: story.world.natsUrl });
  manager = await connection.jetstreamManager();
});
afterAll(async () => {
  await connection?.close();
  await story?.world.stop();
});
beforeEach(async () => {
  copy = await story.copy();
  client = await connectReadOnly(copy.url);
});
afterEach(async () => {
  await client.end();
  await copy.drop();
});

/** Makes a stream with all messages of the service's; gives how many. */
async function copyStream(name: string): Promise<number> {
  await manager.streams.add({ name, sources: [{ name: "WORKFLOWS" }] });
  return until(async () => {
    const [made, own] = await Promise.all([
      manager.streams.info(name),
      manager.streams.info("WORKFLOWS"),
    ]);
    return made.state.messages === own.state.messages ? own.state.messages : undefined;
  });
}

async function published(
  stream: string,
  options: { readonly messagesAShare?: number; readonly onProgress?: (line: string) => void } = {},
): Promise<Report> {
  const findings = beginFindings("I4");
  await checkPublished(findings, { client, connection, stream, quiescent: true, ...options });
  return findings.report();
}

describe("I4 over a stream that is read in shares", () => {
  it("judges each run once and says how far it is", async () => {
    const lines: string[] = [];
    const whole = await published("WORKFLOWS");
    const messagesAShare = Math.ceil((whole.counts.messages ?? 0) / 4);
    const onProgress = (line: string) => void lines.push(line);
    const shared = await published("WORKFLOWS", { messagesAShare, onProgress });
    expect(shared).toEqual(whole);
    expect(shared).toMatchObject({ verdict: "checked", counts: { runs: 9 } });
    expect(lines).toHaveLength(4);
    expect(lines[1]).toBe(`I4: reading ${whole.counts.messages} messages, 2 of 4`);
  });

  it("misses nothing that expired between two shares", async () => {
    const messages = await copyStream("EXPIRING");
    const half = { messagesAShare: Math.ceil(messages / 2) };
    let purged: Promise<unknown> | undefined;
    const report = await published("EXPIRING", {
      ...half,
      onProgress(line) {
        // On the connection that the share is read by, so it is done before the reading.
        if (line.endsWith("2 of 2")) purged = manager.streams.purge("EXPIRING", { seq: messages });
      },
    });
    await purged;
    expect(report).toMatchObject({ verdict: "checked", violations: [] });
    expect((await manager.streams.info("EXPIRING")).state.messages).toBe(1);
  });
});

describe("I4 over a stream that was made anew", () => {
  it("misses nothing that is older than its age limit", async () => {
    await copy.query("update run_moves set recorded_at = recorded_at - interval '2 days'");
    for (const table of ["workflow_definitions", "workflow_versions"]) {
      await copy.query(`update ${table} set created_at = created_at - interval '2 days'`);
    }
    await copy.query(`update move_batches set changes = (
      select json_agg(jsonb_set(change::jsonb, '{recordedAt}',
        to_jsonb((change->>'recordedAt')::timestamptz - interval '2 days')) order by place)
      from json_array_elements(changes) with ordinality as each(change, place)) where changes is not null`);
    await manager.streams.add({ name: "ANEW", subjects: ["anew"], max_age: DAY_NS });
    expect(await published("ANEW")).toMatchObject({ verdict: "checked", violations: [] });
    await manager.streams.add({ name: "ANEW_LONG", subjects: ["anew_long"], max_age: 3 * DAY_NS });
    const younger = await published("ANEW_LONG");
    expect(younger.violations[0]).toContain("was marked as published and is not in the stream");
  });
});

describe("a stream that loses its messages before they are read", () => {
  it("is read to its end", async () => {
    await copyStream("EMPTIED");
    const { lastSeq } = await readStreamState(connection, "EMPTIED");
    await manager.streams.purge("EMPTIED");
    expect(await readEvents(connection, "EMPTIED", lastSeq, () => true)).toEqual({
      runs: new Map(),
      changes: new Map(),
    });
  });

  it("is not read where there is none", async () => {
    const { lastSeq } = await readStreamState(connection, "WORKFLOWS");
    await expect(readEvents(connection, "GONE", lastSeq, () => true)).rejects.toThrow();
  });
});

describe("I9 over tables that are read by pages", () => {
  it.each([
    [
      "starts",
      `insert into run_starts (workspace_id, definition_id, event_id, source, run_id, created_at)
        select case n when 3 then 'ws_2' else r.workspace_id end, r.definition_id, 'e' || n, '', r.id, now()
        from workflow_runs r, generate_series(1, 3) n where r.id = '$long'`,
      "has a start of ws_2 and",
    ],
    [
      "calls",
      `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
        select now(), now(), 0, n, '$long/work/' || n || '/look_up', case n when 3 then 'ws_2' else 'ws_1' end,
          'look_up', '', '' from generate_series(1, 3) n`,
      "/work/3/look_up: is of ws_2, its run of ws_1",
    ],
    [
      "keys of callers",
      `insert into caller_keys (created_at, lease_until, workspace_id, method, key, holder, body_hash, applied_to)
        select now(), now(), case n when 3 then 'ws_2' else 'ws_1' end, 'StartRun', 'k' || n, '', '', '$long'
        from generate_series(1, 3) n`,
      "was changed under a key of ws_2",
    ],
    [
      "keys of kept events",
      `with kept as (
          insert into kept_events (workspace_id, source, event_id, type, subject, time, arrived_at, data)
          select 'ws_1', '', 'e' || n, '', '', '', now(), '{}' from generate_series(1, 3) n returning seq)
        insert into kept_event_keys (seq, arrived_at, workspace_id, equals)
        select seq, now(), case when seq = max(seq) over () then 'ws_2' else 'ws_1' end, 'x' from kept`,
      "is a key of ws_2 for an event of ws_1",
    ],
  ])("finds what is wrong with %s behind the first page", async (what, statement, line) => {
    await copy.query(statement.replaceAll("$long", story.runs.long));
    const findings = beginFindings("I9");
    await checkOtherWorkspaces(findings, client, { rowsAPage: 1 });
    const { violations, counts } = findings.report();
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(line);
    expect(counts[what]).toBeGreaterThanOrEqual(3);
  });
});

describe("a check that breaks off", () => {
  const spoil = "alter table run_starts rename to lost_starts";
  const cause = 'could not be checked: relation "run_starts" does not exist';

  it("fails its invariant alone", async () => {
    await copy.query(spoil);
    const reports = await verifyAll({ databaseUrl: copy.url, quiescent: false });
    const verdicts = reports.map(({ invariant, verdict }) => `${invariant} ${verdict}`);
    expect(verdicts.filter((each) => each.endsWith("failed"))).toEqual(["I9 failed"]);
    expect(verdicts.filter((each) => each.endsWith("checked"))).toHaveLength(6);
    expect(reports.find(({ invariant }) => invariant === "I9")?.reason).toBe(cause);
  });

  it("fails all invariants that are judged run by run", async () => {
    await copy.query("alter table step_runs rename to lost_steps");
    const reports = await verifyAll({ databaseUrl: copy.url, quiescent: false });
    const failed = reports.filter(({ verdict }) => verdict === "failed");
    expect(failed.map(({ invariant }) => invariant)).toEqual([
      "I3",
      "I5",
      "I6",
      "I7",
      "I8",
      "I9",
      "I11",
    ]);
  });

  it("is a violation where a proof is wanted, like what was left out", async () => {
    await copy.query(spoil);
    const wanted = {
      databaseUrl: copy.url,
      quiescent: false,
      maySkip: ["I1", "I2", "I7"],
    } as const;
    const violated = (await verifyAll(wanted)).filter(({ verdict }) => verdict === "violated");
    expect(violated.flatMap(({ violations }) => violations)).toEqual([
      "was not checked: no NATS server was given",
      `was not checked: ${cause}`,
      "was not checked: no results of a run without faults were given",
    ]);
  });

  it("is printed by npm run verify, which ends with 2", async () => {
    await copy.query(spoil);
    const args = ["--import", "tsx", "tools/verify.ts", "--database", copy.url];
    // Nothing listens there.
    args.push("--nats", "nats://127.0.0.1:1");
    const child = spawn(process.execPath, args, { cwd: projectRoot });
    const ended = once(child, "close");
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect((await ended)[0]).toBe(2);
    expect(stdout).toMatch(/^I4 {2}failed .*could not be checked: CONNECTION_REFUSED/m);
    expect(stdout).toMatch(/^I9 {2}failed .*could not be checked: relation/m);
    expect(stdout).toMatch(/^I3 {2}checked /m);
    expect(stderr).toContain("I9: reading calls");
  });
});
