/** I1: every run whose start was acknowledged exists. */
import type { Findings } from "./report.ts";
import type { Snapshot } from "./snapshot.ts";

const RUNS_AT_ONCE = 1_000;

/** Looks up all acknowledged runs. */
export async function checkAcknowledged(
  snapshot: Snapshot,
  acknowledged: readonly string[],
  findings: Findings,
): Promise<void> {
  for (let at = 0; at < acknowledged.length; at += RUNS_AT_ONCE) {
    const ids = acknowledged.slice(at, at + RUNS_AT_ONCE);
    findings.saw(ids.length);
    const missing = await snapshot.query<{ id: string }>(
      `select w.id from unnest($1::text[]) as w(id)
        where not exists (select 1 from workflow_runs r where r.id = w.id)`,
      [ids],
    );
    for (const { id } of missing) findings.violated(id, "was acknowledged and does not exist");
  }
}
