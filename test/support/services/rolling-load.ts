/**
 * Runs that are started one after another at whatever replica answers, and what they must have left at the end.
 * Boundary: a caller that repeats its calls by their keys, and the ledgers of the other services.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { StepType, WorkflowState } from "../../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../assertions/until.ts";
import type { Replica } from "./replicas.ts";

const WORKSPACE = "ws_1";
const START_EVERY_MS = 100;
const TRY_AGAIN_MS = 100;
const PASSING = [Code.Unavailable, Code.Aborted, Code.ResourceExhausted, Code.Canceled];
/** What a call that a stopping replica breaks off ends with. */
const BROKEN = [Code.Internal, Code.Unknown, Code.DeadlineExceeded];

/** An agent's task, a pause, an approval and a task side by side: calls, timers and events. */
const VERSION = {
  steps: [
    { id: "first", stepType: StepType.AGENT_ACTION, agentId: "agent_sandbox" },
    { id: "pause", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 1 } },
    { id: "gate", stepType: StepType.APPROVAL_GATE, actionType: "look" },
    { id: "last", stepType: StepType.AGENT_ACTION, agentId: "agent_sandbox" },
  ],
  edges: [
    { fromStepId: "first", toStepId: "pause" },
    { fromStepId: "first", toStepId: "gate" },
    { fromStepId: "pause", toStepId: "last" },
    { fromStepId: "gate", toStepId: "last" },
  ],
};
export const TASKS_A_RUN = 2;

/** Runs under way. */
export interface RollingLoad {
  /** From here on calls go to these replicas, in turn. */
  use(replicas: readonly Replica[]): void;
  /** Waits until so many more runs were started. */
  startMore(count: number): Promise<void>;
  /** Starts no more; gives the ids of all runs once they have completed, and each start gave the same run once more. */
  finish(): Promise<readonly string[]>;
}

/** Publishes a workflow and begins to start runs of it. */
export async function startLoad(first: Replica): Promise<RollingLoad> {
  let replicas: readonly Replica[] = [first];
  let stopping = false;
  let failure: unknown;
  const started = new Map<number, string>();
  const wanted = { workspaceId: WORKSPACE, name: "rolling" };
  const definitionId = (await first.workflows.createDefinition(wanted)).definition?.id ?? "";
  await first.workflows.publishVersion({ definitionId, ...VERSION });

  async function startOne(n: number): Promise<string> {
    for (let tries = 0; ; tries += 1) {
      const replica = replicas[(n + tries) % replicas.length];
      try {
        const headers = { "Idempotency-Key": `run-${n}` };
        return (await replica?.workflows.startRun({ definitionId }, { headers }))?.run?.id ?? "";
      } catch (error) {
        const { code } = ConnectError.from(error);
        if (![...PASSING, ...BROKEN].includes(code)) throw error;
        await delay(TRY_AGAIN_MS);
      }
    }
  }
  async function startAll(): Promise<void> {
    const starting: Promise<void>[] = [];
    for (let n = 0; !stopping; n += 1) {
      starting.push(startOne(n).then((id) => void started.set(n, id)));
      await delay(START_EVERY_MS);
    }
    await Promise.all(starting);
  }
  const running = startAll().catch((error: unknown) => {
    failure = error;
  });

  return {
    use(next) {
      replicas = next;
    },
    async startMore(count) {
      const goal = started.size + count;
      await until(() => (failure !== undefined || started.size >= goal ? true : undefined), 60_000);
      if (failure !== undefined) throw failure;
    },
    async finish() {
      stopping = true;
      await running;
      if (failure !== undefined) throw failure;
      for (const id of started.values()) await completed(replicas, id);
      for (const [n, id] of started) {
        const again = await startOne(n);
        if (again !== id)
          throw new Error(`start ${n} gave ${id}, and ${again} when it was repeated`);
      }
      return [...started.values()];
    },
  };
}

async function completed(replicas: readonly Replica[], id: string): Promise<void> {
  const state = await until(async () => {
    const run = (await replicas[0]?.workflows.getRun({ id }))?.run;
    const isOpen = run?.state === WorkflowState.RUNNING || run?.state === WorkflowState.PENDING;
    return isOpen ? undefined : run?.state;
  }, 60_000);
  if (state !== WorkflowState.COMPLETED) throw new Error(`run ${id} ended in state ${state}`);
}
