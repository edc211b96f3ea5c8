/** What programs ask for that hold a workflow as an entity with verbs: counts, events, hooks. */
import { expect } from "vitest";
import { HookVerb, WorkflowState, WorkflowStatus } from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import { callMcp } from "./mcp-call.ts";
import type { Requirement } from "./requirement.ts";
import { PACK, refusal, textOf } from "./stage.ts";

/** In the order of the document. */
export const ENTITY_ROWS: readonly Requirement[] = [
  {
    wanted: "A trigger event such as `Deal.won`",
    state: "works",
    by: "trigger EVENT with that type, `on: {event: Deal.won}`",
    async check(stage) {
      await stage.publish({ ...PACK, on: { event: "Deal.won" } });
      await stage.publish({ ...PACK, workflow: "others", on: { event: "Deal.lost" } });
      await stage.event("Deal.won", { name: "Acme" });
      const runs = await stage.runs(1);
      expect(runs).toHaveLength(1);
      expect((await stage.run(runs[0]?.id ?? "")).inputPayload).toMatchObject({ name: "Acme" });
    },
  },
  {
    wanted: "When a step fails: stop, continue, or go on with other data",
    state: "works",
    by: "`on_error: stop`, `continue` or `{fallback: …}`; `compensate` and `hold` besides",
    async check(stage) {
      const endOf = async (on_error: "stop" | "continue" | { fallback: { n: number } }) => {
        const count = { task: "Count", on_error };
        const steps = { count, tell: { task: "{{ has(count.output.n) ? 'some' : 'none' }}" } };
        const runId = await stage.startFile({ steps });
        await stage.fail(runId, "count", "no list");
        return runId;
      };
      const stopped = await stage.ended(await endOf("stop"));
      expect(stopped.state).toBe(WorkflowState.FAILED);
      const continued = await endOf("continue");
      expect((await stage.item(continued, "tell")).instructions).toBe("none");
      const fallen = await endOf({ fallback: { n: 7 } });
      expect((await stage.item(fallen, "tell")).instructions).toBe("some");
    },
  },
  {
    wanted: "Verbs that the state of a workflow does not allow are refused",
    state: "works",
    by: "FAILED_PRECONDITION with a reason, the states from and to, and a sentence that names the way out",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources } = client;
      const { workflow } = await sources.create({ workspaceId, name: "orders" });
      const definitionId = workflow?.definition?.id ?? "";
      const refused = async (call: Promise<unknown>, reason: string, way: string, move: string) => {
        const error = await refusal(call);
        expect([error.code, error.reason]).toEqual(["FAILED_PRECONDITION", reason]);
        expect(`${error.states?.from} to ${error.states?.to}`).toBe(move);
        expect(error.message).toContain(way);
      };
      const deploy = sources.deploy({ definitionId, environment: "production" });
      await refused(deploy, "NOTHING_PUBLISHED", "publish", "DRAFT to DEPLOYED");
      await stage.publish(PACK);
      await stage.start(definitionId);
      const remove = sources.delete({ definitionId });
      await refused(remove, "HAS_RUNS", "Archive", "DEPLOYED to DELETED");
      await sources.pause({ definitionId });
      const start = () => stage.start(definitionId);
      await refused(start(), "WORKFLOW_PAUSED", "Resume", "PAUSED to TRIGGERED");
      await sources.resume({ definitionId });
      const archive = () => sources.archive({ definitionId });
      await refused(archive(), "ILLEGAL_MOVE", "Pause it first", "DEPLOYED to ARCHIVED");
      await sources.pause({ definitionId });
      await archive();
      await sources.resume({ definitionId });
      await refused(start(), "ARCHIVED", "Unarchive", "ARCHIVED to TRIGGERED");
      const publish = stage.publish({ ...PACK, on: { every: "1h" } });
      await refused(publish, "ARCHIVED", "Unarchive", "ARCHIVED to DEPLOYED");
    },
  },
  {
    wanted: "Counts: version, last run, runs, successes, failures",
    state: "works",
    by: "`definition.latest_version` and `metrics` of `Workflows.Get`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      const runIds = [];
      for (let n = 0; n < 3; n += 1) runIds.push(await stage.start(definitionId));
      const [first = "", second = "", third = ""] = runIds;
      await stage.complete(first, "pack");
      await stage.fail(second, "pack", "no boxes");
      // It neither succeeds nor fails.
      await stage.client.workflows.cancelRun({ id: third, reason: "not wanted" });
      await stage.publish({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      const shown = await until(async () => {
        const { definition, metrics } = await stage.workflow(definitionId);
        if (metrics?.runCount !== 3n || metrics.openRuns !== 0n) return undefined;
        const { successCount, failureCount, lastRunAt } = metrics;
        if (successCount + failureCount < 2n) return undefined;
        return { version: definition?.latestVersion, successCount, failureCount, lastRunAt };
      });
      expect(shown).toMatchObject({ version: 2, successCount: 1n, failureCount: 1n });
      expect(shown.lastRunAt).toBeDefined();
    },
  },
  {
    wanted: "Verbs: create, update, activate, pause, trigger, archive, delete",
    state: "works",
    by: "`Workflows.Create`, `Update`, `SaveDraft`, `PublishDraft`, `Deploy`, `Pause`, `Resume`, `Archive`, `Delete`; `StartRun`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources } = client;
      const sourceText = textOf(PACK);
      const { workflow } = await sources.create({ workspaceId, name: "orders", sourceText });
      const definitionId = workflow?.definition?.id ?? "";
      const statusOf = async () => (await stage.workflow(definitionId)).status;
      expect(await statusOf()).toBe(WorkflowStatus.DRAFT);
      const changed = { description: "Packs", updateMask: ["description"] };
      await sources.update({ definitionId, etag: workflow?.etag ?? "", ...changed });
      const { definition, draft } = await stage.workflow(definitionId);
      expect(definition?.description).toBe("Packs");
      const etag = draft?.etag ?? "";
      await sources.publishDraft({ definitionId, etag, deployTo: "staging" });
      expect((await refusal(stage.start(definitionId))).code).toBe("FAILED_PRECONDITION");
      await sources.deploy({ definitionId, environment: "production", fromEnvironment: "staging" });
      expect(await statusOf()).toBe(WorkflowStatus.DEPLOYED);
      await sources.pause({ definitionId });
      expect(await statusOf()).toBe(WorkflowStatus.PAUSED);
      await sources.resume({ definitionId });
      expect(await statusOf()).toBe(WorkflowStatus.DEPLOYED);
      expect(await stage.states(await stage.start(definitionId))).toEqual({ pack: "WAITING" });
      await sources.pause({ definitionId });
      await sources.archive({ definitionId });
      expect(await statusOf()).toBe(WorkflowStatus.ARCHIVED);
      const other = await stage.publish({ ...PACK, workflow: "unused" });
      await sources.delete({ definitionId: other, workspaceId });
      expect((await refusal(stage.workflow(other))).code).toBe("NOT_FOUND");
    },
  },
  {
    wanted: "Events created, updated, paused, archived, deleted, activated, triggered",
    state: "works",
    by: "`workflows.changes.workflow.*` on the stream `WORKFLOWS`; `triggered` of workflows with `announces_starts`, beside `run.started`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources } = client;
      const { workflow } = await sources.create({ workspaceId, name: "orders" });
      const definitionId = workflow?.definition?.id ?? "";
      const changed = { owner: "ann", updateMask: ["owner"] };
      await sources.update({ definitionId, etag: workflow?.etag ?? "", ...changed });
      await sources.pause({ definitionId });
      await sources.archive({ definitionId });
      await sources.delete({ definitionId, workspaceId });
      const published = (id: string, verbs: readonly string[]) =>
        stage.published(
          id,
          verbs.map((verb) => `workflow.${verb}`),
        );
      await published(definitionId, ["created", "updated", "paused", "archived", "deleted"]);
      const started = await stage.publish(PACK);
      await published(started, ["activated"]);
      const { etag } = await stage.workflow(started);
      const announced = { announcesStarts: true, updateMask: ["announces_starts"] };
      await sources.update({ definitionId: started, etag, ...announced });
      // Replicas take it up within some seconds.
      await until(async () => {
        await stage.start(started);
        return stage.heard(started).includes("workflow.triggered") ? true : undefined;
      });
    },
  },
  {
    wanted: "A hook before a verb may refuse it",
    state: "works",
    by: "`Workflows.PutHook`: a signed POST or a governance check, which fails closed; `workflows hooks`",
    async check(stage) {
      const { client, workspaceId, hookUrl: url } = stage;
      const { sources } = client;
      const definitionId = await stage.publish(PACK);
      const verbs = [HookVerb.ACTIVATE, HookVerb.ARCHIVE];
      const hook = { workspaceId, name: "four-eyes", verbs, url };
      const { secret } = await sources.putHook(hook);
      expect(secret).toMatch(/^whsec_/);
      const publish = () => stage.publish({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      for (const call of [() => sources.archive({ definitionId }), publish]) {
        const error = await refusal(call());
        expect([error.code, error.reason]).toEqual(["FAILED_PRECONDITION", "HOOK_REFUSED"]);
        expect([error.hook, error.message]).toEqual([
          ...["four-eyes", expect.stringContaining("not on a friday")],
        ]);
      }
      await stage.published(definitionId, ["workflow.refused"]);
      expect((await stage.workflow(definitionId)).definition?.latestVersion).toBe(1);
      await sources.deleteHook({ workspaceId, name: "four-eyes" });
      await sources.archive({ definitionId });
    },
  },
  {
    wanted: "A hook after a verb",
    state: "works",
    by: "`Workflows.WatchWorkflows` with a cursor; `client.watches.afterVerbs` with a stored one; `workflows changes`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources, watches } = client;
      const request = { workspaceId, operations: ["activated", "paused"] };
      let cursor = "";
      const cursors = {
        load: () => cursor,
        save(saved: string) {
          cursor = saved;
        },
      };
      const seen: string[] = [];
      const follow = async (atMost: number) => {
        const enough = new AbortController();
        await watches
          .afterVerbs(
            request,
            cursors,
            ({ operation }) => {
              seen.push(operation);
              if (seen.length === atMost) enough.abort(new Error("enough"));
            },
            enough,
          )
          .catch(() => {});
      };
      const following = follow(1);
      await until(() => (cursor === "" ? undefined : true));
      const definitionId = await stage.publish(PACK);
      await following;
      // Nobody watches now.
      await sources.pause({ definitionId });
      await sources.archive({ definitionId });
      await follow(2);
      expect(seen).toEqual(["activated", "paused"]);
    },
  },
  {
    wanted: "An event when more than a tenth of a workflow's runs fail",
    state: "works",
    by: "`workflows.changes.workflow.high_failure_rate`, of 10 ended runs on a day; `high_failure_rate` of Update is a workflow's own threshold",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      const patient = await stage.publish({ ...PACK, workflow: "patient" });
      const { etag } = await stage.workflow(patient);
      const threshold = { highFailureRate: 0.5, updateMask: ["high_failure_rate"] };
      await stage.client.sources.update({ definitionId: patient, etag, ...threshold });
      const end = async (isGood: boolean, definitionId: string) => {
        const runId = await stage.start(definitionId);
        if (isGood) await stage.complete(runId, "pack");
        else await stage.fail(runId, "pack", "no boxes");
      };
      const counted = (runs: bigint, definitionId: string) =>
        until(async () => {
          const { successCount, failureCount } = (await stage.workflow(definitionId)).metrics ?? {};
          return (successCount ?? 0n) + (failureCount ?? 0n) === runs ? true : undefined;
        });
      for (const id of [patient, definitionId]) {
        await Promise.all(Array.from({ length: 8 }, () => end(true, id)));
        await end(false, id);
        await counted(9n, id);
        expect(stage.heard(id)).not.toContain("workflow.high_failure_rate");
        await end(false, id);
      }
      await stage.published(definitionId, ["workflow.high_failure_rate"]);
      await counted(10n, patient);
      expect(stage.heard(patient)).not.toContain("workflow.high_failure_rate");
    },
  },
  {
    wanted: "Feature flags decide which steps run",
    state: "works",
    by: "`vars` of a deployment, `run.vars.<flag>` in expressions; they stay as they are for a run",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish({
        steps: {
          ask: { task: "Ask" },
          way: { branch: "run.vars.express", on: { true: "fast" }, else: "slow" },
          fast: { task: "Fast", next: "end" },
          slow: { task: "Slow" },
        },
      });
      const set = (environment: string, express: boolean) =>
        sources.deploy({ definitionId, environment, vars: { express } });
      await set("production", false);
      await set("staging", true);
      const [slow, fast] = [
        await stage.start(definitionId),
        await stage.start(definitionId, {}, "staging"),
      ];
      await set("production", true);
      for (const runId of [slow, fast]) await stage.complete(runId, "ask");
      expect(await stage.states(slow)).toMatchObject({ fast: "SKIPPED", slow: "WAITING" });
      expect(await stage.states(fast)).toMatchObject({ fast: "WAITING", slow: "SKIPPED" });
    },
  },
  {
    wanted: "Each run and each step emits events",
    state: "works",
    by: "`workflows.changes.run.*` and `step.*` on the stream `WORKFLOWS`, `workflows events tail`",
    async check(stage) {
      const runId = await stage.startFile(PACK);
      await stage.complete(runId, "pack");
      await stage.published(runId, [
        ...["run.started", "step.started", "step.waiting", "step.completed", "run.completed"],
      ]);
    },
  },
  {
    wanted:
      "An agent searches, fetches and triggers over MCP: a filter with a sort, an id, two lines of code",
    state: "works",
    by: "tools `search`, `fetch` and `do` at `/mcp`, `workflows mcp`",
    async check(stage) {
      const id = await stage.publish(PACK);
      const search = { type: "Workflow", filter: { status: "Activated" }, limit: 20 };
      const found = await callMcp(stage, "search", { ...search, sort: { lastRunAt: "desc" } });
      expect(found).toMatchObject({ results: [{ id, status: "DEPLOYED", title: "orders" }] });
      const read = await callMcp(stage, "fetch", { type: "Workflow", id });
      expect(read).toMatchObject({ id, metadata: { version: 1 } });
      const code = `const workflows = await $.Workflow.find({ status: 'Activated' })\nawait $.Workflow.trigger('${id}')`;
      await callMcp(stage, "do", { code });
      expect(await stage.runs(1)).toMatchObject([{ definitionId: id }]);
    },
  },
];
