/**
 * A shell in which the commands of a page run one after the other, as a reader types them.
 * Boundary: a process of bash; `npx workflows` is the compiled command line.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A shell that waits for a command. */
export interface Shell {
  /** Runs a command to its end; what it wrote, its faults among it. */
  run(command: string): Promise<string>;
  /** Ends the shell. */
  stop(): Promise<void>;
}

const TERMINAL = fileURLToPath(new URL("terminal.mjs", import.meta.url));
/** Stands after the output of a command. */
const END = "\u0004";

/** Starts a shell in a folder. `program` is what `npx workflows` runs. */
export async function startShell(
  folder: string,
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<Shell> {
  const bash = spawn("bash", ["--noprofile", "--norc"], {
    cwd: folder,
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HOME: folder, TERM: "xterm", NO_COLOR: "1", ...env },
  });
  const ended = once(bash, "close");
  let text = "";
  let found: (() => void) | undefined;
  const hear = (chunk: string) => {
    text += chunk;
    if (text.includes(END)) found?.();
  };
  // A character may be cut by the end of a chunk.
  for (const stream of [bash.stdout, bash.stderr]) stream.setEncoding("utf8").on("data", hear);
  const run = async (command: string) => {
    text = "";
    const done = new Promise<void>((resolve) => {
      found = resolve;
    });
    bash.stdin.write(`{ ${command}\n} 2>&1 < /dev/null; printf '\\004'\n`);
    await Promise.race([
      done,
      ended.then(() => {
        throw new Error(`the shell has ended: ${text}`);
      }),
    ]);
    return text.slice(0, text.indexOf(END));
  };
  await run(`npx() { shift; node "${program}" "$@"; }`);
  const screen = await run(`node -p 'fs.fstatSync(1).ino'`);
  await run(`export SCREEN=${screen.trim()} NODE_OPTIONS="--import=file://${TERMINAL}"`);
  return {
    run,
    async stop() {
      bash.stdin.end();
      await ended;
    },
  };
}
