/**
 * How many runs a search matches, in all, for each value of some columns, and for each thing that they wait for.
 * Boundary: counts; which runs match is search-runs.ts, what a step waits for is search-waits.ts.
 * Invariants:
 * 1. 5,000 candidates and rows of 20,000 steps are examined at most, as for a page. Where there are more, the counts are minima.
 * 2. What runs wait for is counted of the newest open ones that have 5,000 steps together; then the other counts are still exact.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Queries } from "../database.ts";
import {
  examinedBy,
  matches,
  NEWEST,
  type RunSearch,
  SEARCH_LIMITS,
  type SearchLimits,
} from "./search-runs.ts";
import { WAIT_CODE, WAIT_KINDS, waitNumber } from "./search-waits.ts";
import { sees, type Visibility } from "./visibility.ts";

/** What is counted by. A run that waits for several things is counted at each; a version is of the definition that is asked for. */
export type FacetName =
  | "state"
  | "definition_id"
  | "entity_type"
  | "initiator_agent_id"
  | "definition_version"
  | "waiting_for";

/** The columns among them that are counted by in each search. */
const COLUMNS = ["state", "definition_id", "entity_type", "initiator_agent_id"] as const;

/** Matching runs with a value. */
interface FacetCount {
  readonly facet: FacetName;
  readonly value: string;
  readonly count: number;
}

/** The counts of a search. */
export interface RunCounts {
  readonly total: number;
  /** There are more candidates than were examined. */
  readonly isMinimum: boolean;
  /** There are more open runs than those whose waits were counted. */
  readonly isMinimumOfWaits: boolean;
  /** The most frequent 20 values of each facet, most frequent first. */
  readonly facets: readonly FacetCount[];
}

interface Row {
  readonly [column: string]: unknown;
  readonly facet: FacetName | "";
  readonly value: string;
  readonly count: number;
  readonly isMinimum: boolean;
  readonly isMinimumOfWaits: boolean;
}

const WAITING_STEPS = 5_000;
const VALUES_AT_MOST = 20;

/** Counts what a search matches. */
export async function countFoundRuns(
  db: Queries,
  visibility: Visibility,
  search: RunSearch,
  limits: SearchLimits = SEARCH_LIMITS,
): Promise<RunCounts> {
  const none = { total: 0, isMinimum: false, isMinimumOfWaits: false, facets: [] };
  const examined = examinedBy(search, limits.runs, limits.steps);
  if (!sees(visibility, search.workspaceId) || examined === undefined) return none;
  const counts = [
    ...COLUMNS.map((name) => countedBy(name, sql`select ${sql.raw(name)} as value from matching`)),
    ...(search.definitionId === ""
      ? []
      : [
          countedBy(
            "definition_version",
            sql`select definition_version::text as value from matching`,
          ),
        ]),
    countedBy("waiting_for", WAITS),
  ];
  const { rows } = await db.build.execute<Row>(sql`${examined},
    matching as materialized (select e.* from examined e where ${matches(search)}),
    waiting as materialized (${waitingWithin(Math.min(limits.steps, WAITING_STEPS))})
    select '' as facet, '' as value, (select count(*)::integer from matching) as count,
      (select count(*) from candidates) > (select count(*) from examined)
        or (select count(*) from candidates) >= ${limits.runs} as "isMinimum",
      (select count(*) from matching where completed_at is null) > (select count(*) from waiting) as "isMinimumOfWaits"
    union all ${sql.join(counts, sql` union all `)}`);
  const total = rows.find(({ facet }) => facet === "");
  const facets = rows.flatMap(({ facet, value, count }) =>
    facet === "" ? [] : [{ facet, value: wordOf(facet, value), count }],
  );
  const { isMinimum = false, isMinimumOfWaits = false } = total ?? {};
  return { total: total?.count ?? 0, isMinimum, isMinimumOfWaits, facets };
}

/** The most frequent values of a list of values. */
function countedBy(name: FacetName, values: SQL): SQL {
  return sql`select * from (
    select ${sql.raw(`'${name}'`)} as facet, value, count(*)::integer as count, false, false
    from (${values}) as values group by value order by 3 desc, 2 limit ${VALUES_AT_MOST}) as ${sql.raw(`of_${name}`)}`;
}

/** The newest open runs that match and have so many steps together, but at least one. */
function waitingWithin(steps: number): SQL {
  return sql`select id, state from (
      select id, state, row_number() over newest as place, sum(steps) over newest as up_to
      from matching where completed_at is null window newest as (order by ${NEWEST})) as open
    where place = 1 or up_to <= ${steps}`;
}

/** A row for each run and each thing that it waits for. The offset keeps Postgres from a join that reads the table from end to end. */
const WAITS = sql`select code::text as value from (
    select distinct w.id, s.code from waiting w cross join lateral (
      select ${WAIT_CODE} as code from step_runs s where s.run_id = w.id and s.completed_at is null offset 0) as s
    where s.code <> ${sql.raw(String(waitNumber("CALL")))}
    union all select id, ${sql.raw(String(waitNumber("PAUSED")))} from waiting where state = 'PAUSED') as waits`;

function wordOf(facet: FacetName, value: string): string {
  return facet === "waiting_for" ? (WAIT_KINDS[Number(value)] ?? value) : value;
}
