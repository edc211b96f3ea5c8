/**
 * Runs as they are stored, each with its steps and its whole history, page by page.
 * Boundary: reads the tables by statements of its own, so that a fault of the service's reads cannot hide one of its
 * rows. Only the packed form of a history row is decoded by the service (store/packed-moves.ts).
 * Invariants:
 * 1. A page is one snapshot, so a run that moves meanwhile is seen before or after a move, never between.
 * 2. One page is in memory at a time; no snapshot is held from page to page.
 */
import pg from "pg";
import type { StepType } from "../../src/engine/steps/types.ts";
import type { Cause } from "../../src/engine/values/input.ts";
import type { Json } from "../../src/engine/values/json.ts";
import type { Move } from "../../src/engine/values/move.ts";
import type { RunState, StepState } from "../../src/engine/values/run.ts";
import { type PackedCause, type PackedMove, unpackRow } from "../../src/store/packed-moves.ts";

/** The columns of workflow_runs that checks read. */
interface StoredRun {
  readonly id: string;
  readonly workspaceId: string;
  readonly versionId: string;
  readonly state: RunState;
  readonly seq: number;
  readonly totalCostUsd: number;
  readonly stepMarks: Buffer;
  readonly triggerEventId: string;
  readonly createdAt: Date;
  readonly completedAt: Date | null;
  readonly deadlineAt: Date | null;
  readonly continueAt: Date | null;
  readonly pending: readonly number[] | null;
}

/** The columns of step_runs that checks read. */
export interface StoredStep {
  readonly runId: string;
  readonly index: number;
  readonly state: StepState;
  readonly retryCount: number;
  readonly costUsd: number;
  readonly objectiveId: string | null;
  readonly delegationId: string | null;
  readonly approvalRequestId: string | null;
  readonly ticketIds: readonly string[] | null;
  readonly waitKey: string | null;
  readonly startedAt: Date;
  readonly completedAt: Date | null;
  readonly timeoutAt: Date | null;
  readonly wakeAt: Date | null;
  /** Its timeout ended it by `timeout_action: continue`. */
  readonly timedOut: boolean;
  /** A run that the step started has not ended. */
  readonly hasOpenChild: boolean;
  /** A worker is to end it. */
  readonly hasTask: boolean;
}

/** The columns of effects that checks read: a call whose result is not committed. */
interface StoredCall {
  readonly runId: string;
  readonly id: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly kind: string;
  readonly holder: string;
  readonly leaseUntil: Date;
}

/** A row of run_moves, unpacked. */
export interface StoredMoves {
  readonly runId: string;
  readonly seq: number;
  readonly batchId: number;
  readonly recordedAt: Date;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

/** A step of a version. */
export interface VersionStep {
  readonly id: string;
  readonly stepType: StepType;
  /** 0: none. */
  readonly timeoutSeconds: number;
  /** What config.delay_seconds, until and escalate_after_seconds are, an expression as its text; null: unset. */
  readonly delay: Json;
  readonly until: Json;
  readonly escalateAfter: Json;
  /** How many approvers are asked at once; null: an expression gives them. */
  readonly approvers: number | null;
  /** The first pause before another attempt; 0: none. The pauses after it may be longer or shorter. */
  readonly backoffSeconds: number;
  readonly backoffMultiplier: number;
}

/** A run with everything that is its own. */
export interface WholeRun {
  readonly run: StoredRun;
  /** In the order of the version; only steps that have a row. */
  readonly steps: readonly StoredStep[];
  /** Id and type of every step of the version, in its order. */
  readonly version: readonly VersionStep[];
  readonly calls: readonly StoredCall[];
  /** In the order of their sequence. */
  readonly rows: readonly StoredMoves[];
  /** Why a row of the history cannot be read; "" when all can. */
  readonly unreadable: string;
}

/** What the checks of a run's history alone read of it. */
export interface RunHistory {
  readonly run: Pick<StoredRun, "id">;
  readonly rows: readonly StoredMoves[];
  readonly version: readonly Pick<VersionStep, "id">[];
}

type PackedStored = Omit<StoredMoves, "cause" | "moves"> & {
  readonly cause: PackedCause;
  readonly moves: readonly PackedMove[];
};

interface StoredVersion {
  readonly id: string;
  readonly steps: readonly VersionStep[];
}

const RUNS_A_PAGE = 100;
/** Rows of the history of one page; a single run may have more. */
const MOVES_A_PAGE = 10_000;
const STATEMENT_TIMEOUT_MS = 60_000;

const RUNS = `select id, workspace_id as "workspaceId", version_id as "versionId", state, seq,
    total_cost_usd as "totalCostUsd", step_marks as "stepMarks",
    trigger_event_id as "triggerEventId", created_at as "createdAt", completed_at as "completedAt",
    deadline_at as "deadlineAt", continue_at as "continueAt", pending
  from workflow_runs
  where id > $1 and mod(ascii(right(id, 1)) * 31 + ascii(right(id, 2)), $2::integer) = $3::integer
  order by id limit ${RUNS_A_PAGE}`;
const STEPS = `select run_id as "runId", step_index as "index", state, retry_count as "retryCount",
    cost_usd as "costUsd", objective_id as "objectiveId", delegation_id as "delegationId",
    approval_request_id as "approvalRequestId", ticket_ids as "ticketIds", wait_key as "waitKey",
    started_at as "startedAt", completed_at as "completedAt", timeout_at as "timeoutAt",
    wake_at as "wakeAt", coalesce(output @> '{"timed_out": true}', false) as "timedOut", exists (
      select 1 from child_runs c join workflow_runs r on r.id = c.child_run_id
      where c.run_id = s.run_id and c.step_index = s.step_index and r.completed_at is null
    ) as "hasOpenChild", coalesce(detail, '{}') ? 'task' as "hasTask"
  from step_runs s where run_id = any($1) order by run_id, step_index`;
const VERSIONS = `select v.id, jsonb_agg(
      jsonb_build_object('id', s.value -> 'id', 'stepType', s.value -> 'stepType',
        'timeoutSeconds', case when jsonb_typeof(s.value #> '{config,timeout_seconds}') = 'number'
          then s.value #> '{config,timeout_seconds}'
          else coalesce(s.value -> 'timeoutSeconds', '0') end,
        'delay', s.value #> '{config,delay_seconds}', 'until', s.value #> '{config,until}',
        'escalateAfter', s.value #> '{config,escalate_after_seconds}',
        'approvers', case coalesce(jsonb_typeof(s.value #> '{config,approvers}'), 'none')
          when 'array' then greatest(1, jsonb_array_length(s.value #> '{config,approvers}'))
          when 'none' then 1 end,
        'backoffSeconds', coalesce((p.policy ->> 'backoffSeconds')::float8, 0),
        'backoffMultiplier', coalesce((p.policy ->> 'backoffMultiplier')::float8, 1)
      ) order by s.ordinality
    ) as steps
  from workflow_versions v, jsonb_array_elements(v.steps) with ordinality as s,
    lateral (select coalesce(s.value -> 'retryPolicy', v.default_retry_policy) as policy) as p
  where v.id = any($1) group by v.id`;
const CALLS = `select split_part(id, '/', 1) as "runId", id, step_index as "stepIndex", attempt, kind, holder,
    lease_until as "leaseUntil"
  from effects e join unnest($1::text[]) as wanted(run)
    on e.id >= wanted.run || '/' collate "C" and e.id < wanted.run || '0' collate "C"
  order by id`;
const MOVES = `select run_id as "runId", seq, batch_id::float8 as "batchId",
    recorded_at as "recordedAt", cause, moves
  from run_moves where run_id = any($1) order by run_id, seq`;

/** Connects for reading alone: a statement that writes is refused by the server. */
export async function connectReadOnly(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    options: "-c default_transaction_read_only=on",
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  // A connection that breaks shows at the next statement.
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** One of `of` parts of all runs. */
export interface RunShare {
  readonly share: number;
  readonly of: number;
}

const ALL_RUNS: RunShare = { share: 0, of: 1 };

/** Whether a run belongs to a share, by the last characters of its id, which are random. */
export function isInShare(runId: string, { share, of }: RunShare): boolean {
  const last = (runId.codePointAt(runId.length - 1) ?? 0) * 31;
  return (last + (runId.codePointAt(Math.max(0, runId.length - 2)) ?? 0)) % of === share;
}

/** All runs of a share in the order of their ids, a page at a time. */
export async function* runPages(
  client: pg.Client,
  share: RunShare = ALL_RUNS,
): AsyncGenerator<WholeRun[]> {
  for (let after = ""; ; ) {
    const page = await inSnapshot(client, () => readPage(client, after, share));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.run.id;
  }
}

/** Runs reads in one snapshot. */
async function inSnapshot<T>(client: pg.Client, read: () => Promise<T>): Promise<T> {
  await client.query("begin isolation level repeatable read read only");
  try {
    return await read();
  } finally {
    await client.query("rollback");
  }
}

async function readPage(
  client: pg.Client,
  after: string,
  { share, of }: RunShare,
): Promise<WholeRun[]> {
  const { rows: found } = await client.query<StoredRun>(RUNS, [after, of, share]);
  const runs = found.slice(0, fitting(found));
  const ids = runs.map(({ id }) => id);
  const steps = byRun((await client.query<StoredStep>(STEPS, [ids])).rows);
  const moves = byRun((await client.query<PackedStored>(MOVES, [ids])).rows);
  const calls = byRun((await client.query<StoredCall>(CALLS, [ids])).rows);
  const versions = new Map(
    (
      await client.query<StoredVersion>(VERSIONS, [runs.map(({ versionId }) => versionId)])
    ).rows.map(({ id, steps }) => [id, steps]),
  );
  return runs.map((run) => ({
    run,
    steps: steps.get(run.id) ?? [],
    version: versions.get(run.versionId) ?? [],
    calls: calls.get(run.id) ?? [],
    ...unpack(moves.get(run.id) ?? []),
  }));
}

/** How many of the first runs have no more rows than a page may have. */
function fitting(runs: readonly StoredRun[]): number {
  let moves = 0;
  const over = runs.findIndex(({ seq }) => {
    moves += seq;
    return moves > MOVES_A_PAGE;
  });
  return over < 0 ? runs.length : Math.max(1, over);
}

function byRun<Row extends { readonly runId: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.runId);
    if (group === undefined) groups.set(row.runId, [row]);
    else group.push(row);
  }
  return groups;
}

/** The rows up to the first one that stands for nothing. */
function unpack(packed: readonly PackedStored[]): Pick<WholeRun, "rows" | "unreadable"> {
  const rows: StoredMoves[] = [];
  for (const row of packed) {
    try {
      rows.push({ ...row, ...unpackRow(row.runId, row) });
    } catch (error) {
      return { rows, unreadable: `row ${row.seq}: ${String(error)}` };
    }
  }
  return { rows, unreadable: "" };
}
