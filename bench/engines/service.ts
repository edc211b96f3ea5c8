/**
 * The service as `npm start` runs it, as a process of its own.
 * Boundary: known by its environment and /readyz alone; the probe reads its heap and profiles it.
 */
import { request } from "node:http";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePort } from "../../tools/parts/free-port.ts";
import type { Guard } from "../../tools/parts/guard.ts";
import { nowMs } from "../parts/clock.ts";
import { type CommandProcess, startCommandProcess } from "../parts/commands.ts";

/** Where the service finds the others. */
export interface Surroundings {
  readonly guard: Guard;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly ownerUrl: string;
}

/** The service, running. */
export interface Service {
  readonly url: string;
  /** The present process. */
  process(): CommandProcess;
  /** Kills the process and starts it again at the same address; gives when the new one was started. */
  restart(): Promise<{ readonly startedAtMs: number; readonly readyMs: number }>;
  /** Writes the CPU profile of the start of another process, which is stopped when it is ready. */
  profileStart(file: string): Promise<void>;
}

/** What Node runs: the same as `npm start`. */
export const SERVICE_PROGRAM = "dist/service/main.mjs";
const PROBE = ["--import", "./bench/parts/probe.mjs"];
const POLL_MS = 10;
const START_TIMEOUT_MS = 60_000;
const HTTP_OK = 200;
const SOURCES =
  "OBJECTIVES=objectives.changes.>,APPROVALS=approvals.changes.>,GOVERNANCE=governance.changes.>," +
  "AGENTS=agents.changes.>,SIPHON=siphon.tap.>,WORKFLOWS=workflows.changes.run.>,BENCH=bench.event.>";

/** Starts it and waits until it is ready. */
export async function startService(surroundings: Surroundings): Promise<Service> {
  const port = await findFreePort();
  let started = await startOnce(surroundings, port);
  return {
    url: urlOf(port),
    process: () => started.process,
    async restart() {
      await started.process.kill();
      started = await startOnce(surroundings, port);
      const { startedAtMs, readyMs } = started;
      return { startedAtMs, readyMs };
    },
    async profileStart(file) {
      const flags = ["--cpu-prof", `--cpu-prof-dir=${dirname(file)}`];
      const other = await startOnce(surroundings, await findFreePort(), [
        ...flags,
        `--cpu-prof-name=${basename(file)}`,
      ]);
      await other.process.stop();
    },
  };
}

async function startOnce(
  { guard, databaseUrl, natsUrl, ownerUrl }: Surroundings,
  port: number,
  flags: readonly string[] = [],
): Promise<{ process: CommandProcess; startedAtMs: number; readyMs: number }> {
  const startedAtMs = nowMs();
  const process = startCommandProcess({
    guard,
    name: "service",
    args: [...flags, ...PROBE, SERVICE_PROGRAM],
    env: {
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      NATS_URL: natsUrl,
      BUS_CREATE_STREAMS: "true",
      BUS_SOURCES: SOURCES,
      OBJECTIVES_URL: ownerUrl,
      LOG_LEVEL: "warn",
    },
  });
  while (!(await isReady(`${urlOf(port)}/readyz`))) {
    if (nowMs() - startedAtMs > START_TIMEOUT_MS) throw new Error("the service is not ready");
    await delay(POLL_MS);
  }
  return { process, startedAtMs, readyMs: nowMs() - startedAtMs };
}

function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === HTTP_OK));
    });
    asked.on("error", () => resolve(false));
    asked.end();
  });
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
