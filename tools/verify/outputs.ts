/**
 * I12: what runs came to, compared with what the same runs came to without faults.
 * Boundary: reads one set of results; the caller keeps the other. Runs of two databases are matched by the id of the
 * event that started them, or by their entity.
 */
import { isDeepStrictEqual } from "node:util";
import type { Findings } from "./report.ts";
import type { Row, Snapshot } from "./snapshot.ts";
import { openSnapshot } from "./snapshot.ts";

/** What a run came to. */
export interface RunResult {
  readonly state: string;
  /** Outputs by step, without ids that differ from run to run. */
  readonly outputs: Readonly<Record<string, unknown>>;
}
/** Results by what a run is known by. */
export type Results = ReadonlyMap<string, RunResult>;

const RUNS_A_PAGE = 200;
const RESULTS = `select r.id, coalesce(nullif(r.trigger_event_id, ''), nullif(r.entity_id, '')) as key, r.state,
    (select jsonb_object_agg(v.steps->s.step_index->>'id', s.output) from step_runs s
      where s.run_id = r.id and s.output is not null) as outputs
  from workflow_runs r join workflow_versions v on v.id = r.version_id
  where r.id > $1 order by r.id limit $2`;
/** Names of fields that hold ids, times or names of this very run. */
const VOLATILE = /(^|_)(id|ids|at|time|digest|cost_usd|objective|delegation)$/;

/** The results of all runs that are known by something. */
export async function readResults(databaseUrl: string): Promise<Results> {
  const snapshot = await openSnapshot(databaseUrl);
  try {
    return await resultsOf(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** The same, of a snapshot. */
export async function resultsOf(snapshot: Snapshot): Promise<Results> {
  const results = new Map<string, RunResult>();
  for (let after = ""; ; ) {
    const rows = await snapshot.query<{
      id: string;
      key: string | null;
      state: string;
      outputs: Row | null;
    }>(RESULTS, [after, RUNS_A_PAGE]);
    for (const { key, state, outputs } of rows) {
      if (key !== null) results.set(key, { state, outputs: stable(outputs ?? {}) as Row });
    }
    const last = rows.at(-1);
    if (last === undefined) return results;
    after = last.id;
  }
}

/** Compares two sets of results. */
export function compareResults(expected: Results, actual: Results, findings: Findings): void {
  for (const [key, wanted] of expected) {
    findings.saw();
    const found = actual.get(key);
    if (found === undefined) findings.violated(key, "has no run");
    else if (found.state !== wanted.state) {
      findings.violated(key, `is ${found.state}, without faults it is ${wanted.state}`);
    } else if (!isDeepStrictEqual(found.outputs, wanted.outputs)) {
      const steps = new Set([...Object.keys(wanted.outputs), ...Object.keys(found.outputs)]);
      const differing = [...steps].filter(
        (step) => !isDeepStrictEqual(found.outputs[step], wanted.outputs[step]),
      );
      findings.violated(key, `other outputs of ${differing.join(", ")}`);
    }
  }
  for (const key of actual.keys()) {
    if (!expected.has(key)) findings.violated(key, "has a run that there is not without faults");
  }
}

function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !VOLATILE.test(name));
  return Object.fromEntries(kept.map(([name, field]) => [name, stable(field)]));
}
