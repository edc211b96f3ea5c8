/** What the watch shows of queues: of all how much waits, of the fullest hundred since when. */
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startQueueWatch } from "../../../src/egress/tasks/queue-watch.ts";
import { requireTaskStream } from "../../../src/egress/tasks/task-stream.ts";
import { createLog } from "../../../src/process/log.ts";
import { renderPrometheus } from "../../../src/process/metrics.ts";
import { WorkersSeen } from "../../../src/runtime/workers-seen.ts";
import { until } from "../../support/assertions/until.ts";
import { type OwnNats, startOwnNats } from "../../support/servers/own-nats.ts";
import { STREAM_LIMITS } from "../../support/services/stream-limits.ts";

const log = createLog({ level: "error", format: "json" });
let nats: OwnNats;
let connection: NatsConnection;

beforeAll(async () => {
  nats = await startOwnNats();
  connection = await connect({ servers: nats.url });
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

/** The values of a gauge by queue. */
function gauge(name: string): Map<string, number> {
  const line = new RegExp(`^${name}\\{queue="([^"]*)",workspace="watched"\\} (\\S+)$`, "gm");
  const found = renderPrometheus().matchAll(line);
  return new Map([...found].map(([, queue = "", value]) => [queue, Number(value)]));
}

it("of 101 queues the one with the fewest messages has no age", async () => {
  const deps = { connection, limits: STREAM_LIMITS, log };
  await requireTaskStream(deps);
  const publish = (queue: string) =>
    connection.jetstream().publish(`workflows.tasks.watched.${queue}`, '{"tasks":[]}');
  // The first one by name and by age is not among those that are asked.
  await publish("a-few");
  const full = Array.from({ length: 100 }, (_, n) => `q${String(n).padStart(3, "0")}`);
  for (const queue of full) await Promise.all([publish(queue), publish(queue)]);
  const watch = startQueueWatch({ ...deps, workers: new WorkersSeen(), everyMs: 100 });
  const ages = await until(() => {
    const found = gauge("workflows_queue_oldest_seconds");
    return full.every((queue) => (found.get(queue) ?? 0) > 0) ? found : undefined;
  });
  await watch.stop();
  expect(ages.size).toBe(101);
  expect(ages.get("a-few")).toBe(0);
  const messages = gauge("workflows_queue_messages");
  expect(messages.get("a-few")).toBe(1);
  expect(new Set(full.map((queue) => messages.get(queue)))).toEqual(new Set([2]));
});
