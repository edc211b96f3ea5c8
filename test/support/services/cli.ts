/**
 * The command line as a process, compiled once for a test file.
 * Boundary: its environment has nothing of the test's but PATH, and a home of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startGuard } from "../../../tools/parts/guard.ts";
import { compileService } from "../../../tools/test-service.ts";

/** How a command ended. */
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A place to run commands in. */
export interface CommandLine {
  /** The working folder of the commands. */
  readonly folder: string;
  /** Writes a file of the folder. */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** Runs a command to its end. */
  run(args: readonly string[], more?: Surroundings): Promise<Ended>;
  /** Starts a command. */
  start(args: readonly string[], more?: Surroundings): ChildProcess;
  remove(): Promise<void>;
}

/** What a command finds besides its arguments. */
interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Compiles the command line. */
export async function compileCommandLine(): Promise<CommandLine> {
  const compiled = await compileService({ entry: "src/cli/main.ts" });
  const guard = await startGuard("workflows-cli-");
  const { folder } = guard;
  const start = (args: readonly string[], { env = {} }: Surroundings = {}) =>
    spawn(process.execPath, [compiled.path, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
    });
  return {
    folder,
    async write(name, content) {
      const path = join(folder, name);
      await mkdir(join(path, ".."), { recursive: true });
      await writeFile(path, content);
    },
    async run(args, more = {}) {
      const child = start(args, more);
      child.stdin?.end(more.input ?? "");
      const [stdout, stderr, code] = await Promise.all([
        textOf(child.stdout),
        textOf(child.stderr),
        new Promise<number | null>((resolve) => child.once("close", resolve)),
      ]);
      return { code, stdout, stderr };
    },
    start,
    async remove() {
      await compiled.remove();
      await guard.release();
    },
  };
}

async function textOf(stream: ChildProcess["stdout"]): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
