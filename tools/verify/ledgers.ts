/**
 * I2: for each run, step, attempt and kind of call the other services made at most one object, of approval requests and
 * their escalations one for each approver. Each object belongs to a step that may have asked for it. What was cancelled
 * is one of these objects, and no open step waits for it.
 * Boundary: compares ledgers with rows; what an object contains is not read. Keys are compared by their parts: two keys
 * of one call are as wrong as two objects under one key.
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
/** Calls that an attempt makes once for each approver: the n-th ends with `-<n>`, the first has no number. */
const NUMBERED: readonly string[] = ["request_approval", "escalate_approval"];

interface Owner extends KeyParts {
  readonly line: string;
  /** Which of several calls of its kind it is, counted from 1. */
  readonly place: number;
}

/** What is known of the step that an object names. */
interface FoundStep {
  readonly line: string;
  /** Attempts that began; null: the run or the step is unknown, or it has no row. */
  readonly attempts: number | null;
  /** How many approvers the attempt may ask; null: an expression gives them. */
  readonly approvers: number | null;
}

const OWNERS_AT_ONCE = 1_000;
// The current attempt has its approvers in its row; those of an earlier one are at most as many as the version names.
const FOUND = `select o.line, found.attempts, found.approvers
  from jsonb_to_recordset($1::jsonb) as o(line text, run_id text, step_id text, attempt integer)
  left join lateral (
    select s.retry_count + 1 as attempts, case
      when s.retry_count + 1 = o.attempt and s.detail ? 'approvals'
        then jsonb_array_length(s.detail -> 'approvals')
      when jsonb_typeof(c.asked) = 'array' and jsonb_typeof(c.next) = 'array'
        then greatest(1, jsonb_array_length(c.asked)) + jsonb_array_length(c.next) end as approvers
    from workflow_runs r
    join workflow_versions v on v.id = r.version_id
    cross join lateral jsonb_array_elements(v.steps) with ordinality as e(step, place)
    cross join lateral (
      select coalesce(e.step #> '{config,approvers}', '[]') as asked,
        coalesce(e.step #> '{config,escalate_to}', '[]') as next) as c
    join step_runs s on s.run_id = r.id and s.step_index = e.place - 1
    where r.id = o.run_id and e.step ->> 'id' = o.step_id
  ) as found on true`;
const WAITED_FOR = `select s.run_id as "runId", s.step_index as "stepIndex", s.objective_id as id from step_runs s
  where s.objective_id = any($1) and s.state in ('RUNNING', 'WAITING')`;

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
  await checkCancellations(findings, client, ledgers);
}

/** A cancellation follows the commit that gave the objective up, so no step that waits for it may be found after it. */
async function checkCancellations(
  findings: Findings,
  client: pg.Client,
  { objectives, cancellations }: Readonly<Ledgers>,
): Promise<void> {
  const made = new Set(objectives.map(({ id }) => id));
  findings.count("cancellations", cancellations.length);
  for (const { id } of cancellations) {
    if (!made.has(id)) findings.violate(`cancellations: ${id} is no objective that was made`);
  }
  const ids = [...new Set(cancellations.map(({ id }) => id))];
  for (let at = 0; at < ids.length; at += OWNERS_AT_ONCE) {
    const page = ids.slice(at, at + OWNERS_AT_ONCE);
    const { rows } = await client.query<{ runId: string; stepIndex: number; id: string }>(
      WAITED_FOR,
      [page],
    );
    for (const { runId, stepIndex, id } of rows) {
      findings.violate(`${runId}: cancellations: step ${stepIndex} still waits for ${id}`);
    }
  }
}

/** An entry that one of our calls made. */
export interface LedgerItem {
  readonly id: string;
  readonly parts: KeyParts;
  /** The call that made it. */
  readonly kind: string;
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
      const line = `${parts.runId}: ${name}: ${id}`;
      const item = { id, parts, kind: CALLS_OF[name], recordedAt, line };
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

/** The place among calls of this kind that a key names, counted from 1; undefined: no call of the kind has such a key. */
function placeOf(call: string, kind: string): number | undefined {
  if (call === kind) return 1;
  const number = call.startsWith(kind) ? call.slice(kind.length) : "";
  return NUMBERED.includes(kind) && /^-[1-9]\d*$/.test(number)
    ? Number(number.slice(1))
    : undefined;
}

/** The first entry of each call; the others are violations. */
function readOwners(findings: Findings, name: KeyedLedger, ledgers: Readonly<Ledgers>): Owner[] {
  const kind = CALLS_OF[name];
  const firsts = new Map<string, string>();
  return ledgers[name].flatMap(({ id, idempotencyKey = "" }) => {
    const parts = readKey(idempotencyKey);
    const place = placeOf(parts?.call ?? "", kind);
    if (parts === undefined || place === undefined) {
      findings.violate(`${name}: ${id} was made under the key "${idempotencyKey}"`);
      return [];
    }
    const { runId, stepId, attempt } = parts;
    const line = `${runId}: ${name}: ${id}`;
    const call = `${runId}/${stepId}/${attempt}/${kind} ${place}`;
    const first = firsts.get(call);
    if (first !== undefined) {
      findings.violate(
        `${line} is not the first under the key ${idempotencyKey}: that is ${first}`,
      );
      return [];
    }
    firsts.set(call, id);
    return [{ ...parts, line, place }];
  });
}

async function requireSteps(
  findings: Findings,
  client: pg.Client,
  owners: readonly Owner[],
): Promise<void> {
  const asked = owners.map(({ line, runId, stepId, attempt }) => ({
    line,
    run_id: runId,
    step_id: stepId,
    attempt,
  }));
  const { rows } = await client.query<FoundStep>(FOUND, [JSON.stringify(asked)]);
  const found = new Map(rows.map((row) => [row.line, row]));
  for (const { line, stepId, attempt, place } of owners) {
    const { attempts, approvers } = found.get(line) ?? { attempts: 0, approvers: 0 };
    const begun = attempts ?? 0;
    if (begun === 0) findings.violate(`${line} belongs to no step that began (${stepId})`);
    else if (attempt > begun) {
      findings.violate(
        `${line} belongs to attempt ${attempt} of ${stepId}, which has begun ${begun}`,
      );
    } else if (place > 1 && approvers !== null && place > approvers) {
      findings.violate(`${line} is for approver ${place} of ${stepId}, which has ${approvers}`);
    }
  }
}
