/**
 * Two workers of the queue `research`, each a process. The one that begins the first task is killed in the middle of it; the
 * other one takes over.
 *
 * Boundary: starts, kills and stops processes, and shows what they say; the code of a worker is research-worker.ts.
 *
 * Invariant: neither process outlives this one (tools/parts/guard.ts).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { WorkflowRun } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Guard, startGuard } from "../parts/guard.ts";
import { stopServerProcess } from "../parts/server-process.ts";
import { projectRoot } from "../run-command.ts";
import { RESEARCH_QUEUE, RESEARCH_STEP } from "./sales-process.ts";
import type { Screen } from "./screen.ts";
import { parseLogLine } from "./service-process.ts";

/** Both workers. */
export interface Researchers {
  /** What of a run is not as a take-over leaves it, a sentence each. */
  findDifferences(run: WorkflowRun): string[];
  /** Ends the processes; they have ended then. */
  stop(): Promise<void>;
}

/** What starts them. */
export interface ResearchersOptions {
  readonly natsUrl: string;
  readonly screen: Screen;
  /** Called when a worker ends that was not killed here. */
  readonly onEnd: (reason: string) => void;
}

const IDS = ["research-1", "research-2"];
const STOP_TIMEOUT_MS = 15_000;
/** How long JetStream waits for a sign of who holds a task, in seconds (docs/worker-protocol.md). */
const ACK_WAIT_SECONDS = 10;

interface Member {
  readonly id: string;
  readonly child: ChildProcess;
}

/** Starts both and resolves when they take tasks. */
export async function startResearchers(options: ResearchersOptions): Promise<Researchers> {
  const guard = await startGuard("workflows-researchers-");
  const scene = createScene(options.screen);
  const members: Member[] = [];
  const ended: Promise<unknown>[] = [];
  let isStopping = false;
  const stop = async (): Promise<void> => {
    isStopping = true;
    for (const { child } of members) await stopServerProcess(child, "SIGTERM", STOP_TIMEOUT_MS);
    await Promise.all(ended);
    await guard.release();
  };
  try {
    for (const id of IDS) {
      const { member, ready, end } = await startMember(guard, options.natsUrl, id, scene.hear);
      members.push(member);
      ended.push(end);
      void end.then((how) => {
        if (!isStopping && scene.killed() !== id) options.onEnd(`worker ${id} ended (${how})`);
      });
      await ready;
      const { pid } = member.child;
      options.screen.print(`  worker ${id} started (process ${pid}), queue ${RESEARCH_QUEUE}`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { findDifferences: scene.findDifferences, stop };
}

/** What happens to them, and how it is shown. */
function createScene({ printRemark }: Screen) {
  let killed: string | undefined;
  let survivor: string | undefined;
  return {
    killed: () => killed,
    hear({ id, child }: Member, entry: { readonly [name: string]: unknown }): void {
      const worker = `worker ${id} (process ${child.pid})`;
      if (entry.message === "began" && killed === undefined) {
        killed = id;
        child.kill("SIGKILL");
        printRemark(
          `${worker} begins ${RESEARCH_STEP} and is killed in the middle of it (SIGKILL)`,
        );
        printRemark(
          `NATS gives the task to the other worker after ${ACK_WAIT_SECONDS} s of silence`,
        );
      } else if (entry.message === "began") {
        survivor = id;
        printRemark(`${worker} takes ${RESEARCH_STEP} over, key ${String(entry.key)}`);
      } else if (entry.message === "completed") {
        printRemark(`${worker} completed ${RESEARCH_STEP} for ${String(entry.costUsd)} USD`);
      }
    },
    findDifferences(run: WorkflowRun): string[] {
      const step = run.steps.find(({ stepId }) => stepId === RESEARCH_STEP);
      const taken = survivor === undefined ? ["the second worker has taken nothing over"] : [];
      if (step?.agentId === survivor && step?.retryCount === 0) return taken;
      const found = `${step?.agentId || "no worker"} after ${step?.retryCount ?? 0} retries`;
      return [...taken, `${RESEARCH_STEP} was done by ${found}, expected ${survivor} after 0`];
    },
  };
}

async function startMember(
  guard: Guard,
  natsUrl: string,
  id: string,
  hear: (member: Member, entry: { readonly [name: string]: unknown }) => void,
) {
  const child = spawn(process.execPath, ["--import", "tsx", "tools/demo/research-worker.ts"], {
    cwd: projectRoot,
    stdio: ["ignore", "ignore", "pipe"],
    // Ctrl-C in the terminal goes to us; the workers end in our order.
    detached: true,
    env: { PATH: process.env.PATH, NATS_URL: natsUrl, WORKER_ID: id },
  });
  const member: Member = { id, child };
  const lines: string[] = [];
  const end = once(child, "close").then(() => child.signalCode ?? `exit code ${child.exitCode}`);
  await once(child, "spawn");
  guard.watch(child, "KILL");
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const entry = parseLogLine(line);
      if (entry === undefined) lines.push(line);
      else if (entry.message === "the worker takes tasks") resolve();
      else hear(member, entry);
    });
    void end.then((how) => reject(new Error(`worker ${id} ended (${how})\n${lines.join("\n")}`)));
  });
  // It ends after it was ready, too.
  ready.catch(() => {});
  return { member, ready, end };
}
