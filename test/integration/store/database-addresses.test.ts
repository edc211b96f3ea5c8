/**
 * Ways to a Postgres other than a plain TCP connection: its socket, and TLS with certificates that are trusted and not.
 * Boundary: a Postgres of its own, for it has a socket and certificates; needs the program openssl.
 */
import { chown, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../../src/config.ts";
import { createReadiness } from "../../../src/ingress/rpc/readiness.ts";
import { createLog } from "../../../src/process/log.ts";
import { startFault } from "../../../src/start-faults.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { migrateDatabase } from "../../../src/store/migrate.ts";
import { isAway } from "../../../src/store/pg-errors.ts";
import { type Guard, startGuard } from "../../../tools/parts/guard.ts";
import { type Postgres, startPostgres } from "../../../tools/parts/postgres.ts";
import { until } from "../../support/assertions/until.ts";
import { type Certificates, makeCertificates } from "../../support/servers/certificates.ts";

const log = createLog({ level: "error", format: "json", write() {} });

let guard: Guard;
let postgres: Postgres;
let socketFolder: string;
let sql: pg.Client;
let certificates: Certificates;

beforeAll(async () => {
  guard = await startGuard("workflows-addresses-");
  socketFolder = join(guard.folder, "postgres");
  const settings = [`unix_socket_directories=${socketFolder}`];
  postgres = await startPostgres(guard, { fastDisk: true, settings });
  sql = new pg.Client({ connectionString: postgres.url });
  await sql.connect();
  certificates = makeCertificates(guard.folder);
});
afterAll(async () => {
  await sql?.end();
  await postgres?.stop();
  await guard?.release();
});

/** The server's URL with these parameters. */
function urlWith(parameters: Readonly<Record<string, string>>, host = "127.0.0.1"): string {
  const url = new URL(postgres.url);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** What the start says of the URL, after the URL; undefined when it can be used. */
async function faultOf(url: string): Promise<string | undefined> {
  const error: unknown = await migrateDatabase(url).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return undefined;
  const fault = startFault(error, { port: 1, databaseUrl: url }) ?? "no fault of the surroundings";
  return fault.replace(/^.*?; /, "");
}

/** Lets new connections have this certificate. */
async function useCertificate({ cert, key }: Certificates["selfSigned"]): Promise<void> {
  const { uid, gid } = await stat(dirname(join(socketFolder, "data")));
  for (const file of [cert, key]) await chown(file, uid, gid);
  await sql.query("alter system set ssl = on");
  await sql.query(`alter system set ssl_cert_file = '${cert}'`);
  await sql.query(`alter system set ssl_key_file = '${key}'`);
  await sql.query("select pg_reload_conf()");
  const settings = "select current_setting('ssl') || current_setting('ssl_cert_file') as now";
  const now = async () => (await sql.query<{ now: string }>(settings)).rows[0]?.now;
  await until(async () => ((await now()) === `on${cert}` ? true : undefined));
}

describe("a socket", () => {
  it.each(["plain", "escaped"])("is a way to Postgres, its folder %s", async (form) => {
    const { port, username, password } = new URL(postgres.url);
    const host = form === "plain" ? socketFolder : encodeURIComponent(socketFolder);
    const url = `postgres://${username}:${password}@/postgres?host=${host}&port=${port}`;
    const read = readConfig({ DATABASE_URL: url, NATS_URL: "nats://127.0.0.1:1" });
    expect(read.ok && read.config.databaseUrl).toBe(url);
    await migrateDatabase(url);
    const database = openDatabase({ url, log });
    const text =
      "select inet_server_addr() is null as socket, current_setting('search_path') as path";
    const way = { name: "test_way", text };
    const rows = await database.transaction((tx) => tx.query(way, []));
    expect(rows).toEqual([{ socket: true, path: "public" }]);
    await database.close();
  });

  it("that is not there is named by its code", async () => {
    expect(await faultOf(`postgres://u@/db?host=${guard.folder}/none`)).toBe(
      "Postgres does not answer there (ENOENT)",
    );
  });
});

describe("TLS", () => {
  const TLS = { sslmode: "verify-full" };

  it("that the server does not have is named", async () => {
    expect(await faultOf(urlWith(TLS))).toBe(
      "no connection can be made: The server does not support SSL connections",
    );
  });

  it("with a certificate of a CA of one's own is refused by name, and taken with sslrootcert", async () => {
    await useCertificate(certificates.signed("IP:127.0.0.1"));
    expect(await faultOf(urlWith(TLS))).toBe("the certificate of Postgres is not trusted");
    const trusting = urlWith({ ...TLS, sslrootcert: certificates.ca });
    expect(await faultOf(trusting)).toBeUndefined();
    const database = openDatabase({ url: trusting, log });
    const text = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    expect(await database.read.query({ name: "test_ssl", text }, [])).toEqual([{ ssl: true }]);
    await database.close();
  });

  it("with a self-signed certificate, or one for another host, is refused by name", async () => {
    await useCertificate(certificates.selfSigned);
    expect(await faultOf(urlWith(TLS))).toBe(
      "the certificate of Postgres is not trusted (self-signed)",
    );
    await useCertificate(certificates.signed("DNS:elsewhere"));
    expect(await faultOf(urlWith({ ...TLS, sslrootcert: certificates.ca }))).toBe(
      "the certificate of Postgres is for another host",
    );
  });

  it("with a file of DATABASE_URL that cannot be read names the file", async () => {
    expect(await faultOf(urlWith({ ...TLS, sslrootcert: "/none/ca.pem" }))).toBe(
      "the file /none/ca.pem, which DATABASE_URL names, cannot be read (ENOENT)",
    );
  });
});

it("a password that is missing is named", async () => {
  const url = new URL(postgres.url);
  url.password = "";
  expect(await faultOf(url.href)).toMatch(/^no connection can be made: .*password/);
});

it("a connection that is refused while the service runs is an outage, not a fault of the work", async () => {
  await sql.query("create role changing login password 'old'");
  await sql.query("create database closing");
  const url = new URL(postgres.url);
  [url.username, url.password, url.pathname] = ["changing", "old", "/closing"];
  const one = { name: "test_one", text: "select 1 as one" };
  const failures = async () => {
    // A database of its own for each look, as a pool that has lost its connections.
    const database = openDatabase({ url: url.href, log });
    const reading = await database.read.query(one, []).catch(isAway);
    const writing = await database.transaction((tx) => tx.query(one, [])).catch(isAway);
    await database.close();
    return [reading, writing];
  };
  expect(await failures()).toEqual([[{ one: 1 }], [{ one: 1 }]]);
  await sql.query("alter role changing password 'new'");
  expect(await failures()).toEqual([true, true]);
  await sql.query("alter role changing nologin password 'old'");
  expect(await failures()).toEqual([true, true]);
  await sql.query("alter role changing login");
  await sql.query("alter database closing allow_connections false");
  expect(await failures()).toEqual([true, true]);
  expect(await faultOf(url.href)).toBe("the database takes no connections");
  await sql.query("drop database closing");
  expect(await failures()).toEqual([true, true]);
});

it("/readyz names the certificate that is not trusted, or the password that is refused", async () => {
  await useCertificate(certificates.selfSigned);
  const wrong = new URL(postgres.url);
  wrong.password = "wrong";
  for (const [url, cause] of [
    [urlWith({ sslmode: "verify-full" }), /the certificate of Postgres is not trusted/],
    [wrong.href, /Postgres refuses its user or password/],
  ] as const) {
    const database = openDatabase({ url, log });
    const probe = createReadiness({ database, log, busTroubles: () => ({ bus: undefined }) });
    const { status, parts } = await probe();
    expect([status, parts.database]).toEqual(["down", expect.stringMatching(cause)]);
    await database.close();
  }
});
