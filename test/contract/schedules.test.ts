/**
 * Schedules beside the triggers of versions: their RPCs, and that each slot is one run.
 * Boundary: rounds of firing are asked for one by one; when they come is test/integration/ingress/timers/. Which slot is fired is
 * test/unit/runtime/schedule-slots.test.ts.
 */
import { EventEmitter, once } from "node:events";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Endpoints } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import {
  type Schedule,
  ScheduleOverlap,
  Schedules,
} from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { StarterKind } from "../../gen/workflows/ops/v1/starters_pb.ts";
import { OnMissedTrigger } from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  type WorkflowRun,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { fireWorkflowSchedules } from "../../src/runtime/fire-workflow-schedules.ts";
import { startDueTriggers } from "../../src/runtime/missed-triggers.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const HOUR = 3_600_000;
const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER } = ScheduleOverlap;

let service: RpcService;
let transport: Transport;
let schedules: Client<typeof Schedules>;
let workflows: Client<typeof Workflows>;
let names = 0;

beforeAll(async () => {
  service = await startRpcService();
  transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
  schedules = createClient(Schedules, transport);
  workflows = createClient(Workflows, transport);
});
afterAll(() => service.stop());

async function publish(cronExpr = ""): Promise<string> {
  const name = `scheduled-${++names}`;
  const { definition } = await service.client.createDefinition({ workspaceId: "ws", name });
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
  const trigger =
    cronExpr === "" ? {} : { trigger: { triggerType: TriggerType.SCHEDULE, cronExpr } };
  await service.client.publishVersion({ definitionId, steps, ...trigger });
  return definitionId;
}

type Spec = NonNullable<Parameters<typeof schedules.create>[0]["spec"]>;

async function make(spec: Spec = {}, definitionId?: string): Promise<Schedule> {
  const id = definitionId ?? (await publish());
  const { schedule } = await schedules.create({
    definitionId: id,
    spec: { line: "@every 1h", ...spec },
  });
  if (schedule === undefined) throw new Error("no schedule was made");
  return schedule;
}

async function read(id: string): Promise<Schedule> {
  const { schedule } = await schedules.get({ id });
  if (schedule === undefined) throw new Error("there is no schedule");
  return schedule;
}

/** As if no replica had run since. */
async function sleepSince({ id }: Schedule, ms: number): Promise<void> {
  await service.database.write.query(
    {
      name: "test_oversleep_workflow_schedule",
      text: `update workflow_schedules set anchor_at = anchor_at - $2::float8 * interval '1 millisecond',
        slot_at = slot_at - $2::float8 * interval '1 millisecond',
        due_at = due_at - $2::float8 * interval '1 millisecond' where id = $1`,
    },
    [id, ms],
  );
}

/** What a round does to one schedule alone. */
async function fire(schedule: Schedule, times = 1): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const rounds = [
      fireWorkflowSchedules(service, 500, []),
      fireWorkflowSchedules(service, 500, []),
    ];
    for (const { refusals, failed } of await Promise.all(rounds)) {
      expect([...refusals, ...failed]).toEqual([]);
    }
  }
  expect(schedule.id).not.toBe("");
}

/** Makes a slot that waits for the end of a run due again. */
async function lookAgain({ id }: Schedule): Promise<void> {
  await service.database.write.query(
    {
      name: "test_look_again",
      text: "update workflow_schedules set due_at = now() where id = $1 and due_at is not null",
    },
    [id],
  );
}

/** Oldest first. */
async function runsOf({ definitionId }: Schedule): Promise<WorkflowRun[]> {
  const listed = await service.client.listRuns({ workspaceId: "ws", definitionId });
  const read = listed.runs.map(({ id }) => service.client.getRun({ id }));
  return (await Promise.all(read)).flatMap(({ run }) => run ?? []).reverse();
}

async function end(run: WorkflowRun | undefined): Promise<void> {
  const done = { stepId: "work", state: StepRunState.COMPLETED };
  await service.client.transitionStep({ runId: run?.id ?? "", ...done });
}

const secondsOf = (runs: readonly WorkflowRun[]) =>
  runs.map(({ inputPayload }) => String(inputPayload?.scheduled_at));
const slotText = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

describe("a schedule", () => {
  test("is shown as it was made, with its words and next slots", async () => {
    const definitionId = await publish();
    const headers = { "Workflows-Actor": "ann" };
    const spec = {
      ...{ name: "mondays", line: "weekly Monday", zone: "Europe/Berlin", overlap: SKIP },
      ...{ catchUpSeconds: 600, jitterSeconds: 30, input: { region: "eu" } },
      to: timestampFromMs(Date.now() + 1_000 * 24 * HOUR),
    };
    const made = await schedules.create({ definitionId, spec, reason: "reports" }, { headers });
    const schedule = await read(made.schedule?.id ?? "");
    expect(schedule).toEqual(made.schedule);
    expect(schedule).toMatchObject({
      ...{
        workspaceId: "ws",
        definitionId,
        environment: "production",
        paused: false,
        readOnly: false,
      },
      ...{ changedBy: "unverified:ann", changeReason: "reports", etag: "1", last: [] },
      spec: { ...spec, line: "0 9 * * MON", runAs: { subject: "ann" } },
      words: expect.stringMatching(/Monday.*\(Europe\/Berlin\)$/),
    });
    expect(schedule.next).toHaveLength(5);
    for (const at of schedule.next) {
      const text = new Date(timestampMs(at)).toLocaleString("en", {
        ...{ timeZone: "Europe/Berlin", weekday: "long", hour: "numeric" },
      });
      expect(text).toBe("Monday 9 AM");
    }
  });

  test("starts one run a slot though two replicas ask, with its input and its initiator", async () => {
    const schedule = await make({ input: { region: "eu" }, runAs: { scope: 1, subject: "ann" } });
    const slotMs = timestampMs(schedule.next[0] ?? timestampFromMs(0)) - HOUR;
    await fire(schedule);
    expect(await runsOf(schedule)).toEqual([]);
    await sleepSince(schedule, HOUR);
    await fire(schedule, 2);
    const [run, ...more] = await runsOf(schedule);
    expect(more).toEqual([]);
    expect(run).toMatchObject({
      inputPayload: { region: "eu", scheduled_at: slotText(slotMs) },
      triggerType: TriggerType.SCHEDULE,
      triggerEventId: `schedule:${schedule.id}:${slotText(slotMs)}`,
      initiatorUserId: "ann",
    });
    const after = await read(schedule.id);
    expect(after.last).toMatchObject([{ runId: run?.id, skipped: "" }]);
    expect(after.next.map(timestampMs)[0]).toBe(slotMs + HOUR);
    expect(after.etag).toBe(schedule.etag);
  });

  test("runs the latest of the slots that it missed, and none that is too old", async () => {
    const [all, few] = [await make(), await make({ catchUpSeconds: 60 })];
    for (const schedule of [all, few]) await sleepSince(schedule, 5.5 * HOUR);
    await fire(all);
    expect(await runsOf(all)).toHaveLength(1);
    expect((await read(all.id)).last).toHaveLength(1);
    expect(await runsOf(few)).toEqual([]);
    expect((await read(few.id)).last).toMatchObject([
      { runId: "", skipped: "it was missed for too long" },
    ]);
  });

  test("doubles nothing when the process died before the schedule moved on", async () => {
    const schedule = await make();
    await sleepSince(schedule, HOUR);
    const transaction = () => Promise.reject(new Error("died"));
    const dying = { ...service, database: { ...service.database, transaction } };
    await expect(fireWorkflowSchedules(dying, 500, [])).rejects.toThrow("died");
    await fire(schedule);
    expect(await runsOf(schedule)).toHaveLength(1);
  });

  test("is decided by one replica when the run before it ends at that moment", async () => {
    const schedule = await make({ overlap: SKIP });
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    const [first] = await runsOf(schedule);
    // Half an hour off, so that the slot is not one that has run.
    await sleepSince(schedule, 1.5 * HOUR);
    // One replica has seen the run open and moves the schedule on, while another one, which saw it ended, starts the slot.
    const steps = new EventEmitter();
    const [decided, moving] = [once(steps, "decided"), once(steps, "moving")];
    const transaction: typeof service.database.transaction = async (work) => {
      steps.emit("decided");
      await moving;
      return service.database.transaction(work);
    };
    const late = { ...service, database: { ...service.database, transaction } };
    const skipping = fireWorkflowSchedules(late, 500, []);
    await decided;
    await end(first);
    const submit: typeof service.processor.submit = async (submission) => {
      steps.emit("moving");
      await skipping;
      return service.processor.submit(submission);
    };
    const other = { ...service, processor: { ...service.processor, submit } };
    await fireWorkflowSchedules(other, 500, []);
    const started = await runsOf(schedule);
    expect(started).toHaveLength(2);
    expect((await read(schedule.id)).last[0]).toMatchObject({ runId: started[1]?.id });
  });

  test("of a workflow without a version says so at its slot", async () => {
    const { definition } = await service.client.createDefinition({
      ...{ workspaceId: "ws", name: `bare-${++names}` },
    });
    const schedule = await make({}, definition?.id ?? "");
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    const why = "the workflow has no published version in production";
    expect((await read(schedule.id)).last).toMatchObject([{ runId: "", skipped: why }]);
  });

  test("of a paused workflow has its slot listed as missed, and goes on", async () => {
    const schedule = await make({ input: { region: "eu" } });
    const { id, definitionId } = schedule;
    await workflows.pause({ definitionId, onMissed: OnMissedTrigger.QUEUE });
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    expect(await runsOf(schedule)).toEqual([]);
    const shown = await read(id);
    expect(shown.last).toMatchObject([{ runId: "", skipped: "the workflow is paused" }]);
    expect(timestampMs(shown.next[0] ?? timestampFromMs(0))).toBeGreaterThan(Date.now());
    const [from, to] = [timestampFromMs(Date.now() - HOUR), timestampFromMs(Date.now())];
    const wishes = [() => schedules.runNow({ id }), () => schedules.backfill({ id, from, to })];
    for (const wish of wishes) {
      expect(await refusedBy(wish())).toMatchObject({ reason: "WORKFLOW_PAUSED" });
    }
    await workflows.resume({ definitionId });
    await startDueTriggers(service, 100, []);
    expect(await runsOf(schedule)).toMatchObject([
      { inputPayload: { region: "eu" }, triggerEventId: expect.stringContaining(id) },
    ]);
  });

  test("of an archived workflow says so at its slot, and goes on", async () => {
    const schedule = await make();
    await workflows.archive({ definitionId: schedule.definitionId });
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    expect(await runsOf(schedule)).toEqual([]);
    const { last } = await read(schedule.id);
    expect(last).toMatchObject([{ runId: "", skipped: "the workflow is archived" }]);
    const asked = schedules.runNow({ id: schedule.id });
    expect((await refusedBy(asked)).error.rawMessage).toContain("is archived");
  });

  test("that is paused runs nothing, and nothing of its pause once it is resumed", async () => {
    const schedule = await make();
    const paused = await schedules.pause({ id: schedule.id, reason: "audit" });
    expect(paused.schedule).toMatchObject({ paused: true, next: [], changeReason: "audit" });
    await sleepSince(schedule, 3 * HOUR);
    await fire(schedule);
    const { schedule: resumed } = await schedules.resume({ id: schedule.id });
    expect(timestampMs(resumed?.next[0] ?? timestampFromMs(0))).toBeGreaterThan(Date.now());
    await fire(schedule);
    expect(await runsOf(schedule)).toEqual([]);
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    expect(await runsOf(schedule)).toHaveLength(1);
  });

  test("changes by its mask, and not when another change came first", async () => {
    const schedule = await make({ input: { a: 1 }, zone: "Europe/Berlin" });
    const { id, etag } = schedule;
    const named = { id, etag, updateMask: ["name"], spec: { name: "new", line: "@daily" } };
    const { schedule: second } = await schedules.update(named);
    expect(second?.spec).toMatchObject({ name: "new", line: "@every 1h", input: { a: 1 } });
    expect(second?.next).toEqual(schedule.next);
    const { code, error } = await refusedBy(schedules.update(named));
    expect([code, error.rawMessage]).toEqual(["Aborted", expect.stringContaining('"2"')]);
    const { schedule: third } = await schedules.update({
      ...{ id, updateMask: ["line", "input"], spec: { line: "daily 9am" } },
    });
    expect(third?.spec).toMatchObject({ line: "0 9 * * *", zone: "Europe/Berlin", input: {} });
    expect(third?.next).not.toEqual(schedule.next);
    await schedules.delete({ id, etag: third?.etag ?? "" });
    expect((await refusedBy(schedules.get({ id }))).code).toBe("NotFound");
  });
});

describe("while a run is open", () => {
  /** A schedule whose first slot has started a run that is open, and whose next two slots are due. */
  async function overlapping(overlap: ScheduleOverlap): Promise<Schedule> {
    const schedule = await make({ overlap });
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    expect(await runsOf(schedule)).toHaveLength(1);
    // Half an hour off, so that no slot is one that has run.
    await sleepSince(schedule, 2.5 * HOUR);
    await fire(schedule);
    return schedule;
  }

  test("SKIP runs no slot", async () => {
    const schedule = await overlapping(SKIP);
    expect(await runsOf(schedule)).toHaveLength(1);
    expect((await read(schedule.id)).last[0]).toMatchObject({
      skipped: "the run before it was open",
    });
    await end((await runsOf(schedule))[0]);
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    expect(await runsOf(schedule)).toHaveLength(2);
  });

  test.each([
    [BUFFER_ONE, [2]],
    [BUFFER_ALL, [1, 2]],
  ])("buffer %s runs slots once it has ended", async (overlap, hours) => {
    const schedule = await overlapping(overlap);
    expect(await runsOf(schedule)).toHaveLength(1);
    for (let n = 0; n < 3; n += 1) {
      await end((await runsOf(schedule)).at(-1));
      await lookAgain(schedule);
      await fire(schedule);
      if ((await runsOf(schedule)).length > hours.length) break;
    }
    const [first = "", ...others] = secondsOf(await runsOf(schedule));
    expect(first).not.toBe("");
    expect(others).toHaveLength(hours.length);
    expect(others).toEqual([...new Set(others)].sort());
  });

  test("a slot that waits long is looked at each 10 seconds, and not each second", async () => {
    const { id } = await overlapping(BUFFER_ONE);
    const [row] = await service.database.write.query<{ ahead: number }>(
      {
        name: "test_look_ahead",
        text: "select extract(epoch from due_at - now())::float8 as ahead from workflow_schedules where id = $1",
      },
      [id],
    );
    expect(row?.ahead).toBeGreaterThan(2);
    expect(row?.ahead).toBeLessThanOrEqual(10);
  });

  test("CANCEL_OTHER cancels it and runs the latest slot", async () => {
    const schedule = await overlapping(CANCEL_OTHER);
    const runs = await runsOf(schedule);
    expect(runs.map(({ state }) => state)).toEqual([
      WorkflowState.CANCELLED,
      WorkflowState.RUNNING,
    ]);
  });

  test("ALLOW runs beside it", async () => {
    const schedule = await overlapping(ScheduleOverlap.ALLOW);
    expect((await runsOf(schedule)).map(({ state }) => state)).toEqual([
      ...[WorkflowState.RUNNING, WorkflowState.RUNNING],
    ]);
  });
});

describe("a run at a caller's wish", () => {
  test("starts now, also when the schedule is paused, and once for a key", async () => {
    const schedule = await make({ input: { region: "eu" } });
    await schedules.pause({ id: schedule.id });
    const headers = { "Idempotency-Key": "now-once", "Workflows-Actor": "ann" };
    const request = { id: schedule.id, reason: "late" };
    const { runId } = await schedules.runNow(request, { headers });
    expect(await schedules.runNow(request, { headers })).toMatchObject({ runId });
    const runs = await runsOf(schedule);
    expect(runs).toMatchObject([{ id: runId, inputPayload: { region: "eu" } }]);
    await schedules.runNow(request);
    expect(await runsOf(schedule)).toHaveLength(2);
  });

  test("is one for each slot, whatever backfills have it, and whether it has fired", async () => {
    const schedule = await make({ line: "0 * * * *" });
    await sleepSince(schedule, HOUR);
    await fire(schedule);
    const [fired] = await runsOf(schedule);
    const slotMs = Date.parse(String(fired?.inputPayload?.scheduled_at));
    const range = (from: number, to: number) => ({
      ...{ id: schedule.id, from: timestampFromMs(slotMs + from * HOUR) },
      to: timestampFromMs(slotMs + to * HOUR + 1),
    });
    const [one, two] = await Promise.all([
      schedules.backfill(range(-6, -2)),
      schedules.backfill(range(-4, 0)),
    ]);
    expect([one.runIds.length, two.runIds.length]).toEqual([5, 5]);
    expect(one.started + two.started).toBe(6);
    expect(two.runIds.at(-1)).toBe(fired?.id);
    expect(await runsOf(schedule)).toHaveLength(7);
    expect((await schedules.backfill(range(-6, 0))).started).toBe(0);
  });

  test("of too many slots, or of the future, starts none", async () => {
    const schedule = await make({ line: "* * * * *" });
    const day = { id: schedule.id, from: timestampFromMs(Date.now() - 24 * HOUR) };
    const many = refusedBy(schedules.backfill({ ...day, to: timestampFromMs(Date.now() - 1) }));
    expect((await many).fields).toEqual(["to"]);
    const future = { ...day, to: timestampFromMs(Date.now() + HOUR) };
    expect((await refusedBy(schedules.backfill(future))).fields).toEqual(["to"]);
    const none = { id: schedule.id, from: day.from, to: day.from };
    expect((await refusedBy(schedules.backfill(none))).fields).toEqual(["to"]);
    expect((await refusedBy(schedules.backfill({ id: schedule.id }))).fields).toEqual([
      "from",
      "to",
    ]);
    expect(await runsOf(schedule)).toEqual([]);
  });
});

describe("the trigger of a version", () => {
  test("is listed before the others, read only", async () => {
    const definitionId = await publish("CRON_TZ=Europe/Berlin 0 9 * * *");
    const made = [await make({}, definitionId), await make({}, definitionId)];
    const found: Schedule[] = [];
    let pageToken = "";
    do {
      const page = await schedules.list({
        workspaceId: "ws",
        definitionId,
        pageSize: 1,
        pageToken,
      });
      expect(page.totalSize).toBe(3);
      found.push(...page.schedules);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const trigger = `trigger:${definitionId}`;
    expect(found.map(({ id }) => id)).toEqual([trigger, ...made.map(({ id }) => id)]);
    expect(found[0]).toMatchObject({
      readOnly: true,
      definitionId,
      words: expect.stringContaining("09:00"),
    });
    expect(found[0]).toEqual(await read(trigger));
    const { code, error } = await refusedBy(schedules.pause({ id: trigger }));
    expect([code, error.rawMessage]).toEqual([
      ...["FailedPrecondition", expect.stringContaining("publish another version")],
    ]);
  });
});

test("a workflow is listed with its schedules and endpoints, without what is secret", async () => {
  const definitionId = await publish("@daily");
  const { id } = await make({}, definitionId);
  await schedules.pause({ id });
  const endpoints = createClient(Endpoints, transport);
  const { endpoint } = await endpoints.create({ definitionId, name: "orders", verification: 1 });
  const starters = [
    { kind: StarterKind.TRIGGER, id: `trigger:${definitionId}`, line: "@daily", paused: false },
    { kind: StarterKind.SCHEDULE, id, line: "@every 1h", paused: true },
    { kind: StarterKind.ENDPOINT, id: endpoint?.id, line: "orders", paused: false },
  ];
  const { workflow } = await workflows.get({ id: definitionId });
  expect(workflow?.starters).toMatchObject(starters);
  const listed = await workflows.list({ workspaceId: "ws", pageSize: 500 });
  const found = listed.workflows.find(({ definition }) => definition?.id === definitionId);
  expect(found?.starters).toMatchObject(starters);
});

test("a schedule of an environment starts what is deployed there, and says so where nothing is", async () => {
  const definitionId = await publish();
  const environment = "staging";
  const spec = { line: "@every 1h" };
  const made = await schedules.create({ definitionId, environment, spec });
  const { schedule } = made;
  if (schedule === undefined) throw new Error("no schedule was made");
  expect(schedule.environment).toBe(environment);
  const now = await refusedBy(schedules.runNow({ id: schedule.id }));
  expect(now.error.rawMessage).toBe("the workflow is not deployed in staging; Deploy deploys it");
  await sleepSince(schedule, HOUR);
  await fire(schedule);
  expect((await read(schedule.id)).last).toMatchObject([
    { runId: "", skipped: "the workflow is not deployed in staging; Deploy deploys it" },
  ]);
  const steps = [{ id: "next", name: "Next", stepType: StepType.HUMAN_TASK }];
  await service.client.publishVersion({ definitionId, steps });
  await workflows.deploy({ definitionId, environment, version: 1 });
  await sleepSince(schedule, HOUR);
  await fire(schedule);
  const [slot] = (await read(schedule.id)).last;
  const at = slot?.at ?? timestampFromMs(0);
  const to = timestampFromMs(timestampMs(at) + 1);
  const filled = await schedules.backfill({ id: schedule.id, from: at, to });
  expect(filled).toMatchObject({ runIds: [slot?.runId], started: 0 });
  await schedules.runNow({ id: schedule.id });
  expect((await runsOf(schedule)).map((run) => run.definitionVersion)).toEqual([1, 1]);
});

describe("a schedule is refused in words", () => {
  const now = Date.now();
  test.each([
    ["without a line", { line: "" }, ["spec.line"]],
    ["with a line that is none", { line: "every day at noon" }, ["spec.line"]],
    ["with a month that is none", { line: "0 0 1 13 *" }, ["spec.line"]],
    ["with a day that never comes", { line: "0 0 30 2 *" }, ["spec.line"]],
    ["with a zone that is none", { zone: "Mars/Olympus" }, ["spec.zone"]],
    ["with two zones", { line: "CRON_TZ=UTC @daily", zone: "UTC" }, ["spec.zone"]],
    [
      "that ends before it begins",
      { from: timestampFromMs(now + 2 * HOUR), to: timestampFromMs(now + HOUR) },
      ["spec.to"],
    ],
    ["that is over", { to: timestampFromMs(now - HOUR) }, ["spec.to"]],
    ["that catches up nothing", { catchUpSeconds: 0 }, ["spec.catch_up_seconds"]],
    ["with too much jitter", { jitterSeconds: 3_601 }, ["spec.jitter_seconds"]],
    ["with a rule that is none", { overlap: 9 as number as ScheduleOverlap }, ["spec.overlap"]],
    ["of nobody's organisation", { runAs: { scope: 2, subject: "ann" } }, ["spec.run_as.subject"]],
  ] satisfies [string, Spec, string[]][])("%s", async (_what, spec: Spec, fields) => {
    expect((await refusedBy(make(spec))).fields).toEqual(fields);
  });

  test("with fields that are none, an environment whose name is none, or without a spec", async () => {
    const { id, definitionId } = await make();
    const update = (updateMask: string[]) => refusedBy(schedules.update({ id, updateMask }));
    expect((await update([])).fields).toEqual(["update_mask"]);
    expect((await update(["name", "colour"])).fields).toEqual(["update_mask[1]"]);
    const spec = { line: "@daily" };
    const wrong = schedules.create({ definitionId, spec, environment: "Staging" });
    expect((await refusedBy(wrong)).fields).toEqual(["environment"]);
    expect((await refusedBy(schedules.create({ definitionId }))).fields).toEqual(["spec"]);
  });

  test("with an input that does not fit the latest version", async () => {
    const sourceText = `workflow: typed-${++names}\ninput: { amount: number }\nsteps:\n  pay: { task: Pay }\n`;
    const { definition } = await workflows.publishSource({ workspaceId: "ws", sourceText });
    const definitionId = definition?.id ?? "";
    expect((await refusedBy(make({ input: { amount: "4" } }, definitionId))).fields).toEqual([
      "spec.input.amount",
    ]);
    const { id } = await make({ input: { amount: 4 } }, definitionId);
    const emptied = schedules.update({ id, updateMask: ["input"] });
    expect((await refusedBy(emptied)).fields).toEqual(["spec.input"]);
  });
});

describe("a preview", () => {
  test.each([
    ["hourly", "Every hour", "2026-01-05T13:00:00.000Z"],
    ["daily 9am", "At 09:00", "2026-01-06T09:00:00.000Z"],
    ["weekly Monday", "At 09:00, only on Monday", "2026-01-12T09:00:00.000Z"],
    ["weekdays", "At 09:00, Monday through Friday", "2026-01-06T09:00:00.000Z"],
    ["monthly", "At 09:00, on day 1 of the month", "2026-02-01T09:00:00.000Z"],
    ["@every 90s", "Every 90s", "2026-01-05T12:01:30.000Z"],
  ])("of %s has words and times", async (line, words, first) => {
    const after = timestampFromMs(Date.UTC(2026, 0, 5, 12));
    const shown = await schedules.preview({ line, after, count: 3 });
    expect(shown.words).toBe(words);
    expect(shown.times).toHaveLength(3);
    expect(new Date(timestampMs(shown.times[0] ?? after)).toISOString()).toBe(first);
  });

  test("goes by the zone, and refuses what is no line", async () => {
    const after = timestampFromMs(Date.UTC(2026, 6, 1));
    const shown = await schedules.preview({ line: "daily 9am", zone: "Europe/Berlin", after });
    expect([shown.words, shown.line]).toEqual([
      ...["At 09:00 (Europe/Berlin)", "CRON_TZ=Europe/Berlin 0 9 * * *"],
    ]);
    expect(timestampMs(shown.times[0] ?? after)).toBe(Date.UTC(2026, 6, 1, 7));
    expect(shown.times).toHaveLength(5);
    expect((await refusedBy(schedules.preview({ line: "nonsense" }))).fields).toEqual(["line"]);
    const many = refusedBy(schedules.preview({ line: "hourly", count: 101 }));
    expect((await many).fields).toEqual(["count"]);
  });
});
