/**
 * Whether all that was on the bus at a time is handled, asked of a real nats-server.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type BusProgressDeps, markBus } from "../../../../src/ingress/bus/bus-progress.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };
let service: BusService;
let deps: BusProgressDeps;

beforeAll(async () => {
  service = await startBusService();
  await vi.waitFor(() => expect(service.consumers.busState()).toBe("ok"), PATIENCE);
  const { manager } = service;
  const { config } = await manager.streams.info(service.stream);
  deps = {
    connection: service.connection,
    sources: config.subjects.map((subject) => ({ stream: service.stream, subject })),
    busState: () => "ok",
  };
});
afterAll(async () => {
  await service.stop();
});

function publish(role: string): Promise<number> {
  const event = { specversion: "1.0", id: randomUUID(), source: "x", type: "x", tenantid: "ws" };
  return service.publish(role, { ...event, data: {} });
}

it("a mark is passed once every message before it is acknowledged", async () => {
  await publish("siphon");
  const first = await markBus(deps);
  await vi.waitFor(async () => expect(await first()).toBe(true), PATIENCE);
  await service.consumers.stop();
  await publish("objectives");
  const second = await markBus(deps);
  expect(await second()).toBe(false);
  await service.restartConsumers();
  await vi.waitFor(async () => expect(await second()).toBe(true), PATIENCE);
});

it("a missing stream blocks nothing, a bus that is down blocks everything", async () => {
  const missing = [{ stream: `MISSING_${randomUUID()}`, subject: "missing.>" }];
  const mark = await markBus({ ...deps, sources: missing });
  expect(await mark()).toBe(true);
  let state: "ok" | "down" = "ok";
  const before = await markBus({ ...deps, busState: () => state });
  state = "down";
  expect(await before()).toBe(false);
  await expect(markBus({ ...deps, busState: () => state })).rejects.toThrow("down");
});
