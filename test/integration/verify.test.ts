/**
 * The invariant checker (tools/verify/) over a story that went well, and over copies of it that a test spoils.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the service is a process of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LedgerEntry, Ledgers } from "../../src/sandbox/stage.ts";
import { projectRoot } from "../../tools/run-command.ts";
import type { Invariant, Report } from "../../tools/verify/report.ts";
import { connectReadOnly } from "../../tools/verify/stored-runs.ts";
import { findStuckRuns } from "../../tools/verify/stuck.ts";
import { type VerifyOptions, verifyAll } from "../../tools/verify/verify-all.ts";
import { until } from "../support/assertions/until.ts";
import { SPOILT_ROWS } from "../support/builders/spoilt-rows.ts";
import { playStory, type Story } from "../support/services/verified-story.ts";

/** The results of one run without faults. */
const RESULTS = new Map([["long", { state: "COMPLETED", output: { done: true } }]]);

let story: Story;

beforeAll(async () => {
  story = await playStory();
});
afterAll(() => story?.world.stop());

/** Everything that the story knows of itself. */
function known(): VerifyOptions {
  const { world, runs } = story;
  return {
    databaseUrl: world.databaseUrl,
    natsUrl: world.natsUrl,
    acknowledged: Object.values(runs),
    ledgers: world.sandbox.ledgers,
    quiescent: true,
  };
}

function reportOf(reports: readonly Report[], invariant: Invariant): Report {
  const report = reports.find((each) => each.invariant === invariant);
  if (report === undefined) throw new Error(`no report of ${invariant}`);
  return report;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a ledger of the story is empty");
  return value;
}

/** An entry made again for another step or attempt of its run. */
function withKey<T>(entry: LedgerEntry<T> | undefined, id: string, part: string): LedgerEntry<T> {
  const made = required(entry);
  return { ...made, id, idempotencyKey: made.idempotencyKey?.replace(/\/[^/]+\/\d+\//, part) };
}

/** An entry made again, its key with this behind it. */
function withCall<T>(entry: LedgerEntry<T> | undefined, id: string, more: string): LedgerEntry<T> {
  const made = required(entry);
  return { ...made, id, idempotencyKey: `${made.idempotencyKey}${more}` };
}

/** The violated invariants of a copy on which these statements ran, with their lines. */
async function spoilt(
  statements: readonly string[],
  options: Partial<VerifyOptions> = {},
): Promise<Partial<Record<Invariant, readonly string[]>>> {
  const copy = await story.copy();
  try {
    for (const statement of statements) await copy.query(statement);
    const reports = await verifyAll({ ...known(), databaseUrl: copy.url, ...options });
    const violated = reports.filter(({ verdict }) => verdict === "violated");
    return Object.fromEntries(violated.map((each) => [each.invariant, each.violations]));
  } finally {
    await copy.drop();
  }
}

describe("a story that went well", () => {
  it("breaks nothing, and every invariant is checked", async () => {
    const reports = await verifyAll({ ...known(), outputs: new Map(), expectedOutputs: RESULTS });
    expect(reports.flatMap(({ violations }) => violations)).toEqual([
      'long: ended as undefined, without faults as {"state":"COMPLETED","output":{"done":true}}',
    ]);
    const verdicts = reports.map(({ invariant, verdict }) => `${invariant} ${verdict}`);
    expect(verdicts.filter((each) => !each.endsWith(" checked"))).toEqual(["I12 violated"]);
    expect(reportOf(reports, "I1").counts).toEqual({ "acknowledged runs": 8 });
    expect(reportOf(reports, "I3").counts.runs).toBe(9);
    expect(reportOf(reports, "I4").counts.runs).toBe(9);
    expect(reportOf(reports, "I4").counts["changes of definitions"]).toBeGreaterThan(2);
    expect(reportOf(reports, "I5").counts.objects).toBe(12);
    expect(reportOf(reports, "I7").counts).toEqual({ "ended runs": 5, "open runs": 4 });
    expect(reportOf(reports, "I8").counts["metered steps"]).toBe(1);
    expect(reportOf(reports, "I11").counts.timers).toBe(1);
  });

  it("is skipped where the caller knows nothing, with a reason", async () => {
    const reports = await verifyAll({ databaseUrl: story.world.databaseUrl, quiescent: false });
    const skipped = reports.filter(({ verdict }) => verdict === "skipped");
    expect(skipped.map(({ invariant, reason }) => `${invariant} ${reason}`)).toEqual([
      "I1 no list of acknowledged runs was given",
      "I2 no ledgers of other services were given",
      "I4 no NATS server was given",
      "I7 runs are still moving",
      "I12 no results of a run without faults were given",
    ]);
  });
});

describe("a story that was spoilt", () => {
  it.each(SPOILT_ROWS)("breaks %s where %s", async (invariant, _, statements, line) => {
    const violated = await spoilt(statements(story.runs));
    expect(violated[invariant]?.join("\n")).toContain(line);
  });

  it.each<[Invariant, string, (ledgers: Ledgers) => void, string]>([
    [
      "I2",
      "a call made two objects",
      ({ objectives }) => objectives.push({ ...required(objectives[0]), id: "obj_second" }),
      "objectives: obj_second is not the first under the key",
    ],
    [
      "I2",
      "an object was made without a key",
      ({ approvals }) =>
        approvals.push({ ...required(approvals[0]), id: "apr_alone", idempotencyKey: undefined }),
      'approvals: apr_alone was made under the key ""',
    ],
    [
      "I2",
      "an object was made for an attempt that never began",
      ({ objectives }) => objectives.push(withKey(objectives[0], "obj_far", "/work/2/")),
      "obj_far belongs to attempt 2 of work, which has begun 1",
    ],
    [
      "I2",
      "a repeat came under another key",
      ({ objectives }) => objectives.push(withCall(objectives[0], "obj_again", "-0.4711")),
      "objectives: obj_again was made under the key",
    ],
    [
      "I2",
      "a call that an attempt makes once has a number",
      ({ objectives }) => objectives.push(withCall(objectives[0], "obj_other", "-2")),
      "objectives: obj_other was made under the key",
    ],
    [
      "I2",
      "a gate asked more approvers than it has",
      ({ approvals }) => approvals.push(withCall(approvals[0], "apr_more", "-2")),
      "apr_more is for approver 2 of gate, which has 1",
    ],
    [
      "I2",
      "an approver was asked under two keys",
      ({ approvals }) => approvals.push(withCall(approvals[0], "apr_twice", "-1")),
      "approvals: apr_twice is not the first under the key",
    ],
    [
      "I2",
      "an objective was cancelled that a step waits for",
      ({ objectives, cancellations }) => {
        const silent = objectives.find(({ idempotencyKey = "" }) =>
          idempotencyKey.startsWith(`${story.runs.paused}/`),
        );
        cancellations.push({ ...required(cancellations[0]), id: required(silent).id });
      },
      "cancellations: step 0 still waits for obj_",
    ],
    [
      "I2",
      "an objective was cancelled that nobody made",
      ({ cancellations }) => cancellations.push({ ...required(cancellations[0]), id: "obj_none" }),
      "cancellations: obj_none is no objective that was made",
    ],
    [
      "I5",
      "a message is sent long after its run was cancelled",
      ({ notifications }) => {
        const late = new Date(Date.now() + 60_000);
        const idempotencyKey = `${story.runs.cancelled}/silent/1/send_notification`;
        const sent = required(notifications[0]);
        notifications.push({ ...sent, id: "ntf_late", idempotencyKey, recordedAt: late });
      },
      "ntf_late was made",
    ],
    [
      "I5",
      "an objective that came after the cancel stays open",
      ({ objectives, cancellations }) => {
        const made = objectives.findIndex(({ id }) => id === cancellations[0]?.id);
        objectives.push({ ...required(objectives[made]), id: "obj_late", recordedAt: new Date() });
        objectives.splice(made, 1);
      },
      "ms after the run was cancelled, and was not cancelled",
    ],
    [
      "I6",
      "a step has the object of an older attempt",
      ({ objectives }) => {
        const [first, second] = objectives.filter(({ idempotencyKey = "" }) =>
          idempotencyKey.startsWith(`${story.runs.retried}/`),
        );
        const idempotencyKey = required(first).idempotencyKey;
        objectives.push({ ...required(second), idempotencyKey });
      },
      "step 0, in attempt 2, has obj_",
    ],
    [
      "I8",
      "usage was recorded that no step counted",
      ({ usage }) => usage.push(required(usage[0])),
      "step 0 costs 0.3 USD, the meter has 0.4",
    ],
  ])("breaks %s where %s", async (invariant, _, spoil, line) => {
    const { ledgers } = story.world.sandbox;
    const copy = Object.fromEntries(
      Object.entries(ledgers).map(([name, entries]) => [name, [...entries]]),
    ) as unknown as Ledgers;
    spoil(copy);
    const report = reportOf(await verifyAll({ ...known(), ledgers: copy }), invariant);
    expect(report.verdict).toBe("violated");
    expect(report.violations.join("\n")).toContain(line);
  });

  it("breaks I7 where an owner has decided and the run does not know", async () => {
    const report = reportOf(await verifyAll({ ...known(), heldOpen: new Set() }), "I7");
    expect(report.violations).toEqual([]);
    const spoilt = await story.copy();
    try {
      await spoilt.query(
        `update workflow_runs set state = 'RUNNING' where id = '${story.runs.paused}'`,
      );
      const options = { ...known(), databaseUrl: spoilt.url };
      expect(reportOf(await verifyAll(options), "I7").verdict).toBe("checked");
      const decided = reportOf(await verifyAll({ ...options, heldOpen: new Set() }), "I7");
      expect(decided.violations).toEqual([
        `${story.runs.paused}: is RUNNING; its step 0 (silent) is RUNNING and waits for nothing`,
      ]);
    } finally {
      await spoilt.drop();
    }
  });

  it("breaks I4 where the stream lacks an event, or has one of an unknown run", async () => {
    const connection = await connect({ servers: story.world.natsUrl });
    try {
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: "COPY", sources: [{ name: "WORKFLOWS" }] });
      await until(async () => {
        const [copy, own] = await Promise.all([
          manager.streams.info("COPY"),
          manager.streams.info("WORKFLOWS"),
        ]);
        return copy.state.messages === own.state.messages || undefined;
      });
      const of = async () => reportOf(await verifyAll({ ...known(), stream: "COPY" }), "I4");
      expect((await of()).verdict).toBe("checked");
      const message = await manager.streams.getMessage("COPY", {
        last_by_subj: "workflows.changes.step.retrying",
      });
      await manager.streams.deleteMessage("COPY", message.seq);
      expect((await of()).violations).toEqual([
        `${story.runs.retried}: event 2-0 (workflows.changes.step.retrying) was marked as published and is not in the stream`,
      ]);
      const { seq } = await connection
        .jetstream()
        .publish("workflows.changes.run.started", "{}", { msgID: "wfr_unknown-1-0" });
      const own = reportOf(await verifyAll(known()), "I4");
      await manager.streams.deleteMessage("WORKFLOWS", seq);
      expect(own.violations).toEqual(["wfr_unknown: has events in the stream and does not exist"]);
    } finally {
      await connection.close();
    }
  });
});

describe("a story that goes on", () => {
  it("keeps I4 while its last events wait to be published", async () => {
    const copy = await story.copy();
    try {
      await copy.query(
        `insert into run_moves (batch_id, recorded_at, seq, run_id, cause, moves)
          select 999999, now(), seq + 1, run_id, cause, '[[0,1,2,1]]' from run_moves
          where run_id = '${story.runs.waiting}'`,
      );
      await copy.query("insert into move_batches (id, partition) values (999999, 0)");
      const options = { ...known(), databaseUrl: copy.url };
      const going = reportOf(await verifyAll({ ...options, quiescent: false }), "I4");
      expect(going).toMatchObject({
        verdict: "checked",
        counts: { "events not published yet": 1 },
      });
      expect(reportOf(await verifyAll(options), "I4").violations).toEqual([
        `${story.runs.waiting}: event 2-0 (workflows.changes.step.started) is not published`,
      ]);
    } finally {
      await copy.drop();
    }
  });
});

describe("runs that stand still", () => {
  async function stuckOf(statement: string, after: number) {
    const copy = await story.copy();
    const client = await connectReadOnly(copy.url);
    try {
      await copy.query(statement);
      return await findStuckRuns(client, after);
    } finally {
      await client.end();
      await copy.drop();
    }
  }

  it("are none where everything that is open is held", async () => {
    expect(await stuckOf("select 1", 0)).toEqual([]);
  });

  it("are described with their history once nothing holds them for so long", async () => {
    const { waiting } = story.runs;
    const lose = `update step_runs set wait_key = null where run_id = '${waiting}'`;
    expect(await stuckOf(lose, 3600)).toEqual([]);
    const [stuck, ...others] = await stuckOf(lose, 0);
    expect(others).toEqual([]);
    expect(stuck?.reasons).toEqual([
      "is RUNNING; its step 0 (wait) is WAITING and waits for nothing",
    ]);
    const lines = stuck?.lines.join("\n");
    expect(lines).toContain("rpc StartRun: run PENDING -> RUNNING");
    expect(lines).toContain("open step 0 (wait): WAITING");
  });

  it("are held by a call whose next try is to come, and not by one that nobody takes", async () => {
    const { parent } = story.runs;
    const call = (until: string) => `
      with ended as (update workflow_runs set state = 'COMPLETED', completed_at = now()
        where parent_run_id = '${parent}')
      insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind, holder, request)
      values (now(), now() ${until}, 0, 1, '${parent}/child/1/look_up', 'ws_1', 'look_up', '', '')`;
    expect(await stuckOf(call("+ interval '1 minute'"), 1)).toEqual([]);
    const [stuck] = await stuckOf(call("- interval '1 hour'"), 1);
    expect(stuck?.runId).toBe(parent);
    expect(stuck?.lines.join("\n")).toContain("open call");
  });
});

describe("npm run verify", () => {
  async function run(...words: string[]) {
    const args = ["--import", "tsx", "tools/verify.ts", ...words];
    const child = spawn(process.execPath, args, { cwd: projectRoot });
    const ended = once(child, "close");
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [status] = await ended;
    return { status, stdout, stderr };
  }

  it("prints a line for each invariant and ends with 0", async () => {
    const { databaseUrl, natsUrl } = story.world;
    const words = ["--database", databaseUrl, "--nats", natsUrl, "--stuck-after", "0"];
    const { status, stdout } = await run(...words);
    expect(status).toBe(0);
    expect(stdout).toContain(
      "I3  checked   the moves of the history give the stored state (runs 9",
    );
    expect(stdout).toContain("I1  skipped   every acknowledged run exists (no list");
    expect(stdout).toContain("no run is stuck");
  });

  it("ends with 1 and names the run when an invariant is violated", async () => {
    const copy = await story.copy();
    try {
      await copy.query("update workflow_runs set total_cost_usd = 7");
      const { status, stdout } = await run("--database", copy.url, "--json");
      expect(status).toBe(1);
      const { reports } = JSON.parse(stdout) as { reports: Report[] };
      expect(reportOf(reports, "I8")).toMatchObject({ verdict: "violated", found: 9 });
      expect(reportOf(reports, "I8").violations[0]).toContain(story.runs.long);
    } finally {
      await copy.drop();
    }
  });

  it("ends with 2 and one line where it cannot check", async () => {
    const away = await run("--database", "postgres://u:secret@127.0.0.1:1/none");
    expect(away.status).toBe(2);
    expect(away.stderr).toMatch(/^verify: .*ECONNREFUSED/);
    expect(away.stderr).not.toContain("secret");
    const unread = await run("--database", "x", "--stuck-after", "soon");
    expect(unread.status).toBe(2);
  });
});
