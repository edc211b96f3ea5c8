/**
 * The vars that a run gets from the deployment by which it starts.
 * Boundary: committed rows. A version and its vars come from one row, so a deployment that comes in between gives no run the one of
 * the older and the other of the newer.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Queries, Statement } from "./database.ts";

/** A start; `versionId` "" takes what is deployed last, whatever its version. */
interface VarsProbe {
  readonly place: number;
  readonly definitionId: string;
  readonly environment: string;
  readonly versionId: string;
  /** Takes what is deployed last where the version was never deployed there. */
  readonly elseAny: boolean;
}

/** What was deployed last of a start's environment, among those of the condition. */
function last(condition: string, choice: number): string {
  return `select d.vars, ${choice} as choice from workflow_deployments d
      where d.definition_id = v.definition_id and d.environment = v.environment and d.active_at is not null ${condition}
      order by d.active_at desc nulls last, d.id desc nulls last limit 1`;
}

const FIND: Statement = {
  name: "find_run_vars",
  text: `select v.place, found.vars
    from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::boolean[])
      as v(place, definition_id, environment, version_id, else_any)
    cross join lateral (
      select vars from (
        (${last("and (v.version_id = '' or d.version_id = v.version_id)", 1)})
        union all (${last("and v.else_any", 2)})) as d
      order by d.choice limit 1) as found
    where found.vars is not null`,
};

/** Vars by the places of starts; one without any is absent. */
export async function findRunVars(
  db: Queries,
  probes: readonly VarsProbe[],
): Promise<Map<number, JsonObject>> {
  if (probes.length === 0) return new Map();
  const rows = await db.query<{ place: number; vars: JsonObject }>(FIND, [
    probes.map(({ place }) => place),
    probes.map(({ definitionId }) => definitionId),
    probes.map(({ environment }) => environment),
    probes.map(({ versionId }) => versionId),
    probes.map(({ elseAny }) => elseAny),
  ]);
  return new Map(rows.map(({ place, vars }) => [place, vars]));
}
