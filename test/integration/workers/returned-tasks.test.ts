/**
 * Tasks that a worker returns: published again once, however often the return comes, and not lost with a process.
 * Boundary: needs the server that TEST_DATABASE_URL names; the nats-server is its own.
 */
import { nanos } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { WORKSPACE } from "../../support/services/processor.ts";
import { type QueueService, startQueueService } from "../../support/workers/queue-service.ts";
import {
  connectRawWorker,
  type RawMessage,
  type RawWorker,
} from "../../support/workers/raw-worker.ts";

const INTERVAL_MS = 2_000;
let service: QueueService;
let worker: RawWorker;

beforeAll(async () => {
  service = await startQueueService(INTERVAL_MS);
  await service.streamsMade();
});
afterAll(() => service.stop());

/** A worker of the queue with one message in hand: the tasks of two steps, `stays` and `goes`. */
async function twoInHand(queue: string): Promise<{ runId: string; message: RawMessage }> {
  const steps = ["stays", "goes"].map((id) => stepOf(id, { agentId: "", config: { queue } }));
  worker = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue });
  await worker.prepare();
  const runId = await service.start(await service.define(versionOf(steps)));
  const message = await pullOne();
  expect(message.tasks.map(({ id }) => id)).toEqual([`${runId}/stays/1`, `${runId}/goes/1`]);
  return { runId, message };
}

async function pullOne(): Promise<RawMessage> {
  const [message] = await until(async () => {
    const messages = await worker.pull(1);
    return messages.length === 0 ? undefined : messages;
  });
  if (message === undefined) throw new Error("no message");
  return message;
}

async function finish(runId: string, ...messages: readonly RawMessage[]): Promise<void> {
  const results = ["stays", "goes"].map((id) => ({ id: `${runId}/${id}/1`, status: "completed" }));
  await worker.report({ worker: "w", results });
  for (const message of messages) worker.ack(message);
  await until(async () => {
    const [run] = await service.rows("select state from workflow_runs where id = $1", [runId]);
    return run?.state === "COMPLETED" ? true : undefined;
  });
  worker.kill();
}

async function lastOfStream(): Promise<number> {
  return (await service.manager.streams.info("WORKFLOWS_TASKS")).state.last_seq;
}

it.each([
  ["just after it was sent", "soon", 0],
  ["when its place is in the table", "placed", 2],
])(
  "one that was not published again, %s, comes while its old message is in hand",
  async (...of) => {
    const [, queue, placed] = of;
    const { runId, message } = await twoInHand(queue);
    await until(async () => {
      const rows = await service.rows("select 1 from task_places where run_id = $1", [runId]);
      return rows.length >= placed ? true : undefined;
    });
    // As a process that dies between its commit and its publish.
    service.dropTasks(true);
    await worker.report({ worker: "w", returned: [`${runId}/goes/1`] });
    await service.settled();
    service.dropTasks(false);
    const again = await pullOne();
    expect(again.tasks.map(({ id }) => id)).toEqual([`${runId}/goes/1`]);
    await finish(runId, message, again);
  },
  60_000,
);

it("one whose return comes again is not published again", async () => {
  const { runId, message } = await twoInHand("repeated");
  const { config } = await service.manager.streams.info("WORKFLOWS_RESULTS");
  const shortWindow = { ...config, duplicate_window: nanos(100) };
  await service.manager.streams.update("WORKFLOWS_RESULTS", shortWindow);
  const returned = { worker: "w", returned: [`${runId}/goes/1`] };
  await worker.report(returned, "return-1");
  const again = await pullOne();
  const last = await lastOfStream();
  // After the window the stream takes the message once more.
  await until(async () => {
    const { duplicate = false } = await worker.report(returned, "return-1");
    return duplicate ? undefined : true;
  });
  await service.settled();
  expect(await lastOfStream()).toBe(last);
  // Another return is one of its own.
  await worker.report(returned, "return-2");
  const third = await pullOne();
  expect(third.tasks.map(({ id }) => id)).toEqual([`${runId}/goes/1`]);
  expect(await lastOfStream()).toBe(last + 1);
  await finish(runId, message, again, third);
}, 60_000);

it("one that waits on the stream after its return is not published again", async () => {
  const { runId, message } = await twoInHand("waits");
  await worker.report({ worker: "w", returned: [`${runId}/goes/1`] });
  await service.settled();
  const seen = new Set<string>();
  await until(async () => {
    const rows = await service.rows(
      "select checked_at from step_runs where run_id = $1 and step_index = 1",
      [runId],
    );
    return seen.add(String(rows[0]?.checked_at ?? "")).size > 3 ? true : undefined;
  }, 30_000);
  const again = await pullOne();
  const ids = again.tasks.map(({ id }) => id);
  // The first message may have come again: its worker says nothing.
  const alone = ids.length === 1 ? again : await pullOne();
  expect(alone.tasks.map(({ id }) => id)).toEqual([`${runId}/goes/1`]);
  const { state } = await service.manager.streams.info("WORKFLOWS_TASKS", {
    subjects_filter: "workflows.tasks.*.waits",
  });
  expect(state.subjects?.[`workflows.tasks.${WORKSPACE}.waits`]).toBe(2);
  await finish(runId, message, again, alone);
}, 60_000);
