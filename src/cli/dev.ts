/** `workflows dev`: starts everything, as `npm run dev` does. Boundary: a clone of the project; a package has no servers to start. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Call } from "./call.ts";
import { CliFailure, EXIT } from "./failure.ts";

/** Sources and compiled files stand two folders below the project. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Until it is interrupted; gives the exit code of what it started. */
export async function run({ args }: Call): Promise<number> {
  const folder = resolve(args[0] ?? ".");
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true)
    throw new CliFailure(`there is no folder ${folder}`, EXIT.usage);
  if (!existsSync(join(ROOT, "tools", "dev.ts"))) {
    throw new CliFailure(
      "dev needs a clone of the project: it starts Postgres and NATS",
      EXIT.usage,
    );
  }
  const words = ["run", "--silent", "dev", "--", `--files=${folder}`];
  const child = spawn("npm", words, { cwd: ROOT, stdio: "inherit" });
  // A terminal interrupts the child too, which ends by itself.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : EXIT.interrupted;
}
