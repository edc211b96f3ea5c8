/**
 * What is to be published: leases of partitions, batches of moves and the rows their events are made of.
 * Boundary: reads; which events a batch makes is decided by wire/events/lifecycle-events.ts, and marks are set by mark-published.ts.
 * Invariants:
 * O1 Batches come in id order, which for each run is the order of its moves.
 * O2 Leases are judged by the database's clock.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Run, RunState } from "../engine/values/run.ts";
import { selectList } from "./columns.ts";
import type { Database, Statement } from "./database.ts";
import { type FoundRows, loadSmallRows, type WantedRows } from "./load-rows.ts";
import { type HistoryRow, type PackedRow, RUN_ITSELF, unpackRow } from "./packed-moves.ts";
import { type RunRow, runOfRow } from "./rows.ts";
import { runMoves } from "./schema/history.ts";
import { workflowRuns } from "./schema/runs.ts";

/** How long a partition stays with a replica that does not renew. */
export const PARTITION_LEASE_MS = 10_000;

/** A commit that is not marked as published. */
export interface UnpublishedBatch {
  readonly id: number;
  readonly partition: number;
  /** Events of definitions and versions; null for a batch of runs. */
  readonly changes: readonly JsonObject[] | null;
}

/** One row of the history. */
export interface RecordedMoves extends HistoryRow {
  readonly runId: string;
  readonly seq: number;
  readonly batchId: number;
  readonly recordedAt: Date;
}

type MovesRow = Omit<RecordedMoves, keyof HistoryRow> & PackedRow;

/** What a replica publishes, and the others at work, as far as the leases show them. */
export interface TakenPartitions {
  readonly partitions: readonly number[];
  /** When the leases of these partitions end, by the database's clock (epoch ms); 0: there are none. */
  readonly untilMs: number;
  /** Ids of the other replicas that hold a lease now. */
  readonly others: readonly string[];
}

const LEASE_END = `clock_timestamp() + interval '${PARTITION_LEASE_MS} milliseconds'`;
// Every partition's row is there after the first call; rows locked by another replica are its for now. The first replica takes
// all; what has no holder later is taken up to an even share.
const TAKE: Statement = {
  name: "take_partitions",
  text: `with missing as (
      insert into partition_leases (partition, holder, lease_until)
      select p, $1, ${LEASE_END} from generate_series(0, $2::integer - 1) as p
      on conflict (partition) do nothing returning partition, lease_until),
    others as materialized (
      select distinct holder from partition_leases
      where holder <> $1 and lease_until > clock_timestamp()),
    own as materialized (
      select partition from partition_leases
      where holder = $1 and partition < $2::integer and lease_until > clock_timestamp()
      for update skip locked),
    free as materialized (
      select partition from partition_leases
      where partition < $2::integer and lease_until <= clock_timestamp()
      order by partition
      limit greatest(0, ceil($2::integer / (1.0 + (select count(*) from others)))
        - (select count(*) from own))::bigint
      for update skip locked),
    taken as (
      update partition_leases l set holder = $1, lease_until = ${LEASE_END}
      from (select partition from own union all select partition from free) as kept
      where l.partition = kept.partition returning l.partition, l.lease_until)
    select partition, extract(epoch from lease_until)::float8 * 1000 as "untilMs", null as other
    from (table missing union all table taken) as leased
    union all select null, 0, holder from others`,
};
// One row, behind those of the partitions: of several replicas without a partition it shows one.
const SHOW: Statement = {
  name: "show_replica",
  text: `insert into partition_leases as l (partition, holder, lease_until)
    values ($2::integer, $1, ${LEASE_END})
    on conflict (partition) do update set holder = excluded.holder, lease_until = excluded.lease_until
    where l.holder = excluded.holder or l.lease_until <= clock_timestamp()`,
};
// The column has milliseconds, and rounds: up, the lease would last until after this moment. A statement that comes late must not end
// a lease that was renewed since.
const LET_GO: Statement = {
  name: "let_go_partitions",
  text: `update partition_leases set lease_until = date_trunc('milliseconds', clock_timestamp())
    where holder = $1 and ($2::smallint[] is null or partition = any($2::smallint[]))
      and ($3::float8 is null or round(extract(epoch from lease_until) * 1000) <= $3::float8)`,
};
// One look-up a partition: in the order of its ids only the index of unpublished batches serves, whatever the planner
// believes of their number. Asked for all partitions at once it may walk past every published row.
const LIST: Statement = {
  name: "list_unpublished_batches",
  text: `select b.id, b.partition, b.changes
    from unnest($1::smallint[]) as p(partition)
    cross join lateral (
      select m.id, m.partition, m.changes from move_batches m
      where m.published_at is null and m.partition = p.partition
      order by m.partition, m.id limit $2::integer
    ) as b
    order by b.id limit $2::integer`,
};
const MOVES: Statement = {
  name: "list_moves_of_batches",
  text: `select ${selectList(runMoves, "m")} from run_moves m
    where m.batch_id = any($1::bigint[]) order by m.run_id, m.seq`,
};
const RUNS: Statement = {
  name: "list_runs_of_moves",
  text: `select ${selectList(workflowRuns, "r", ["inputPayload"])} from workflow_runs r
    where r.id = any($1::text[])`,
};
// The first later move of a run holds the state that it left.
const NEXT_STATES: Statement = {
  name: "list_next_run_states",
  text: `select v.run_id as "runId", later.cause, later.moves
    from unnest($1::text[], $2::integer[]) as v(run_id, seq)
    cross join lateral (
      select m.cause, m.moves from run_moves m
      where m.run_id = v.run_id and m.seq > v.seq and exists (
        select 1 from json_array_elements(m.moves) as move where (move->0)::text = '${RUN_ITSELF}')
      order by m.seq limit 1) as later`,
};
// The last move of a run before it was opened again is its end.
const EARLIER_ENDS: Statement = {
  name: "list_earlier_run_ends",
  text: `select v.run_id as "runId", v.seq, earlier.recorded_at as "recordedAt", earlier.cause, earlier.moves
    from unnest($1::text[], $2::integer[]) as v(run_id, seq)
    cross join lateral (
      select m.recorded_at, m.cause, m.moves from run_moves m
      where m.run_id = v.run_id and m.seq < v.seq and exists (
        select 1 from json_array_elements(m.moves) as move
        where (move->0)::text = '${RUN_ITSELF}' and (move->1)::text <> (move->2)::text)
      order by m.seq desc limit 1) as earlier`,
};

/**
 * Renews the holder's leases of partitions and takes those that are new, and of the expired ones so many that it has an even share;
 * gives all it has now, in order. One statement by itself: a lease whose answer is lost is renewed by the next one, or runs out.
 */
export async function takePartitions(
  database: Database,
  holder: string,
  partitions: number,
): Promise<TakenPartitions> {
  const rows = await database.write.query<{
    readonly partition: number | null;
    readonly untilMs: number;
    readonly other: string | null;
  }>(TAKE, [holder, partitions]);
  const taken = rows.flatMap(({ partition }) => (partition === null ? [] : [partition]));
  return {
    partitions: taken.sort((a, b) => a - b),
    untilMs: Math.max(0, ...rows.map(({ untilMs }) => Math.round(untilMs))),
    others: rows.flatMap(({ other }) => (other === null ? [] : [other])).sort(),
  };
}

/** Shows the others a replica that holds no partition, for as long as a lease lasts. */
export async function showReplica(
  database: Database,
  holder: string,
  partitions: number,
): Promise<void> {
  await database.write.query(SHOW, [holder, partitions]);
}

/** Lets another replica take partitions of the holder at once: all of them, or those given while their leases end at `untilMs`. */
export async function letGoPartitions(
  database: Database,
  holder: string,
  given?: Pick<TakenPartitions, "partitions" | "untilMs">,
): Promise<void> {
  const values = [holder, given?.partitions ?? null, given?.untilMs ?? null];
  await database.transaction((tx) => tx.query(LET_GO, values));
}

/** The oldest batches of these partitions that are not published, at most `limit`. */
export function listUnpublished(
  database: Database,
  partitions: readonly number[],
  limit: number,
): Promise<UnpublishedBatch[]> {
  return database.read.query<UnpublishedBatch>(LIST, [partitions, limit]);
}

/** The history rows of batches, by run and in order. */
export async function listMoves(
  database: Database,
  batchIds: readonly number[],
): Promise<RecordedMoves[]> {
  const rows = await database.read.query<MovesRow>(MOVES, [batchIds]);
  return rows.map((row) => ({ ...row, ...unpackRow(row.runId, row) }));
}

/** Runs by id, as they stand now, without their inputs. */
export async function listRunsById(
  database: Database,
  runIds: readonly string[],
): Promise<Map<string, Run>> {
  const rows = await database.read.query<RunRow>(RUNS, [runIds]);
  return new Map(rows.map((row) => [row.id, runOfRow(row)]));
}

/**
 * The state in which runs were before their first move of their own after these places; those without one are absent.
 */
export async function listNextRunStates(
  database: Database,
  places: readonly { readonly runId: string; readonly seq: number }[],
): Promise<Map<string, RunState>> {
  const states = new Map<string, RunState>();
  if (places.length === 0) return states;
  const columns = [places.map(({ runId }) => runId), places.map(({ seq }) => seq)];
  const rows = await database.read.query<{ runId: string } & PackedRow>(NEXT_STATES, columns);
  for (const row of rows) {
    const first = unpackRow(row.runId, row).moves.find((move) => move.of === "run");
    if (first?.of === "run") states.set(row.runId, first.from);
  }
  return states;
}

/** The row of a run's history with its last change of state before a place; `seq` is that of the place. */
export interface EarlierEnd extends HistoryRow {
  readonly runId: string;
  readonly seq: number;
  readonly recordedAt: Date;
}

/** The rows with the last changes of state of runs before these places. */
export async function listEarlierEnds(
  database: Database,
  places: readonly { readonly runId: string; readonly seq: number }[],
): Promise<EarlierEnd[]> {
  if (places.length === 0) return [];
  const columns = [places.map(({ runId }) => runId), places.map(({ seq }) => seq)];
  const rows = await database.read.query<Omit<EarlierEnd, keyof HistoryRow> & PackedRow>(
    EARLIER_ENDS,
    columns,
  );
  return rows.map((row) => ({ ...row, ...unpackRow(row.runId, row) }));
}

/** Rows of steps and inputs of runs, as they stand now, without payloads that no event can carry. */
export function listRowsOfRuns(
  database: Database,
  wanted: readonly WantedRows[],
): Promise<Map<string, FoundRows>> {
  return loadSmallRows(database.read, wanted);
}
