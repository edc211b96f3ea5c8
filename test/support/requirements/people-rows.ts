/** What teams ask for whose workflows are of people and agents: approvals, schedules, templates. */

import { randomUUID } from "node:crypto";
import { timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { applyEdit, type Edit } from "../../../console/src/parts/workflows/designer/text/edits.ts";
import { drawText } from "../../../console/src/parts/workflows/designer/text/picture.ts";
import { MockOutcome } from "../../../gen/workflows/ops/v1/simulations_pb.ts";
import { RunAsScope, Verdict, WorkflowState } from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import { installed } from "./installed.ts";
import { callMcp } from "./mcp-call.ts";
import type { Requirement } from "./requirement.ts";
import { PACK, refusal, type Stage, textOf } from "./stage.ts";

const { APPROVE } = Verdict;

/** In the order of the document. */
export const PEOPLE_ROWS: readonly Requirement[] = [
  {
    wanted:
      "A designer: steps are dragged, joined and filled in on a canvas, with what is wrong with them on the spot",
    state: "works",
    by: "Designer of a draft in the console, `Workflows.SaveDraft` with `layout`, `PublishDraft`, `Runs.Simulate`",
    async check({ client, workspaceId }) {
      const { workflow } = await client.sources.create({ workspaceId, name: "drawn" });
      const definitionId = workflow?.definition?.id ?? "";
      const draw = (text: string, ...edits: Edit[]) =>
        edits.reduce((before, edit) => {
          const edited = applyEdit(before, edit);
          return edited.ok ? edited.text : expect.fail(edited.problem);
        }, text);
      const faulty = draw("workflow: drawn\nsteps: {}\n", { do: "add", kind: "approval" });
      const layout = { steps: { approval: { x: 120, y: 48 } } };
      const saved = await client.sources.saveDraft({ definitionId, sourceText: faulty, layout });
      expect(saved.faults.map(({ path }) => path)).toContain("steps.approval");
      expect(drawText(faulty).notes.map(({ stepId }) => stepId)).toContain("approval");
      const sourceText = draw(
        faulty,
        { do: "set", id: "approval", path: ["action"], value: "pay" },
        { do: "set", id: "approval", path: ["by"], value: ["boss"] },
        { do: "add", kind: "notify", from: "approval", label: "denied" },
        { do: "set", id: "notify", path: ["to"], value: "ann" },
      );
      const mocks = [{ stepId: "approval", outcome: MockOutcome.DENIED }];
      const { simulation } = await client.runs.simulate({ sourceText, mocks });
      expect(simulation?.path.map(({ stepId }) => stepId)).toEqual(["approval", "notify"]);
      const { etag = "" } = saved.draft ?? {};
      const { draft } = await client.sources.saveDraft({ definitionId, sourceText, layout, etag });
      await client.sources.publishDraft({ definitionId, etag: draft?.etag ?? "" });
      expect((await client.sources.getVersion({ definitionId })).layout).toEqual(layout);
    },
  },
  {
    wanted: "Workflows as code, in JSON or YAML, there and back",
    state: "works",
    by: "`Workflows.PublishSource`, `workflows apply` and `export`",
    async check({ client, workspaceId }) {
      const yaml = "# the till\nworkflow: till\non: manual\nsteps:\n  count: { task: Count }\n";
      const first = await client.sources.publishSource({ workspaceId, sourceText: yaml });
      const json = textOf({ workflow: "till", steps: { count: { task: "Count" } } });
      const second = await client.sources.checkVersion({ sourceText: json });
      expect(second.digest).toBe(first.digest);
      const definitionId = first.definition?.id ?? "";
      const { sourceText } = await client.sources.getVersion({ definitionId });
      expect(sourceText).toBe(yaml);
    },
  },
  {
    wanted: "A gallery of templates, installed at once: expenses, travel, incidents, onboarding",
    state: "works",
    by: "`Templates.List`, `Get`, `Install`, `workflows templates`",
    async check(stage) {
      const { templates } = await stage.client.templates.list({});
      expect(templates.length).toBeGreaterThanOrEqual(10);
      const id = "expense-approval";
      const text = await installed(stage, id, { threshold_usd: 250 });
      expect(text).toContain("> 250");
      for (const each of ["travel-booking", "incident-response", "employee-onboarding"]) {
        await installed(stage, each);
      }
      const { workspaceId } = stage;
      const install = (parameters: { [name: string]: string }) =>
        stage.client.templates.install({ workspaceId, templateId: id, name: "other", parameters });
      const wrong = await refusal(install({ threshold: "250" }));
      expect(wrong.fields.map(({ field }) => field)).toEqual(["parameters.threshold"]);
    },
  },
  {
    wanted: "A workspace keeps templates of its own",
    state: "works",
    by: "`Templates.Save` of a text, a version or a draft, `Delete`, `workflows templates save`",
    async check({ client, workspaceId }) {
      const sourceText = "workflow: kept\nsteps:\n  ask: { task: Ask, assignee: $(who) }\n";
      const who = { type: "string", default: "user_ann", description: "Who is asked." };
      const parameters = { properties: { who } };
      const kept = { workspaceId, id: "kept", title: "Kept", category: "Ours", parameters };
      await client.templates.save({ ...kept, sourceText });
      const { templates } = await client.templates.list({ workspaceId, text: "kept" });
      expect(templates.map(({ id, builtIn }) => [id, builtIn])).toEqual([["kept", false]]);
      const install = { workspaceId, templateId: "kept", parameters: { who: "user_bob" } };
      expect((await client.templates.install(install)).sourceText).toContain("user_bob");
      await client.templates.delete({ workspaceId, id: "kept" });
      const gone = await refusal(client.templates.install({ ...install, name: "other" }));
      expect(gone.code).toBe("NOT_FOUND");
    },
  },
  {
    wanted:
      "Schedules hourly, daily 9am, weekly Monday, weekdays, monthly, or a cron line; a preview",
    state: "works",
    by: "`Schedules.Preview`, `workflows schedules preview`",
    async check({ client }) {
      // A Monday.
      const after = timestampFromMs(Date.UTC(2026, 0, 5, 12));
      const next = async (line: string, zone = "") => {
        const { times, words } = await client.schedules.preview({ line, zone, after, count: 1 });
        return [times.map((at) => timestampDate(at).toISOString().slice(0, 16)).join(), words];
      };
      expect(await next("hourly")).toEqual(["2026-01-05T13:00", "Every hour"]);
      expect(await next("daily 9am")).toEqual(["2026-01-06T09:00", "At 09:00"]);
      expect((await next("weekly Monday"))[0]).toBe("2026-01-12T09:00");
      expect((await next("weekdays"))[0]).toBe("2026-01-06T09:00");
      expect((await next("monthly"))[0]).toBe("2026-02-01T09:00");
      expect((await next("30 6 * * *", "Europe/Berlin"))[0]).toBe("2026-01-06T05:30");
      const nonsense = await refusal(next("now and then"));
      expect(nonsense.fields.map(({ field }) => field)).toEqual(["line"]);
    },
  },
  {
    wanted:
      "A schedule acts for a person, a group or the organisation; one whose person leaves is paused, with the reason",
    state: "works",
    by: "`run_as` USER, GROUP, ORG or AGENT of a schedule, `workflows schedules create --run-as`; a group by who leads it (`group:<name>:lead`); events about members (`identity.v1.Member`) by an entry `IDENTITY=identity.changes.>` of `BUS_SOURCES`",
    async check(stage) {
      const { schedules } = stage.client;
      const definitionId = await stage.publish(PACK);
      const initiatorOf = async (scope: RunAsScope, subject: string) => {
        const spec = { line: "monthly", runAs: { scope, subject } };
        const { schedule } = await schedules.create({ definitionId, spec });
        const { runId } = await schedules.runNow({ id: schedule?.id ?? "", reason: "now" });
        return (await stage.run(runId)).initiatorUserId;
      };
      expect(await initiatorOf(RunAsScope.USER, "ann")).toBe("ann");
      expect(await initiatorOf(RunAsScope.ORG, "")).toBe("");
      expect(await initiatorOf(RunAsScope.GROUP, "finance")).toBe("group:finance");
      const reasonsBy = async (change: object) => {
        await memberChanged(stage, { organization_id: stage.workspaceId, ...change });
        const { workspaceId } = stage;
        const listed = await schedules.list({ workspaceId, definitionId });
        return listed.schedules.flatMap((each) => (each.paused ? [each.changeReason] : []));
      };
      // Who stays loses nothing.
      const member = { aggregate_type: "member", aggregate_id: "ann", operation: "updated" };
      const active = { user_id: "ann", status: "active", role: "editor" };
      expect(await reasonsBy({ ...member, payload: active })).toEqual([]);
      const reasons = await until(async () => {
        const found = await reasonsBy({ ...member, payload: { ...active, status: "suspended" } });
        return found.length > 0 ? found : undefined;
      });
      expect(reasons).toEqual(["ann is suspended in the workspace"]);
      await stage.published(definitionId, ["workflow.schedules_paused"]);
    },
  },
  {
    wanted: "A step is tried again, later each time, and then takes its error path",
    state: "works",
    by: "`retry: {max, backoff, factor}`, `on: {error: …}`",
    async check(stage) {
      const retry = { max: 1, backoff: "1s", factor: 2 };
      const steps = {
        pay: { task: "Pay", retry, on: { error: "call" }, next: "end" },
        call: { task: "Call" },
      };
      const runId = await stage.startFile({ steps });
      await stage.fail(runId, "pay", "the bank is away");
      expect((await stage.states(runId)).call).toBe("PENDING");
      await until(async () => ((await stage.states(runId)).pay === "WAITING" ? true : undefined));
      await stage.fail(runId, "pay", "the bank is away");
      await stage.item(runId, "call");
      const pay = (await stage.run(runId)).steps.find(({ stepId }) => stepId === "pay");
      expect(pay).toMatchObject({ retryCount: 1, errorMessage: "the bank is away" });
    },
  },
  {
    wanted: "Variables in texts",
    state: "works",
    by: "`{{ }}` with expressions over the input, outputs, the run and its vars",
    async check(stage) {
      const title = "Pay {{ input.amount * 2.0 }} to {{ input.who }} in {{ run.environment }}";
      const steps = { pay: { task: title } };
      const runId = await stage.startFile({ steps }, { amount: 1.5, who: "Ann" });
      const { instructions } = await stage.item(runId, "pay");
      expect(instructions).toMatch(/^Pay 3(\.0)? to Ann in production$/);
    },
  },
  {
    wanted: "Approval: required approvers, N of them, escalation after a time",
    state: "works",
    by: "`by`, `required`, `escalate` of a gate",
    async check(stage) {
      const by = ["ann", "ben", "cid"];
      const steps = {
        ok: { approve: "Pay", action: "pay", by, required: 2 },
        pay: { task: "Pay" },
      };
      const runId = await stage.startFile({ steps });
      for (const id of ["ann", "cid"]) await stage.decide(runId, "ok", APPROVE, { by: id });
      await stage.item(runId, "pay");
      const late = {
        ask: {
          ...{ approve: "Pay", action: "pay", by: ["ann"] },
          escalate: { after: "2s", to: ["boss"] },
        },
      };
      const other = await stage.startFile({ workflow: "late", steps: late });
      await stage.decide(other, "ask", APPROVE, { by: "boss" });
      expect((await stage.ended(other)).state).toBe(WorkflowState.COMPLETED);
    },
  },
  {
    wanted: "Conditions such as `amount > 500` and `severity == 'critical'`",
    state: "works",
    by: "CEL in `branch`, `when` and filters",
    async check(stage) {
      const steps = {
        how: {
          branch: "severity",
          on: { critical: "page" },
          else: "note",
        },
        page: { task: "Page", next: "end" },
        note: { task: "Note" },
      };
      const runId = await stage.startFile({ steps }, { severity: "critical" });
      expect(await stage.states(runId)).toMatchObject({ page: "WAITING", note: "SKIPPED" });
    },
  },
  {
    wanted: "Parallel: wait for all, or for N of them",
    state: "works",
    by: "PARALLEL, `parallel:` with `required`",
    async check(stage) {
      const steps = {
        ask: { parallel: { a: { task: "A" }, b: { task: "B" } }, required: 1, next: "go" },
        go: { task: "Go" },
      };
      const runId = await stage.startFile({ steps });
      await stage.complete(runId, "b");
      await stage.item(runId, "go");
      expect((await stage.states(runId)).a).toBe("CANCELLED");
    },
  },
  {
    wanted: "Notification by e-mail, Slack, Teams or SMS, through channels of one's own",
    state: "partly",
    by: "NOTIFICATION; `NOTIFICATIONS_URL=builtin` with `NOTIFICATIONS_TARGETS` and SMTP",
    lacks:
      "credentials of a channel that a user or a group has: they come with the connections of a workspace; targets are the operator's today",
    async check(stage) {
      const body = `Paid {{ input.amount }} in ${stage.workspaceId}`;
      const steps = {
        slack: { notify: "slack", to: "#finance", body },
        teams: { notify: "teams", to: "ops", body },
        sms: { notify: "sms", to: "+4912", body },
      };
      await stage.startFile({ steps }, { amount: 7 });
      const sent = await until(() => {
        const own = stage.messages.filter(({ text }) => text.includes(stage.workspaceId));
        return own.length >= 3 ? own : undefined;
      });
      expect(new Set(sent.map(({ to }) => to))).toEqual(new Set(["/slack", "/teams", "/sms"]));
      for (const { text } of sent) expect(text).toContain("Paid 7 in");
    },
  },
  {
    wanted: "Delay",
    state: "works",
    by: "WAIT_FOR_EVENT with a time, `wait: 15m`",
    async check(stage) {
      const runId = await stage.startFile({ steps: { pause: { wait: "1s" } } });
      expect((await stage.states(runId)).pause).toBe("WAITING");
      expect((await stage.ended(runId)).state).toBe(WorkflowState.COMPLETED);
    },
  },
  {
    wanted: "The end of a run says how it ended; who started and who approved it is kept",
    state: "works",
    by: "`Runs.Search` by outcome, `Runs.GetHistory`, `workflows history`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const steps = { ok: { approve: "Pay", action: "pay", by: ["boss"] } };
      const runId = await stage.startFile({ steps });
      await stage.decide(runId, "ok", APPROVE, { comment: "fine" });
      await stage.ended(runId);
      const { runs } = await client.runs.search({ workspaceId });
      expect(runs.map(({ id }) => id)).toEqual([runId]);
      const { moves } = await client.runs.getHistory({ runId });
      expect(JSON.stringify(moves, bigintAsText)).toContain("unverified:boss");
    },
  },
  {
    wanted:
      "A person starts a workflow in a chat: found by words, its input asked for by its schema",
    state: "works",
    by: "tools `search` with `query`, `fetch` and `do` at `/mcp`",
    async check(stage) {
      const input = { amount: "number" };
      await stage.publish({ ...PACK, workflow: "expense-approval", input });
      await stage.publish({ ...PACK, workflow: "onboarding" });
      const found = await callMcp(stage, "search", { query: "expense" });
      expect(found).toMatchObject({ results: [{ title: "expense-approval" }] });
      const read = await callMcp(stage, "fetch", { type: "Workflow", id: "expense-approval" });
      expect(read).toMatchObject({ metadata: { inputSchema: { required: ["amount"] } } });
      const trigger = { action: "Workflow.trigger", args: { id: "expense-approval" } };
      await expect(callMcp(stage, "do", trigger)).rejects.toThrow(/input_payload/);
      await callMcp(stage, "do", { ...trigger, args: { ...trigger.args, input: { amount: 40 } } });
      const [run] = await stage.runs(1);
      expect((await stage.run(run?.id ?? "")).inputPayload).toEqual({ amount: 40 });
    },
  },
];

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

/** An event of the identity service about a member. */
async function memberChanged({ nats }: Stage, data: object): Promise<void> {
  const type = "identity.changes.member.updated";
  const event = { specversion: "1.0", id: randomUUID(), source: "identity", type, data };
  nats.publish(type, JSON.stringify(event));
  await nats.flush();
}
