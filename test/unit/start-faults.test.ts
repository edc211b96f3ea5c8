/** Why a start failed, in one line for the operator: an address is taken, a server is away or refuses. */
import { createServer } from "node:http";
import { expect, it } from "vitest";
import { startFault } from "../../src/start-faults.ts";
import { migrateDatabase, SchemaTooOld } from "../../src/store/migrate.ts";

const config = { port: 8080, databaseUrl: "postgres://me:secret@127.0.0.1:1/db" };

/** What listening on a port that is taken throws, and that port. */
async function listenOnTaken(): Promise<{ error: Error; port: number }> {
  const first = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => first.once("listening", resolve));
  const address = first.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const second = createServer();
  const failed = new Promise<Error>((resolve) => second.once("error", resolve));
  second.listen(port, "127.0.0.1");
  const error = await failed;
  first.close();
  return { error, port };
}

it("a port that is taken", async () => {
  const { error, port } = await listenOnTaken();
  const place = `127.0.0.1:${port} is taken by another process`;
  expect(startFault(error, { ...config, port })).toBe(`PORT cannot be used: ${place}`);
  expect(startFault(error, config)).toBe(`METRICS_PORT cannot be used: ${place}`);
});

it("a database that is away, without its password", async () => {
  const error: unknown = await migrateDatabase(config.databaseUrl).catch((thrown) => thrown);
  expect(startFault(error, config)).toBe(
    "DATABASE_URL is postgres://me:***@127.0.0.1:1/db; Postgres does not answer there (ECONNREFUSED)",
  );
});

it("a table that stays locked while it is to be migrated", () => {
  const error = Object.assign(new Error("canceling statement"), { code: "55P03" });
  expect(startFault(error, config)).toContain(
    "another session keeps a lock that a migration needs",
  );
});

it("a schema that is too old, and a bug", () => {
  expect(startFault(new SchemaTooOld("too old"), config)).toBe("too old");
  expect(startFault(new Error("a bug"), config)).toBeUndefined();
});
