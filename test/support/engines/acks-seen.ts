/**
 * Which messages of a stream were acknowledged by a consumer, as anyone sees it who listens beside the servers.
 * Boundary: listens at each node of a cluster, for a node that ends takes its listener along.
 */
import { connect } from "nats";

/** Listeners at work. */
export interface AcksSeen {
  /** Sequences in the stream. */
  readonly seqs: ReadonlySet<number>;
  stop(): Promise<void>;
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence in the stream>.…` */
const SEQUENCE_TOKEN = 5;
const DONE = /^(\+ACK|\+TERM|)$/;

/** Starts to listen at these servers. */
export async function watchAcks(
  urls: readonly string[],
  stream: string,
  consumer: string,
): Promise<AcksSeen> {
  const seqs = new Set<number>();
  const connections = await Promise.all(
    urls.map((url) =>
      connect({
        servers: url,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        ignoreClusterUpdates: true,
      }),
    ),
  );
  for (const connection of connections) {
    connection.subscribe(`$JS.ACK.${stream}.${consumer}.>`, {
      callback(_error, message) {
        if (DONE.test(message.string()))
          seqs.add(Number(message.subject.split(".")[SEQUENCE_TOKEN]));
      },
    });
    await connection.flush();
  }
  return {
    seqs,
    async stop() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}
