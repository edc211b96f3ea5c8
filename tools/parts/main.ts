/**
 * Command line: starts the private servers and prints their addresses until Ctrl-C, or runs a
 * command with the addresses in its environment and ends with its exit code:
 *
 *     tsx tools/parts/main.ts [--fast-disk] [command arguments…]
 *
 * Boundary: standard output holds nothing but lines for a shell; all else goes to standard error.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Parts, startParts } from "./parts.ts";

const FAST_DISK = "--fast-disk";
const words = process.argv.slice(2);
const command = words[0] === FAST_DISK ? words.slice(1) : words;
const interrupted = new Promise<void>((resolve) => {
  process.once("SIGINT", () => resolve());
  process.once("SIGTERM", () => resolve());
});

const parts = await startParts({
  log: (line) => console.error(line),
  fastDisk: words[0] === FAST_DISK,
});
try {
  process.exitCode = await (command.length > 0 ? runCommand(parts) : waitForEnd(parts));
} finally {
  await parts.stop();
}

function listVariables({ databaseUrl, natsUrl }: Parts): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    NATS_URL: natsUrl,
    TEST_DATABASE_URL: databaseUrl,
    TEST_NATS_URL: natsUrl,
  };
}

async function runCommand(running: Parts): Promise<number> {
  const child = spawn(command[0] ?? "", command.slice(1), {
    stdio: "inherit",
    env: { ...process.env, ...listVariables(running) },
  });
  void interrupted.then(() => child.kill("SIGTERM"));
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
}

async function waitForEnd(running: Parts): Promise<number> {
  for (const [name, value] of Object.entries(listVariables(running))) {
    console.log(`export ${name}=${value}`);
  }
  console.error("Ctrl-C stops them.");
  // The servers do not keep this process alive by themselves.
  const awake = setInterval(() => {}, 60_000);
  await interrupted;
  clearInterval(awake);
  return 0;
}
