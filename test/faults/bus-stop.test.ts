/** A stop of the consumers under load returns undelivered messages at once, not after the server's acknowledge timeout. */
import { afterAll, beforeAll, it } from "vitest";
import { holdingLoop } from "../support/assertions/loop-watchdog.ts";
import { until } from "../support/assertions/until.ts";
import { type BusService, startBusService } from "../support/services/bus-service.ts";

const EVENTS = 1_000;

let service: BusService;

beforeAll(async () => {
  service = await startBusService();
});
afterAll(() => service.stop());

/** Messages of the source that are not yet delivered, and those that are not yet acknowledged. */
async function left(): Promise<number> {
  const { manager, stream } = service;
  let messages = 0;
  for await (const { num_pending, num_ack_pending } of manager.consumers.list(stream)) {
    messages += num_pending + num_ack_pending;
  }
  return messages;
}

it("leaves no message with a stopped consumer", async () => {
  // Large enough that what a pull asks for comes in many pieces.
  const data = { text: "x".repeat(20_000) };
  const event = { specversion: "1.0", source: "crm", type: "crm.any", tenantid: "ws", data };
  const publish = (n: number) => service.publish("crm", { ...event, id: `stopped-${n}` });
  await Promise.all(holdingLoop(() => Array.from({ length: EVENTS }, (_, n) => publish(n))));
  for (let before = await left(); before > EVENTS / 5; ) {
    const now = await left();
    if (now === before) continue;
    await service.restartConsumers();
    before = await left();
  }
  // `until` gives up before the server redelivers an unacknowledged message to the next consumer after 30 s.
  await until(async () => ((await left()) === 0 ? true : undefined));
});
