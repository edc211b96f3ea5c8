/**
 * Reads of runs, for answers of RPCs.
 * Boundary: engine values, committed state; who may see a run is the caller's question (each run names its workspace).
 */
import { and, count, desc, eq, getTableColumns, inArray, type SQL, sql } from "drizzle-orm";
import type { Run, RunState } from "../../engine/run.ts";
import type { Queries } from "../database.ts";
import { runOfRow } from "../rows.ts";
import { workflowRuns } from "../schema.ts";
import { findManyRunRows, type WholeRun } from "./many-runs.ts";
import { COUNT_LIMIT } from "./page.ts";

/** Filters of a list of runs; "" and undefined take all. */
export interface RunFilters {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly state?: RunState | undefined;
  readonly entityId: string;
  readonly initiatorAgentId: string;
  readonly limit: number;
  readonly offset: number;
}

const { inputPayload, ...LISTED } = getTableColumns(workflowRuns);

/** The run with all its rows, of one moment; of its payloads what fits (many-runs.ts). */
export async function findRunRows(db: Queries, runId: string): Promise<WholeRun | undefined> {
  return (await findManyRunRows(db, [runId])).get(runId);
}

/** Runs without inputs, those that exist. */
export async function findRuns(db: Queries, runIds: readonly string[]): Promise<Run[]> {
  const rows = await db.build
    .select(LISTED)
    .from(workflowRuns)
    .where(inArray(workflowRuns.id, [...runIds]));
  return rows.map(runOfRow);
}

/** One page of runs without inputs, newest first; `total` is exact to 10,000 and 10,000 beyond. */
export async function listRuns(
  db: Queries,
  filters: RunFilters,
): Promise<{ runs: Run[]; total: number }> {
  const wanted = runFilter(filters);
  const counted = db.build
    .select({ one: sql`1`.as("one") })
    .from(workflowRuns)
    .where(wanted)
    .limit(COUNT_LIMIT)
    .as("counted");
  const [rows, totals] = await Promise.all([
    db.build
      .select(LISTED)
      .from(workflowRuns)
      .where(wanted)
      .orderBy(desc(workflowRuns.createdAt), desc(workflowRuns.id))
      .limit(filters.limit)
      .offset(filters.offset),
    db.build.select({ total: count() }).from(counted),
  ]);
  return { runs: rows.map(runOfRow), total: totals[0]?.total ?? 0 };
}

function runFilter(filters: RunFilters): SQL | undefined {
  const { workspaceId, definitionId, state, entityId, initiatorAgentId } = filters;
  return and(
    eq(workflowRuns.workspaceId, workspaceId),
    definitionId === "" ? undefined : eq(workflowRuns.definitionId, definitionId),
    state === undefined ? undefined : eq(workflowRuns.state, state),
    entityId === "" ? undefined : eq(workflowRuns.entityId, entityId),
    initiatorAgentId === "" ? undefined : eq(workflowRuns.initiatorAgentId, initiatorAgentId),
  );
}
