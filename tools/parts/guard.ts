/**
 * The guard of one set of private servers: a temporary folder and the processes that work in it,
 * which never outlive this process, however it ends.
 *
 * Boundary: knows process ids and signals, nothing about Postgres or NATS.
 *
 * Invariants:
 * 1. A small shell process holds the other end of a pipe from us. The pipe closes whenever this
 *    process ends, `kill -9` included; then the shell ends the servers and removes the folder.
 * 2. On an ordinary end (also an uncaught error) the same is done before the process is gone, so
 *    that nothing is left at the moment its exit can be seen.
 * 3. `release` is for an orderly stop: the servers have ended, the folder is removed here.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The signal that ends a guarded process when its parent is gone. */
export type EndSignal = "QUIT" | "KILL";

/** A temporary folder with the processes that work in it. */
export interface Guard {
  /** The folder, absolute; other users may pass through it but not list it. */
  readonly folder: string;
  /** Puts a process under guard; `signal` must end it at once. */
  watch(child: ChildProcess, signal: EndSignal): void;
  /** Removes the folder and ends the guard. The processes must have ended before. */
  release(): Promise<void>;
}

// The clean-up gives up after 100 rounds of 50 ms, for a process that ignores its signal must not
// make a second one that waits for ever.
const CLEAN_UP = `
running() {
  kill -0 "$1" 2>/dev/null || return 1
  if [ -r "/proc/$1/status" ]; then ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
  else case "$(ps -o stat= -p "$1" 2>/dev/null)" in Z*) return 1 ;; esac; fi
}
clean_up() {
  [ -d "$folder" ] || return 0
  set -f; set -- $watched; rounds=0
  while [ $# -ge 2 ]; do kill "-$1" "$2" 2>/dev/null; pids="$pids $2"; shift 2; done
  for pid in $pids; do
    while running "$pid" && [ $rounds -lt 100 ]; do sleep 0.05; rounds=$((rounds + 1)); done
    running "$pid" && kill -KILL "$pid" 2>/dev/null
  done
  set +f
  while [ -d "$folder" ] && [ $rounds -lt 120 ]; do
    rm -rf "$folder" 2>/dev/null || sleep 0.05; rounds=$((rounds + 1))
  done
}
folder=$1; watched=$2; pids=""
`;

const WATCH = `${CLEAN_UP}
while read -r line; do
  [ "$line" = released ] && exit 0
  watched="$watched $line"
done
clean_up
`;

/**
 * Makes a temporary folder whose name begins with `prefix`, under guard from now on: in PARTS_FOLDER, or where the system
 * has its temporary files.
 */
export async function startGuard(prefix: string): Promise<Guard> {
  const folder = await mkdtemp(join(process.env.PARTS_FOLDER || tmpdir(), prefix));
  await chmod(folder, 0o711);
  const shell = spawn("/bin/sh", ["-c", WATCH, "guard", folder, ""], {
    stdio: ["pipe", "ignore", "ignore"],
    // A session of its own: Ctrl-C in the terminal must not end the guard before its time.
    detached: true,
    cwd: "/",
  });
  await once(shell, "spawn");
  // An end of the shell is no reason to fail; writing to it then must not raise an error either.
  shell.stdin.on("error", () => shell.stdin.destroy());
  shell.unref();
  if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();

  const watched: string[] = [];
  const onExit = (): void => {
    spawnSync("/bin/sh", ["-c", `${CLEAN_UP}\nclean_up`, "guard", folder, watched.join(" ")], {
      cwd: "/",
    });
  };
  process.once("exit", onExit);

  return {
    folder,
    watch(child, signal) {
      if (child.pid === undefined) return;
      watched.push(`${signal} ${child.pid}`);
      shell.stdin.write(`${signal} ${child.pid}\n`);
    },
    async release() {
      process.removeListener("exit", onExit);
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      shell.stdin.end("released\n");
    },
  };
}
