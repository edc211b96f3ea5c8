/**
 * `npm run demo`: plays the outbound pipeline of a sales team from a new contact to its end, on
 * servers of its own, and shows each step as it moves. Options: see demo/options.ts.
 *
 * Boundary: starts and stops things; the story itself is in demo/story.ts.
 *
 * Invariants:
 * 1. Exit code 0 when the run ended as it must, else 1 with the reason; 130 when interrupted.
 * 2. Nothing is left behind, and nothing is shared with another demo that runs at the same time.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { endingOf } from "./demo/ending.ts";
import { type DemoOptions, OPTIONS_HELP, readOptions } from "./demo/options.ts";
import { type Researchers, startResearchers } from "./demo/researchers.ts";
import { openScreen, type Screen } from "./demo/screen.ts";
import { connectService } from "./demo/service-client.ts";
import { type ServiceProcess, startService } from "./demo/service-process.ts";
import { tellStory } from "./demo/story.ts";
import { type Surroundings, startSurroundings } from "./demo/surroundings.ts";
import { listThingsToTry } from "./demo/things-to-try.ts";
import { Interrupted, requireUntilAborted } from "./demo/until-aborted.ts";
import { projectRoot } from "./run-command.ts";

const INTERRUPTED_EXIT_CODE = 130;

/** The variables of this shell that the service gets; no others may change the story. */
const HANDED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"];

const screen = openScreen();
const stop = new AbortController();
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);
try {
  process.exitCode = await main();
} catch (error) {
  screen.release();
  const isWanted = error instanceof Interrupted;
  screen.print("", isWanted ? "Interrupted." : `FAILED: ${describeError(error)}`);
  process.exitCode = isWanted ? INTERRUPTED_EXIT_CODE : 1;
} finally {
  process.off("SIGINT", interrupt);
  process.off("SIGTERM", interrupt);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    screen.print("npm run demo [-- options]", ...OPTIONS_HELP);
    return 0;
  }
  // Nobody looks at the console of a service that ends with its story.
  if (options.keep) buildConsole();
  // With a server that others use too, their services would take our events and we theirs.
  delete process.env.NATS_URL;
  screen.print("Starting");
  const surroundings = await startSurroundings({
    turns: options,
    log: (line) => screen.print(`  ${line}`),
    tell: (line) => screen.printRemark(line),
  });
  try {
    stop.signal.throwIfAborted();
    return await playOn(surroundings, options, screen);
  } finally {
    await surroundings.stop();
  }
}

function buildConsole(): void {
  const args = [join(projectRoot, "tools", "build-console.mjs"), "--optional"];
  spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
}

async function playOn(
  surroundings: Surroundings,
  options: DemoOptions,
  screen: Screen,
): Promise<number> {
  const service = await startService({
    environment: makeEnvironment(surroundings),
    signal: stop.signal,
  });
  const client = connectService(service.url);
  let researchers: Researchers | undefined;
  try {
    screen.print(`  service started (process ${service.pid}), ready on ${service.url}`);
    abortAtEndOf(service);
    const { sandbox, parts } = surroundings;
    if (options.worker) {
      const onEnd = (reason: string) => stop.abort(new Error(reason));
      researchers = await startResearchers({ natsUrl: parts.natsUrl, screen, onEnd });
    }
    const stage = {
      sandbox,
      workflows: client.workflows,
      screen,
      serviceUrl: service.url,
      natsUrl: parts.natsUrl,
      researchers,
      signal: stop.signal,
    };
    const { run, differences } = await tellStory(stage, endingOf(options));
    if (options.keep) {
      const addresses = {
        serviceUrl: service.url,
        natsUrl: parts.natsUrl,
        databaseUrl: parts.databaseUrl,
        sandboxUrl: sandbox.urls.OBJECTIVES_URL,
        runId: run.id,
      };
      screen.print("", ...listThingsToTry(addresses), "", "Ctrl-C stops all of it.");
      await stayUp();
      screen.print("", "Stopping.");
    }
    return differences.length === 0 ? 0 : 1;
  } finally {
    client.close();
    await researchers?.stop();
    await service.stop();
  }
}

async function stayUp(): Promise<void> {
  try {
    await requireUntilAborted(new Promise<never>(() => {}), stop.signal);
  } catch (error) {
    // An interrupt after the end of the story is no failure.
    if (!(error instanceof Interrupted)) throw error;
  }
}

function abortAtEndOf(service: ServiceProcess): void {
  void service.ended.then((how) => {
    const reason = `the service ended by itself (${how}); its last lines:\n${service.tail()}`;
    stop.abort(new Error(reason));
  });
}

function makeEnvironment(surroundings: Surroundings): Record<string, string | undefined> {
  const handedOn = Object.fromEntries(HANDED_ON.map((name) => [name, process.env[name]]));
  return { ...handedOn, ...surroundings.environment, HOST: "127.0.0.1", PORT: "0" };
}

function interrupt(): void {
  // A second interrupt ends the process at once; the guards clean up on exit.
  if (stop.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
  stop.abort(new Interrupted());
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
