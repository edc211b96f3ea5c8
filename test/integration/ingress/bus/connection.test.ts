/**
 * The connection to NATS outlives whatever ends it: other credentials, missing permissions, a server that is gone.
 * Boundary: needs the program nats-server; each test has a server of its own.
 */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type AckedPublish,
  openAckedPublish,
} from "../../../../src/egress/publish/acked-publish.ts";
import { connectBus } from "../../../../src/ingress/bus/connection.ts";
import { createLog } from "../../../../src/process/log.ts";
import { makeCertificates } from "../../../support/servers/certificates.ts";
import { makeNatsOperator } from "../../../support/servers/nats-operator.ts";
import { type OwnNats, startOwnNats } from "../../../support/servers/own-nats.ts";

const WAIT = { timeout: 20_000, interval: 20 };
const RIGHT = 'authorization { user: "u", password: "right" }';
const OTHER = 'authorization { user: "u", password: "other" }';
const AWAY = "no NATS server accepts a connection";
const UNTRUSTED = "the certificate of NATS is not trusted";
const REFUSED = "NATS refuses the user, password, token or credentials";

const stops: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startServer(settings: string): Promise<OwnNats> {
  const nats = await startOwnNats(settings);
  stops.push(nats.stop);
  return nats;
}

/** The service's connection with its log lines and the troubles that it reported. */
function connectTo(nats: OwnNats, credentials: object) {
  const logged: { readonly [name: string]: unknown }[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    write: (line) => logged.push(JSON.parse(line)),
  });
  const troubles: (string | undefined)[] = [];
  const tell = (trouble: string | undefined) => troubles.push(trouble);
  const connecting = connectBus({ servers: [nats.url], ...credentials }, log, tell);
  stops.push(async () => (await connecting).close());
  return { connecting, logged, troubles };
}

/** What was logged, without the moments in which a server restarts. */
function causesOf(logged: readonly { readonly [name: string]: unknown }[]): unknown[] {
  return logged.map(({ trouble, message }) => trouble ?? message).filter((cause) => cause !== AWAY);
}

function publishing(connection: NatsConnection): AckedPublish {
  const bus = openAckedPublish(connection, "ORDERS");
  stops.push(async () => bus.stop());
  return bus;
}

const event = (id: string) => ({
  id,
  subject: "orders.made",
  contentType: "text/plain",
  body: new Uint8Array([1]),
});

async function addStream(connection: NatsConnection): Promise<void> {
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
}

it("gives each message its own trace context, and none to one without", async () => {
  const nats = await startServer(RIGHT);
  const connection = await connectTo(nats, { user: "u", password: "right" }).connecting;
  await addStream(connection);
  const bus = publishing(connection);
  await bus.publish({ ...event("1"), traceparent: "00-1" });
  await bus.publish(event("2"));
  const manager = await connection.jetstreamManager();
  const traces = [1, 2].map(async (seq) => {
    const { header } = await manager.streams.getMessage("ORDERS", { seq });
    return header.get("traceparent");
  });
  expect(await Promise.all(traces)).toEqual(["00-1", ""]);
});

describe("the connection to NATS", () => {
  it("is made again when the password, refused many times, is right again", async () => {
    const nats = await startServer(RIGHT);
    const { connecting, logged, troubles } = connectTo(nats, { user: "u", password: "right" });
    const connection = await connecting;
    await addStream(connection);
    const bus = publishing(connection);
    expect(await bus.publish(event("1"))).toBe("stored");
    await nats.restart(OTHER);
    let tries = 0;
    void (async () => {
      for await (const { type } of connection.status()) if (type === "error") tries += 1;
    })();
    await vi.waitFor(() => expect(tries).toBeGreaterThan(3), WAIT);
    expect(troubles.at(-1)).toBe(REFUSED);
    await nats.restart(RIGHT);
    await vi.waitFor(() => expect(troubles.at(-1)).toBeUndefined(), WAIT);
    expect(connection.isClosed()).toBe(false);
    expect(await bus.publish(event("2"))).toBe("stored");
    const consumers = await connection.jetstreamManager();
    expect((await consumers.streams.info("ORDERS")).state.messages).toBe(2);
    // One line for the loss, one for each cause, one for the end; not one for each try.
    expect(causesOf(logged)).toEqual([
      "the connection was lost",
      REFUSED,
      "NATS can be used again",
    ]);
  });

  it("is made when the server refuses at first and accepts later", async () => {
    const nats = await startServer(OTHER);
    const { connecting, logged, troubles } = connectTo(nats, { user: "u", password: "right" });
    await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(3), WAIT);
    expect(troubles.at(-1)).toBe(REFUSED);
    expect(logged).toHaveLength(1);
    await nats.restart(RIGHT);
    expect((await connecting).isClosed()).toBe(false);
    expect(troubles.at(-1)).toBeUndefined();
  });

  it("takes a credentials file that was broken and is repaired", async () => {
    const nats = await startServer("");
    const credsFile = join(nats.folder, "user.creds");
    await replaceFile(credsFile, "nothing of use");
    const { connecting, logged, troubles } = connectTo(nats, { credsFile });
    // This server lets everyone in; what counts is that a file without credentials ends nothing.
    const connection = await connecting;
    expect(troubles).toContain("the file of NATS_CREDS_FILE cannot be used");
    await replaceFile(credsFile, credentials());
    await nats.restart("");
    await vi.waitFor(() => expect(troubles.at(-1)).toBeUndefined(), WAIT);
    expect(connection.isClosed()).toBe(false);
    const complaints = logged.filter(({ trouble }) => `${trouble}`.includes("NATS_CREDS_FILE"));
    expect(complaints).toHaveLength(1);
  });

  it("is made again with a new credentials file when the user of the old one has expired", async () => {
    const operator = makeNatsOperator();
    const nats = await startServer(operator.settings);
    const credsFile = join(nats.folder, "user.creds");
    const seconds = Math.ceil(Date.now() / 1_000);
    await replaceFile(credsFile, operator.credentials(seconds + 2));
    const { connecting, logged, troubles } = connectTo(nats, { credsFile });
    const connection = await connecting;
    await addStream(connection);
    const bus = publishing(connection);
    expect(await bus.publish(event("1"))).toBe("stored");
    // The server ends the connection when the user expires. It may accept the same file several times more in the second
    // in which it expires, each an outage of its own, and refuses it from then on.
    const refusals = () => troubles.filter((trouble) => trouble === REFUSED);
    await vi.waitFor(() => expect(refusals().length).toBeGreaterThan(3), WAIT);
    await replaceFile(credsFile, operator.credentials(seconds + 3_600));
    await vi.waitFor(() => expect(troubles.at(-1)).toBeUndefined(), WAIT);
    expect(connection.isClosed()).toBe(false);
    expect(await bus.publish(event("2"))).toBe("stored");
    const causes = causesOf(logged);
    const expired = "the credentials for NATS have expired";
    const again = "NATS can be used again";
    expect([...new Set(causes)].sort()).toEqual(
      [again, REFUSED, "the connection was lost", expired].sort(),
    );
    expect(causes.filter((cause) => cause === REFUSED)).toHaveLength(1);
    expect([causes.at(0), causes.at(-1)]).toEqual([expired, again]);
  });

  it("is made at the start once the expired credentials file is replaced", async () => {
    const operator = makeNatsOperator();
    const nats = await startServer(operator.settings);
    const credsFile = join(nats.folder, "user.creds");
    await replaceFile(credsFile, operator.credentials(1_700_000_001));
    const { connecting, logged, troubles } = connectTo(nats, { credsFile });
    await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(3), WAIT);
    expect(troubles.at(-1)).toBe(REFUSED);
    expect(logged).toHaveLength(1);
    await replaceFile(credsFile, operator.credentials(Math.ceil(Date.now() / 1_000) + 3_600));
    expect((await connecting).isClosed()).toBe(false);
  });

  it("names a certificate that is not trusted, and is made again without it", async () => {
    const nats = await startServer("");
    const certificates = makeCertificates(nats.folder);
    const { connecting, logged, troubles } = connectTo(nats, {});
    const connection = await connecting;
    await addStream(connection);
    const bus = publishing(connection);
    for (const { cert, key } of [certificates.signed("IP:127.0.0.1"), certificates.selfSigned]) {
      const before = troubles.length;
      await nats.restart(`tls { cert_file: "${cert}", key_file: "${key}" }`);
      await vi.waitFor(() => expect(troubles.slice(before)).toContain(UNTRUSTED), WAIT);
      // A first connection names it too.
      const other = connectTo(nats, {});
      await vi.waitFor(() => expect(other.troubles.at(-1)).toBe(UNTRUSTED), WAIT);
    }
    await nats.restart("");
    await vi.waitFor(() => expect(troubles.at(-1)).toBeUndefined(), WAIT);
    expect(await bus.publish(event("1"))).toBe("stored");
    expect(causesOf(logged)).toEqual([
      "the connection was lost",
      UNTRUSTED,
      "NATS can be used again",
    ]);
  });

  it("publishes again once the permission for its answers is back", async () => {
    const nats = await startServer(permissions("orders.>"));
    const owner = await connect({ servers: nats.url, user: "owner", pass: "p" });
    stops.push(() => owner.close());
    await addStream(owner);
    const { connecting, logged } = connectTo(nats, { user: "u", password: "right" });
    const bus = publishing(await connecting);
    expect(await bus.publish(event("1"))).toBe("lost");
    expect(logged).toHaveLength(1);
    await nats.restart(permissions("_INBOX.>"));
    await vi.waitFor(async () => expect(await bus.publish(event("2"))).toBe("stored"), WAIT);
  });
});

/** In one step: a reader never finds a part of it. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

function permissions(subscribe: string): string {
  return `authorization { users: [
    { user: "owner", password: "p" },
    { user: "u", password: "right", permissions: { publish: ">", subscribe: "${subscribe}" } } ] }`;
}

function credentials(): string {
  const block = (name: string, text: string) =>
    `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
  const seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
  return `${block("NATS USER JWT", "aGVhZA.Ym9keQ.c2ln")}\n${block("USER NKEY SEED", seed)}`;
}
