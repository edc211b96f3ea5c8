/**
 * Stands between a client and Postgres and loses the answer to a commit: the server has committed, the client's
 * connection breaks before it learns that.
 */
import { connect as connectTo, createServer, type Socket } from "node:net";

/** A cutter at work. */
export interface CommitCutter {
  /** The database's address through the cutter. */
  readonly url: string;
  /**
   * The next commit that passes is answered by a broken connection; `andStayAway` then breaks every connection and turns
   * away new ones, until `mend`.
   */
  cutNextCommit(andStayAway?: boolean): void;
  mend(): void;
  /** Breaks every connection and turns away new ones, until `mend`. */
  stayAway(): void;
  /** Lets every connection stand, the new ones too, and passes nothing on, as a firewall that drops packets. */
  freeze(): void;
  /** How many connections were turned away. */
  turnedAway(): number;
  /** How many answers were lost. */
  cuts(): number;
  stop(): Promise<void>;
}

const BEGIN = Buffer.from("begin\0");
const COMMIT = Buffer.from("commit\0");
/** The name of a statement that commits by itself where no transaction was begun. */
const SAVE = Buffer.from("\0save_batch_");

/** Starts a cutter that lets everything pass. */
export async function startCommitCutter(databaseUrl: string): Promise<CommitCutter> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let armed = false;
  let cuts = 0;
  let staysAway = false;
  let isAway = false;
  let frozen = false;
  let turnedAway = 0;
  const server = createServer((client) => {
    if (isAway) {
      turnedAway += 1;
      client.destroy();
      return;
    }
    const upstream = connectTo(Number(target.port), target.hostname);
    let cutting = false;
    let begun = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // The other side learns of it by the close that follows.
      socket.on("error", () => {});
    }
    client.on("data", (data) => {
      if (frozen) return;
      begun ||= data.includes(BEGIN);
      const commits = data.includes(COMMIT) || (!begun && data.includes(SAVE));
      if (commits) begun = false;
      if (armed && commits) {
        armed = false;
        cutting = true;
      }
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (frozen) return;
      if (!cutting) {
        client.write(data);
        return;
      }
      cuts += 1;
      isAway = staysAway;
      if (isAway) for (const socket of sockets) socket.destroy();
      client.destroy();
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the cutter has no port");
  const url = new URL(databaseUrl);
  url.port = String(address.port);
  url.hostname = "127.0.0.1";
  return {
    url: url.href,
    freeze() {
      frozen = true;
    },
    cutNextCommit(andStayAway = false) {
      armed = true;
      staysAway = andStayAway;
    },
    mend() {
      isAway = false;
    },
    stayAway() {
      isAway = true;
      for (const socket of sockets) socket.destroy();
    },
    cuts: () => cuts,
    turnedAway: () => turnedAway,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
