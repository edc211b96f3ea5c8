/**
 * All that the service needs around it: a private Postgres, a private nats-server, and the sandbox
 * that plays the other services.
 *
 * Boundary: the service itself is started elsewhere, from the environment that is made here.
 */
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { type SalesOptions, writeSalesScript } from "../../src/sandbox/scripts/sales.ts";
import { type Parts, startParts } from "../parts/parts.ts";

/** What runs around the service. */
export interface Surroundings {
  readonly parts: Parts;
  readonly sandbox: Sandbox;
  /** The variables that lead the service to them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Stops all of it. */
  stop(): Promise<void>;
}

/** How to start the surroundings. */
export interface SurroundingsOptions {
  readonly turns: SalesOptions;
  /** The port of a private nats-server; a free one unless given. */
  readonly natsPort?: number | undefined;
  /** Gets a line for what is being started. */
  readonly log: (line: string) => void;
  /** Gets a line for what the agents, the approver and the other services do. */
  readonly tell: (line: string) => void;
}

/** Starts servers and sandbox. When one of them cannot start, nothing is left running. */
export async function startSurroundings(options: SurroundingsOptions): Promise<Surroundings> {
  const parts = await startParts({ log: options.log, natsPort: options.natsPort });
  try {
    const sandbox = await startSandbox({
      natsUrl: parts.natsUrl,
      script: writeSalesScript(options.turns),
      log: options.tell,
    });
    options.log("sandbox started (all of the platform's services that the service calls)");
    return {
      parts,
      sandbox,
      environment: {
        DATABASE_URL: parts.databaseUrl,
        NATS_URL: parts.natsUrl,
        BUS_CREATE_STREAMS: "true",
        ...sandbox.urls,
      },
      async stop() {
        try {
          await sandbox.stop();
        } finally {
          await parts.stop();
        }
      },
    };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}
