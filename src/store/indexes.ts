/**
 * Builds the indexes that schema/ declares and the database lacks, and drops those that they replace.
 * Boundary: one connection of its own, beside the running service. Migrations make no index on a table that may be
 * large.
 * Invariants:
 * X1 No statement waits in front of readers or writers: every build and every drop is CONCURRENTLY.
 * X2 One replica builds at a time; the others try again later. The lock is tried, not waited for: a session that waits
 *    inside a statement would in turn stop the build, which waits for older statements.
 * X3 A build that was cut off leaves an invalid index, which is dropped and built anew.
 * X4 An index whose columns change gets another name. Old names are dropped only when all declared indexes are valid.
 */
import { is, SQL } from "drizzle-orm";
import { getTableConfig, type Index, IndexedColumn, PgDialect, PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { translateClientError } from "./pg-errors.ts";
import { tables } from "./schema/tables.ts";
import { withSession } from "./session.ts";

/** A declared index and the statement that builds it. */
export interface DeclaredIndex {
  readonly name: string;
  readonly build: string;
}

/** What buildIndexes needs; an aborted `signal` ends the connection, and with it the build. */
export interface IndexOptions {
  readonly url: string;
  readonly log: { info(message: string, facts?: Record<string, unknown>): void };
  readonly signal?: AbortSignal;
}

/** Names of earlier releases that no statement of this release uses. */
export const RETIRED_INDEXES = [
  "workflow_runs_newest",
  "workflow_runs_of_definition",
  "workflow_runs_of_entity",
  "kept_events_type",
  "kept_events_subject",
  "effects_lease",
  "step_runs_waiting",
  "workflow_definitions_trigger",
  "wait_patterns_key",
];

// Any number that no other program uses; all releases must agree on it.
const LOCK_KEY = 7_302_117;
const CONNECT_TIMEOUT_MS = 10_000;
/** A build that takes longer has a log line of its own. */
const LONG_BUILD_MS = 1_000;
const FIND = `select c.relname as name, i.indisvalid as valid
  from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relnamespace = (
    select relnamespace from pg_class where oid = to_regclass('workflow_runs'))`;

/** Every index of schema/ besides primary keys. */
export function declaredIndexes(): DeclaredIndex[] {
  const all = Object.values(tables).filter((value) => is(value, PgTable));
  return all.flatMap((table) => {
    const { name, indexes } = getTableConfig(table);
    return indexes.map((index) => renderIndex(name, index));
  });
}

/** Brings the indexes up to schema/; false: another replica is at it. */
export async function buildIndexes({ url, log, signal }: IndexOptions): Promise<boolean> {
  const client = new pg.Client({
    // Builds take as long as they take, whatever the role's settings say.
    ...withSession(url, { statement_timeout: "0", lock_timeout: "0" }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "workflows indexes",
    keepAlive: true,
  });
  // The query that fails reports it.
  client.on("error", () => {});
  const cutOff = () => void client.end();
  try {
    await client.connect();
    if (signal?.aborted === true) return false;
    signal?.addEventListener("abort", cutOff, { once: true });
    const turn = await client.query<{ mine: boolean }>("select pg_try_advisory_lock($1) as mine", [
      LOCK_KEY,
    ]);
    if (turn.rows[0]?.mine !== true) return false;
    await buildMissing(client, log);
    return true;
  } catch (error) {
    throw translateClientError(error);
  } finally {
    signal?.removeEventListener("abort", cutOff);
    // The lock goes with the connection.
    await client.end();
  }
}

async function buildMissing(client: pg.Client, log: IndexOptions["log"]): Promise<void> {
  const found = await client.query<{ name: string; valid: boolean }>(FIND);
  const valid = new Map(found.rows.map((row) => [row.name, row.valid]));
  const built: string[] = [];
  for (const { name, build } of declaredIndexes()) {
    if (valid.get(name) === true) continue;
    if (valid.has(name)) await client.query(`drop index concurrently if exists "${name}"`);
    const startedAt = performance.now();
    await client.query(build);
    const ms = Math.round(performance.now() - startedAt);
    if (ms >= LONG_BUILD_MS) log.info("an index was built", { index: name, ms });
    else built.push(name);
  }
  if (built.length > 0) log.info("indexes were built", { indexes: built });
  const dropped = RETIRED_INDEXES.filter((name) => valid.has(name));
  for (const name of dropped) await client.query(`drop index concurrently if exists "${name}"`);
  if (dropped.length > 0) log.info("unused indexes were dropped", { indexes: dropped });
}

function renderIndex(table: string, { config }: Index): DeclaredIndex {
  const { name = "", unique, method = "btree", where } = config;
  const columns = config.columns.map((column) => {
    if (is(column, SQL)) return textOf(column);
    if (!is(column, IndexedColumn)) throw new Error(`index ${name} has an unknown column`);
    return `"${column.name}"${column.indexConfig.order === "desc" ? " desc nulls last" : ""}`;
  });
  const settings = Object.entries(config.with ?? {}).map(([key, value]) => `${key} = ${value}`);
  const build = [
    `create ${unique ? "unique " : ""}index concurrently "${name}" on "${table}"`,
    `using ${method} (${columns.join(", ")})`,
    ...(settings.length > 0 ? [`with (${settings.join(", ")})`] : []),
    ...(where === undefined ? [] : [`where ${textOf(where)}`]),
  ];
  return { name, build: build.join(" ") };
}

function textOf(sql: SQL): string {
  return new PgDialect().sqlToQuery(sql).sql;
}
