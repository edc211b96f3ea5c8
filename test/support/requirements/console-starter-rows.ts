/** What users of an operations console ask for about what starts runs. */
import { createHmac } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import {
  EndpointVerification,
  ScheduleOverlap,
  StarterKind,
  WhenFull,
  WorkflowState,
} from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import type { Requirement } from "./requirement.ts";
import { PACK, refusal, Stage, textOf } from "./stage.ts";

/** The workspace of the queue that the service of the test reads, its subject and the type of its events. */
export const QUEUE = { workspaceId: "ws_queue", subject: "orders.new", type: "queue.orders" };

const SECRET = "the-secret-of-the-sender";
const HOUR_MS = 3_600_000;

/** In the order of the document. */
export const STARTER_ROWS: readonly Requirement[] = [
  {
    wanted: "Trigger: a webhook with a URL of its own; the body is the input",
    state: "works",
    by: "`Endpoints.Create`, `POST /hooks/…`, `workflows endpoints`",
    async check(stage) {
      const definitionId = await stage.publish({ ...PACK, input: { order: "number" } });
      const { url, endpoint } = await stage.client.endpoints.create({
        ...{
          definitionId,
          name: "shop",
          verification: EndpointVerification.GITHUB,
          secret: SECRET,
        },
      });
      const post = (body: string, signed = body) => {
        const mac = createHmac("sha256", SECRET).update(signed).digest("hex");
        const headers = { "x-hub-signature-256": `sha256=${mac}`, "x-github-delivery": "one" };
        return stage.post(url, body, headers);
      };
      expect((await post('{"order":1}', '{"order":2}')).status).toBe(401);
      expect(await post('{"order":"one"}')).toMatchObject({
        ...{ status: 400, answer: { fields: [{ field: "input.order" }] } },
      });
      const { status, answer } = await post('{"order":1}');
      expect([status, answer.created]).toEqual([202, true]);
      expect((await stage.run(String(answer.run_id))).inputPayload).toEqual({ order: 1 });
      // A delivery makes one run, however often it comes.
      expect((await post('{"order":1}')).answer).toEqual({ ...answer, created: false });
      expect(await stage.runs(1)).toHaveLength(1);
      const { starters } = await stage.workflow(definitionId);
      expect(starters).toMatchObject([{ id: endpoint?.id, line: "shop" }]);
    },
  },
  {
    wanted: "A webhook answers with the output of its run",
    state: "works",
    by: "`POST /hooks/…?wait=30s`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      const verification = EndpointVerification.NONE;
      const { url } = await stage.client.endpoints.create({ definitionId, verification });
      const waiting = stage.post(`${url}?wait=30s`, "{}");
      const [run] = await stage.runs(1);
      await stage.complete(run?.id ?? "", "pack", { boxes: 2 });
      expect(await waiting).toMatchObject({
        status: 200,
        answer: { run_id: run?.id, state: "COMPLETED", output: { boxes: 2 } },
      });
    },
  },
  {
    wanted: "The URL of a webhook rotates, and the old one works for a time",
    state: "works",
    by: "`Endpoints.Rotate` with `grace_seconds`, `Create` with `rotate_on_publish`, `List` with `show_urls`, `workflows endpoints`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      const { endpoints } = stage.client;
      const verification = EndpointVerification.NONE;
      const first = await endpoints.create({ definitionId, verification });
      const id = first.endpoint?.id ?? "";
      const second = await endpoints.rotate({ id });
      const statusOf = async (url: string) => (await stage.post(url, "{}")).status;
      expect([await statusOf(first.url), await statusOf(second.url)]).toEqual([202, 202]);
      const third = await endpoints.rotate({ id, graceSeconds: 0 });
      expect([await statusOf(second.url), await statusOf(third.url)]).toEqual([404, 202]);
      await endpoints.delete({ id });
      expect(await statusOf(third.url)).toBe(404);
      const made = await endpoints.create({ definitionId, verification, rotateOnPublish: true });
      await stage.publish({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      const { workspaceId } = stage;
      const shown = await endpoints.list({ workspaceId, definitionId, showUrls: true });
      const url = shown.endpoints[0]?.url ?? "";
      expect(url).not.toBe(made.url);
      expect([await statusOf(made.url), await statusOf(url)]).toEqual([202, 202]);
    },
  },
  {
    wanted: "Trigger: cron or an interval, in a time zone",
    state: "works",
    by: "trigger SCHEDULE, `on: {schedule: …, zone: …}` or `{every: …}`",
    async check(stage) {
      const on = { schedule: "* * * * * *", zone: "Europe/Paris" };
      await stage.publish({ ...PACK, on });
      const [run] = await stage.runs(1);
      expect(run?.triggerEventId).toMatch(/^schedule:/);
    },
  },
  {
    wanted: "A workflow has schedules of its own; a slot may wait for the run before it",
    state: "works",
    by: "`Schedules.Create` with `overlap`, catch-up, jitter and input, `Pause`, `Resume`, `workflows schedules`",
    async check(stage) {
      const { schedules } = stage.client;
      const definitionId = await stage.publish(PACK);
      const overlap = ScheduleOverlap.SKIP;
      const spec = { line: "@every 1s", overlap, input: { region: "eu" } };
      const id = (await schedules.create({ definitionId, spec })).schedule?.id ?? "";
      const [run] = await stage.runs(1);
      expect((await stage.run(run?.id ?? "")).inputPayload).toMatchObject({ region: "eu" });
      const slots = async () => (await schedules.get({ id })).schedule?.last ?? [];
      // The run of the first slot is open.
      await until(async () => (await slots()).find(({ skipped }) => skipped !== ""));
      expect(await stage.runs(1)).toHaveLength(1);
      await stage.complete(run?.id ?? "", "pack");
      await stage.runs(2);
      const { schedule } = await schedules.pause({ id, reason: "stocktaking" });
      expect(schedule).toMatchObject({ paused: true, next: [] });
      const { starters } = await stage.workflow(definitionId);
      expect(starters).toMatchObject([{ id, line: "@every 1s", paused: true }]);
    },
  },
  {
    wanted: "A schedule is run now, and for times that are over",
    state: "works",
    by: "`Schedules.RunNow` and `Backfill`",
    async check(stage) {
      const { schedules } = stage.client;
      const definitionId = await stage.publish(PACK);
      const made = await schedules.create({ definitionId, spec: { line: "hourly" }, paused: true });
      const id = made.schedule?.id ?? "";
      const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
      const time = (from: number) => ({
        ...{ id, from: timestampFromMs(hour + from * HOUR_MS) },
        to: timestampFromMs(hour - HOUR_MS),
      });
      const first = await schedules.backfill(time(-3));
      expect([first.started, first.runIds.length]).toEqual([2, 2]);
      // It overlaps the first one, of which no slot runs again.
      const second = await schedules.backfill(time(-4));
      expect([second.started, second.runIds.slice(1)]).toEqual([1, first.runIds]);
      const { runId } = await schedules.runNow({ id, reason: "late" });
      expect((await stage.runs(4)).map((run) => run.id)).toContain(runId);
    },
  },
  {
    wanted: "Trigger: a person or a program starts a run",
    state: "works",
    by: "`WorkflowService.StartRun`, `workflows start`, the form of the console",
    async check(stage) {
      const runId = await stage.startFile(PACK, { order: 1 });
      expect((await stage.run(runId)).inputPayload).toEqual({ order: 1 });
    },
  },
  {
    wanted: "Trigger: an event of the bus, also that of another workflow's run",
    state: "works",
    by: "trigger EVENT, `on: {event: …}`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      await stage.publish({
        workflow: "file",
        on: { event: "workflows.changes.run.completed" },
        steps: { file: { task: "File it" } },
      });
      const runId = await stage.start(definitionId);
      await stage.complete(runId, "pack");
      const runs = await stage.runs(2);
      expect(runs.map(({ state }) => state)).toContain(WorkflowState.RUNNING);
    },
  },
  {
    wanted: "Trigger: API; a run says that a service or an agent started it by a call",
    state: "works",
    by: "`starter_kind` of `Runs.Explain`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      const kindOf = async (request: object) => {
        const { run } = await stage.client.workflows.startRun({ definitionId, ...request });
        const { explanation } = await stage.client.runs.explain({ runId: run?.id ?? "" });
        return explanation?.starterKind;
      };
      expect(await kindOf({ initiatorAgentId: "agent_1" })).toBe(StarterKind.API);
      expect(await kindOf({ initiatorUserId: "user_ann" })).toBe(StarterKind.MANUAL);
    },
  },
  {
    wanted:
      "Over plain HTTP a draft is published by `POST /workflows/{id}/publish`, and a run started by `POST /runs` and `POST /api/workflows/{id}/run`",
    state: "works",
    by: "REST: these paths, and those of `docs/api.md` below `/api/v1`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      const post = async (path: string, body: object) => {
        const headers = { "content-type": "application/json" };
        const sent = { method: "POST", headers, body: JSON.stringify(body) };
        const answer = await fetch(`${stage.url}${path}`, sent);
        return { status: answer.status, json: JSON.parse(await answer.text()) };
      };
      const sourceText = textOf(PACK);
      const { draft } = await sources.saveDraft({ definitionId, sourceText });
      const published = await post(`/workflows/${definitionId}/publish`, { etag: draft?.etag });
      expect([published.status, published.json.version.version]).toEqual([200, 2]);
      const started = [
        await post("/runs", { definitionId, inputPayload: { order: 7 } }),
        await post(`/api/workflows/${definitionId}/run`, { order: 7 }),
      ];
      for (const { status, json } of started) {
        expect(status).toBe(202);
        const { inputPayload, definitionVersion } = await stage.run(json.run.id);
        expect({ inputPayload, definitionVersion }).toEqual({
          inputPayload: { order: 7 },
          definitionVersion: 2,
        });
      }
    },
  },
  {
    wanted: "Trigger: a message of a queue; its body is the input",
    state: "works",
    by: "an entry `STREAM=subject?workspace=…&type=queue.…` of `BUS_SOURCES`",
    lacks: "brokers other than NATS, which need a bridge",
    async check(stage) {
      const queue = new Stage(stage, QUEUE.workspaceId);
      await queue.publish({ ...PACK, on: { event: QUEUE.type } });
      stage.nats.publish(QUEUE.subject, JSON.stringify({ order: 7 }));
      const [run] = await queue.runs(1);
      expect((await queue.run(run?.id ?? "")).inputPayload).toEqual({ order: 7 });
    },
  },
  {
    wanted: "A workflow has so many open runs at most; others of its key queue, drop or replace",
    state: "works",
    by: "`run_limit` of `Workflows.Create` and `Update`, `workflows update --max-open-runs`; a schedule has `overlap` besides",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const limit = async (whenFull: WhenFull) => {
        const { workflow } = await sources.get({ id: definitionId });
        await sources.update({
          ...{ definitionId, etag: workflow?.etag ?? "", updateMask: ["run_limit"] },
          runLimit: { maxOpenRuns: 1, concurrencyKey: "customer", whenFull },
        });
      };
      const stateOf = async (id: string) => (await stage.run(id)).state;
      const becomes = (id: string, state: WorkflowState) =>
        until(async () => (await stateOf(id)) === state || undefined);
      await limit(WhenFull.QUEUE);
      const first = await stage.start(definitionId, { customer: "a" });
      const second = await stage.start(definitionId, { customer: "a" });
      const elsewhere = await stage.start(definitionId, { customer: "b" });
      expect(await stateOf(second)).toBe(WorkflowState.PENDING);
      expect(await stateOf(elsewhere)).toBe(WorkflowState.RUNNING);
      await stage.complete(first, "pack");
      await becomes(second, WorkflowState.RUNNING);
      await limit(WhenFull.DROP);
      const dropped = await refusal(stage.start(definitionId, { customer: "a" }));
      expect(dropped.reason).toBe("TOO_MANY_OPEN_RUNS");
      await limit(WhenFull.REPLACE);
      const newest = await stage.start(definitionId, { customer: "a" });
      await becomes(newest, WorkflowState.RUNNING);
      expect(await stateOf(second)).toBe(WorkflowState.CANCELLED);
    },
  },
];
