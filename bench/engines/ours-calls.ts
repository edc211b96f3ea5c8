/** Single calls of the service, timed, and a few runs of which many are copied. */
import { TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { nowMs } from "../parts/clock.ts";
import type { Engine } from "./engine.ts";
import type { Stage } from "./ours.ts";
import { SHORT_TYPE, START_TYPE, WORKSPACE } from "./words.ts";

/** What is called. */
export type CallName = "listRuns" | "getRun" | "handleTrigger";

/** A run, and the key by which its events and payloads name it. */
export interface MadeRun {
  readonly runId: string;
  readonly key: string;
}

interface Calls {
  readonly call: CallName;
  readonly times: number;
  /** The run that GetRun asks for. */
  readonly runId: string;
}

/** The commands. */
export function callCommands(stage: Stage): NonNullable<Engine["own"]> {
  const { client } = stage;
  let made = 0;
  const newKey = (kind: string) => {
    made += 1;
    return `${kind}-${nowMs()}-${made}-`;
  };
  const trigger = async (eventType: string, key: string) => {
    const { startedRuns } = await client.handleTrigger({
      workspaceId: WORKSPACE,
      triggerType: TriggerType.EVENT,
      triggerEventId: `event-${key}`,
      eventType,
      inputPayload: { id: key },
    });
    const [run] = startedRuns;
    if (run === undefined) throw new Error("HandleTrigger started no run");
    return run.id;
  };
  const calls: Readonly<Record<CallName, (runId: string) => Promise<unknown>>> = {
    listRuns: () => client.listRuns({ workspaceId: WORKSPACE }),
    getRun: (id) => client.getRun({ id }),
    handleTrigger: () => trigger(START_TYPE, newKey("called")),
  };
  return {
    /** Makes a call so often, one after another; ms of each. */
    async calls({ call, times, runId }: Calls) {
      const tookMs: number[] = [];
      for (let i = 0; i < times; i += 1) {
        const beganAtMs = nowMs();
        await calls[call](runId);
        tookMs.push(nowMs() - beganAtMs);
      }
      return tookMs;
    },
    /** Runs of one agent step that events started, when they have ended. */
    async finishedRuns({ runs }: { runs: number }): Promise<MadeRun[]> {
      return Promise.all(
        Array.from({ length: runs }, async () => {
          const key = newKey("finished");
          const runId = await trigger(SHORT_TYPE, key);
          await stage.ended(runId);
          return { runId, key };
        }),
      );
    },
    /** Runs that wait for an event. */
    async parkedRuns({ runs }: { runs: number }): Promise<MadeRun[]> {
      return Promise.all(
        Array.from({ length: runs }, async () => {
          const key = newKey("parked");
          const runId = await stage.begin("park", key);
          await stage.waiting(runId);
          return { runId, key };
        }),
      );
    },
  };
}
