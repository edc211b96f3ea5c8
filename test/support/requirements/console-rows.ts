/** What users of an operations console for workflows ask for. */
import { expect } from "vitest";
import { Verdict, WorkflowState, WorkflowsError } from "../../../src/client/index.ts";
import type { Requirement } from "./requirement.ts";
import { Stage, textOf, type WorkflowFile } from "./stage.ts";

/** The workspace of the queue that the service of the test reads, its subject and the type of its events. */
export const QUEUE = { workspaceId: "ws_queue", subject: "orders.new", type: "queue.orders" };

const { APPROVE, DENY } = Verdict;
const PACK: WorkflowFile = { workflow: "orders", steps: { pack: { task: "Pack it" } } };

/** In the order of the document. */
export const CONSOLE_ROWS: readonly Requirement[] = [
  {
    wanted: "A workflow is a graph of steps; a cycle and a step that needs itself are refused",
    state: "works",
    by: "`Workflows.CheckVersion`, `workflows check`",
    async check({ client }) {
      const faultsOf = async (steps: WorkflowFile["steps"]) =>
        (await client.sources.checkVersion({ sourceText: textOf({ steps }) })).faults;
      const cycle = { a: { task: "A", needs: ["b"] }, b: { task: "B", needs: ["a"] } };
      expect((await faultsOf(cycle)).map(({ description }) => description).join()).toContain("->");
      expect(await faultsOf({ a: { task: "A", needs: ["a"] } })).not.toEqual([]);
    },
  },
  {
    wanted:
      "Each publish makes a version that stays as it is; a run keeps the version it began with",
    state: "works",
    by: "`WorkflowService.PublishVersion`, `Workflows.PublishSource`, `GetVersion`, `ListVersionHeads`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const runId = await stage.start(definitionId);
      await stage.publish({ ...PACK, steps: { wrap: { task: "Wrap it" } } });
      expect(await stage.states(runId)).toEqual({ pack: "WAITING" });
      expect(await stage.states(await stage.start(definitionId))).toEqual({ wrap: "WAITING" });
      const { versions } = await sources.listVersionHeads({ definitionId });
      expect(versions.map(({ version }) => version)).toEqual([2, 1]);
      const first = await sources.getVersion({ definitionId, version: 1 });
      expect(first.sourceText).toBe(textOf(PACK));
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
    wanted: "The payload of a start must fit the schema of the workflow",
    state: "works",
    by: "`input:` of a file; StartRun refuses with the paths of the fields",
    async check(stage) {
      const definitionId = await stage.publish({ ...PACK, input: { amount: "number" } });
      const refused = await stage.start(definitionId, { amount: "much" }).catch((error) => error);
      expect(refused).toBeInstanceOf(WorkflowsError);
      expect(JSON.stringify(refused.fields)).toContain("amount");
    },
  },
  {
    wanted: "Logic: branches by fields and expressions",
    state: "works",
    by: "BRANCH, `branch:`",
    async check(stage) {
      const steps = {
        size: { branch: "input.amount > 500", on: { true: "large", false: "small" } },
        large: { task: "Large", next: "end" },
        small: { task: "Small" },
      };
      const states = await stage.states(await stage.startFile({ steps }, { amount: 501 }));
      expect(states).toEqual({ size: "COMPLETED", large: "WAITING", small: "SKIPPED" });
    },
  },
  {
    wanted: "Logic: a loop",
    state: "partly",
    by: "`run:` with `for_each` over a list",
    lacks: "to repeat until a condition holds",
    async check(stage) {
      await stage.publish({ ...PACK, on: "workflow" });
      const steps = { each: { run: "orders", for_each: "input.orders" } };
      await stage.startFile({ steps }, { orders: [{ id: 1 }, { id: 2 }, { id: 3 }] });
      expect(await stage.runs(4)).toHaveLength(4);
    },
  },
  {
    wanted: "Steps that do not need each other run at once",
    state: "works",
    by: "edges, `needs`; PARALLEL where some of them are enough",
    async check(stage) {
      const steps = {
        a: { task: "A", needs: [] },
        b: { task: "B", needs: [] },
        c: { task: "C", needs: ["a", "b"] },
      };
      const states = await stage.states(await stage.startFile({ steps }));
      expect(states).toEqual({ a: "WAITING", b: "WAITING", c: "PENDING" });
    },
  },
  {
    wanted: "Approval: the run waits until a person approves or rejects",
    state: "works",
    by: "APPROVAL_GATE, `Inbox.Decide`, `workflows approve` and `deny`",
    async check(stage) {
      const steps = {
        ok: { approve: "Pay", action: "pay", by: ["boss"], on: { denied: "no" }, next: "pay" },
        pay: { task: "Pay", next: "end" },
        no: { task: "Tell" },
      };
      const definitionId = await stage.publish({ steps });
      const approved = await stage.start(definitionId);
      await stage.decide(approved, "ok", APPROVE);
      await stage.item(approved, "pay");
      const denied = await stage.start(definitionId);
      await stage.decide(denied, "ok", DENY, { comment: "too dear" });
      await stage.item(denied, "no");
    },
  },
  {
    wanted: "An approver edits what is approved",
    state: "works",
    by: "`editable:` of a gate, `Decide` with `edits`, `workflows approve --edit`",
    async check(stage) {
      const steps = {
        ok: { approve: "Send", action: "send", by: ["boss"], editable: ["text"] },
        send: { task: "{{ text }}" },
      };
      const runId = await stage.startFile({ steps }, { text: "draft" });
      await stage.decide(runId, "ok", APPROVE, { edits: { text: "final" } });
      expect((await stage.item(runId, "send")).instructions).toBe("final");
    },
  },
  {
    wanted: "A failed run is played again after the fault is mended",
    state: "works",
    by: "`Runs.PlanRerun` and `Rerun`, `workflows rerun`",
    async check(stage) {
      const { workflows, runs } = stage.client;
      const runId = await stage.startFile({ steps: { a: { task: "A" }, b: { task: "B" } } });
      await stage.complete(runId, "a", { n: 1 });
      await workflows.cancelRun({ id: runId, reason: "wrong" });
      const { plan } = await runs.planRerun({ runId, fromStepId: "b" });
      const again = await runs.rerun({
        ...{ runId, fromStepId: "b", planId: plan?.id ?? "", reason: "mended" },
      });
      expect(await stage.states(again.run?.id ?? "")).toEqual({ a: "COMPLETED", b: "WAITING" });
    },
  },
];
