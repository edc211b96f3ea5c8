/**
 * The whole service as a process of its own, with a database, a bus and a sandbox of its own.
 * Boundary: needs the Postgres of TEST_DATABASE_URL and the program nats-server; says nothing about what is played.
 */
import type { Client } from "@connectrpc/connect";
import type { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { type Sandbox, startSandbox } from "../../../src/sandbox/sandbox.ts";
import type { SandboxScript } from "../../../src/sandbox/script.ts";
import { connectService } from "../../../tools/demo/service-client.ts";
import { startService } from "../../../tools/demo/service-process.ts";
import { startGuard } from "../../../tools/parts/guard.ts";
import { startNatsServer } from "../../../tools/parts/nats-server.ts";
import { freshDatabase } from "../servers/database.ts";

/** The service at work. */
export interface World {
  readonly workflows: Client<typeof WorkflowService>;
  readonly runs: Client<typeof Runs>;
  readonly sandbox: Sandbox;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** Where the service listens. */
  readonly url: string;
  /** Stops the service alone. Safe to call again. */
  stopService(): Promise<void>;
  /** Stops all of it. */
  stop(): Promise<void>;
}

/** The variables of this process that the service gets. */
const HANDED_ON = ["PATH", "HOME", "TMPDIR"];

/** Starts the service with these variables besides those that lead it to its surroundings. */
export async function startWorld(
  script: SandboxScript,
  environment: Readonly<Record<string, string>>,
): Promise<World> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const stopOne of stops.splice(0).reverse()) await stopOne();
  };
  try {
    const database = await freshDatabase();
    stops.push(database.drop);
    const guard = await startGuard("workflows-fixtures-");
    stops.push(guard.release);
    const nats = await startNatsServer(guard, () => {});
    stops.push(nats.stop);
    const sandbox = await startSandbox({ natsUrl: nats.url, script });
    stops.push(sandbox.stop);
    const service = await startService({
      compiled: process.env.TEST_SERVICE,
      environment: {
        ...Object.fromEntries(HANDED_ON.map((name) => [name, process.env[name]])),
        ...sandbox.urls,
        DATABASE_URL: database.url,
        NATS_URL: nats.url,
        BUS_CREATE_STREAMS: "true",
        HOST: "127.0.0.1",
        PORT: "0",
        ...environment,
      },
    });
    stops.push(service.stop);
    const client = connectService(service.url);
    stops.push(client.close);
    return {
      workflows: client.workflows,
      runs: client.runs,
      sandbox,
      databaseUrl: database.url,
      natsUrl: nats.url,
      url: service.url,
      stopService: service.stop,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
