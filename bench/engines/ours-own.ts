/** Loads that only the service knows: internal steps, StartRun, events that start runs, an arrival rate, a killed process. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { nowMs } from "../parts/clock.ts";
import { publishLong } from "./definitions.ts";
import type { Engine } from "./engine.ts";
import { inFlight } from "./in-flight.ts";
import type { Stage } from "./ours.ts";
import { START_TYPE, WAKE_TYPE } from "./words.ts";

const POLL_MS = 2;
const PATIENCE_MS = 120_000;
const SECOND_MS = 1_000;

interface StartRuns {
  readonly runs: number;
  readonly atATime: number;
  readonly keyed?: boolean;
}

/** The commands. */
export function ownCommands(stage: Stage): NonNullable<Engine["own"]> {
  const { service, platform } = stage;
  return {
    /** Runs of internal steps to their end; ms of all. */
    async internal({ runs, atATime }: { runs: number; atATime: number }) {
      return timed(() =>
        inFlight(runs, atATime, async (at) =>
          stage.ended(await stage.begin("internal", `internal-${at}`)),
        ),
      );
    },
    /** StartRun of runs that wait, so many open at once, each with a key of its own or none; ms of all. */
    async startRuns({ runs, atATime, keyed = false }: StartRuns) {
      const tag = randomUUID();
      return timed(() =>
        inFlight(runs, atATime, (at) =>
          stage.begin("park", `started-${at}`, keyed ? `${tag}-${at}` : undefined),
        ),
      );
    },
    /** Events that start runs; ms until the last run has started. */
    async trigger({ events }: { events: number }) {
      const before = stage.startedRuns();
      const tag = nowMs();
      return timed(async () => {
        for (let i = 0; i < events; i += 1) stage.publish(START_TYPE, `${tag}-${i}`);
        await reach(() => stage.startedRuns() >= before + events);
      });
    },
    /** Starts a run that waits for an event; gives its id once it waits. */
    async parkRun({ key }: { key: string }) {
      const runId = await stage.begin("park", key);
      await stage.waiting(runId);
      return runId;
    },
    /** Wakes such a run; resolves when it has ended. */
    async wakeRun({ key, runId }: { key: string; runId: string }) {
      stage.publish(WAKE_TYPE, key);
      await stage.ended(runId);
    },
    /** One run of so many agent steps to its end; ms. */
    async long({ steps }: { steps: number }) {
      const definitionId = await publishLong(stage.client, steps);
      return timed(async () => stage.ended(await stage.beginOf(definitionId, `long-${nowMs()}`)));
    },
    addReplica: () => stage.addReplica(),
    dropReplica: () => stage.dropReplica(),
    openLoop: (args: { runsASecond: number; seconds: number }) => openLoop(stage, args),
    /** Forgets the reactions so far, and gives them. */
    reactions: () => platform.owner.ask<number[]>("reactions"),
    restart: () => service.restart(),
    /** Where the service is. */
    url: async () => service.url,
    heapBytes: () => service.process().ask<number>("heapBytes"),
    heapSnapshot: (args: { file: string }) => service.process().ask("heapSnapshot", args),
    profileStart: () => service.process().ask("profileStart"),
    profileStop: (args: { file: string }) => service.process().ask("profileStop", args),
    /** Profiles the start of one more process of the service. */
    profileOfStart: (args: { file: string }) => service.profileStart(args.file),
  };
}

/** Starts runs at a rate, whatever becomes of those before; waits for their ends afterwards. */
async function openLoop(
  stage: Stage,
  { runsASecond, seconds }: { runsASecond: number; seconds: number },
): Promise<{ startMs: number[]; runMs: number[] }> {
  const startMs: number[] = [];
  const runMs: number[] = [];
  const beganAtMs = nowMs();
  const runs = Math.round(runsASecond * seconds);
  const all = Array.from({ length: runs }, async (_, at) => {
    const dueAtMs = beganAtMs + (at * SECOND_MS) / runsASecond;
    await delay(Math.max(0, dueAtMs - nowMs()));
    const runId = await stage.begin("line", `open-${beganAtMs}-${at}`);
    // From when it was due: a caller that is late itself does not hide the wait.
    startMs.push(nowMs() - dueAtMs);
    await stage.ended(runId);
    runMs.push(nowMs() - dueAtMs);
  });
  await Promise.all(all);
  return { startMs, runMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganAtMs = nowMs();
  await work();
  return nowMs() - beganAtMs;
}

async function reach(isThere: () => boolean): Promise<void> {
  const giveUpAtMs = nowMs() + PATIENCE_MS;
  while (!isThere()) {
    if (nowMs() > giveUpAtMs) throw new Error("the runs did not start in time");
    await delay(POLL_MS);
  }
}
