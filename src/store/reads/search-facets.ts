/**
 * How many runs a search matches, in all and for each value of some columns.
 * Boundary: counts; which runs match is search-runs.ts.
 * Invariant: 10,000 candidates and rows of 50,000 steps are examined at most. Where there are more, the counts are minima.
 */
import { sql } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { COUNT_LIMIT } from "./page.ts";
import { examinedBy, matches, type RunSearch, type SearchLimits } from "./search-runs.ts";
import { sees, type Visibility } from "./visibility.ts";

/** The columns that are counted by, with the names of their facets. */
export const FACETS = ["state", "definition_id", "entity_type", "initiator_agent_id"] as const;

/** One of them. */
type FacetName = (typeof FACETS)[number];

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
  /** The most frequent 20 values of each facet, most frequent first. */
  readonly facets: readonly FacetCount[];
}

interface Row {
  readonly [column: string]: unknown;
  readonly facet: FacetName | "";
  readonly value: string;
  readonly count: number;
  readonly isMinimum: boolean;
}

const LIMITS: SearchLimits = { runs: COUNT_LIMIT, steps: 50_000 };
const VALUES_AT_MOST = 20;

/** Counts what a search matches. */
export async function countFoundRuns(
  db: Queries,
  visibility: Visibility,
  search: RunSearch,
  limits: SearchLimits = LIMITS,
): Promise<RunCounts> {
  const none = { total: 0, isMinimum: false, facets: [] };
  const examined = examinedBy(search, limits.runs, limits.steps);
  if (!sees(visibility, search.workspaceId) || examined === undefined) return none;
  const counts = FACETS.map((name) => {
    const [facet, column] = [sql.raw(`'${name}'`), sql.raw(name)];
    return sql`select * from (
      select ${facet} as facet, ${column} as value, count(*)::integer as count, false as "isMinimum"
      from matching group by ${column} order by 3 desc, 2 limit ${VALUES_AT_MOST}) as ${sql.raw(`of_${name}`)}`;
  });
  const { rows } = await db.build.execute<Row>(sql`${examined},
    matching as materialized (select e.* from examined e where ${matches(search)})
    select '' as facet, '' as value, (select count(*)::integer from matching) as count,
      (select count(*) from candidates) > (select count(*) from examined)
        or (select count(*) from candidates) >= ${limits.runs} as "isMinimum"
    union all ${sql.join(counts, sql` union all `)}`);
  const total = rows.find(({ facet }) => facet === "");
  const facets = rows.flatMap(({ facet, value, count }) =>
    facet === "" ? [] : [{ facet, value, count }],
  );
  return { total: total?.count ?? 0, isMinimum: total?.isMinimum ?? false, facets };
}
