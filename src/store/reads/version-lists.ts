/**
 * Versions of a definition for a list: heads of the newest ones, and as many step graphs as fit a bound.
 * Boundary: sizes are compared in Postgres, so that a graph which is left out is not sent.
 */
import { and, desc, eq, getTableColumns, sql } from "drizzle-orm";
import type { EdgeDefinition, StepDefinition } from "../../engine/values/definition.ts";
import type { Queries } from "../database.ts";
import { workflowVersions } from "../schema/definitions.ts";
import type { VersionRow } from "./definitions.ts";
import { type Visibility, versionSeenBy } from "./visibility.ts";

/** A version without its step graph. */
type VersionHead = Omit<VersionRow, "steps" | "edges">;
/** A version as a list has it; both are null where the graph was not read. */
export type ListedVersion = VersionHead & {
  readonly steps: StepDefinition[] | null;
  readonly edges: EdgeDefinition[] | null;
};

const { steps, edges, ...HEAD } = getTableColumns(workflowVersions);

/** The newest versions, at most `limit`; graphs of the first ones that have at most `bytesAtMost` as JSON together. */
export function listVersions(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  { limit, bytesAtMost }: { readonly limit: number; readonly bytesAtMost: number },
): Promise<ListedVersion[]> {
  const newestFirst = sql`over (order by ${workflowVersions.version} desc)`;
  const stored = db.build
    .select({
      ...HEAD,
      steps,
      edges,
      // For compressed graphs the sum is below their size: enough not to read them all.
      storedUpTo: sql`sum(pg_column_size(${steps}) + pg_column_size(${edges})) ${newestFirst}`.as(
        "stored_up_to",
      ),
    })
    .from(workflowVersions)
    .where(and(eq(workflowVersions.definitionId, definitionId), versionSeenBy(visibility)))
    .orderBy(desc(workflowVersions.version))
    .limit(limit)
    .as("stored");
  const bytes = sql`case when ${stored.storedUpTo} <= ${bytesAtMost}
    then octet_length(${stored.steps}::text) + octet_length(${stored.edges}::text)
    else ${bytesAtMost}::bigint + 1 end`;
  const sized = db.build
    .select({
      id: stored.id,
      steps: stored.steps,
      edges: stored.edges,
      upTo: sql`sum(${bytes}) over (order by ${stored.version} desc)`.as("up_to"),
    })
    .from(stored)
    .as("sized");
  const fits = sql`${sized.upTo} <= ${bytesAtMost}`;
  return db.build
    .select({
      ...HEAD,
      steps: sql<StepDefinition[] | null>`case when ${fits} then ${sized.steps} end`,
      edges: sql<EdgeDefinition[] | null>`case when ${fits} then ${sized.edges} end`,
    })
    .from(sized)
    .innerJoin(workflowVersions, eq(workflowVersions.id, sized.id))
    .orderBy(desc(workflowVersions.version));
}
