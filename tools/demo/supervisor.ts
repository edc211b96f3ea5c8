/**
 * Keeps a service running: starts it again when its source changes and when it ends by itself.
 *
 * Boundary: one service at a time; each start is a new process.
 */
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { projectRoot } from "../run-command.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import type { SourceChanges } from "./source-changes.ts";

/** What the supervisor works with. */
export interface SupervisorOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly changes: SourceChanges;
  readonly log: (line: string) => void;
  /** Gets every line that a service writes. */
  readonly onLine: (line: string) => void;
  /** Called when a service is ready, and not again for the same one. */
  readonly onReady: (service: ServiceProcess) => Promise<void>;
  /** Ends it all. */
  readonly signal: AbortSignal;
}

const RESTART_DELAY_MS = 1_000;
const NEXT_TRY_MS = 5_000;

/** Runs services one after the other until the signal aborts; the last one has ended then. */
export async function superviseService(options: SupervisorOptions): Promise<void> {
  const { signal } = options;
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
  });
  while (!signal.aborted) {
    const changed = options.changes.next();
    const service = await startOrExplain(options);
    if (service === undefined) {
      await Promise.race([changed, aborted, sleep(NEXT_TRY_MS, signal)]);
    } else {
      await runUntilOver(options, service, changed, aborted);
    }
  }
}

async function startOrExplain(options: SupervisorOptions): Promise<ServiceProcess | undefined> {
  const { environment, onLine, signal, log } = options;
  try {
    compile();
    return await startService({ environment, onLine, signal });
  } catch (error) {
    if (!signal.aborted) log(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Compiles what has changed; throws with what the compiler says. */
function compile(): void {
  const built = spawnSync(process.execPath, ["tools/build.mjs"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(`the service does not compile:\n${built.stderr}`);
}

async function runUntilOver(
  { onReady, log, signal }: SupervisorOptions,
  service: ServiceProcess,
  changed: Promise<void>,
  aborted: Promise<void>,
): Promise<void> {
  try {
    await onReady(service).catch((error: unknown) => log(String(error)));
    const reason = await Promise.race([
      service.ended,
      changed.then(() => "changed" as const),
      aborted,
    ]);
    if (signal.aborted) return;
    if (reason === "changed") {
      log("src/ has changed: the service starts again");
    } else {
      log(`the service ended by itself (${reason}); it starts again in ${RESTART_DELAY_MS} ms`);
      await Promise.race([aborted, sleep(RESTART_DELAY_MS, signal)]);
    }
  } finally {
    await service.stop();
  }
}

/** Waits, and resolves early when the signal aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
