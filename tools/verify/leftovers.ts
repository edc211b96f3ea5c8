/**
 * I10: no call is held past its lease. When nothing moves any more: no call, no key of a caller that is held, and no
 * dead letter either.
 * Boundary: rows of three tables, by the database's clock. Operators keep dead letters and open calls as they come. Keys
 * that 0.1.0 answered keep their holder, as do those whose answer could not be kept: their mark says what a repeat reads.
 * A call that the run refused has changed nothing; where its process dies before it gives the key back, no mark is missing.
 */
import type pg from "pg";
import type { Findings } from "./report.ts";

/** A replica may be this late with a lease that ran out. */
const LATE = "interval '10 seconds'";
const LISTED = 1_000;
const HELD_TOO_LONG = `select id as line from effects
  where holder <> '' and lease_until < clock_timestamp() - ${LATE} order by id limit ${LISTED}`;
const AT_REST: Readonly<Record<string, string>> = {
  "is a call without a result": `select id as line from effects order by id limit ${LISTED}`,
  "is a key that a call still holds": `select workspace_id || ' ' || method || ' ' || key as line
    from caller_keys where holder <> '' and (lease_until > clock_timestamp()
      or answer is null and applied_to is null and method <> all('{PauseRun,ResumeRun,CancelRun,CompensateRun}'))
    limit ${LISTED}`,
  "is a dead letter": `select stream || ' ' || stream_seq || ' ' || reason as line
    from dead_letters where ended_at is null limit ${LISTED}`,
};

/** Looks for what is left over. */
export async function checkLeftovers(
  findings: Findings,
  client: pg.Client,
  quiescent: boolean,
): Promise<void> {
  const kinds: Record<string, string> = { "is a call held past its lease": HELD_TOO_LONG };
  if (quiescent) Object.assign(kinds, AT_REST);
  else findings.skip("keys and dead letters are left over only where nothing moves");
  for (const [what, text] of Object.entries(kinds)) {
    findings.count("kinds");
    const { rows } = await client.query<{ line: string }>(text);
    for (const { line } of rows) findings.violate(`${line}: ${what}`);
  }
}
