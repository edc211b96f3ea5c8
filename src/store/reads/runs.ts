/**
 * Reads of runs, for answers of RPCs.
 * Boundary: engine values, committed state.
 */
import { and, count, eq, getTableColumns, inArray, ne, type SQL, sql } from "drizzle-orm";
import { type AnyPgColumn, unionAll } from "drizzle-orm/pg-core";
import { RUN_STATES, type Run, type RunState } from "../../engine/values/run.ts";
import type { Queries } from "../database.ts";
import { runOfRow } from "../rows.ts";
import { workflowRuns } from "../schema/runs.ts";
import { findManyRunRows, type WholeRun } from "./many-runs.ts";
import { COUNT_LIMIT, NEWEST_FIRST } from "./page.ts";
import { seenBy, sees, type Visibility } from "./visibility.ts";

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
export async function findRunRows(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<WholeRun | undefined> {
  return (await findManyRunRows(db, visibility, [runId])).get(runId);
}

/** Runs without inputs, those that exist. */
export async function findRuns(
  db: Queries,
  visibility: Visibility,
  runIds: readonly string[],
): Promise<Run[]> {
  const rows = await db.build
    .select(LISTED)
    .from(workflowRuns)
    .where(
      and(inArray(workflowRuns.id, [...runIds]), seenBy(visibility, workflowRuns.workspaceId)),
    );
  return rows.map(runOfRow);
}

/** One page of runs without inputs, newest first; `total` is exact to 10,000 and 10,000 beyond. */
export async function listRuns(
  db: Queries,
  visibility: Visibility,
  filters: RunFilters,
): Promise<{ runs: Run[]; total: number }> {
  const { workspaceId, limit, offset } = filters;
  if (!sees(visibility, workspaceId)) return { runs: [], total: 0 };
  const counted = db.build
    .select({ one: sql`1`.as("one") })
    .from(matching(db, filters, COUNT_LIMIT))
    .limit(COUNT_LIMIT)
    .as("counted");
  const [rows, totals] = await Promise.all([
    db.build
      .select()
      .from(matching(db, filters, limit + offset))
      .orderBy(...NEWEST_FIRST)
      .limit(limit)
      .offset(offset),
    db.build.select({ total: count() }).from(counted),
  ]);
  return { runs: rows.map(runOfRow), total: totals[0]?.total ?? 0 };
}

// Each state is a range of an index that is sorted as the list is. Without a state Postgres merges the ranges of all
// and stops at the page's end, so that a list reads what it shows. Only branches with an order of their own are merged.
function matching(db: Queries, filters: RunFilters, atMost: number) {
  const inState = (state: RunState) =>
    db.build
      .select(LISTED)
      .from(workflowRuns)
      .where(runFilter(filters, state))
      .orderBy(...NEWEST_FIRST)
      .limit(atMost);
  if (filters.state !== undefined) return inState(filters.state).as("matching");
  const [first, second, ...others] = RUN_STATES;
  return unionAll(inState(first), inState(second), ...others.map(inState)).as("matching");
}

function runFilter(filters: RunFilters, state: RunState): SQL | undefined {
  const { workspaceId, definitionId, entityId, initiatorAgentId } = filters;
  return and(
    eq(workflowRuns.workspaceId, workspaceId),
    definitionId === "" ? undefined : eq(workflowRuns.definitionId, definitionId),
    entityId === "" ? undefined : given(workflowRuns.entityId, entityId),
    initiatorAgentId === "" ? undefined : given(workflowRuns.initiatorAgentId, initiatorAgentId),
    eq(workflowRuns.state, state),
  );
}

// The indexes of these columns leave out empty values, which a planner that does not see the value cannot know.
function given(column: AnyPgColumn, value: string): SQL | undefined {
  return and(eq(column, value), ne(column, ""));
}
