/** System.ListQueues and ListWorkers. Boundary: reads what the replica knows by heartbeats, and the stream of tasks. */
import {
  type ListQueuesRequest,
  ListQueuesRequestSchema,
  type ListWorkersRequest,
  ListWorkersRequestSchema,
} from "../../../../gen/workflows/ops/v1/system_pb.ts";
import type { QueueLook, ReplicaView } from "../../../runtime/replica-view.ts";
import type { HeardWorker } from "../../../runtime/workers-seen.ts";
import { checkFields } from "../fields.ts";
import { requireView } from "./info.ts";

const AT_MOST = 1_000;

/** ListQueues. */
export function listQueuesWith(replica: ReplicaView | undefined) {
  return async (_deps: object, request: ListQueuesRequest) => {
    const { workspaceId } = request;
    const faults = checkFields(ListQueuesRequestSchema, request);
    faults.require("workspace_id", workspaceId);
    faults.refuseIfAny();
    const view = requireView(replica);
    // Without the bus there is still an answer: it says that tasks are not known.
    const looks = await view.lookAtQueues(workspaceId).catch(() => undefined);
    const queues = queuesOf(looks ?? [], view.findWorkers(workspaceId) ?? []);
    return {
      queues: queues.slice(0, AT_MOST),
      totalSize: queues.length,
      tasksUnknown: looks === undefined,
    };
  };
}

/** ListWorkers. */
export function listWorkersWith(replica: ReplicaView | undefined) {
  return async (_deps: object, request: ListWorkersRequest) => {
    const { workspaceId, queue } = request;
    const faults = checkFields(ListWorkersRequestSchema, request);
    faults.require("workspace_id", workspaceId);
    faults.refuseIfAny();
    const workers = (requireView(replica).findWorkers(workspaceId) ?? [])
      .filter((worker) => queue === "" || worker.queue === queue)
      .map(workerMessage)
      .sort((a, b) => byText(a.queue, b.queue) || byText(a.id, b.id));
    return { workers: workers.slice(0, AT_MOST), totalSize: workers.length };
  };
}

function workerMessage({ worker: id, silentMs, ...said }: HeardWorker) {
  const { queue, running, concurrency, version = "" } = said;
  return { id, queue, running, concurrency, version, silentSeconds: silentMs / 1_000 };
}

/** Queues with tasks or workers, by name. */
function queuesOf(looks: readonly QueueLook[], workers: readonly HeardWorker[]) {
  const names = new Set([...looks, ...workers].map(({ queue }) => queue));
  const lookOf = new Map(looks.map((look) => [look.queue, look]));
  return [...names].sort(byText).map((name) => {
    const serving = workers.filter(({ queue }) => queue === name);
    const { messages = 0, oldestSeconds = 0 } = lookOf.get(name) ?? {};
    return {
      name,
      messages: BigInt(messages),
      oldestSeconds,
      workers: serving.length,
      running: sumOf(serving.map(({ running }) => running)),
      concurrency: sumOf(serving.map(({ concurrency }) => concurrency)),
    };
  });
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
