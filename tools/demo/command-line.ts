/**
 * The demo's screen in the middle of the story: commands as a reader types them, and what they print.
 *
 * Boundary: each command is a process of its own, in the project's folder, with the service and the workspace in its environment.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { projectRoot } from "../run-command.ts";
import { WORKSPACE_ID } from "./sales-process.ts";
import type { Screen } from "./screen.ts";

/** Runs commands against one service. */
export interface CommandLine {
  /** Shows a command and what it prints; gives its exit code. */
  workflows(...args: readonly string[]): Promise<number>;
  /** As `workflows`, of a script of the project. */
  script(file: string, ...args: readonly string[]): Promise<number>;
}

/** Where the commands go. */
interface CommandLineOptions {
  readonly serviceUrl: string;
  readonly screen: Screen;
  /** Ends a command that is under way. */
  readonly signal: AbortSignal;
}

/** A command line whose commands have the service and the workspace in their environment. */
export function openCommandLine(options: CommandLineOptions): CommandLine {
  return {
    workflows: (...args) =>
      type(options, ["npx", "workflows", ...args], ["tools/workflows.mjs", ...args]),
    script: (file, ...args) =>
      type(options, ["npx", "tsx", file, ...args], ["--import", "tsx", file, ...args]),
  };
}

/** Shows a command and runs it. Rejects where the signal has aborted: the service that it would ask is on its way down. */
async function type(
  options: CommandLineOptions,
  words: readonly string[],
  args: readonly string[],
): Promise<number> {
  options.signal.throwIfAborted();
  options.screen.printCommand(words.join(" "));
  return run(options, args);
}

async function run(
  { serviceUrl, screen, signal }: CommandLineOptions,
  args: readonly string[],
): Promise<number> {
  const own = screen.isTerminal ? "inherit" : "pipe";
  screen.hold();
  const child = spawn(process.execPath, [...args], {
    cwd: projectRoot,
    stdio: ["ignore", own, own],
    env: { ...process.env, WORKFLOWS_SERVER: serviceUrl, WORKFLOWS_WORKSPACE: WORKSPACE_ID },
  });
  const stop = () => void child.kill("SIGINT");
  signal.addEventListener("abort", stop);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null)
      createInterface({ input: stream }).on("line", (line) => screen.print(line));
  }
  try {
    await once(child, "close");
    return child.exitCode ?? 1;
  } finally {
    signal.removeEventListener("abort", stop);
    screen.release();
  }
}
