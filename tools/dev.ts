/**
 * `npm run dev`: the service beside servers and sandbox of its own, with the sales process
 * published, until Ctrl-C. The service starts again when src/ changes and when it ends by itself.
 *
 * Workflow files of the folder in which it is started are published when they are saved.
 *
 * Boundary: the variables of the shell go to the service, so that it can be configured as usual;
 * `DATABASE_URL` and `NATS_URL` replace the private servers (see parts/parts.ts).
 */
import { createServer } from "node:net";
import { OPTIONS_HELP, readOptions } from "./demo/options.ts";
import { publishText } from "./demo/publish-text.ts";
import { publishSalesProcess, WORKSPACE_ID } from "./demo/sales-process.ts";
import { connectService } from "./demo/service-client.ts";
import { parseLogLine, type ServiceProcess } from "./demo/service-process.ts";
import { watchSource } from "./demo/source-changes.ts";
import { superviseService } from "./demo/supervisor.ts";
import { type Surroundings, startSurroundings } from "./demo/surroundings.ts";
import { listThingsToTry } from "./demo/things-to-try.ts";
import { requireFolder, watchWorkflowFolder } from "./demo/workflow-folder.ts";
import { findFreePort } from "./parts/free-port.ts";

const USUAL_PORT = 8080;
/** Examples connect to NATS there unless told otherwise. */
const USUAL_NATS_PORT = 4222;
const INTERRUPTED_EXIT_CODE = 130;

const stop = new AbortController();
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);
try {
  await main();
} catch (error) {
  console.error(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  process.off("SIGINT", interrupt);
  process.off("SIGTERM", interrupt);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(["npm run dev [-- options]", ...OPTIONS_HELP].join("\n"));
    return;
  }
  const folder = requireFolder(process.env.INIT_CWD ?? process.cwd(), options.files ?? ".");
  const port = await choosePort();
  const surroundings = await startSurroundings({
    turns: options,
    natsPort: (await isFree(USUAL_NATS_PORT)) ? USUAL_NATS_PORT : undefined,
    log: (line) => print("dev", line),
    tell: (line) => print("sandbox", line),
  });
  const changes = watchSource((line) => print("dev", line));
  let serviceUrl = "";
  const files = watchWorkflowFolder({
    folder,
    publish: (text) => publishText(serviceUrl, WORKSPACE_ID, text),
    say: (line) => print("files", line),
  });
  const introduce = introduceOnce(surroundings);
  try {
    await superviseService({
      environment: {
        ...process.env,
        LOG_FORMAT: "json",
        ...surroundings.environment,
        ...ownersOfShell(surroundings.sandbox),
        PORT: port,
      },
      changes,
      log: (line) => print("dev", line),
      onLine: (line) => print("service", renderLogLine(line)),
      async onReady(service) {
        await introduce(service);
        serviceUrl = service.url;
        await files.rescan();
      },
      signal: stop.signal,
    });
  } finally {
    files.close();
    changes.close();
    await surroundings.stop();
  }
}

/** The owners that the shell names, such as `APPROVALS_URL=builtin`: the service uses them instead of the sandbox. */
function ownersOfShell({ urls }: Surroundings["sandbox"]): Record<string, string | undefined> {
  const named = Object.keys(urls).filter((name) => process.env[name] !== undefined);
  for (const name of named) print("dev", `${name} of the shell instead of the sandbox`);
  return Object.fromEntries(named.map((name) => [name, process.env[name]]));
}

/** Publishes the sales process with the first service that is ready; later ones find it there. */
function introduceOnce(surroundings: Surroundings): (service: ServiceProcess) => Promise<void> {
  let isPublished = false;
  return async (service) => {
    print("dev", `service ready on ${service.url} (process ${service.pid})`);
    if (isPublished) return;
    const client = connectService(service.url);
    try {
      await publishSalesProcess(client.workflows);
      isPublished = true;
    } finally {
      client.close();
    }
    const lines = listThingsToTry({
      serviceUrl: service.url,
      natsUrl: surroundings.parts.natsUrl,
      databaseUrl: surroundings.parts.databaseUrl,
      sandboxUrl: surroundings.sandbox.urls.OBJECTIVES_URL,
      runId: "",
    });
    console.log(["", ...lines, "", "Ctrl-C stops all of it.", ""].join("\n"));
  };
}

/** `PORT`, else the usual port, else any free one: every start of the service uses the same. */
async function choosePort(): Promise<string> {
  // The service refuses a malformed one, and names the value as it was set.
  if (process.env.PORT) return process.env.PORT;
  return `${(await isFree(USUAL_PORT)) ? USUAL_PORT : await findFreePort()}`;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** An entry of the service's log for people; what is no entry as it is. */
function renderLogLine(line: string): string {
  const entry = parseLogLine(line);
  if (entry === undefined) return line;
  const { time: _, level, message, ...facts } = entry;
  const rest = Object.keys(facts).length === 0 ? "" : ` ${JSON.stringify(facts)}`;
  return `${String(level)}  ${String(message)}${rest}`;
}

function print(who: string, line: string): void {
  console.log(`${who.padEnd(8)} ${line}`);
}

function interrupt(): void {
  // A second interrupt ends the process at once; the guards clean up on exit.
  if (stop.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
  stop.abort();
}
