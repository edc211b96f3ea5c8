/**
 * A signal to npm's own process: `npm start` and `npm run dev` end what they started, and in order.
 * Boundary: real npm processes; the service is known by its log lines, its end by its port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseLogLine } from "../../tools/demo/service-process.ts";
import { findFreePort } from "../../tools/parts/free-port.ts";
import { projectRoot } from "../../tools/run-command.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

interface NpmRun {
  readonly npm: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line that the test accepts; rejects when all that npm started has ended before. */
  line(accept: (line: string) => boolean): Promise<string>;
}

function runNpm(args: readonly string[], environment: Readonly<Record<string, string>>): NpmRun {
  const npm = spawn("npm", args, {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const lines: string[] = [];
  const readers = new Set<(line: string | undefined) => void>();
  const tell = (line: string | undefined) => {
    if (line !== undefined) lines.push(line);
    for (const reader of readers) reader(line);
  };
  const read = (stream: Readable) => createInterface({ input: stream }).on("line", tell);
  read(npm.stdout);
  read(npm.stderr);
  npm.once("close", () => tell(undefined));
  return {
    npm,
    lines,
    line: (accept) =>
      new Promise((resolve, reject) => {
        const reader = (line: string | undefined) => {
          if (line === undefined) reject(new Error(`npm has ended:\n${lines.join("\n")}`));
          else if (accept(line)) {
            readers.delete(reader);
            resolve(line);
          }
        };
        readers.add(reader);
      }),
  };
}

async function isListening(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );
}

/** Sends SIGTERM to npm alone and gives how it ended; whatever else still runs is ended by its pid. */
async function endByTerm({ npm }: NpmRun, url: string, pid: number) {
  // "exit", not "close": a process that npm left behind holds the pipes open.
  const exited = once(npm, "exit");
  npm.kill("SIGTERM");
  const [code, signal] = await exited;
  const left = await isListening(url);
  if (left) process.kill(pid, "SIGKILL");
  return { code, signal, left };
}

it("npm start: the service gets the signal and ends in order before npm does", async () => {
  const run = runNpm(["start"], {
    DATABASE_URL: database.url,
    NATS_URL: process.env.TEST_NATS_URL ?? "",
    HOST: "127.0.0.1",
    PORT: "0",
    LOG_FORMAT: "json",
  });
  const listening = parseLogLine(await run.line((line) => line.includes('"listening"')));
  expect(typeof listening?.pid).toBe("number");
  const url = `http://127.0.0.1:${String(listening?.port)}`;
  const end = await endByTerm(run, url, Number(listening?.pid));
  expect(end).toEqual({ code: 0, signal: null, left: false });
  expect(run.lines.join("\n")).toContain('"stopping"');
});

it("npm run dev: the service and its surroundings end before npm does", async () => {
  const port = await findFreePort();
  const run = runNpm(["run", "dev"], {
    DATABASE_URL: database.url,
    NATS_URL: process.env.TEST_NATS_URL ?? "",
    PORT: String(port),
    APPROVALS_URL: "builtin",
  });
  // An owner that the shell names is used, the others are the sandbox's.
  const starting = await run.line((line) => line.includes("starting {"));
  expect(starting).toContain('"objectives":"http');
  expect(starting).not.toContain('"approvals":"http');
  const ready = await run.line((line) => line.includes("service ready on"));
  const pid = Number(/process (\d+)/.exec(ready)?.[1]);
  const end = await endByTerm(run, `http://127.0.0.1:${port}`, pid);
  expect(end).toEqual({ code: 0, signal: null, left: false });
});
