/**
 * I2: for each run, step, attempt and kind of call the other services made at most one object, and each object belongs
 * to a step that may have asked for it. What was cancelled is one of these objects.
 * Boundary: compares ledgers with rows; what an object contains is not read.
 */
import type pg from "pg";
import type { Ledgers } from "../../src/sandbox/stage.ts";
import type { Findings } from "./report.ts";

/** The parts of an idempotency key that name its step. */
export interface KeyParts {
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** With `-<n>` for the n-th of several. */
  readonly call: string;
}

/** Which calls make an entry of each ledger. Usage is recorded by others; a cancellation has no key and may be repeated. */
const CALLS_OF = {
  objectives: "create_objective",
  delegations: "delegate",
  approvals: "request_approval",
  escalations: "escalate_approval",
  evaluations: "evaluate_action",
  notifications: "send_notification",
} as const satisfies Partial<Record<keyof Ledgers, string>>;
/** A ledger whose entries are made by our calls. */
type KeyedLedger = keyof typeof CALLS_OF;

interface Owner extends KeyParts {
  readonly line: string;
}

const OWNERS_AT_ONCE = 1_000;
/** The attempts of a step that began; null: the run or the step is unknown, or it has no row. */
const FOUND = `select o.line, (
    select s.retry_count + 1 from workflow_runs r
    join workflow_versions v on v.id = r.version_id
    cross join lateral jsonb_array_elements(v.steps) with ordinality as e(step, place)
    join step_runs s on s.run_id = r.id and s.step_index = e.place - 1
    where r.id = o.run_id and e.step ->> 'id' = o.step_id) as attempts
  from jsonb_to_recordset($1::jsonb) as o(line text, run_id text, step_id text)`;

/** Judges every entry of the ledgers; undefined: the caller has none. */
export async function checkLedgers(
  findings: Findings,
  client: pg.Client,
  ledgers: Readonly<Ledgers> | undefined,
): Promise<void> {
  if (ledgers === undefined) {
    findings.skip("no ledgers of other services were given");
    return;
  }
  for (const name of Object.keys(CALLS_OF) as KeyedLedger[]) {
    const owners = readOwners(findings, name, ledgers);
    findings.count(name, ledgers[name].length);
    for (let at = 0; at < owners.length; at += OWNERS_AT_ONCE) {
      await requireSteps(findings, client, owners.slice(at, at + OWNERS_AT_ONCE));
    }
  }
  checkCancellations(findings, ledgers);
}

function checkCancellations(
  findings: Findings,
  { objectives, cancellations }: Readonly<Ledgers>,
): void {
  const made = new Set(objectives.map(({ id }) => id));
  findings.count("cancellations", cancellations.length);
  for (const { id } of cancellations) {
    if (!made.has(id)) findings.violate(`cancellations: ${id} is no objective that was made`);
  }
}

/** An entry that one of our calls made. */
interface LedgerItem {
  readonly id: string;
  readonly parts: KeyParts;
  readonly recordedAt: Date;
  /** The entry in words, its run first. */
  readonly line: string;
}
/** Entries by run. */
export type LedgerEntries = ReadonlyMap<string, readonly LedgerItem[]>;

/** The entries with a key of ours, by run; undefined without ledgers. */
export function entriesByRun(ledgers: Readonly<Ledgers> | undefined): LedgerEntries | undefined {
  if (ledgers === undefined) return undefined;
  const entries = new Map<string, LedgerItem[]>();
  for (const name of Object.keys(CALLS_OF) as KeyedLedger[]) {
    for (const { id, idempotencyKey = "", recordedAt } of ledgers[name]) {
      const parts = readKey(idempotencyKey);
      if (parts === undefined) continue;
      const item = { id, parts, recordedAt, line: `${parts.runId}: ${name}: ${id}` };
      const ofRun = entries.get(parts.runId);
      if (ofRun === undefined) entries.set(parts.runId, [item]);
      else ofRun.push(item);
    }
  }
  return entries;
}

/** The parts of a key `run/step/attempt/call`; undefined: it is none of ours. */
export function readKey(key: string): KeyParts | undefined {
  const [runId = "", stepId = "", attempt = "", call = "", ...rest] = key.split("/");
  if (rest.length > 0 || call === "" || !/^[1-9]\d*$/.test(attempt)) return undefined;
  return { runId, stepId, attempt: Number(attempt), call };
}

/** Entries with a key that no other entry has; the others are violations. */
function readOwners(findings: Findings, name: KeyedLedger, ledgers: Readonly<Ledgers>): Owner[] {
  const seen = new Set<string>();
  return ledgers[name].flatMap(({ id, idempotencyKey = "" }) => {
    const parts = readKey(idempotencyKey);
    if (parts === undefined || parts.call.replace(/-.*$/, "") !== CALLS_OF[name]) {
      findings.violate(`${name}: ${id} was made under the key "${idempotencyKey}"`);
      return [];
    }
    const line = `${parts.runId}: ${name}: ${id}`;
    if (seen.has(idempotencyKey)) {
      findings.violate(`${line} is not the first under the key ${idempotencyKey}`);
      return [];
    }
    seen.add(idempotencyKey);
    return [{ ...parts, line }];
  });
}

async function requireSteps(
  findings: Findings,
  client: pg.Client,
  owners: readonly Owner[],
): Promise<void> {
  const asked = owners.map(({ line, runId, stepId }) => ({
    line,
    run_id: runId,
    step_id: stepId,
  }));
  const { rows } = await client.query<{ line: string; attempts: number | null }>(FOUND, [
    JSON.stringify(asked),
  ]);
  const attempts = new Map(rows.map((row) => [row.line, row.attempts]));
  for (const { line, stepId, attempt } of owners) {
    const begun = attempts.get(line) ?? 0;
    if (begun === 0) findings.violate(`${line} belongs to no step that began (${stepId})`);
    else if (attempt > begun) {
      findings.violate(
        `${line} belongs to attempt ${attempt} of ${stepId}, which has begun ${begun}`,
      );
    }
  }
}
