/**
 * Runs a command of the project to its end and keeps what it printed.
 *
 * Boundary: for the checks. Packages' own programs are found because npm and this file put
 * node_modules/.bin first in the search path.
 */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project, absolute. */
export const projectRoot: string = fileURLToPath(new URL("..", import.meta.url));

/** How a command ended: its exit code (null when a signal ended it) and all it printed. */
interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

const COMMAND_TIMEOUT_MS = 300_000;

/** Runs `command` in the project's folder, without input, with `more` in its environment. Throws when it cannot be started. */
export function runCommand(
  command: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const bin = join(projectRoot, "node_modules", ".bin");
  const child = spawn(command, args, {
    cwd: projectRoot,
    env: { ...process.env, ...more, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: COMMAND_TIMEOUT_MS,
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString() }));
  });
}

/** Runs a command that is silent where all is well: gives what it printed if it failed. */
export async function problemsOf(command: string, args: readonly string[]): Promise<string[]> {
  const { code, output } = await runCommand(command, args);
  return code === 0 ? [] : [output.trim() || `${command} ended with ${code ?? "a signal"}`];
}
