/**
 * A database that explains every statement it is asked, beside running it: plan, tables read from end to end, pages.
 * Boundary: the statements are those that the service's own functions send. Everything a case does is rolled back.
 */
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import type { Database, Queries, Statement } from "../../src/store/database.ts";
import { GROWING } from "./rows.ts";

/** What one statement read. */
export interface Cost {
  /** The statement's name, or the beginning of its text where it has none. */
  readonly statement: string;
  readonly plans: Plans;
  /** Tables that grow and were read from end to end. */
  readonly scanned: readonly string[];
  /** Pages, in memory or not. */
  readonly buffers: number;
}

/** Whether the planner sees the parameters' values; after some calls a prepared statement may be planned without. */
type Plans = "custom" | "generic";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

const TEXT_SHOWN = 60;

/** What the statements of `work` cost, in the order in which they were sent. */
export async function explain(
  url: string,
  work: (database: Database) => Promise<unknown>,
): Promise<Cost[]> {
  const client = new pg.Client({ connectionString: url, types: bigintsAsNumbers() });
  await client.connect();
  try {
    await client.query("set jit = off; set max_parallel_workers_per_gather = 0; begin");
    const explainer = new Explainer(client);
    await work(explainer.database);
    await explainer.explainBuilt();
    return explainer.costs;
  } finally {
    await client.query("rollback");
    await client.end();
  }
}

class Explainer {
  readonly costs: Cost[] = [];
  readonly database: Database;
  readonly #client: pg.Client;
  readonly #built: { text: string; values: readonly unknown[] }[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: pg.Client) {
    this.#client = client;
    const logger = {
      logQuery: (text: string, values: unknown[]) => void this.#built.push({ text, values }),
    };
    const queries: Queries = {
      query: (statement, values) => this.#inTurn(() => this.#query(statement, values)),
      build: drizzle({ client, logger }),
    };
    this.database = {
      read: queries,
      callers: queries,
      lists: queries,
      write: queries,
      alone: queries,
      transaction: (work) => work(queries),
      close: async () => {},
    };
  }

  /** Statements of the builder have no name, so they are planned with their values each time. */
  async explainBuilt(): Promise<void> {
    for (const { text, values } of this.#built) {
      // What it inserts or updates is there already.
      if (!/^(select|with)\b/.test(text)) continue;
      const statement = text.replaceAll(/\s+/g, " ").slice(0, TEXT_SHOWN);
      await this.#explain(statement, text, values, "custom");
    }
  }

  // One at a time: each is explained in a savepoint of its own.
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #query<Row extends pg.QueryResultRow>(
    { name, text }: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    for (const plans of ["custom", "generic"] as const) {
      await this.#explain(name, text, values, plans);
    }
    return (await this.#client.query<Row>(text, [...values])).rows;
  }

  /** The second of two runs counts: the first one finds rows that are dead and marks them so. */
  async #explain(statement: string, text: string, values: readonly unknown[], plans: Plans) {
    const client = this.#client;
    await client.query(`prepare explained as ${text}`);
    await client.query(`set local plan_cache_mode = force_${plans}_plan`);
    const literals = values.map((value) => literalOf(client, value)).join(", ");
    const call = `explained${values.length === 0 ? "" : `(${literals})`}`;
    let cost: Cost | undefined;
    for (let run = 1; run <= 2; run += 1) {
      await client.query("savepoint explained");
      const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
        `explain (analyze, buffers, timing off, format json) execute ${call}`,
      );
      // Released too: what is written after it has the transaction's own id, by which versions of rows are known.
      await client.query("rollback to explained");
      await client.query("release explained");
      const plan = rows[0]?.["QUERY PLAN"][0].Plan;
      if (plan !== undefined) {
        const buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
        cost = { statement, plans, scanned: scannedIn(plan), buffers };
      }
    }
    await client.query("deallocate explained");
    if (cost === undefined) throw new Error(`${statement} has no plan`);
    this.costs.push(cost);
  }
}

function scannedIn(node: PlanNode): string[] {
  const table = node["Relation Name"];
  const own =
    node["Node Type"] === "Seq Scan" && table !== undefined && GROWING.includes(table)
      ? [table]
      : [];
  return [...own, ...(node.Plans ?? []).flatMap(scannedIn)];
}

function literalOf(client: pg.Client, value: unknown): string {
  return value === null || value === undefined ? "null" : client.escapeLiteral(textOf(value));
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(elementOf).join(",")}}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function elementOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return `"${textOf(value).replaceAll(/["\\]/g, "\\$&")}"`;
}

function bigintsAsNumbers(): pg.CustomTypesConfig {
  const bigint = pg.types.builtins.INT8;
  return {
    getTypeParser: (oid: number, format?: "text" | "binary") =>
      oid === bigint ? Number : pg.types.getTypeParser(oid, format ?? "text"),
  };
}
