/**
 * Command line: the sandbox as a process of its own, until Ctrl-C. Reads `NATS_URL` (required) and
 * `PORT` (a free one when unset); `--sales` plays the sales story.
 *
 * Boundary: standard output holds the service's environment variables, a line each.
 */
import { startSandbox } from "./sandbox.ts";
import { writeSalesScript } from "./scripts/sales.ts";

const natsUrl = process.env.NATS_URL;
if (!natsUrl) {
  console.error("NATS_URL must name the NATS server to publish to.");
  process.exit(1);
}
const sandbox = await startSandbox({
  natsUrl,
  port: Number(process.env.PORT ?? 0),
  script: process.argv.includes("--sales") ? writeSalesScript() : {},
  log: (line) => console.error(line),
});
for (const [name, url] of Object.entries(sandbox.urls)) console.log(`export ${name}=${url}`);
const stop = (): void => {
  sandbox.stop().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
