/** What users of an operations console ask for about environments, the status of a workflow, and pauses. */
import { expect } from "vitest";
import {
  DeploymentState,
  ItemKind,
  MissedTriggerState,
  OnMissedTrigger,
  Verdict,
  WorkflowState,
  WorkflowStatus,
} from "../../../src/client/index.ts";
import { until } from "../assertions/until.ts";
import type { Requirement } from "./requirement.ts";
import { as, PACK, refusal, type Stage, textOf } from "./stage.ts";

const EVENT = "order.made";
const LISTENS = { ...PACK, on: { event: EVENT } };
const GOVERNED = { ask: { check: "pay" } };
const WRAP = { wrap: { task: "Wrap it" } };

/** In the order of the document. */
export const LIFE_ROWS: readonly Requirement[] = [
  {
    wanted:
      "Environments: production, staging, development and own ones; a workflow may be in several at once",
    state: "works",
    by: "`Workflows.Deploy`, `ListDeployments`, the header `Workflows-Environment`, `workflows deploy`",
    async check(stage) {
      const { sources, runs } = stage.client;
      const { workspaceId } = stage;
      const definitionId = await stage.publish(LISTENS);
      await stage.publish({ ...LISTENS, steps: WRAP });
      const child = { workflow: "child", on: "workflow" };
      const childId = await stage.publish({ ...child, steps: PACK.steps });
      await stage.publish({ ...child, steps: WRAP });
      const parent = { workflow: "parent", steps: { call: { run: "child" } } };
      const parentId = await stage.publish(parent);
      const deploy = (id: string) =>
        sources.deploy({ definitionId: id, environment: "staging", version: 1 });
      for (const id of [definitionId, childId, parentId]) await deploy(id);
      const isIn = async (environment: string, id = definitionId) =>
        (await runs.search({ workspaceId, definitionId: id, environment })).runs.map(
          ({ definitionVersion }) => definitionVersion,
        );
      const areIn = (count: number, id?: string) =>
        until(async () => ((await isIn("staging", id)).length >= count ? true : undefined));
      await stage.start(definitionId);
      await stage.start(definitionId, {}, "staging");
      await stage.event(EVENT, {}, "staging");
      await areIn(2);
      expect(await isIn("staging")).toEqual([1, 1]);
      // The child of a run is where its parent is.
      await stage.start(parentId, {}, "staging");
      await areIn(1, childId);
      expect(await isIn("staging", childId)).toEqual([1]);
      expect(await isIn("production")).toEqual([2]);
      const elsewhere = await refusal(stage.start(definitionId, {}, "qa"));
      expect(elsewhere.message).toContain("not deployed in qa");
    },
  },
  {
    wanted: "A version is promoted from one environment to another, and production is rolled back",
    state: "works",
    by: "`Workflows.Deploy` with `from_environment`, or with an older version",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      await stage.publish({ ...PACK, steps: WRAP });
      const [production, staging] = ["production", "staging"];
      await sources.deploy({ definitionId, environment: production, version: 1, reason: "worse" });
      expect(await stage.states(await stage.start(definitionId))).toEqual({ pack: "WAITING" });
      await sources.deploy({ definitionId, environment: staging, version: 2 });
      await sources.deploy({ definitionId, environment: production, fromEnvironment: staging });
      expect(await stage.states(await stage.start(definitionId))).toEqual({ wrap: "WAITING" });
      const { deployments } = await sources.listDeployments({
        definitionId,
        environment: production,
      });
      expect(deployments.map(({ version }) => version)).toEqual([2, 1, 2, 1]);
      expect(deployments[1]?.note).toBe("worse");
      await stage.publish({ ...PACK, steps: { fold: { task: "Fold it" } } });
      expect(await stage.deployed(definitionId)).toEqual({ production: 3, staging: 2 });
    },
  },
  {
    wanted: "An environment takes a version alone that was simulated, or ran in staging, before",
    state: "works",
    by: "`requires_simulation` and `ran_in` of `Workflows.PutDeployPolicy`, `simulation` of `Deploy`, `workflows environments policy`, `workflows deploy --simulate`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources } = client;
      const definitionId = await stage.publish(PACK);
      const [environment, staging] = ["production", "staging"];
      const rules = [{ environment, requiresSimulation: true, ranIn: staging, noApproval: true }];
      await sources.putDeployPolicy({ workspaceId, rules, reason: "audit" });
      const sourceText = textOf({ ...PACK, steps: WRAP });
      const there = { headers: { "Workflows-Environment": staging } };
      await sources.publishSource({ workspaceId, sourceText }, there);
      const deploy = (simulation?: object) =>
        sources.deploy({
          ...{ definitionId, environment, version: 2 },
          ...(simulation === undefined ? {} : { simulation }),
        });
      expect((await refusal(deploy())).message).toContain("was simulated");
      const failing = { mocks: [{ stepId: "wrap", errorMessage: "no paper" }] };
      expect((await refusal(deploy(failing))).message).toContain("no paper");
      expect((await refusal(deploy({}))).message).toContain("ran in staging");
      await stage.complete(await stage.start(definitionId, {}, staging), "wrap");
      const { deployment } = await deploy({});
      expect(deployment).toMatchObject({ state: DeploymentState.ACTIVE, version: 2 });
      // Back to what was there before: a rollback waits for no test.
      await sources.deploy({ definitionId, environment, version: 1 });
      expect(await stage.deployed(definitionId)).toEqual({ production: 1, staging: 2 });
    },
  },
  {
    wanted: "Status: draft, deployed, paused, failed, approval, archived, with reasons",
    state: "works",
    by: "`status` and `status_reasons` of `Workflows.Get` and `List`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources } = client;
      const made = await sources.create({ workspaceId, name: "orders" });
      const definitionId = made.workflow?.definition?.id ?? "";
      const expectStatus = (status: WorkflowStatus, reason: string) =>
        expectStatusOf(stage, definitionId, status, reason);
      const { DRAFT, DEPLOYED, PAUSED, PENDING_APPROVAL, FAILED, ARCHIVED } = WorkflowStatus;
      await expectStatus(DRAFT, "No version");
      await stage.publish({ ...PACK, steps: GOVERNED });
      await until(async () =>
        (await stage.workflow(definitionId)).status === FAILED ? true : undefined,
      );
      await expectStatus(FAILED, "set GOVERNANCE_URL");
      for (const steps of [PACK.steps, WRAP]) await stage.publish({ ...PACK, steps });
      await expectStatus(DEPLOYED, "Version 3");
      await sources.putDeployPolicy({ workspaceId, rules: [{ environment: "production" }] });
      await sources.deploy({ definitionId, environment: "production", version: 2 });
      await expectStatus(PENDING_APPROVAL, "Version 2 waits");
      await sources.pause({ definitionId, reason: "stocktaking" });
      await expectStatus(PAUSED, "stocktaking");
      await sources.archive({ definitionId, reason: "old" });
      await expectStatus(ARCHIVED, "archived at");
    },
  },
  {
    wanted: "Paused: triggers start nothing, runs under way go on; what was missed is listed",
    state: "works",
    by: "`Workflows.Pause` with DROP, `ListMissedTriggers`, `ReplayMissedTriggers`, `workflows triggers`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(LISTENS);
      const runId = await stage.start(definitionId);
      await sources.pause({ definitionId, reason: "stocktaking" });
      await stage.event(EVENT, { order: 1 });
      const [missed] = await missedOf(stage, definitionId, 1);
      expect(missed).toMatchObject({
        ...{ state: MissedTriggerState.DROPPED, pauseReason: "stocktaking", canStart: true },
      });
      const refused = await refusal(stage.start(definitionId));
      expect(refused.reason).toBe("WORKFLOW_PAUSED");
      await stage.complete(runId, "pack");
      expect((await stage.ended(runId)).state).toBe(WorkflowState.COMPLETED);
      expect(await sources.resume({ definitionId })).toMatchObject({ starting: 0n });
      await sources.replayMissedTriggers({ definitionId, ids: [missed?.id ?? ""] });
      expect(await stage.runs(2)).toHaveLength(2);
      const again = await sources.replayMissedTriggers({ definitionId, ids: [missed?.id ?? ""] });
      expect(again).toMatchObject({ starting: 0, skipped: 1 });
    },
  },
  {
    wanted: "Paused: by choice what was missed is queued, and starts when the pause ends",
    state: "works",
    by: "`Workflows.Pause` with QUEUE and `queue_seconds`, `Resume`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(LISTENS);
      const onMissed = OnMissedTrigger.QUEUE;
      await sources.pause({ definitionId, onMissed, queueSeconds: 600, reason: "stocktaking" });
      for (const order of [1, 2]) await stage.event(EVENT, { order });
      await missedOf(stage, definitionId, 2);
      const { pause } = await stage.workflow(definitionId);
      expect(pause).toMatchObject({ onMissed, queueSeconds: 600, queuedCount: 2n });
      expect(await sources.resume({ definitionId })).toMatchObject({ starting: 2n });
      expect(await stage.runs(2)).toHaveLength(2);
      const states = (await missedOf(stage, definitionId, 2)).map(({ state }) => state);
      expect(new Set(states)).toEqual(new Set([MissedTriggerState.STARTED]));
    },
  },
  {
    wanted: "A deployment waits for an approval, which is bound to the content of the version",
    state: "works",
    by: "`Workflows.PutDeployPolicy`, an item of the kind DEPLOY, `Inbox.Decide`",
    async check(stage) {
      const { client, workspaceId } = stage;
      const { sources, inbox } = client;
      const definitionId = await stage.publish(PACK);
      await stage.publish({ ...PACK, steps: WRAP });
      const environment = "production";
      const rules = [{ environment, approvers: ["ben", "ann"] }];
      await sources.putDeployPolicy({ workspaceId, rules, reason: "audit" });
      const { deployment } = await sources.deploy(
        { definitionId, environment, version: 1 },
        as("ann"),
      );
      expect(deployment?.state).toBe(DeploymentState.PENDING_APPROVAL);
      expect(await stage.deployed(definitionId)).toEqual({ production: 2 });
      expect((await refusal(stage.publish(LISTENS))).code).toBe("FAILED_PRECONDITION");
      const { items } = await inbox.list({ workspaceId, kinds: [ItemKind.DEPLOY] });
      const { id = "", digest = "" } = items[0] ?? {};
      const decide = (by: string, of: string) =>
        inbox.decide({ id, digest: of, verdict: Verdict.APPROVE }, as(by));
      expect((await refusal(decide("ann", digest))).code).toBe("PERMISSION_DENIED");
      expect((await refusal(decide("ben", "0".repeat(64)))).code).toBe("FAILED_PRECONDITION");
      await decide("ben", digest);
      expect(await stage.deployed(definitionId)).toEqual({ production: 1 });
    },
  },
  {
    wanted: "Failed: the platform finds that a workflow cannot work",
    state: "works",
    by: "a check each minute and at each deployment: unknown agents and capabilities, unset services, the last 5 starts; status FAILED with reasons",
    async check(stage) {
      const definitionId = await stage.publish(PACK);
      for (let n = 0; n < 5; n += 1) {
        const runId = await stage.start(definitionId);
        await stage.fail(runId, "pack", "no boxes");
        await stage.ended(runId);
      }
      // The next look of the minute comes at once where something is deployed.
      const look = () =>
        stage.client.sources.deploy({ definitionId, environment: "production", version: 1 });
      const failed = await until(async () => {
        await look();
        const { status, statusReasons } = await stage.workflow(definitionId);
        return status === WorkflowStatus.FAILED ? statusReasons : undefined;
      });
      expect(failed).toEqual([expect.stringContaining('first step "pack" (no boxes)')]);
      await stage.complete(await stage.start(definitionId), "pack");
      await until(async () => {
        await look();
        const { status } = await stage.workflow(definitionId);
        return status === WorkflowStatus.DEPLOYED ? true : undefined;
      });
    },
  },
];

async function expectStatusOf(
  stage: Stage,
  definitionId: string,
  status: WorkflowStatus,
  reason: string,
): Promise<void> {
  const shown = await stage.workflow(definitionId);
  expect([shown.status, shown.statusReasons.join(" ")]).toEqual([
    status,
    expect.stringContaining(reason),
  ]);
  const { workspaceId, client } = stage;
  const { workflows } = await client.sources.list({ workspaceId, statuses: [status] });
  expect(workflows.map(({ definition }) => definition?.id)).toEqual([definitionId]);
}

/** The missed triggers of a workflow, once there are so many. */
function missedOf({ client }: Stage, definitionId: string, count: number) {
  return until(async () => {
    const { triggers } = await client.sources.listMissedTriggers({ definitionId });
    return triggers.length >= count ? triggers : undefined;
  });
}
