/** Messages that the bus brings and that are put aside: whose they are. The RPCs are test/contract/dead-letters.test.ts. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/assertions/until.ts";
import { type BusService, startBusService } from "../support/services/bus-service.ts";

let service: BusService;
beforeAll(async () => {
  service = await startBusService();
});
afterAll(() => service?.stop());

it("a message that cannot be read is of the workspace that it names, if it names one", async () => {
  await service.publish("siphon", { specversion: "1.0", tenantid: "ws_a" });
  await service.publish("siphon", "no JSON", { "ce-tenantid": "ws_b" });
  await service.publish("siphon", "no JSON");
  const rows = await until(async () => {
    const found = await service.rows(
      "select workspace_id, reason, ended_at from dead_letters order by stream_seq",
    );
    return found.length === 3 ? found : undefined;
  });
  expect(rows).toEqual([
    { workspace_id: "ws_a", reason: "missing_attribute", ended_at: null },
    { workspace_id: "ws_b", reason: "not_json", ended_at: null },
    { workspace_id: null, reason: "not_json", ended_at: null },
  ]);
});
