/** What teams ask for whose workflows are of people and agents: approvals, schedules, templates. */
import { expect } from "vitest";
import { Verdict, WorkflowState } from "../../../src/client/index.ts";
import type { Requirement } from "./requirement.ts";
import { textOf } from "./stage.ts";

const { APPROVE } = Verdict;

/** In the order of the document. */
export const PEOPLE_ROWS: readonly Requirement[] = [
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
          escalate: { after: "1s", to: ["boss"] },
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
];

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
