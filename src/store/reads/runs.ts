/**
 * Reads of runs, for answers of RPCs.
 * Boundary: engine values, committed state; who may see a run is the caller's question (each run names its workspace).
 */
import { and, count, eq, getTableColumns, ne, type SQL, sql } from "drizzle-orm";
import { type AnyPgColumn, unionAll } from "drizzle-orm/pg-core";
import type { RunRows } from "../../engine/draft.ts";
import type { JsonObject } from "../../engine/json.ts";
import { RUN_STATES, type Run, type RunState, type StepRun } from "../../engine/run.ts";
import type { Queries } from "../database.ts";
import { runOfRow, stepOfRow } from "../rows.ts";
import { stepRuns, workflowRuns } from "../schema.ts";
import { findChildIds } from "./child-ids.ts";
import { COUNT_LIMIT, NEWEST_FIRST } from "./page.ts";

/** A run with its input and every row of its steps. */
export interface WholeRun extends RunRows {
  readonly input: JsonObject;
  /** Ids of child runs by step, where a step has some and no output yet. */
  readonly childIds: ReadonlyMap<number, readonly string[]>;
}

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
// Planned and typed once for each connection pool; a reading side lives as long as the process.
const prepared = new WeakMap<Queries, ReturnType<typeof prepareFind>>();

/** The run with all its rows, of one moment. */
export async function findRunRows(db: Queries, runId: string): Promise<WholeRun | undefined> {
  const find = prepared.get(db) ?? prepareFind(db);
  prepared.set(db, find);
  const rows = await find.execute({ runId });
  const first = rows[0];
  if (first === undefined) return undefined;
  const steps = new Map<number, StepRun>();
  for (const { step } of rows) if (step !== null) steps.set(step.stepIndex, stepOfRow(step));
  const childIds = (await findChildIds(db, [...steps.values()])).get(runId) ?? new Map();
  return { run: runOfRow(first.run), input: first.input ?? {}, steps, childIds };
}

// One statement sees one moment. The input comes with the first row alone, for it can be large.
function prepareFind(db: Queries) {
  const rank = sql`row_number() over (order by ${stepRuns.stepIndex})`;
  return db.build
    .select({
      run: LISTED,
      input: sql<JsonObject | null>`case when ${rank} = 1 then ${inputPayload} end`,
      step: stepRuns,
    })
    .from(workflowRuns)
    .leftJoin(stepRuns, eq(stepRuns.runId, workflowRuns.id))
    .where(eq(workflowRuns.id, sql.placeholder("runId")))
    .orderBy(stepRuns.stepIndex)
    .prepare("find_run_rows");
}

/** One page of runs without inputs, newest first; `total` is exact to 10,000 and 10,000 beyond. */
export async function listRuns(
  db: Queries,
  filters: RunFilters,
): Promise<{ runs: Run[]; total: number }> {
  const { limit, offset } = filters;
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

// Each state is a range of an index that is sorted as the list is. Without a state Postgres merges the ranges of all and
// stops at the page's end, so that a list reads what it shows. Only branches with an order of their own are merged.
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
