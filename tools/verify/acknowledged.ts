/** I1: every run whose start was acknowledged exists. */
import type pg from "pg";
import type { Findings } from "./report.ts";

const IDS_AT_ONCE = 1_000;
const MISSING = `select wanted.id from unnest($1::text[]) as wanted(id)
  where not exists (select 1 from workflow_runs r where r.id = wanted.id)`;

/** Looks for each of these runs; undefined: the caller has no list. */
export async function checkAcknowledged(
  findings: Findings,
  client: pg.Client,
  acknowledged: readonly string[] | undefined,
): Promise<void> {
  if (acknowledged === undefined) {
    findings.skip("no list of acknowledged runs was given");
    return;
  }
  findings.count("acknowledged runs", acknowledged.length);
  for (let at = 0; at < acknowledged.length; at += IDS_AT_ONCE) {
    const ids = acknowledged.slice(at, at + IDS_AT_ONCE);
    const { rows } = await client.query<{ id: string }>(MISSING, [ids]);
    for (const { id } of rows) findings.violate(`${id}: was acknowledged and does not exist`);
  }
}
