/**
 * Marks batches of moves as published, and counts the runs that they started and ended.
 * Boundary: one statement by itself, so nothing of it stays open while the replica is frozen.
 * Invariants:
 * M1 A batch is marked once all its events are acknowledged, by the holder of its partition's lease, many in one statement.
 * M2 A mark notes how far our stream was in the same statement: what is marked is known to be in the stream (stream-marks.ts).
 * M3 A batch is counted by the statement that marks it first. What is published again because the stream lost it has the mark
 *    `counted`, and a second mark of a batch finds it published.
 * M4 A day of a workflow whose failure rate is high is reported once: its row of counters can be inserted once.
 */
import { HIGH_FAILURE_RATE } from "../engine/values/workflow-status.ts";
import type { Database, Statement } from "./database.ts";
import type { UnpublishedBatch } from "./outbox.ts";
import { ALL_DAYS, COUNTER_KINDS, FAILURES, type RunCount } from "./run-counts.ts";

/** The highest sequence that a stream acknowledged; 0: none. */
export interface AckedPlace {
  readonly stream: string;
  readonly seq: number;
}

/** A batch whose events are all acknowledged, and what its moves count. */
export interface SentBatch extends Pick<UnpublishedBatch, "id" | "partition"> {
  readonly counts?: readonly RunCount[];
}

/** Fewer ended runs of a day say nothing about its failures. */
const ENDED_AT_LEAST = 10;

const HELD = `held as materialized (
      select done.id, done.partition from unnest($2::bigint[], $3::smallint[]) as done(id, partition)
      join partition_leases l on l.partition = done.partition
      where l.holder = $1 and l.lease_until > clock_timestamp()),
    noted as (
      insert into stream_acks (stream, partition, seq, noted_at)
      select $4::text, min(partition), $5::bigint, clock_timestamp() from held
      having count(*) > 0 and $5::bigint > 0
      on conflict (stream, partition) do update set seq = excluded.seq, noted_at = excluded.noted_at)`;
// By id alone: with a second condition the planner may walk the index of unpublished batches, which a backlog fills.
const MARK: Statement = {
  name: "mark_published",
  text: `with ${HELD}
    update move_batches set published_at = clock_timestamp() where id = any(array(select id from held))
    returning id`,
};
// The planner does not see that the second condition is that of the index of unpublished batches. Rows are locked in one order, and a
// replica writes those of the lowest of its partitions alone.
const COUNTED = `${HELD},
    marked as (
      update move_batches set published_at = clock_timestamp()
      where id = any(array(select id from held)) and coalesce(published_at, 'infinity') = 'infinity'
      returning id, counted),
    added as materialized (
      select c.definition_id, c.kind, each.day, c.name, sum(c.runs) as runs, sum(c.cost_usd) as cost_usd,
        sum(c.duration_ms)::bigint as duration_ms, max(c.last_at) as last_at
      from unnest($6::bigint[], $7::text[], $8::smallint[], $9::integer[], $10::text[], $11::integer[], $12::float8[],
          $13::bigint[], $14::timestamptz[])
        as c(batch_id, definition_id, kind, day, name, runs, cost_usd, duration_ms, last_at)
      cross join lateral (values (c.day), (${ALL_DAYS})) as each(day)
      where c.batch_id = any(array(select id from marked where counted is null))
        and (each.day <> ${ALL_DAYS} or c.kind in (${COUNTER_KINDS.started}, ${COUNTER_KINDS.ended}))
      group by c.definition_id, c.kind, each.day, c.name),
    place as materialized (
      select min(partition) as shard from partition_leases where holder = $1 and lease_until > clock_timestamp()),
    summed as (
      insert into workflow_counters as w
        (definition_id, kind, day, name, shard, runs, cost_usd, duration_ms, last_at)
      select definition_id, kind, day, name, shard, runs, cost_usd, duration_ms, last_at from added cross join place
      order by definition_id, kind, day, name
      on conflict (definition_id, kind, day, name, shard) do update set runs = w.runs + excluded.runs,
        cost_usd = w.cost_usd + excluded.cost_usd, duration_ms = w.duration_ms + excluded.duration_ms,
        last_at = greatest(w.last_at, excluded.last_at))`;
const MARK_AND_COUNT: Statement = {
  name: "mark_and_count_published",
  text: `with ${COUNTED} select id from marked`,
};
// What stood there before is seen here, without what this statement adds.
const MARK_AND_REPORT: Statement = {
  name: "mark_and_report_published",
  text: `with ${COUNTED},
    failing as (
      select distinct definition_id, day from added
      where kind = ${COUNTER_KINDS.ended} and day <> ${ALL_DAYS} and runs > 0 and name = any($15::text[])),
    rates as (
      select f.definition_id, f.day, sum(x.runs) as ended, sum(x.runs) filter (where x.name = any($15::text[])) as failed
      from failing f cross join lateral (
        select w.name, w.runs from workflow_counters w
        where w.definition_id = f.definition_id and w.kind = ${COUNTER_KINDS.ended} and w.day = f.day
        union all
        select a.name, a.runs from added a
        where a.definition_id = f.definition_id and a.kind = ${COUNTER_KINDS.ended} and a.day = f.day) as x
      group by f.definition_id, f.day),
    reported as (
      insert into workflow_counters (definition_id, kind, day, name, shard, runs, cost_usd, duration_ms)
      select definition_id, ${COUNTER_KINDS.reported}, day, '', 0, ended, 0, 0 from rates
      where ended >= ${ENDED_AT_LEAST} and failed > ended * coalesce((
        select s.high_failure_rate from workflow_details s where s.definition_id = rates.definition_id), ${HIGH_FAILURE_RATE})
      on conflict do nothing returning definition_id, day),
    told as (
      insert into move_batches (partition, changes)
      select place.shard, json_build_array(json_build_object(
        'id', d.id || '-high_failure_rate-' || r.day, 'type', 'workflows.changes.workflow.high_failure_rate',
        'workspaceId', d.workspace_id, 'aggregateId', d.id, 'aggregateType', 'workflow',
        'operation', 'high_failure_rate',
        'recordedAt', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'payload', json_build_object('definition_id', d.id, 'workspace_id', d.workspace_id, 'name', d.name,
          'day', to_char(to_timestamp(r.day * 86400.0) at time zone 'UTC', 'YYYY-MM-DD'),
          'ended_runs', x.ended, 'failed_runs', x.failed)))
      from reported r join rates x on x.definition_id = r.definition_id and x.day = r.day
      join workflow_definitions d on d.id = r.definition_id cross join place)
    select id from marked`,
};

/**
 * Marks batches as published, where `holder` still has the lease of their partition: a mark that comes late could hide a
 * batch that the next holder has to publish again. Notes that `stream` acknowledged `seq` (0: nothing). Gives how many are marked.
 */
export async function markPublished(
  database: Database,
  holder: string,
  batches: readonly SentBatch[],
  { stream, seq }: AckedPlace,
): Promise<number> {
  const columns = [batches.map(({ id }) => id), batches.map(({ partition }) => partition)];
  const values: unknown[] = [holder, ...columns, stream, seq];
  const counts = batches.flatMap(({ id, counts = [] }) => counts.map((each) => ({ id, ...each })));
  if (counts.length === 0) return (await database.write.query(MARK, values)).length;
  values.push(
    counts.map(({ id }) => id),
    counts.map(({ definitionId }) => definitionId),
    counts.map(({ kind }) => kind),
    counts.map(({ day }) => day),
    counts.map(({ name }) => name),
    counts.map(({ runs }) => runs),
    counts.map(({ costUsd }) => costUsd),
    counts.map(({ durationMs }) => durationMs),
    counts.map(({ lastAtMs }) => (lastAtMs === undefined ? null : new Date(lastAtMs))),
  );
  const isFailing = counts.some(({ kind, name, runs }) => {
    return kind === COUNTER_KINDS.ended && runs > 0 && FAILURES.some((each) => each === name);
  });
  if (!isFailing) return (await database.write.query(MARK_AND_COUNT, values)).length;
  return (await database.write.query(MARK_AND_REPORT, [...values, FAILURES])).length;
}
