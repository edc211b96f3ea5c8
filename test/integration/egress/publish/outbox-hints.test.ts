/**
 * How often a replica hears that others committed what it publishes.
 * Boundary: needs the program nats-server; the subject of hints is the same for all tests of one server.
 */
import { expect, it } from "vitest";
import { OUTBOX_HINTS, openOutboxHints } from "../../../../src/egress/publish/outbox-hints.ts";
import { connectBus } from "../../../../src/ingress/bus/connection.ts";
import { createLog } from "../../../../src/process/log.ts";
import { until } from "../../../support/assertions/until.ts";
import { startOwnNats } from "../../../support/servers/own-nats.ts";

const PAUSE_MS = 50;

it("hints of many replicas are heard at times, the first at once and one after the last", async () => {
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const nats = await startOwnNats();
  const connection = await connectBus({ servers: [nats.url] }, log);
  const heardAtMs: number[] = [];
  const hints = openOutboxHints({
    ...{ connection, log, replicaId: "replica-a" },
    onHint: () => void heardAtMs.push(performance.now()),
    onLetGo: () => {
      throw new Error("nobody let go of a partition");
    },
  });
  try {
    await connection.flush();
    const beganAtMs = performance.now();
    let lastAtMs = beganAtMs;
    for (let round = 0; round < 50; round += 1) {
      lastAtMs = performance.now();
      for (let other = 0; other < 10; other += 1)
        connection.publish(OUTBOX_HINTS, `other-${other}`);
      await connection.flush();
      if (round === 0) expect(heardAtMs).toHaveLength(1);
    }
    await until(() => (heardAtMs.at(-1) ?? 0) >= lastAtMs || undefined);
    const tookMs = performance.now() - beganAtMs;
    expect(heardAtMs.length).toBeLessThanOrEqual(2 + tookMs / PAUSE_MS);
  } finally {
    hints.stop();
    await connection.close();
    await nats.stop();
  }
});

it("of what a replica commits and of partitions that it lets go are told apart, and its own are not heard", async () => {
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const nats = await startOwnNats();
  const connection = await connectBus({ servers: [nats.url] }, log);
  const heard: string[] = [];
  const open = (replicaId: string) =>
    openOutboxHints({
      ...{ connection, log, replicaId },
      onHint: () => void heard.push(`${replicaId} hears of a commit`),
      onLetGo: () => void heard.push(`${replicaId} hears of partitions`),
    });
  const [first, second] = [open("replica-a"), open("replica-b")];
  try {
    first.send();
    await connection.flush();
    second.sendLetGo();
    await connection.flush();
    expect(heard).toEqual(["replica-b hears of a commit", "replica-a hears of partitions"]);
  } finally {
    for (const hints of [first, second]) hints.stop();
    await connection.close();
    await nats.stop();
  }
});
