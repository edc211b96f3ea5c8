/**
 * An event for a version with 800 expensive conditions, in the process of the test: the watch of the event loop fails it when
 * one piece of the work is long.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { type BusService, startBusService } from "../support/services/bus-service.ts";

const CONDITIONS = 800;

let service: BusService;

beforeAll(async () => {
  service = await startBusService();
});
afterAll(() => service.stop());

const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });

it("goes on in pieces, and another workspace starts runs in between", {
  timeout: 120_000,
}, async () => {
  const ids = Array.from({ length: CONDITIONS }, (_, at) => `s${at}`);
  const root = stepOf("root", {
    stepType: "NOTIFICATION",
    name: "root",
    notificationChannel: "slack",
  });
  const edges = ids.map((toStepId) => ({
    fromStepId: "root",
    toStepId,
    label: "",
    conditionExpr: "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false",
  }));
  const trigger = triggerOf({ triggerType: "EVENT", eventType: "shop.many" });
  const spec = { ...versionOf([root, ...ids.map(task)], [], { trigger }), edges };
  const many = await service.define("many", spec);
  const few = await service.define("few", versionOf([task("task")]));
  const data = { xs: Array.from({ length: 2_000 }, (_, at) => 1_000 + at) };
  const event = {
    specversion: "1.0",
    id: "e1",
    source: "shop",
    type: "shop.many",
    tenantid: "many",
  };
  await service.publish("crm", { ...event, data });

  const stateOfMany = async () => {
    const sql = "select state from workflow_runs where definition_id = $1";
    return (await service.rows(sql, [many.id]))[0]?.state;
  };
  await until(stateOfMany);
  let startedBetween = 0;
  while ((await stateOfMany()) === "RUNNING") {
    await service.start(few, { workspaceId: "few" });
    startedBetween += 1;
  }
  expect(await stateOfMany()).toBe("COMPLETED");
  expect(startedBetween).toBeGreaterThan(50);
  await service.settle("crm");
  expect(await service.rows("select 1 from dead_letters")).toEqual([]);
});
