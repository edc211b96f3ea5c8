/**
 * The one connection to NATS that the service's parts share.
 *
 * Boundary: makes it and tells of it in the log; what goes over it is its users' business.
 * Invariant: it reconnects without end; only `close` ends it.
 */
import { readFile } from "node:fs/promises";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  Events,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "nats";
import type { Log } from "../../runtime/log.ts";

/** Where NATS is and who we are there; at most one way to sign in is set. */
export interface BusAddress {
  readonly servers: readonly string[];
  readonly credsFile?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const CLIENT_NAME = "workflows";
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
const CONNECT_TIMEOUT_MS = 5_000;
// A connection whose peer has gone without a word is given up after two pings.
const PING_INTERVAL_MS = 10_000;
const PINGS_OUT_AT_MOST = 2;
const NOTICE_AFTER_MS = 2_000;

/**
 * Connects, and waits as long as no server answers, saying so in the log. Rejects when the
 * credentials cannot be read or are refused.
 */
export async function connectBus(address: BusAddress, log: Log): Promise<NatsConnection> {
  const authenticator = await findAuthenticator(address);
  const notice = setTimeout(() => log.warn("waiting for NATS"), NOTICE_AFTER_MS);
  try {
    const connection = await connect({
      servers: [...address.servers],
      name: CLIENT_NAME,
      maxReconnectAttempts: -1,
      waitOnFirstConnect: true,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: PINGS_OUT_AT_MOST,
      ...(authenticator === undefined ? {} : { authenticator }),
    });
    void tellStatus(connection, log);
    return connection;
  } finally {
    clearTimeout(notice);
  }
}

async function findAuthenticator(address: BusAddress): Promise<Authenticator | undefined> {
  const { credsFile, user, password, token } = address;
  if (credsFile) return credsAuthenticator(await readFile(credsFile));
  if (user) return usernamePasswordAuthenticator(user, password);
  if (token) return tokenAuthenticator(token);
  return undefined;
}

async function tellStatus(connection: NatsConnection, log: Log): Promise<void> {
  for await (const { type, data } of connection.status()) {
    if (type === Events.Disconnect) log.warn("the connection to NATS was lost", { server: data });
    if (type === Events.Reconnect) log.info("connected to NATS again", { server: data });
    if (type === Events.Error) log.warn("NATS reports an error", { code: data });
  }
}
