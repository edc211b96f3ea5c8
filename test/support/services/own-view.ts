/** What a replica of a test knows by itself: workers that the test notes, and no collaborator. */
import type { ReplicaView } from "../../../src/runtime/replica-view.ts";
import { WorkersSeen } from "../../../src/runtime/workers-seen.ts";

/** The view; queues have the messages that the test gives. */
export function ownView(
  workers = new WorkersSeen(),
  messages: Readonly<Record<string, number>> = {},
): ReplicaView {
  return {
    facts: {
      id: "replica-a",
      version: "0.0.0",
      startedAt: new Date(0),
      features: [],
      retentionDays: 90,
      reconcileIntervalMs: 60_000,
    },
    collaborators: () => [],
    isConfigured: () => false,
    breakerRestMs: () => undefined,
    findCall: () => undefined,
    findQueue: (queue) => ({ workers: workers.of(queue).length, last: workers.lastOf(queue) }),
    findWorkers: (workspaceId) => workers.list(workspaceId),
    lookAtQueues: async (workspaceId) =>
      Object.entries(messages).map(([queue, count]) => ({
        workspaceId,
        queue,
        messages: count,
        oldestSeconds: 1,
      })),
  };
}
