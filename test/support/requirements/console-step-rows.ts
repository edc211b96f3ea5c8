/** What users of an operations console ask for about steps. */
import { expect } from "vitest";
import { StepKind, Verdict, WorkflowsError } from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import type { Requirement } from "./requirement.ts";
import { PACK, textOf } from "./stage.ts";

const { APPROVE, DENY } = Verdict;

/** In the order of the document. */
export const STEP_ROWS: readonly Requirement[] = [
  {
    wanted: "Kinds of steps: agent, approval, logic, notification",
    state: "works",
    by: "AGENT_ACTION, APPROVAL_GATE, BRANCH, NOTIFICATION; `step_kinds` of `Workflows.GetVersion`, `CheckVersion` and drafts",
    async check({ client }) {
      const steps = {
        find: { agent: "a" },
        ok: { approve: "Pay", action: "pay", by: ["boss"] },
        size: { branch: "1 > 0", on: { true: "tell" }, else: "none" },
        tell: { notify: "email", to: "ann@example.com", body: "Paid", next: "end" },
        none: { task: "None" },
      };
      const sourceText = textOf({ steps });
      const { stepKinds } = await client.sources.checkVersion({ sourceText });
      expect(stepKinds.map(({ stepId, kind }) => [stepId, kind])).toEqual([
        ...[
          ["find", StepKind.AGENT],
          ["ok", StepKind.APPROVAL],
          ["size", StepKind.LOGIC],
          ["tell", StepKind.NOTIFY],
          ["none", StepKind.TASK],
        ],
      ]);
      const { simulation } = await client.runs.simulate({ sourceText });
      expect(simulation?.path.map(({ stepId, party }) => [stepId, party])).toEqual([
        ...[
          ["find", "agent"],
          ["ok", "approver"],
          ["size", "none"],
          ["tell", "notifier"],
        ],
      ]);
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
    state: "works",
    by: "`run:` with `for_each` over a list, or with `repeat_while` while a condition holds on the last output",
    async check(stage) {
      await stage.publish({ ...PACK, on: "workflow" });
      const steps = { each: { run: "orders", for_each: "input.orders" } };
      await stage.startFile({ steps }, { orders: [{ id: 1 }, { id: 2 }, { id: 3 }] });
      expect(await stage.runs(4)).toHaveLength(4);
      const rounds = {
        workflow: "rounds",
        steps: { again: { run: "orders", repeat_while: "more" } },
      };
      const runId = await stage.startFile(rounds);
      const round = (number: number) =>
        until(async () => {
          const request = { workspaceId: stage.workspaceId, parentRunId: runId };
          const { runs } = await stage.client.runs.search(request);
          return runs.length === number ? runs[0]?.id : undefined;
        });
      await stage.complete(await round(1), "pack", { more: true });
      const second = await round(2);
      // The child is there before its parent has heard so.
      await until(async () => {
        const { explanation } = await stage.client.runs.explain({ runId });
        return explanation?.sentence.includes("of round 2") || undefined;
      });
      await stage.complete(second, "pack", { more: false });
      expect((await stage.ended(runId)).outputPayload).toMatchObject({ more: false, rounds: 2 });
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
    wanted: "Edges carry data: a step reads the outputs before it, and says what its input is",
    state: "works",
    by: "expressions, `with:`",
    async check(stage) {
      const steps = {
        count: { task: "Count" },
        pack: { task: "Pack", with: { boxes: "{{ count.output.n }}", of: "{{ input.shop }}" } },
      };
      const runId = await stage.startFile({ steps }, { shop: "north" });
      await stage.complete(runId, "count", { n: 2 });
      await stage.item(runId, "pack");
      const pack = (await stage.run(runId)).steps.find(({ stepId }) => stepId === "pack");
      expect(pack?.inputPayload).toEqual({ boxes: 2, of: "north" });
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
    wanted: "A step that fails has a path of its own",
    state: "works",
    by: "an edge `error`, `on: {error: …}`",
    async check(stage) {
      const steps = {
        pack: { task: "Pack", on: { error: "call" }, next: "end" },
        call: { task: "Call" },
      };
      const runId = await stage.startFile({ steps });
      await stage.fail(runId, "pack", "no boxes");
      await stage.item(runId, "call");
      expect(await stage.states(runId)).toEqual({ pack: "FAILED", call: "WAITING" });
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
