/**
 * Runs by filters that no index has: a bounded number of candidates is read, newest first, and judged.
 * Boundary: ids and their order; the rows of runs are read by runs.ts.
 * Invariants:
 * S1 Candidates are ranges of one of the indexes that lists have. With filters beside it, those of another index too, a page
 *    examines 5,000 of them at most.
 * S2 Rows of steps, and of the history, are read for no more candidates than have 20,000 steps together, but for one. A look into
 *    the history counts as HISTORY_STEPS of them.
 * S3 A page that ends before it is full says where the next one goes on.
 */
import { type SQL, sql } from "drizzle-orm";
import { PRODUCTION } from "../../engine/values/environment.ts";
import { isFinalRun, RUN_STATES, type RunState } from "../../engine/values/run.ts";
import type { Queries } from "../database.ts";
import { outcomeConditions, type RunOutcome, statesOfOutcomes } from "./search-outcomes.ts";
import { WAIT_CODE, type WaitKind, waitNumber } from "./search-waits.ts";
import { sees, type Visibility } from "./visibility.ts";

/** Filters, all of which must hold; "", undefined, false and empty lists take all. Times in ms since the epoch. */
export interface RunSearch {
  readonly workspaceId: string;
  readonly states: readonly RunState[];
  readonly outcomes: readonly RunOutcome[];
  readonly definitionId: string;
  readonly definitionVersion: number | undefined;
  readonly entityId: string;
  readonly entityType: string;
  readonly initiatorAgentId: string;
  readonly initiatorUserId: string;
  readonly parentRunId: string;
  /** Part of the error text of a step. */
  readonly errorText: string;
  readonly startedFromMs: number | undefined;
  readonly startedBeforeMs: number | undefined;
  readonly endedFromMs: number | undefined;
  readonly endedBeforeMs: number | undefined;
  readonly costUsdFrom: number | undefined;
  readonly costUsdBelow: number | undefined;
  readonly waitingFor: readonly WaitKind[];
  readonly isRetrying: boolean;
  readonly openLongerThanMs: number | undefined;
  /** Where it was started; unset: anywhere. */
  readonly environment?: string;
}

/** Where a page ended. */
export interface RunPlace {
  readonly createdAtMs: number;
  readonly runId: string;
}

/** What a page may examine. */
export interface SearchLimits {
  readonly runs: number;
  /** Of runs whose rows of steps are read. */
  readonly steps: number;
}

/** One page: ids, newest first, and where the next page begins; undefined: there is none. */
export interface FoundRuns {
  readonly ids: readonly string[];
  readonly next: RunPlace | undefined;
}

/** Those of a page, and of its counts. */
export const SEARCH_LIMITS: SearchLimits = { runs: 5_000, steps: 20_000 };
const OPEN_STATES = RUN_STATES.filter((state) => !isFinalRun(state));
const CHILDREN_AT_MOST = 10_000;
/** How many steps a run has, and one more. */
const STEPS = sql.raw("octet_length(step_marks) + 1");
const HISTORY_STEPS = 12;
const NONE: FoundRuns = { ids: [], next: undefined };
/** The order of every list. */
export const NEWEST = sql.raw("created_at desc nulls last, id desc nulls last");

interface Row {
  readonly [column: string]: unknown;
  readonly candidates: number;
  readonly examined: number;
  readonly lastId: string | null;
  readonly lastMs: number | null;
  readonly id: string | null;
  readonly createdAtMs: number | null;
}

/** Up to `size` runs after a place, newest first. */
export async function searchRuns(
  db: Queries,
  visibility: Visibility,
  search: RunSearch,
  size: number,
  after?: RunPlace,
  limits: SearchLimits = SEARCH_LIMITS,
): Promise<FoundRuns> {
  const atMost = conditionsOf(search).length === 0 ? size : limits.runs;
  const examined = examinedBy(search, atMost, limits.steps, after);
  if (!sees(visibility, search.workspaceId) || examined === undefined) return NONE;
  const { rows } = await db.build.execute<Row>(sql`${examined},
    page as (
      select e.id, e.created_at, e.place from examined e
      where ${matches(search)} order by e.place limit ${size})
    select t.candidates, t.examined, l.id as "lastId", ${msOf("l")} as "lastMs", p.id, ${msOf("p")} as "createdAtMs"
    from (select (select count(*)::integer from candidates) as candidates,
      (select count(*)::integer from examined) as examined) as t
    left join examined l on l.place = t.examined
    left join page p on true
    order by p.place`);
  return foundIn(rows, size, atMost);
}

/** The tables `candidates` and `examined` of a statement; undefined: no run can match. */
export function examinedBy(
  search: RunSearch,
  runs: number,
  steps: number,
  after?: RunPlace,
): SQL | undefined {
  if (statesOf(search).length === 0) return undefined;
  return sql`with candidates as materialized (
      ${candidates(search, runs, after)}),
    examined as materialized (
      select * from (
        select c.*, row_number() over newest as place, sum(weight) over newest as up_to
        from candidates c window newest as (order by ${NEWEST})) as summed
      where place = 1 or up_to <= ${steps})`;
}

/** Whether a row `e` of `examined` matches. */
export function matches(search: RunSearch): SQL {
  return allOf(conditionsOf(search));
}

function conditionsOf(search: RunSearch): SQL[] {
  return [...runConditions(search), ...stepConditions(search)];
}

function foundIn(rows: readonly Row[], size: number, atMost: number): FoundRuns {
  const ids = rows.flatMap(({ id }) => (id === null ? [] : [id]));
  const last = rows.at(-1);
  if (last === undefined) return { ids, next: undefined };
  if (ids.length >= size) return { ids, next: placeOf(last.id, last.createdAtMs) };
  const isEnd = last.examined === last.candidates && last.candidates < atMost;
  return { ids, next: isEnd ? undefined : placeOf(last.lastId, last.lastMs) };
}

function placeOf(runId: string | null, createdAtMs: number | null): RunPlace | undefined {
  return runId === null || createdAtMs === null ? undefined : { runId, createdAtMs };
}

/** The newest runs that the indexes of lists find; each state is a range that is sorted as the list is. */
function candidates(search: RunSearch, atMost: number, after: RunPlace | undefined): SQL {
  const { parentRunId } = search;
  const isOfHistory = outcomeConditions(search.outcomes).length > 0;
  const looks = isOfHistory ? sql`${STEPS} + ${sql.raw(String(HISTORY_STEPS))}` : STEPS;
  const weight = stepConditions(search).length === 0 ? sql`0` : looks;
  const columns = sql`id, created_at, definition_id, definition_version, initiator_agent_id, initiator_user_id, entity_type,
    completed_at, state, total_cost_usd, environment, ${weight} as weight, ${STEPS} as steps`;
  const conditions = [...rangeConditions(search), ...placeConditions(after)];
  const newest = sql`order by ${NEWEST} limit ${atMost}`;
  if (parentRunId !== "") {
    return sql`select ${columns} from (
        select * from workflow_runs where parent_run_id = ${parentRunId} and parent_run_id <> '' limit ${CHILDREN_AT_MOST}
      ) as children
      where state = any(${listOf(statesOf(search))}::text[]) and ${allOf(conditions)} ${newest}`;
  }
  const ranges = statesOf(search).map(
    (state) => sql`(select ${columns} from workflow_runs
      where ${allOf([...conditions, sql`state = ${state}`])} ${newest})`,
  );
  return sql`select * from (${sql.join(ranges, sql` union all `)}) as merged ${newest}`;
}

/** Those that can hold; what waits, retries or is open for long has not ended. */
function statesOf(search: RunSearch) {
  const { states, outcomes, waitingFor, isRetrying, openLongerThanMs } = search;
  const ended = statesOfOutcomes(outcomes);
  const isOpen = waitingFor.length > 0 || isRetrying || openLongerThanMs !== undefined;
  const possible = isOpen ? OPEN_STATES : RUN_STATES;
  return possible.filter(
    (state) =>
      (states.length === 0 || states.includes(state)) && (ended.size === 0 || ended.has(state)),
  );
}

/** Filters that have an index each, the one with the fewest runs first. Its runs are the candidates; the others judge them. */
function indexedFilters({ entityId, initiatorAgentId, definitionId }: RunSearch) {
  return [
    { column: "entity_id", value: entityId },
    { column: "initiator_agent_id", value: initiatorAgentId },
    { column: "definition_id", value: definitionId },
  ].filter(({ value }) => value !== "");
}

function rangeConditions(search: RunSearch): SQL[] {
  const { workspaceId } = search;
  const { startedFromMs, startedBeforeMs, openLongerThanMs } = search;
  return [
    sql`workspace_id = ${workspaceId}`,
    // The indexes of entities and agents leave out empty values.
    ...indexedFilters(search)
      .slice(0, 1)
      .map(({ column, value }) => sql`${sql.raw(column)} = ${value} and ${sql.raw(column)} <> ''`),
    ...given(startedFromMs, sql`created_at >= ${timeOf(startedFromMs)}`),
    ...given(startedBeforeMs, sql`created_at < ${timeOf(startedBeforeMs)}`),
    ...given(
      openLongerThanMs,
      sql`created_at < now() - make_interval(secs => ${(openLongerThanMs ?? 0) / 1_000})`,
    ),
  ];
}

function placeConditions(after: RunPlace | undefined): SQL[] {
  if (after === undefined) return [];
  return [sql`(created_at, id) < (${timeOf(after.createdAtMs)}, ${after.runId})`];
}

function runConditions(search: RunSearch): SQL[] {
  const { definitionVersion, entityType, initiatorUserId, endedFromMs, endedBeforeMs } = search;
  const { costUsdFrom, costUsdBelow, environment } = search;
  return [
    ...given(environment, sql`coalesce(e.environment, ${PRODUCTION}) = ${environment}`),
    ...indexedFilters(search)
      .slice(1)
      .map(({ column, value }) => sql`e.${sql.raw(column)} = ${value}`),
    ...given(definitionVersion, sql`e.definition_version = ${definitionVersion}`),
    ...given(entityType, sql`e.entity_type = ${entityType}`),
    ...given(initiatorUserId, sql`e.initiator_user_id = ${initiatorUserId}`),
    ...given(endedFromMs, sql`e.completed_at >= ${timeOf(endedFromMs)}`),
    ...given(endedBeforeMs, sql`e.completed_at < ${timeOf(endedBeforeMs)}`),
    ...given(costUsdFrom, sql`e.total_cost_usd >= ${costUsdFrom}`),
    ...given(costUsdBelow, sql`e.total_cost_usd < ${costUsdBelow}`),
  ];
}

function stepConditions({ errorText, waitingFor, isRetrying, outcomes }: RunSearch): SQL[] {
  // With `exists` Postgres may join, and read the table from end to end; this looks each run up.
  const hasStep = (condition: SQL) =>
    sql`(select true from step_runs s where s.run_id = e.id and ${condition} limit 1)`;
  const isOpen = sql`s.completed_at is null`;
  const numbers = waitingFor.flatMap((kind) => (kind === "PAUSED" ? [] : [waitNumber(kind)]));
  const waits = [
    ...(numbers.length === 0
      ? []
      : [hasStep(sql`${isOpen} and ${WAIT_CODE} = any(${listOf(numbers)}::integer[])`)]),
    ...(waitingFor.includes("PAUSED") ? [sql`e.state = 'PAUSED'`] : []),
  ];
  return [
    ...given(errorText, hasStep(sql`strpos(lower(s.error_message), lower(${errorText})) > 0`)),
    ...(isRetrying ? [hasStep(sql`${isOpen} and s.retry_count > 0`)] : []),
    ...outcomeConditions(outcomes),
    ...(waits.length === 0 ? [] : [sql`(${sql.join(waits, sql` or `)})`]),
  ];
}

function given(value: string | number | undefined, condition: SQL): SQL[] {
  return value === undefined || value === "" ? [] : [condition];
}

function allOf(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `);
}

function timeOf(ms: number | undefined): SQL {
  return sql`${new Date(ms ?? 0).toISOString()}::timestamptz`;
}

function msOf(table: "l" | "p"): SQL {
  return sql`(extract(epoch from ${sql.raw(table)}.created_at) * 1000)::float8`;
}

function listOf(values: readonly (string | number)[]): SQL {
  return sql`array[${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )}]`;
}
