/**
 * The one connection to NATS that the service's parts share.
 *
 * Boundary: makes it and logs its state; what goes over it is its users' business.
 * Invariants:
 * 1. It reconnects without end, whatever ended it; only `close` closes it.
 * 2. Every try to connect reads the credentials file again.
 * 3. An outage is one line when it begins, one for each new cause, and one when it ends.
 * 4. The client does not say why it cannot reconnect; a connection of its own, tried every two seconds, gives the cause.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  Events,
  type NatsConnection,
  type Status,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "nats";
import type { Log } from "../../process/log.ts";
import { connectTroubleOf, REFUSED_PERMISSION, troubleOfCode } from "./nats-errors.ts";

/** Where NATS is and who we are there; at most one way to sign in is set. */
export interface BusAddress {
  readonly servers: readonly string[];
  readonly credsFile?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** Gets what is wrong with the connection, in words; undefined: it is up. */
export type BusListener = (trouble: string | undefined) => void;

const CLIENT_NAME = "workflows";
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
const FIND_CAUSE_EVERY_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
// A connection whose peer has gone without a word is given up after two pings.
const PING_INTERVAL_MS = 10_000;
const PINGS_OUT_AT_MOST = 2;
const REFUSALS_KEPT = 100;
const LOST = "the connection was lost";

/** Connects, and tries as long as it takes: no server may answer, and each may refuse the credentials. */
export async function connectBus(
  address: BusAddress,
  log: Log,
  listener: BusListener = () => {},
): Promise<NatsConnection> {
  const outage = createOutage(log, listener);
  const options = {
    servers: [...address.servers],
    name: CLIENT_NAME,
    maxReconnectAttempts: -1,
    // The client otherwise closes for good when a server refuses it twice for the same reason.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_AT_MOST,
    authenticator: findAuthenticator(address, outage),
  };
  for (;;) {
    try {
      const connection = await connect(options);
      outage.end();
      void followStatus(connection, options, outage, log);
      return connection;
    } catch (error) {
      outage.because(connectTroubleOf(error));
      await delay(RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS);
    }
  }
}

/** What is sent when a server asks who we are. It never throws: the client would close for good. */
function findAuthenticator(address: BusAddress, outage: Outage): Authenticator {
  const { credsFile, user, password, token } = address;
  if (user) return usernamePasswordAuthenticator(user, password);
  if (token) return tokenAuthenticator(token);
  if (credsFile === undefined) return () => undefined;
  return (nonce) => {
    try {
      return credsAuthenticator(readFileSync(credsFile))(nonce);
    } catch (error) {
      outage.because("the file of NATS_CREDS_FILE cannot be used", { file: credsFile, error });
      return undefined;
    }
  };
}

interface Outage {
  /** There is no connection, for this reason. */
  because(trouble: string, facts?: Record<string, unknown>): void;
  end(): void;
}

/** Says each cause of an outage once, and when the outage is over. */
function createOutage(log: Log, listener: BusListener): Outage {
  const said = new Set<string>();
  return {
    because(trouble, facts = {}) {
      listener(trouble);
      if (said.has(trouble)) return;
      said.add(trouble);
      log.warn("NATS cannot be used; the service goes on trying", { trouble, ...facts });
    },
    end() {
      listener(undefined);
      if (said.size > 0) log.info("NATS can be used again");
      said.clear();
    },
  };
}

async function followStatus(
  connection: NatsConnection,
  options: ConnectionOptions,
  outage: Outage,
  log: Log,
): Promise<void> {
  let up = true;
  let outages = 0;
  const isDown = (number: number) => () => !up && number === outages && !connection.isClosed();
  const refusals = new Set<string>();
  for await (const status of connection.status()) {
    switch (status.type) {
      case Events.Disconnect:
        // Each try that fails is a disconnect too.
        if (!up) break;
        up = false;
        outages += 1;
        outage.because(LOST, { server: status.data });
        void findCause(options, outage, isDown(outages));
        break;
      case Events.Reconnect:
        if (!up) outage.end();
        up = true;
        refusals.clear();
        break;
      case Events.Error:
        logStatus(status, outage, log, refusals);
        break;
      default:
    }
  }
}

/** Finds why a new connection cannot be made, as long as the outage lasts. It never rejects. */
async function findCause(
  options: ConnectionOptions,
  outage: Outage,
  isDown: () => boolean,
): Promise<void> {
  while (isDown()) {
    await delay(FIND_CAUSE_EVERY_MS, undefined, { ref: false });
    if (!isDown()) return;
    const trouble = await connect({ ...options, reconnect: false })
      .then((connection) => connection.close())
      .then(() => undefined, connectTroubleOf);
    if (trouble !== undefined && isDown()) outage.because(trouble);
  }
}

/** A permission that is missing does not end the connection; it is said once a connection. */
function logStatus(status: Status, outage: Outage, log: Log, refusals: Set<string>): void {
  if (status.data !== REFUSED_PERMISSION) {
    outage.because(troubleOfCode(String(status.data)));
    return;
  }
  const { operation, subject } = status.permissionContext ?? { operation: "", subject: "" };
  // The subject of an answer is another one for each request.
  const key = `${operation} ${subject.replace(/^_INBOX\..*/, "_INBOX.>")}`;
  if (refusals.has(key) || refusals.size >= REFUSALS_KEPT) return;
  refusals.add(key);
  log.warn("NATS refuses a permission that the service needs", { operation, subject });
}
