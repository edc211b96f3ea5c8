/**
 * Several whole runs in one query, for the answer to a trigger.
 * Boundary: as findRunRows, of many; all runs are of one moment.
 */
import { asc, eq, getTableColumns, inArray, type SQL, sql } from "drizzle-orm";
import type { JsonObject } from "../../engine/json.ts";
import type { StepRun } from "../../engine/run.ts";
import type { Queries } from "../database.ts";
import { runOfRow, stepOfRow } from "../rows.ts";
import { stepRuns, workflowRuns } from "../schema.ts";
import { findChildIds } from "./child-ids.ts";
import type { WholeRun } from "./runs.ts";

const { inputPayload, ...LISTED } = getTableColumns(workflowRuns);

/** Those of the runs that exist, with inputs and rows, by id. */
export async function findManyRunRows(
  db: Queries,
  runIds: readonly string[],
): Promise<Map<string, WholeRun>> {
  const found = new Map<string, Omit<WholeRun, "childIds"> & { steps: Map<number, StepRun> }>();
  if (runIds.length === 0) return new Map();
  const rows = await db.build
    .select({ run: LISTED, input: inputOfFirstRow(), step: stepRuns })
    .from(workflowRuns)
    .leftJoin(stepRuns, eq(stepRuns.runId, workflowRuns.id))
    .where(inArray(workflowRuns.id, [...runIds]))
    .orderBy(asc(workflowRuns.id), asc(stepRuns.stepIndex));
  for (const { run, input, step } of rows) {
    const whole = found.get(run.id) ?? { run: runOfRow(run), input: input ?? {}, steps: new Map() };
    found.set(run.id, whole);
    if (step !== null) whole.steps.set(step.stepIndex, stepOfRow(step));
  }
  const parents = [...found.values()].flatMap(({ steps }) => [...steps.values()]);
  const ids = await findChildIds(db, parents);
  return new Map(
    [...found].map(([id, whole]) => [id, { ...whole, childIds: ids.get(id) ?? new Map() }]),
  );
}

// A run's input comes with its first row alone, for it can be large.
function inputOfFirstRow(): SQL<JsonObject | null> {
  const rank = sql`row_number() over (partition by ${workflowRuns.id} order by ${stepRuns.stepIndex})`;
  return sql<JsonObject | null>`case when ${rank} = 1 then ${inputPayload} end`;
}
