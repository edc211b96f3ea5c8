/** What a platform has around its workflow service, as processes of their own: NATS and the owner of objectives. */
import { connect, type NatsConnection } from "nats";
import type { Guard } from "../../tools/parts/guard.ts";
import { startNatsServer } from "../../tools/parts/nats-server.ts";
import { type CommandProcess, startCommandProcess } from "../parts/commands.ts";
import type { Counted } from "../parts/process-cpu.ts";

/** The servers, and this process's connection to the bus. */
export interface Platform {
  readonly natsUrl: string;
  readonly ownerUrl: string;
  readonly bus: NatsConnection;
  readonly owner: CommandProcess;
  readonly processes: readonly Counted[];
  stop(): Promise<void>;
}

/** Starts both; an objective ends `endDelayMs` after the answer with its id. */
export async function startPlatform(guard: Guard, endDelayMs = 0): Promise<Platform> {
  const nats = await startNatsServer(guard, (line) => console.error(line));
  const bus = await connect({ servers: nats.url });
  const owner = startCommandProcess({
    guard,
    name: "owner",
    args: ["--import", "tsx", "bench/parts/owner.ts", nats.url, String(endDelayMs)],
  });
  const port = await owner.ask<number>("port");
  return {
    natsUrl: nats.url,
    ownerUrl: `http://127.0.0.1:${port}`,
    bus,
    owner,
    processes: [
      { name: "nats", pid: nats.pid, withChildren: false },
      { name: "owner", pid: owner.pid, withChildren: false },
    ],
    async stop() {
      await bus.close();
      await owner.kill();
      await nats.stop();
    },
  };
}
