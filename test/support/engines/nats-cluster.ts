/**
 * Three nats-servers that hold their streams together (R3), any of which can be killed and started again at its address.
 * Boundary: the servers; what is in their streams is the callers'.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect, type NatsConnection, type StreamInfo } from "nats";
import { findFreePort } from "../../../tools/parts/free-port.ts";
import { type Guard, startGuard } from "../../../tools/parts/guard.ts";
import { type NatsServer, startNatsServer } from "../../../tools/parts/nats-server.ts";
import { until } from "../assertions/until.ts";

const NODES = 3;
const REPLICAS = 3;
const READY_MS = 30_000;
const CLUSTER = "workflows-test";

/** A running cluster. */
export interface NatsCluster {
  /** The addresses of all nodes, with commas. */
  readonly urls: string;
  readonly connection: NatsConnection;
  /** Makes a stream with three replicas. */
  makeStream(name: string, subject: string): Promise<void>;
  /** Kills (-9) the node that leads a stream, and starts it again after `downMs`. */
  killLeader(stream: string, downMs: number): Promise<void>;
  stop(): Promise<void>;
}

interface Node {
  readonly name: string;
  readonly guard: Guard;
  readonly port: number;
  readonly args: readonly string[];
  server: NatsServer;
}

/** Starts three nodes and waits until they have a leader. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const routes = await Promise.all(Array.from({ length: NODES }, findFreePort));
  const routeUrls = routes.map((port) => `nats://127.0.0.1:${port}`).join(",");
  const nodes = await Promise.all(routes.map((route, n) => startNode(`n${n}`, route, routeUrls)));
  const urls = nodes.map(({ server }) => server.url).join(",");
  const connection = await connect({ servers: urls.split(","), maxReconnectAttempts: -1 });
  const manager = () => connection.jetstreamManager({ timeout: 2_000 });
  const infoOf = async (stream: string): Promise<StreamInfo | undefined> => {
    try {
      return await (await manager()).streams.info(stream);
    } catch {
      // While a leader is chosen the servers give no answer.
      return undefined;
    }
  };
  return {
    urls,
    connection,
    async makeStream(name, subject) {
      const made = async () => {
        try {
          const { streams } = await manager();
          await streams.add({ name, subjects: [subject], num_replicas: REPLICAS });
          return true;
        } catch {
          return (await infoOf(name)) === undefined ? undefined : true;
        }
      };
      await until(made, READY_MS);
    },
    async killLeader(stream, downMs) {
      const info = await until(() => infoOf(stream), READY_MS);
      const node = nodes.find(({ name }) => name === info.cluster?.leader) ?? nodes[0];
      if (node === undefined) return;
      process.kill(node.server.pid, "SIGKILL");
      await delay(downMs);
      node.server = await startServer(node);
    },
    async stop() {
      await connection.close();
      await Promise.all(nodes.map(({ server }) => server.stop()));
      await Promise.all(nodes.map(({ guard }) => guard.release()));
    },
  };
}

async function startNode(name: string, route: number, routes: string): Promise<Node> {
  const guard = await startGuard(`workflows-nats-${name}-`);
  const port = await findFreePort();
  const cluster = `nats://127.0.0.1:${route}`;
  const args = ["-n", name, "--cluster_name", CLUSTER, "--cluster", cluster, "--routes", routes];
  const node = { name, guard, port, args };
  return { ...node, server: await startServer(node) };
}

function startServer({ guard, port, args }: Omit<Node, "server">): Promise<NatsServer> {
  return startNatsServer(guard, () => {}, { port, args });
}
