/**
 * The way to Postgres: a few small pools, statements that are planned once, transactions.
 * Boundary: knows connections and their limits, no tables.
 * Invariants:
 * D1 Every wait has a limit: for a connection, a statement, a lock, an idle transaction, a lost peer.
 * D2 Reads have connections of their own, so a transaction may read beside itself without starving. What callers read
 *    and what they list are apart from it: no number of lists keeps routing, timers, readiness or another answer
 *    waiting.
 * D3 A connection whose transaction did not end cleanly is closed, never given back.
 */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import pg from "pg";
import { reached } from "../process/crash-points.ts";
import { AnswerLost, isAway, isRefused, translateClientError } from "./pg-errors.ts";
import { withSession } from "./session.ts";

/** A statement that is planned once a connection under its name; the name stands for this text alone. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /**
   * It changes nothing, so that a transaction may send it together with its BEGIN. A statement that writes must not be:
   * where the BEGIN fails by itself, it would be committed.
   */
  readonly withBegin?: true;
}

/** Something that runs statements: the reading side or a transaction. */
export interface Queries {
  /** Runs a prepared statement; timestamps come as Date, bigint as number, jsonb parsed, bytea as Buffer. */
  query<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]>;
  /** Typed builder over the schema, for statements whose parts vary (filters, pages). */
  readonly build: NodePgDatabase;
}

/** A transaction that is open (READ COMMITTED). */
export type Tx = Queries;

/** How a transaction is opened. */
interface TransactionOptions {
  readonly withBegin?: boolean;
}

/** A connected database. Errors of connections are DatabaseAway (see pg-errors.ts). */
export interface Database {
  /** What the service itself reads: routing, timers, readiness, publishing. */
  readonly read: Queries;
  /** What callers read by an id, the answers of writes included. */
  readonly callers: Queries;
  /** What callers list; a list may take 5 s. */
  readonly lists: Queries;
  /** Statements on the writers' connections, each by itself: what a batch reads does not wait behind other reads. */
  readonly write: Queries;
  /**
   * Statements that write, each a transaction of its own: its answer says that it is committed. Rejects with AnswerLost where it
   * was sent and no answer came.
   */
  readonly alone: Pick<Queries, "query">;
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. With `withBegin`, statements
   * that say so go out together with the BEGIN, and `build` is not to be used.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Waits for open work, then closes every connection. */
  close(): Promise<void>;
}

/** What openDatabase needs; `poolSize` counts all connections, at least 5. */
export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize?: number;
  /** Settings of its sessions in place of those of session.ts. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: { warn(message: string, facts?: Record<string, unknown>): void };
}

const POOL_SIZE = 18;
const POOL_SIZE_AT_LEAST = 5;
const READ_CONNECTIONS_AT_MOST = 4;
const LIST_CONNECTIONS_AT_MOST = 2;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
const LIST_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 3_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
// Longer than the server's own limit: it is only reached when the peer is gone without a word.
const ANSWER_TIMEOUT_MS = 15_000;

// A plan that was made while the tables were empty is kept until they are analysed, so no scan is chosen for a small table: every
// statement has an index. `jit` goes by the price of a plan, which is unreal where a scan cannot be avoided.
const BY_INDEX = { enable_seqscan: "off", jit: "off" };
// By a key one plan fits all values (test:scale proves it for each statement), and planning by the values takes longer than a
// look-up itself.
const PLANNED_ONCE = { ...BY_INDEX, plan_cache_mode: "force_generic_plan" };
// Writers, and answers by an id, look each row up by its key. Whatever a parameter holds, the planner expects a hundred rows
// of it, and beside some thousand stored runs it would read whole tables for them.
const POINT_LOOK_UPS = { ...PLANNED_ONCE, enable_hashjoin: "off", enable_mergejoin: "off" };

const types = makeTypes();

/** Opens the pools; connections are made when they are needed, so a server that is away is no error here. */
export function openDatabase(options: DatabaseOptions): Database {
  const poolSize = Math.max(POOL_SIZE_AT_LEAST, options.poolSize ?? POOL_SIZE);
  const readers = Math.min(READ_CONNECTIONS_AT_MOST, Math.floor(poolSize / 4));
  const listers = Math.min(LIST_CONNECTIONS_AT_MOST, Math.floor(poolSize / 4));
  const byIndex = { ...options, settings: { ...BY_INDEX, ...options.settings } };
  const lookingUp = { ...options, settings: { ...POINT_LOOK_UPS, ...options.settings } };
  const plannedOnce = { ...options, settings: { ...PLANNED_ONCE, ...options.settings } };
  const reads = openPool(plannedOnce, readers);
  const callers = openPool(lookingUp, readers);
  const lists = openPool(byIndex, listers, LIST_TIMEOUT_MS);
  const writers = poolSize - 2 * readers - listers;
  const writes = openPool(lookingUp, writers, STATEMENT_TIMEOUT_MS, true);
  return {
    read: queriesOf(reads),
    callers: queriesOf(callers),
    lists: queriesOf(lists),
    write: queriesOf(writes),
    alone: aloneOn(writes),
    transaction: (work, opened) => runTransaction(writes, work, opened),
    async close() {
      await Promise.all([reads, callers, lists, writes].map((pool) => pool.end()));
    },
  };
}

function openPool(
  { url, log, settings }: DatabaseOptions,
  size: number,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  pipeline = false,
): pg.Pool {
  const pool = new pg.Pool({
    ...withSession(url, settings),
    max: size,
    application_name: "workflows",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    pipeline,
    types,
  });
  const onError = (error: Error) => log.warn("a database connection failed", { error });
  // A pool reports idle connections only; one that is checked out would end the process.
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  return pool;
}

function queriesOf(source: pg.Pool | pg.PoolClient, begun?: Promise<void>): Queries {
  return {
    async query<Row extends pg.QueryResultRow>(
      { name, text, withBegin }: Statement,
      values: readonly unknown[],
    ) {
      if (withBegin === undefined) await begun;
      try {
        const result = await source.query<Row>({ name, text, values: [...values] });
        return result.rows;
      } catch (error) {
        throw translateClientError(error);
      }
    },
    build: drizzle({ client: source }),
  };
}

function aloneOn(pool: pg.Pool): Database["alone"] {
  return {
    async query<Row extends pg.QueryResultRow>(
      { name, text }: Statement,
      values: readonly unknown[],
    ) {
      const client = await connect(pool);
      let clean = false;
      try {
        const answer = client.query<Row>({ name, text, values: [...values] });
        const { rows } = await committedBy(answer);
        clean = true;
        return rows;
      } catch (error) {
        const cause = translateClientError(error);
        clean = !isAway(cause);
        if (clean || isRefused(cause)) throw cause;
        throw new AnswerLost("a commit was not answered", { cause });
      } finally {
        client.release(!clean);
      }
    },
  };
}

async function runTransaction<T>(
  pool: pg.Pool,
  work: (tx: Tx) => Promise<T>,
  { withBegin = false }: TransactionOptions = {},
): Promise<T> {
  const client = await connect(pool);
  let clean = false;
  try {
    const begun = begin(client);
    // Where it is not waited for here, it is before the first statement that writes, and before the commit.
    begun.catch(() => undefined);
    if (!withBegin) await begun;
    const result = await work(queriesOf(client, begun));
    await begun;
    await reached("transaction.written");
    await commit(client);
    clean = true;
    return result;
  } catch (error) {
    // What the work throws by itself, a refusal for instance, goes to the caller as it is.
    clean = !isAway(error) && (await rollBack(client));
    throw error;
  } finally {
    client.release(!clean);
  }
}

async function begin(client: pg.PoolClient): Promise<void> {
  try {
    await client.query("begin");
  } catch (error) {
    throw translateClientError(error);
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await committedBy(client.query("commit"));
  } catch (error) {
    throw translateClientError(error);
  }
}

/** The answer of what commits: its outcome is unknown from the moment it is sent until it is answered. */
async function committedBy<Answer>(answer: Promise<Answer>): Promise<Answer> {
  const [answered] = await Promise.all([answer, reached("commit.sent")]);
  await reached("commit.answered");
  return answered;
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw translateClientError(error);
  }
}

async function rollBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query("rollback");
    return true;
  } catch {
    // The connection is gone, and the transaction with it; the caller throws the first error.
    return false;
  }
}

function makeTypes(): pg.CustomTypesConfig {
  const bigint = pg.types.builtins.INT8;
  return {
    getTypeParser: (oid: number, format?: "text" | "binary") =>
      oid === bigint ? Number : pg.types.getTypeParser(oid, format ?? "text"),
  };
}
