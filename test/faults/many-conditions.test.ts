/** An event for a version with hundreds of expensive conditions: other workspaces are served while its run goes on. */
import { connect } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

const CONDITIONS = 200;
const EVENT_TYPE = "siphon.tap.many";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

it("holds up neither the other workspace's starts nor its own end", async () => {
  const { workflows } = await cluster.start();
  const many = await workflows.createDefinition({ workspaceId: "many", name: "many" });
  const ids = Array.from({ length: CONDITIONS }, (_, at) => `s${at}`);
  await workflows.publishVersion({
    definitionId: many.definition?.id ?? "",
    steps: [
      { id: "root", stepType: StepType.NOTIFICATION, notificationChannel: "slack" },
      ...ids.map((id) => ({ id, name: id, stepType: StepType.HUMAN_TASK })),
    ],
    edges: ids.map((toStepId) => ({
      fromStepId: "root",
      toStepId,
      conditionExpr: "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false",
    })),
    trigger: { triggerType: TriggerType.EVENT, eventType: EVENT_TYPE },
  });
  const few = await workflows.createDefinition({ workspaceId: "few", name: "few" });
  const definitionId = few.definition?.id ?? "";
  await workflows.publishVersion({
    definitionId,
    steps: [{ id: "task", name: "task", stepType: StepType.HUMAN_TASK }],
  });

  const bus = await connect({ servers: cluster.natsUrl });
  const data = { xs: Array.from({ length: 2_000 }, (_, at) => 1_000 + at) };
  const event = { specversion: "1.0", source: "shop", tenantid: "many", id: "e1", data };
  await bus.jetstream().publish(EVENT_TYPE, JSON.stringify({ ...event, type: EVENT_TYPE }));
  await bus.close();

  const stateOfMany = async () => {
    const rows = await cluster.rows("select state from workflow_runs where workspace_id = 'many'");
    return rows[0]?.state;
  };
  await until(stateOfMany);
  let servedBetween = 0;
  while ((await stateOfMany()) === "RUNNING") {
    await workflows.startRun({ definitionId }, { timeoutMs: 5_000 });
    servedBetween += 1;
  }
  expect(await stateOfMany()).toBe("COMPLETED");
  expect(servedBetween).toBeGreaterThan(10);
  expect(await cluster.rows("select 1 from dead_letters")).toEqual([]);
});
