/**
 * What a statement costs whose rows are made by SQL: its generic plan, run and rolled back.
 * Boundary: statements are recorded as the store runs them, so that a test needs no text of its own.
 */
import type pg from "pg";
import type { Database, Statement } from "../../../src/store/database.ts";

/** A statement with the values it was run with. */
export interface RanStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** What running a statement cost. */
export interface Explained {
  /** Pages of 8 KiB that were read, from memory or disk. */
  readonly buffers: number;
  /** Tables that were read as a whole. */
  readonly scanned: readonly string[];
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

/** A database that remembers the statements of its transactions and reads. */
export function recordStatements(database: Database): { database: Database; ran: RanStatement[] } {
  const ran: RanStatement[] = [];
  const recording = (queries: Database["read"]): Database["read"] => ({
    ...queries,
    query(statement, values) {
      ran.push({ statement, values });
      return queries.query(statement, values);
    },
  });
  return {
    ran,
    database: {
      ...database,
      read: recording(database.read),
      transaction: (work) => database.transaction((tx) => work(recording(tx))),
    },
  };
}

/** Runs a statement by its generic plan, as a connection does that ran it often, and rolls it back. */
export async function explain(sql: pg.Client, ran: RanStatement): Promise<Explained> {
  const { name, text } = ran.statement;
  const literals = ran.values.map((value) => sql.escapeLiteral(textOf(value)));
  await sql.query("begin");
  await sql.query("set local plan_cache_mode = force_generic_plan");
  await sql.query(`prepare ${name} as ${text}`);
  const execute = literals.length === 0 ? name : `${name}(${literals.join(", ")})`;
  const { rows } = await sql.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
    `explain (analyze, buffers, format json) execute ${execute}`,
  );
  await sql.query("rollback");
  await sql.query(`deallocate ${name}`);
  const plan = rows[0]?.["QUERY PLAN"][0].Plan;
  if (plan === undefined) throw new Error("a statement has no plan");
  return {
    buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
    scanned: nodesOf(plan).flatMap((node) =>
      node["Node Type"] === "Seq Scan" ? [node["Relation Name"] ?? ""] : [],
    ),
  };
}

/** A number, text or list of these as Postgres reads it. */
function textOf(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return `{${value.map((each) => JSON.stringify(String(each))).join(",")}}`;
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
