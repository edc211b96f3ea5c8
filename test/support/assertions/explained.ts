/** What a statement of the store reads: its plan and buffers, by EXPLAIN, planned once for all values as the store does. */
import pg from "pg";
import type { Database, Queries, Statement } from "../../../src/store/database.ts";

/** What a statement read. */
export interface Explained {
  /** Pages of tables and indexes, cached or not. */
  readonly buffers: number;
  /** Tables that were scanned from end to end. */
  readonly scanned: string[];
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Loops"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Runs the first statement of `work` under EXPLAIN. */
export async function explain(
  client: pg.Client,
  database: Database,
  work: (queries: Queries) => Promise<unknown>,
): Promise<Explained> {
  const recorded: { statement: Statement; values: readonly unknown[] }[] = [];
  await work({
    build: database.read.build,
    query(statement, values) {
      recorded.push({ statement, values });
      return Promise.resolve([]);
    },
  });
  const [first] = recorded;
  if (first === undefined) throw new Error("no statement was run");
  const { statement, values } = first;
  await client.query("set plan_cache_mode = force_generic_plan");
  await client.query(`prepare explained as ${statement.text}`);
  const literals = values.map(literalOf).join(", ");
  const { rows } = await client.query(
    `explain (analyze, buffers, format json) execute explained(${literals})`,
  );
  await client.query("deallocate explained");
  const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
  return {
    buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
    scanned: nodesOf(plan).flatMap((node) =>
      node["Node Type"] === "Seq Scan" && node["Actual Loops"] !== 0
        ? [node["Relation Name"] ?? ""]
        : [],
    ),
  };
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function literalOf(value: unknown): string {
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  if (!Array.isArray(value)) return pg.escapeLiteral(String(value));
  return pg.escapeLiteral(`{${value.map((item) => JSON.stringify(item)).join(",")}}`);
}
