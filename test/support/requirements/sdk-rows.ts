/** What programs ask for that hold a workflow as an entity in their own process: `workflows/entities`. */
import { expect } from "vitest";
import { createEntities } from "../../../src/entities/index.ts";
import { until } from "../assertions/until.ts";
import type { Requirement } from "./requirement.ts";
import { refusal, type Stage } from "./stage.ts";

const WON = {
  name: "Welcome customers",
  triggerEvent: "Deal.won",
  steps: [
    { action: "Customer.create", mapping: { name: "deal.name", kind: "round-robin" } },
    { action: "Note.write", mapping: { text: '"Talk to " + deal.name', of: "step.0.$id" } },
  ],
  errorHandling: "Fallback",
  timeout: 30_000,
} as const;

const entitiesOf = ({ client, workspaceId }: Stage) =>
  createEntities({ client, workspace: workspaceId });

/** In the order of the document. */
export const SDK_ROWS: readonly Requirement[] = [
  {
    wanted:
      "Steps as a list of actions with mappings from the event and from steps before; a timeout in ms",
    state: "works",
    by: "`steps` of `Workflow.create` in `workflows/entities`, compiled to a workflow file (`docs/sdk.md`)",
    async check(stage) {
      const { Workflow, $ } = entitiesOf(stage);
      const { $id } = await Workflow.create(WON);
      await Workflow.activate($id);
      await $.Event.create({ type: "Deal.won", data: { deal: { name: "Acme" } } });
      const [run] = await stage.runs(1);
      const { steps } = await stage.run(run?.id ?? "");
      expect(steps[0]?.inputPayload).toEqual({ name: "Acme", kind: "round-robin" });
      const { version } = await stage.client.sources.getVersion({ definitionId: $id });
      expect(version?.timeoutSeconds).toBe(30);
      expect(version?.steps.map(({ requiredCapability }) => requiredCapability)).toEqual([
        ...["Customer.create", "Note.write"],
      ]);
    },
  },
  {
    wanted:
      "Find by status, get, create, update and each verb in a program; Active and Activated are one",
    state: "works",
    by: "`Workflow.find`, `get`, `create`, `update`, `activate`, `pause`, `trigger`, `archive`, `delete` of `workflows/entities`",
    async check(stage) {
      const { Workflow } = entitiesOf(stage);
      const { $id, $type, status } = await Workflow.create(WON);
      expect([$type, status]).toEqual(["Workflow", "Draft"]);
      const found = async (wanted: "Draft" | "Active" | "Activated" | "Paused" | "Archived") =>
        (await Workflow.find({ status: wanted })).map((workflow) => workflow.$id);
      expect(await found("Draft")).toEqual([$id]);
      await Workflow.activate($id);
      for (const word of ["Active", "Activated"] as const) expect(await found(word)).toEqual([$id]);
      expect((await Workflow.update($id, { timeout: 500 })).version).toBe(2);
      const { runId } = await Workflow.trigger($id, { deal: { name: "Acme" } });
      expect((await stage.run(runId)).definitionVersion).toBe(2);
      await Workflow.pause($id);
      expect(await found("Paused")).toEqual([$id]);
      const { states } = await refusal(Workflow.trigger($id));
      expect(states).toEqual({ from: "Paused", to: "Triggered" });
      await Workflow.archive($id);
      expect(await found("Archived")).toEqual([$id]);
    },
  },
  {
    wanted:
      "Hooks in a program: `activating` may refuse, `activated` may publish an event, and so on for each verb",
    state: "works",
    by: "`Workflow.activating(…)`, `Workflow.activated((workflow, $) => …)` of `workflows/entities`; after verbs at least once, `triggered` while the program runs",
    async check(stage) {
      const entities = entitiesOf(stage);
      const { Workflow } = entities;
      Workflow.activating(({ steps }) => {
        if (!steps) throw new Error("a step is missing");
      });
      Workflow.activated(async ({ $id, version }, $) => {
        await $.Event.create({ type: "workflow.ready", data: { workflow: $id, version } });
      });
      const { $id } = await Workflow.create({ name: "leads", triggerEvent: "workflow.ready" });
      await expect(Workflow.activate($id)).rejects.toThrow("a step is missing");
      await Workflow.update($id, { steps: [{ action: "Lead.assign" }] });
      await Workflow.activate($id);
      const [run] = await stage.runs(1);
      const { inputPayload } = await stage.run(run?.id ?? "");
      expect(inputPayload).toMatchObject({ workflow: $id, version: 1 });
      const triggered: string[] = [];
      Workflow.triggered((workflow, $, { runId }) => {
        if (workflow.$id === $id && typeof $.Event.create === "function")
          triggered.push(runId ?? "");
      });
      const { runId } = await Workflow.trigger($id);
      await until(() => (triggered.includes(runId) ? true : undefined));
      await entities.close();
    },
  },
];
