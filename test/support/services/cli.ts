/**
 * The command line as people run it: tools/workflows.mjs of a copy of the project, which compiles it once for a test file.
 * Boundary: its environment has nothing of the test's but PATH, and a home of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startGuard } from "../../../tools/parts/guard.ts";
import { projectRoot } from "../../../tools/run-command.ts";

/** How a command ended. */
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A place to run commands in. */
export interface CommandLine {
  /** The copy of the project. */
  readonly project: string;
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

/** What the build and `npm pack` read. */
const COPIED = [
  ...["src", "gen", "schema", "migrations", "templates", "tools", "docs"],
  ...["tsconfig.json", "tsconfig.library.json"],
];
const COPIED_TOO = ["package.json", "package-lock.json", "CHANGELOG.md"];

/** A copy of the project with an empty folder beside it, and without what is compiled. */
export async function copyProject() {
  const guard = await startGuard("workflows-cli-");
  const folder = join(guard.folder, "home");
  const project = join(guard.folder, "project");
  await mkdir(folder);
  for (const name of [...COPIED, ...COPIED_TOO]) {
    // With their times, by which setup.mjs judges whether packages are missing.
    const options = { recursive: true, preserveTimestamps: true };
    await cp(join(projectRoot, name), join(project, name), options);
  }
  await symlink(join(projectRoot, "node_modules"), join(project, "node_modules"));
  return { folder, project, remove: guard.release };
}

/** Compiles the command line. */
export async function compileCommandLine(): Promise<CommandLine> {
  const { folder, project, remove } = await copyProject();
  const start = (args: readonly string[], { env = {} }: Surroundings = {}) =>
    spawn(process.execPath, [join(project, "tools", "workflows.mjs"), ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
    });
  const commandLine: CommandLine = {
    project,
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
    remove,
  };
  const { code, stderr } = await commandLine.run(["--help"]);
  if (code !== 0) throw new Error(`the command line does not compile: ${stderr}`);
  return commandLine;
}

async function textOf(stream: ChildProcess["stdout"]): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
