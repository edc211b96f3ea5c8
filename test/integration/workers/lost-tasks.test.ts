/**
 * Tasks that were not published, or that their stream lost, are published again; those that wait there are not.
 * Boundary: needs the server that TEST_DATABASE_URL names; the nats-server is its own.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { renderPrometheus } from "../../../src/process/metrics.ts";
import { until } from "../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { WORKSPACE } from "../../support/services/processor.ts";
import { type QueueService, startQueueService } from "../../support/workers/queue-service.ts";
import { connectRawWorker, type RawWorker } from "../../support/workers/raw-worker.ts";

const INTERVAL_MS = 2_000;
const TASKS = 1_000;
let service: QueueService;
let worker: RawWorker;

beforeAll(async () => {
  service = await startQueueService(INTERVAL_MS, 500);
  await until(() => service.manager.streams.info("WORKFLOWS_TASKS").catch(() => undefined));
});
afterAll(async () => {
  worker?.kill();
  await service.stop();
});

function versionOfQueue(queue: string) {
  return service.define(versionOf([stepOf("s", { agentId: "", config: { queue } })]));
}

async function messagesOf(queue: string): Promise<number> {
  const filter = `workflows.tasks.${WORKSPACE}.${queue}`;
  const { state } = await service.manager.streams.info("WORKFLOWS_TASKS", {
    subjects_filter: filter,
  });
  return state.subjects?.[filter] ?? 0;
}

/** Does everything of a queue until `count` different tasks came; gives the ids as they came. */
async function doAll(queue: string, count: number): Promise<string[]> {
  worker = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue });
  await worker.prepare();
  const ids: string[] = [];
  await until(async () => {
    for (const message of await worker.pull(50)) {
      const results = message.tasks.map(({ id }) => ({ id, status: "completed" }));
      ids.push(...results.map(({ id }) => id));
      await worker.report({ worker: "w", results });
      worker.ack(message);
    }
    return new Set(ids).size === count ? true : undefined;
  }, 60_000);
  return ids;
}

async function openRuns(versionId: string): Promise<number> {
  const rows = await service.rows(
    "select 1 from workflow_runs where version_id = $1 and completed_at is null",
    [versionId],
  );
  return rows.length;
}

it("a stream that is deleted with 1,000 tasks gets them again within the interval", async () => {
  const version = await versionOfQueue("deleted");
  const runs = await Promise.all(Array.from({ length: TASKS }, () => service.start(version)));
  await until(async () => ((await messagesOf("deleted")) >= TASKS / 64 ? true : undefined));
  await service.manager.streams.delete("WORKFLOWS_TASKS");
  await until(async () => {
    const count = await messagesOf("deleted").catch(() => 0);
    return count > 0 ? true : undefined;
  });
  const ids = await doAll("deleted", TASKS);
  expect(new Set(ids)).toEqual(new Set(runs.map((run) => `${run}/s/1`)));
  await until(async () => ((await openRuns(version.id)) === 0 ? true : undefined), 30_000);
}, 120_000);

it("a task whose process died before it was published is published by the check", async () => {
  const version = await versionOfQueue("died");
  service.dropTasks(true);
  const run = await service.start(version);
  service.dropTasks(false);
  expect(await doAll("died", 1)).toEqual([`${run}/s/1`]);
  await until(async () => ((await openRuns(version.id)) === 0 ? true : undefined));
}, 60_000);

it("a task that an older copy of the stream has not is published once", async () => {
  const version = await versionOfQueue("older");
  const run = await service.start(version);
  const placed = () => service.rows("select seq from task_places where run_id = $1", [run]);
  await until(async () => ((await placed()).length === 1 ? true : undefined));
  // The stream goes back: its last sequence is below the task's, and it was made at the same time as before.
  await service.manager.streams.purge("WORKFLOWS_TASKS");
  await service.rows("update task_places set seq = seq + 1000 where run_id = $1", [run]);
  await until(async () => ((await messagesOf("older")) > 0 ? true : undefined), 30_000);
  const checks = async () => {
    const rows = await service.rows("select checked_at from step_runs where run_id = $1", [run]);
    return String(rows[0]?.checked_at ?? "");
  };
  const seen = new Set<string>();
  await until(async () => (seen.add(await checks()).size > 3 ? true : undefined), 30_000);
  expect(await messagesOf("older")).toBe(1);
  expect(await doAll("older", 1)).toEqual([`${run}/s/1`]);
  await until(async () => ((await openRuns(version.id)) === 0 ? true : undefined));
}, 90_000);

it("a task that waits on the stream is not published again, and a queue without a worker is said", async () => {
  const version = await versionOfQueue("waits");
  // Made anew by another replica: this one takes what it publishes to be on the stream before.
  await service.manager.streams.delete("WORKFLOWS_TASKS");
  await until(() => service.manager.streams.info("WORKFLOWS_TASKS").catch(() => undefined));
  await service.start(version);
  const checks = async () => {
    const rows = await service.rows("select checked_at from step_runs where completed_at is null");
    return String(rows[0]?.checked_at ?? "");
  };
  const seen = new Set<string>();
  // Three checks in a row leave it where it is.
  await until(async () => (seen.add(await checks()).size > 3 ? true : undefined), 30_000);
  expect(await messagesOf("waits")).toBe(1);
  const place = await service.rows("select attempt from task_places");
  expect(place).toEqual([{ attempt: 1 }]);
  const warns = (line: string) => line.includes("and no worker") && line.includes('"waits"');
  await until(() => service.logged.find(warns));
  expect(renderPrometheus()).toContain(
    `workflows_queue_messages{queue="waits",workspace="${WORKSPACE}"} 1`,
  );
  const beat = { since: new Date().toISOString(), running: 0, concurrency: 4 };
  worker = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue: "waits" });
  worker.heartbeat({ worker: "w", ...beat });
  await until(() =>
    renderPrometheus().includes(`workflows_queue_workers{queue="waits",workspace="${WORKSPACE}"} 1`)
      ? true
      : undefined,
  );
  worker.kill();
  await doAll("waits", 1);
  await until(async () => {
    const rows = await service.rows("select 1 from task_places");
    return rows.length === 0 ? true : undefined;
  });
}, 90_000);
