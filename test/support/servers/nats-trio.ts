/**
 * Three nodes of NATS that form one cluster on loopback, whose streams have three replicas.
 * Boundary: the program nats-server; the nodes keep their ports and their files from one start to the next.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { findFreePort } from "../../../tools/parts/free-port.ts";
import { type Guard, startGuard } from "../../../tools/parts/guard.ts";
import { type NatsServer, startNatsServer } from "../../../tools/parts/nats-server.ts";
import { until } from "../assertions/until.ts";

/** How many replicas the streams have. */
export const REPLICAS = 3;

/** The cluster. */
export interface NatsTrio {
  /** One address a node. */
  readonly urls: readonly string[];
  /** For the test; it follows the nodes that are up. */
  readonly connection: NatsConnection;
  /**
   * Ends the node that leads the consumer as a crash does (kill -9), or any node where nothing is known to lead; gives
   * what starts it again.
   */
  killLeader(stream: string, consumer: string): Promise<() => Promise<void>>;
  /** Resolves when every replica of every stream is up to date. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

interface Node {
  readonly name: string;
  readonly guard: Guard;
  readonly url: string;
  server: NatsServer;
}

const NAMES = ["n1", "n2", "n3"];
const SETTLE_MS = 30_000;
const ASK_MS = 1_000;

/** Starts the nodes and makes these streams, each with its subjects. */
export async function startNatsTrio(streams: Readonly<Record<string, string>>): Promise<NatsTrio> {
  const nodes = await startNodes();
  const connection = await connect({
    servers: nodes.map(({ url }) => url),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    timeout: ASK_MS,
  });
  const manager = await until(async () => {
    // Until the nodes have chosen a leader there is no JetStream.
    const found = await connection.jetstreamManager().catch(() => undefined);
    await found?.getAccountInfo();
    return found;
  }, SETTLE_MS);
  for (const [name, subject] of Object.entries(streams)) {
    const wanted = { name, subjects: [subject], num_replicas: REPLICAS };
    await until(() => manager.streams.add(wanted).catch(() => undefined), SETTLE_MS);
  }
  return {
    urls: nodes.map(({ url }) => url),
    connection,
    async killLeader(stream, consumer) {
      const info = await manager.consumers.info(stream, consumer).catch(() => undefined);
      const node = nodes.find(({ name }) => name === info?.cluster?.leader) ?? nodes[0];
      if (node === undefined) throw new Error("there is no node");
      process.kill(node.server.pid, "SIGKILL");
      await node.server.stop();
      return async () => {
        node.server = await startNode(node.guard, Number(new URL(node.url).port));
      };
    },
    async settled() {
      await until(async () => {
        const found = await manager.streams
          .list()
          .next()
          .catch(() => []);
        const all = found.flatMap(({ cluster }) => cluster?.replicas ?? []);
        const isWell = all.length === found.length * (REPLICAS - 1) && all.every(isCurrent);
        return found.length > 0 && isWell ? true : undefined;
      }, SETTLE_MS);
    },
    async stop() {
      await connection.close();
      for (const { server, guard } of nodes) {
        await server.stop();
        await guard.release();
      }
    },
  };
}

async function startNodes(): Promise<Node[]> {
  const ports = await Promise.all(NAMES.map(() => findFreePort()));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  return await Promise.all(
    NAMES.map(async (name, at) => {
      const guard = await startGuard(`workflows-nats-${name}-`);
      await writeFile(
        fileOf(guard),
        `server_name: ${name}\ncluster { name: trio, listen: "127.0.0.1:${ports[at]}", routes: [${routes}] }\n`,
      );
      const server = await startNode(guard);
      return { name, guard, url: server.url, server };
    }),
  );
}

function startNode(guard: Guard, port?: number): Promise<NatsServer> {
  const args = ["-c", fileOf(guard)];
  return startNatsServer(guard, () => {}, { args, ...(port === undefined ? {} : { port }) });
}

function fileOf({ folder }: Guard): string {
  return join(folder, "settings.conf");
}

function isCurrent({ current, offline }: { current: boolean; offline?: boolean }): boolean {
  return current && offline !== true;
}
