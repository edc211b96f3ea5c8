/**
 * What the agents, approvers and other people of the workload do: each answer follows from the step's input alone, so that
 * a run ends the same whatever was repeated.
 * Boundary: a script of the sandbox, as data.
 */

import type { JsonObject } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { AgentTask, SandboxScript, TaskReply } from "../../../../src/sandbox/script.ts";

const COST_USD = 0.01;

/** A task's number: the run's input, or what a step before made of it. */
function numberOf({ input }: AgentTask): number {
  return typeof input.n === "number" ? input.n : 0;
}

const answers: Readonly<Record<string, (n: number) => JsonObject>> = {
  double: (n) => ({ n, doubled: 2 * n }),
  describe: (n) => ({ n, text: `number ${2 * n}` }),
  left: (n) => ({ n, part: "left" }),
  middle: (n) => ({ n, part: "middle" }),
  right: (n) => ({ n, part: "right" }),
  gather: (n) => ({ n, sum: 3 * n }),
  score: (n) => ({ n, points: n }),
  never: (n) => ({ n, path: "never" }),
  pay: (n) => ({ n, path: "pay" }),
  small: (n) => ({ n, path: "small" }),
  read: (n) => ({ n, read: true }),
  hesitate: (n) => ({ n }),
  go: (n) => ({ n, gone: true }),
  instead: (n) => ({ n, instead: true }),
  greet: (n) => ({ n, greeted: true }),
  reserve: (n) => ({ n, reserved: true }),
  charge: (n) => ({ n, charged: true }),
  release: (n) => ({ n, released: true }),
  refund: (n) => ({ n, refunded: true }),
};

const LATENCIES_MS = [5, 20, 60, 120];

const rules = Object.entries(answers).map(([stepId, answer], index) => ({
  match: { stepId },
  reply: {
    afterMs: LATENCIES_MS[index % LATENCIES_MS.length] ?? 0,
    output: (task: AgentTask) => answer(numberOf(task)),
    costUsd: COST_USD,
  } satisfies TaskReply,
}));

/** The script. */
export const cast: SandboxScript = {
  agents: [{ id: "worker", capabilities: ["*"], maxObjectives: 1_000_000 }],
  tasks: [
    // The first attempt is never answered: the step's limit ends it.
    { match: { stepId: "hesitate", attempt: 1 }, reply: { afterMs: 0, silent: true } },
    { match: { stepId: "endless" }, reply: { afterMs: 0, silent: true } },
    { match: { stepId: "ship" }, reply: { afterMs: 20, fail: "the ship has sunk" } },
    { match: { stepId: "refuse" }, reply: { afterMs: 0, refuse: Code.PermissionDenied } },
    {
      match: { stepId: "ask" },
      reply: {
        afterMs: 20,
        output: (task) => ({ n: numberOf(task) }),
        costUsd: COST_USD,
        followedBy: {
          afterMs: 30,
          event: (task) => ({
            workspaceId: task.workspaceId,
            provider: "post",
            entityType: "letter",
            entityId: task.runId,
            action: "delivered",
            snapshot: { n: numberOf(task) },
            id: `letter-${task.runId}`,
          }),
        },
      },
    },
    ...rules,
  ],
  approvals: [{ match: { actionType: "spend" }, decision: "approved", afterMs: 60 }],
};
