/**
 * What the workers of a world do, by step: the output follows from the input alone.
 * Boundary: runs in the workers' processes (world/worker-main.ts).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { HandlerFunction, Handlers, TaskContext } from "../../../../src/worker/index.ts";

/** The queue of every task; a name that is no token. */
export const QUEUE = "pack house.*";
/** What each attempt costs, in USD. */
export const TASK_COST_USD = 0.01;

/** Long enough for a write of the task's place on the stream (egress/tasks/task-publisher.ts). */
const LONG_MS = 1_200;
/** A task whose cancel the worker missed is done in vain. The cancel has to be committed before, also after two restarts of Postgres. */
const IDLE_MS = 8_000;

/** By the id of the step. */
const handlers: Readonly<Record<string, HandlerFunction>> = {
  pack: ({ n }) => ({ n, packed: true }),
  weigh({ n }, { attempt }) {
    if (attempt === 1) throw new Error("the scales are not ready");
    return { n, weight: 2 * Number(n) };
  },
  async dry({ n }, { signal }) {
    await delay(LONG_MS, undefined, { signal });
    return { n, dried: true };
  },
  stamp: ({ n }) => ({ n, stamped: true }),
  seal: ({ n }) => ({ n, sealed: true }),
  async idle({ n }, { signal }) {
    await delay(IDLE_MS, undefined, { signal });
    return { n };
  },
};

/** The handlers; `begun` hears of each task before it is done. */
export function handlersOf(begun: (task: TaskContext) => void): Handlers {
  return Object.fromEntries(
    Object.entries(handlers).map(([stepId, handler]): [string, HandlerFunction] => [
      stepId,
      (input, ctx) => {
        begun(ctx);
        ctx.cost(TASK_COST_USD);
        return handler(input, ctx);
      },
    ]),
  );
}
