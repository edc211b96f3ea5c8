/** What events, timers and keys find in the store: open rows of their own workspace only. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitKeyOf } from "../../../src/engine/matching/keys.ts";
import type { Input } from "../../../src/engine/values/input.ts";
import {
  answerKeys,
  claimKeys,
  findKey,
  giveBackKey,
  markKeys,
  renewKeys,
  takeOverKey,
} from "../../../src/store/caller-keys.ts";
import { renewCalls } from "../../../src/store/calls.ts";
import { FIRST_RUN, findUnreported, type RunPlace } from "../../../src/store/checks.ts";
import type { Tx } from "../../../src/store/database.ts";
import {
  findReported,
  findWaitPatterns,
  findWaits,
  type ObjectProbe,
  type WaitProbe,
} from "../../../src/store/event-readers.ts";
import { keepEvents } from "../../../src/store/events.ts";
import { findDue } from "../../../src/store/service-reads/due.ts";
import { findNextDue } from "../../../src/store/service-reads/next-due.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "test" } as const;
const HOLDER_OF = { name: "holder_of", text: "select holder from effects where id = $1" };
/** An earlier attempt of the run's step has left `obj-left` open. */
const LEAVE_OPEN = {
  name: "leave_open",
  text: `update step_runs set detail = '{"leftOpen": ["obj-left"]}', ticket_ids = $2 where run_id = $1`,
};
const STEPS_READ = {
  name: "steps_read",
  text: `select (seq_tup_read + idx_tup_fetch)::integer as rows from pg_stat_xact_user_tables
    where relname = 'step_runs'`,
};
const PLANS = {
  name: "plans",
  text: `select sum(custom_plans)::int as custom, sum(generic_plans)::int as once
    from pg_prepared_statements where name like 'find_wait%'`,
};
/** Steps of others that have ended: among a handful of rows every plan is as good as that by key. */
const MANY_STEPS = {
  name: "many_steps",
  text: `insert into step_runs (started_at, completed_at, run_id, workspace_id, step_index, cost_usd, retry_count,
      output_extends_input, state, detail)
    select now(), now(), 'wfr_ended_' || i, 'other', 0, 0, 0, false, 'COMPLETED', '{}'
    from generate_series(1, 2000) i`,
};
let at: TestProcessor;

beforeAll(async () => {
  at = await startProcessor();
});
afterAll(() => at.stop());

async function start(name: string, spec: Parameters<typeof publish>[2], workspaceId = WORKSPACE) {
  const version = await publish(at.database, name, spec);
  const begun = { kind: "start", start: startOf(version, { workspaceId }), cause: RPC } as const;
  return (await at.processor.submit(begun)).runId;
}

function send(runId: string, input: Input) {
  return at.processor.submit({ kind: "input", runId, workspaceId: "", input });
}

/** Turns the clock for a row. */
function change(text: string, id: string) {
  const statement = { name: `change_${id}`, text };
  return at.database.transaction((tx) => tx.query(statement, [id]));
}

describe("an event finds", () => {
  it("the open steps of its workspace that have its object", async () => {
    const work = versionOf([stepOf("work", { name: "work" })]);
    const own = await start("own", work);
    const other = await start("other", work, "ws_other");
    const objective = { objectiveId: "obj-shared" };
    for (const id of [own, other]) await send(id, transitioned("work", "RUNNING", objective));
    const probe: ObjectProbe = {
      ...{ place: 0, workspaceId: WORKSPACE, kind: "objective", objectId: "obj-shared" },
    };
    const steps = async () => {
      const { found } = await findReported(at.database.read, [probe]);
      return found.flatMap((each) => (each.what === "step" ? [each.runId] : []));
    };
    expect(await steps()).toEqual([own]);
    await send(own, transitioned("work", "COMPLETED", objective));
    expect(await steps()).toEqual([]);
  });

  it("a call that may yet bring its object's id, of the object's kind alone", async () => {
    await start(
      "asks",
      versionOf([stepOf("ask", { stepType: "APPROVAL_GATE", actionType: "buy" })]),
    );
    const found = (["approval", "delegation"] as const).map(async (kind) => {
      const probe = { place: 0, workspaceId: WORKSPACE, kind, objectId: "new" };
      return (await findReported(at.database.read, [probe])).found.map((each) => each.what);
    });
    expect(await Promise.all(found)).toEqual([["open_call"], []]);
  });

  it("whether calls in flight are still needed, by the key of each call's step", async () => {
    const gate = stepOf("ask", { stepType: "APPROVAL_GATE", actionType: "buy" });
    const runs = ["one", "two", "three"].map((name) => start(`asks ${name}`, versionOf([gate])));
    const ids = (await Promise.all(runs)).map((id) => `${id}/ask/1/request_approval`);
    const read = await at.database.transaction(async (tx) => {
      await tx.query(MANY_STEPS, []);
      await tx.query({ name: "by_key", text: "analyze step_runs" }, []);
      const sameTx = {
        ...at.database,
        transaction: <T>(work: (own: Tx) => Promise<T>) => work(tx),
      };
      const [{ holder = "" } = {}] = await tx.query<{ holder: string }>(HOLDER_OF, [ids[0]]);
      const [before = { rows: 0 }] = await tx.query<{ rows: number }>(STEPS_READ, []);
      const kept = await renewCalls(sameTx, holder, ids);
      expect(kept.map(({ isWanted }) => isWanted)).toEqual([true, true, true]);
      const [after = { rows: 0 }] = await tx.query<{ rows: number }>(STEPS_READ, []);
      return after.rows - before.rows;
    });
    expect(read).toBe(ids.length);
  });

  it("no wait that opened after it first came, by its source or by none", async () => {
    const event = { id: "evt-early", source: "crm", type: "crm.won", subject: "", time: "" };
    const kept = { ...event, workspaceId: WORKSPACE, data: {} };
    await at.database.transaction((tx) => keepEvents(tx, [kept]));
    const wait = { stepType: "WAIT_FOR_EVENT", eventTypePattern: "crm.won" } as const;
    const runId = await start("waits", versionOf([stepOf("wait", wait)]));
    const waits = async (source: string, eventId = "evt-early") => {
      const key = waitKeyOf("crm.won", "");
      const event = { place: 0, workspaceId: WORKSPACE, key, eventId, source };
      const probe: WaitProbe = { ...event, equals: "" };
      return (await findWaits(at.database.read, [probe])).length;
    };
    expect(await waits("crm")).toBe(0);
    expect(await waits("")).toBe(0);
    expect(await waits("billing")).toBe(1);
    expect(await waits("crm", "evt-new")).toBe(1);
    await send(runId, { kind: "cancel_requested", reason: "", cause: RPC });
    expect(await waits("billing")).toBe(0);
  });
});

it("look-ups are planned once for all values", async () => {
  const { read } = at.database;
  const probe = { place: 0, workspaceId: WORKSPACE, key: waitKeyOf("crm.won", "") };
  for (let times = 0; times < 3; times += 1) {
    await findWaits(read, [{ ...probe, eventId: `evt-${times}`, source: "crm", equals: "" }]);
    await findWaitPatterns(read, [probe]);
  }
  const [plans] = await read.query<{ custom: number; once: number }>(PLANS, []);
  expect(plans?.custom).toBe(0);
  expect(plans?.once).toBeGreaterThan(0);
});

describe("a step long in flight", () => {
  it("is found once a pass: the next page continues after its run", async () => {
    const runId = await start("in flight", versionOf([stepOf("work", { name: "work" })]));
    await send(runId, transitioned("work", "RUNNING", { objectiveId: "obj-quiet" }));
    const version = (await findRunRows(at.database.read, runId))?.run.versionId ?? "";
    const unreported = async (after: RunPlace) =>
      (await findUnreported(at.database.read, after, 0)).steps.map((step) => step.runId);
    expect(await unreported(FIRST_RUN)).toContain(runId);
    expect(await unreported([version, ""])).toContain(runId);
    expect(await unreported([version, runId])).not.toContain(runId);
    // Of a step that is quiet for less the page says when it will be found.
    const page = await findUnreported(at.database.read, FIRST_RUN, 600_000);
    expect(page.steps).toEqual([]);
    expect(page.moreInMs).toBeGreaterThan(0);
    expect(page.moreInMs).toBeLessThanOrEqual(600_000);
  });

  it("is found by pages that read the steps of one run at least, and no more together than they may", async () => {
    for (const name of ["one", "two"]) {
      const steps = ["a", "b", "c"].map((id) => stepOf(id, { name: id }));
      const runId = await start(`pages of ${name}`, versionOf(steps));
      await send(runId, transitioned("a", "RUNNING", { objectiveId: `obj-${name}` }));
    }
    const { read } = at.database;
    const whole = (await findUnreported(read, FIRST_RUN, 0)).steps.map(({ runId }) => runId);
    const ofPages: string[] = [];
    for (let place: RunPlace | undefined = FIRST_RUN; place !== undefined; ) {
      const page = await findUnreported(read, place, 0, 1);
      const runIds = page.steps.map(({ runId }) => runId);
      expect(new Set(runIds).size).toBeLessThan(2);
      ofPages.push(...runIds);
      place = page.next;
    }
    expect(ofPages.sort()).toEqual(whole.sort());
    expect(new Set(ofPages).size).toBeGreaterThan(1);
  });

  it("is not found for what an earlier attempt left open", async () => {
    const runId = await start("left open", versionOf([stepOf("work", { name: "work" })]));
    const leaveOpen = (ticketIds: string[]) =>
      at.database.transaction((tx) => tx.query(LEAVE_OPEN, [runId, ticketIds]));
    const unreported = async () =>
      (await findUnreported(at.database.read, FIRST_RUN, 0)).steps.map((step) => step.runId);
    await leaveOpen(["obj-left"]);
    expect(await unreported()).not.toContain(runId);
    await leaveOpen(["obj-left", "apr-open"]);
    expect(await unreported()).toContain(runId);
  });
});

describe("a deadline is due", () => {
  it("of a run that goes on, not of one that ended or is being compensated", async () => {
    const spec = versionOf(
      [
        stepOf("a", { stepType: "HUMAN_TASK", name: "a", compensationStepId: "undo" }),
        stepOf("b", { stepType: "HUMAN_TASK", name: "b" }),
        stepOf("undo", { stepType: "HUMAN_TASK", name: "undo" }),
      ],
      ["a -> b"],
      { timeoutSeconds: 60 },
    );
    const runId = await start("late", spec);
    const due = async () =>
      (await findDue(at.database.read, 10, [])).filter((each) => each.runId === runId);
    expect(await due()).toEqual([]);
    await change(
      "update workflow_runs set deadline_at = now() - interval '1 s' where id = $1",
      runId,
    );
    const [deadline] = await due();
    expect(deadline).toMatchObject({ stepIndex: null });
    const next = async () => (await findNextDue(at.database.read, 1_000)).timers;
    expect(await next()).toBeLessThanOrEqual(-1_000);
    await send(runId, transitioned("a", "COMPLETED"));
    await send(runId, { kind: "compensate_requested", reason: "", cause: RPC });
    expect(await due()).toEqual([]);
    expect(await next()).toBe(Number.POSITIVE_INFINITY);
    await send(runId, transitioned("undo", "COMPLETED"));
    expect(await due()).toEqual([]);
    expect(await next()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the key of a call", () => {
  const body = Buffer.from("body");
  const claim = (key: string, holder = "first") => ({
    ...{ workspaceId: WORKSPACE, method: "StartRun", key, holder },
  });
  const newClaim = (key: string, holder = "first") => ({ ...claim(key, holder), bodyHash: body });
  const late = "update caller_keys set lease_until = now() - interval '1 s' where key = $1";

  it("is claimed with others by one statement, each by one try", async () => {
    const [a, b, again] = [newClaim("a"), newClaim("b"), newClaim("a", "second")];
    const { write } = at.database;
    expect(await claimKeys(write, [b, a, again])).toEqual([true, true, false]);
    expect(await claimKeys(write, [newClaim("b", "second"), newClaim("c")])).toEqual([false, true]);
    const applied = { appliedTo: "wfr_1" };
    const answers = [
      { ...claim("b"), ...applied, answer: Buffer.from("of b") },
      { ...claim("a"), ...applied, answer: Buffer.from("of a") },
      { ...claim("c", "second"), ...applied, answer: Buffer.from("of no holder") },
    ];
    await answerKeys(write, answers);
    const kept = await Promise.all(["a", "b", "c"].map((key) => findKey(write, claim(key))));
    expect(kept.map((each) => each?.answer?.toString())).toEqual(["of a", "of b", undefined]);
  });

  it("that a transaction is marking keeps no other one waiting", async () => {
    const { write, transaction } = at.database;
    await claimKeys(write, [newClaim("marking")]);
    await transaction(async (tx) => {
      await markKeys(tx, [{ ...claim("marking"), appliedTo: "wfr_1" }]);
      // On another connection, while the mark is not committed: waiting would end by the time limit of locks.
      const claims = [newClaim("beside"), newClaim("marking", "second")];
      expect(await claimKeys(write, claims)).toEqual([true, false]);
    });
  });

  it("is taken over for the same request only, and the first holder loses it", async () => {
    await at.database.transaction(async (tx) => {
      expect(await claimKeys(tx, [newClaim("taken")])).toEqual([true]);
    });
    await change(late, "taken");
    await at.database.transaction(async (tx) => {
      const other = Buffer.from("other");
      expect(await takeOverKey(tx, claim("taken", "other"), other)).toBeUndefined();
      expect(await takeOverKey(tx, claim("taken", "second"), body)).toEqual({ appliedTo: null });
      const stale = { ...claim("taken"), appliedTo: "wfr_late" };
      expect(await markKeys(tx, [stale])).toBe(0);
      await answerKeys(tx, [{ ...stale, answer: Buffer.from("late") }]);
      await giveBackKey(tx, claim("taken"));
    });
    expect(await findKey(at.database.read, claim("taken"))).toEqual({
      bodyHash: body,
      answer: null,
    });
  });

  it("is not taken over once it is answered", async () => {
    await at.database.transaction(async (tx) => {
      await claimKeys(tx, [newClaim("answered")]);
      const answer = Buffer.from("answer");
      await answerKeys(tx, [{ ...claim("answered"), appliedTo: "wfr_1", answer }]);
    });
    await change(late, "answered");
    await at.database.transaction(async (tx) => {
      expect(await takeOverKey(tx, claim("answered", "second"), body)).toBeUndefined();
    });
  });

  it("is free for the next call once its call ended, also when a renewal of its lease comes late", async () => {
    const first = claim("ended");
    const second = claim("ended", "second");
    const applied = { appliedTo: "wfr_1" };
    const { transaction } = at.database;
    await transaction((tx) => claimKeys(tx, [newClaim("ended")]));
    await transaction((tx) => answerKeys(tx, [{ ...first, ...applied, answer: null }]));
    await transaction((tx) => renewKeys(tx, [first]));
    await transaction(async (tx) => expect(await takeOverKey(tx, second, body)).toEqual(applied));
    await transaction((tx) => giveBackKey(tx, second));
    await transaction((tx) => renewKeys(tx, [second]));
    await transaction(async (tx) => {
      expect(await takeOverKey(tx, claim("ended", "third"), body)).toEqual(applied);
    });
  });

  it("stays when its call is released after a change, and names the change", async () => {
    await at.database.transaction(async (tx) => {
      await claimKeys(tx, [newClaim("marked")]);
      expect(await markKeys(tx, [{ ...claim("marked"), appliedTo: "wfr_1" }])).toBe(1);
    });
    await at.database.transaction((tx) => giveBackKey(tx, claim("marked")));
    await at.database.transaction(async (tx) => {
      const next = claim("marked", "second");
      expect(await takeOverKey(tx, next, body)).toEqual({ appliedTo: "wfr_1" });
    });
  });
});
