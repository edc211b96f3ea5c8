/** What users of an operations console ask for about what is known of a workflow, and what to begin with. */
import { expect } from "vitest";
import { RunOutcome, WorkflowOrder, WorkflowStatus } from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import { installed } from "./installed.ts";
import type { Requirement } from "./requirement.ts";
import { as, PACK, refusal, type Stage, textOf, type WorkflowFile } from "./stage.ts";

/** In the order of the document. */
export const FACT_ROWS: readonly Requirement[] = [
  {
    wanted: "Name, description, tags, owner and team; lists are filtered and sorted by them",
    state: "works",
    by: "`Workflows.Create`, `Update` with `etag`, `List`, `workflows list`",
    async check({ client, workspaceId }) {
      const { sources } = client;
      const create = async (name: string, more: object) =>
        (await sources.create({ workspaceId, name, ...more })).workflow;
      const bills = await create("bills", { owner: "ann", team: "finance", tags: ["eu"] });
      await create("access", { owner: "ben", team: "ops", description: "Who opens the doors" });
      const definitionId = bills?.definition?.id ?? "";
      const update = (etag: string, owner: string) =>
        sources.update({ definitionId, etag, owner, updateMask: ["owner"] });
      const { workflow } = await update(bills?.etag ?? "", "cid");
      expect(workflow).toMatchObject({ owner: "cid", team: "finance" });
      expect((await refusal(update(bills?.etag ?? "", "dan"))).reason).toBe("ETAG_MISMATCH");
      const names = async (filter: object) =>
        (await sources.list({ workspaceId, ...filter })).workflows.map(
          ({ definition }) => definition?.name,
        );
      expect(await names({ orderBy: WorkflowOrder.NAME })).toEqual(["access", "bills"]);
      expect(await names({ owner: "cid" })).toEqual(["bills"]);
      expect(await names({ owner: "ann" })).toEqual([]);
      expect(await names({ team: "ops" })).toEqual(["access"]);
      expect(await names({ tag: "eu" })).toEqual(["bills"]);
      expect(await names({ text: "DOORS" })).toEqual(["access"]);
    },
  },
  {
    wanted: "A list shows environments, status, what starts runs, the version and the draft",
    state: "works",
    by: "`Workflows.List`",
    async check(stage) {
      const { sources, schedules } = stage.client;
      const definitionId = await stage.publish({ ...PACK, on: { every: "1h" } });
      await sources.deploy({ definitionId, environment: "staging" });
      await schedules.create({ definitionId, spec: { line: "monthly" } });
      await sources.saveDraft({ definitionId, sourceText: "workflow: orders\n" });
      const { workflows } = await sources.list({ workspaceId: stage.workspaceId });
      const [shown] = workflows;
      expect(shown).toMatchObject({ status: WorkflowStatus.DEPLOYED, latest: { version: 1 } });
      expect(shown?.draft?.faultCount).toBeGreaterThan(0);
      expect(shown?.starters.map(({ line }) => line)).toEqual(["@every 1h", "0 9 1 * *"]);
      expect(new Set(shown?.deployments.map(({ environment }) => environment))).toEqual(
        new Set(["production", "staging"]),
      );
    },
  },
  {
    wanted: "Flags agent, mcp, skill, approval, computed of the steps",
    state: "partly",
    by: "`contains` of `Workflows.Get` and `List`",
    lacks:
      "steps that call a tool over MCP: there are none before connections and tools, so `mcp` is false",
    async check(stage) {
      const { client, workspaceId } = stage;
      const files: Record<string, WorkflowFile["steps"]> = {
        agent: { a: { agent: "x" } },
        skill: { a: { queue: "q", fields: { skill_id: "s" } } },
        approval: { a: { approve: "A", action: "a", by: ["boss"] } },
      };
      for (const [workflow, steps] of Object.entries(files)) {
        await stage.publish({ workflow, steps });
      }
      await stage.publish(PACK);
      for (const flag of Object.keys(files)) {
        const contains = { [flag]: true };
        const { workflows } = await client.sources.list({ workspaceId, contains });
        expect(workflows.map(({ definition }) => definition?.name)).toEqual([flag]);
        expect(workflows[0]?.contains).toMatchObject({
          ...{ agent: false, skill: false, approval: false, mcp: false },
          ...contains,
        });
      }
    },
  },
  {
    wanted: "Last run, how it ended, runs of 7 days, success rate of 30 days, open runs",
    state: "works",
    by: "`metrics` of `Workflows.Get` and `List`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      expect((await stage.workflow(definitionId)).metrics?.successRate30d).toBeUndefined();
      await runTwo(stage, definitionId);
      await stage.start(definitionId);
      const metrics = await until(async () => {
        const shown = (await stage.workflow(definitionId)).metrics;
        return shown?.runs7d === 3n && shown.failureCount === 1n ? shown : undefined;
      });
      expect(metrics).toMatchObject({
        ...{ lastRunOutcome: RunOutcome.FAILED, successRate30d: 0.5, openRuns: 1n },
      });
      expect(metrics.lastRunAt).toBeDefined();
      const { workflows } = await stage.client.sources.list({ workspaceId: stage.workspaceId });
      expect(workflows[0]?.metrics).toEqual(metrics);
    },
  },
  {
    wanted: "Statistics: by day and outcome, durations, cost, and the steps that fail",
    state: "works",
    by: "`Workflows.GetStats`, `workflows stats`",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      await runTwo(stage, definitionId);
      const stats = await until(async () => {
        const shown = await stage.client.sources.getStats({ definitionId, days: 7 });
        return shown.ended.length === 2 ? shown : undefined;
      });
      const ended = [
        { outcome: RunOutcome.SUCCEEDED, runs: 1n },
        { outcome: RunOutcome.FAILED, runs: 1n },
      ];
      expect(stats).toMatchObject({
        ...{ started: 2n, ended, successRate: 0.5 },
        failingSteps: [{ stepId: "pack", runs: 1n }],
      });
      expect(stats.days.reduce((sum, { started }) => sum + started, 0n)).toBe(2n);
      expect(stats.p95Seconds).toBeGreaterThan(0);
    },
  },
  {
    wanted: "Events `workflow.edited`, `workflow.draft_saved` and `workflow.published`",
    state: "works",
    by: "`workflows.changes.workflow.*` on the stream `WORKFLOWS`, `workflows events tail`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const sourceText = textOf({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      const save = async (etag: string, autosave: boolean) => {
        const request = { definitionId, sourceText, etag, autosave, reason: "faster" };
        return (await sources.saveDraft(request, as("ann"))).draft?.etag ?? "";
      };
      const etag = await save(await save(await save("", true), true), false);
      await sources.publishDraft({ definitionId, etag });
      await stage.published(definitionId, [
        ...["workflow.edited", "workflow.draft_saved", "workflow.published"],
      ]);
      const edits = stage.events.filter(
        ({ to, text }) => to.endsWith("workflow.edited") && text.includes(definitionId),
      );
      // Two saves by themselves are one session of edits.
      expect(edits).toHaveLength(1);
      for (const word of ["unverified:ann", "faster"]) expect(edits[0]?.text).toContain(word);
    },
  },
  {
    wanted: "Examples: support escalation, data sync, event enrichment",
    state: "works",
    by: "`Templates.Install`, `workflows templates`",
    async check(stage) {
      for (const id of ["support-escalation", "data-sync", "event-enrichment"]) {
        await installed(stage, id);
      }
    },
  },
  {
    wanted:
      "Common mistakes are told of: no deadline at a gate, no undo of what cannot be taken back, chains without need, first tests in production; and how long a run takes at most",
    state: "works",
    by: "`warnings` and `worst_case` of `Workflows.CheckVersion` and of drafts, `workflows check`; what an attempt costs its agent or worker says alone, so the worst case counts attempts",
    async check(stage) {
      const { client } = stage;
      const warningsOf = async (more: object) => {
        const ask = { approve: "Pay", action: "ask", by: ["boss"], ...more };
        const pay = { agent: "bank", action: "pay" };
        const sourceText = textOf({ steps: { ask, pay } });
        const { warnings, faults } = await client.sources.checkVersion({ sourceText });
        expect(faults).toEqual([]);
        return warnings.map(({ path }) => path);
      };
      expect(await warningsOf({})).toEqual(["steps.ask", "steps.pay"]);
      expect(await warningsOf({ timeout: "1d" })).toEqual(["steps.pay"]);
      const chained = async (input: { of: string }) => {
        const steps = { a: { agent: "x" }, b: { agent: "y", with: input } };
        const { warnings } = await client.sources.checkVersion({ sourceText: textOf({ steps }) });
        return warnings.map(({ path }) => path);
      };
      expect(await chained({ of: "{{ input.n }}" })).toEqual(["steps.b"]);
      expect(await chained({ of: "{{ a.output.n }}" })).toEqual([]);
      const slow = { timeout: "1h", retry: { max: 2, backoff: "10m" } };
      const found = await client.sources.checkVersion({
        sourceText: textOf({
          steps: { a: { agent: "x", ...slow }, b: { task: "B", timeout: "1d" } },
        }),
      });
      expect(found.worstCase).toMatchObject({
        ...{ seconds: 86_400n + 3n * 3_600n + 2n * 660n, attempts: 3n },
        endlessStepIds: [],
      });
      await checkFirstTests(stage);
    },
  },
];

/** A draft warns until a version was deployed elsewhere than to production. */
async function checkFirstTests({ client, workspaceId }: Stage): Promise<void> {
  const name = "first-tests";
  const { workflow } = await client.sources.create({ workspaceId, name });
  const definitionId = workflow?.definition?.id ?? "";
  const sourceText = textOf({ ...PACK, workflow: name });
  const saved = await client.sources.saveDraft({ definitionId, sourceText });
  expect(saved.warnings).toMatchObject([
    { path: "workflow", description: expect.stringContaining("staging") },
  ]);
  const etag = saved.draft?.etag ?? "";
  await client.sources.publishDraft({ definitionId, etag, deployTo: "staging" });
  const after = await client.sources.saveDraft({ definitionId, sourceText });
  expect(after.warnings).toEqual([]);
}

/** Two runs, of which one is completed and then one fails. */
async function runTwo(stage: Stage, definitionId: string): Promise<void> {
  const good = await stage.start(definitionId);
  await stage.complete(good, "pack");
  await stage.ended(good);
  await stage.fail(await stage.start(definitionId), "pack", "no boxes");
}
