/**
 * Triggers that came while their workflow was paused: noted, set to be started, started, and dropped when they are old.
 * Boundary: rows; who decides what is runtime/missed-triggers.ts and runtime/pauses.ts.
 * Invariants:
 * Q1 A trigger is noted while the row of its pause is locked. Resume deletes that row first, so it finds every trigger of the pause, and a
 *    trigger that comes later finds no pause.
 * Q2 A row that is due is started once, whoever starts it: its start is unique by definition, event and source.
 * Q3 Of a workflow KEPT_AT_MOST rows are kept, and what is queued, but for what comes between two trims.
 */
import type { Cause } from "../engine/values/input.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Run } from "../engine/values/run.ts";
import type { Queries, Statement, Tx } from "./database.ts";

/** States of missed triggers as they are stored: their places, counted from 1. */
const MISSED_STATES = ["DROPPED", "QUEUED", "STARTING", "STARTED", "FAILED"] as const;
/** One of them. */
type MissedState = (typeof MISSED_STATES)[number];

/** A run that a trigger starts, but for the version: that is the one of its environment when it starts. */
interface TriggeredStart
  extends Pick<Run, "definitionId" | "workspaceId" | "triggerType" | "triggerEventId">,
    Pick<Run, "triggerSource" | "hops" | "inputUnset" | "initiatorAgentId" | "initiatorUserId">,
    Pick<Run, "parentRunId" | "entityId" | "entityType" | "environment"> {
  readonly input: JsonObject;
}

/** What is kept to start it. */
export interface StoredStart {
  readonly start: TriggeredStart;
  readonly cause: Cause;
}

/** A trigger to note. */
export interface NewMissed {
  readonly definitionId: string;
  readonly eventId: string;
  readonly source: string;
  readonly triggerType: string;
  readonly pauseReason: string;
  /** Undefined: there is no room for it. */
  readonly start: StoredStart | undefined;
  readonly startBytes: number;
  /** For how long Resume may start it; 0: it is dropped. */
  readonly queueSeconds: number;
}

/** A trigger that is to be started, with the version of its environment. */
export interface DueTrigger {
  readonly seq: number;
  readonly definitionId: string;
  /** Null: nothing is deployed there. */
  readonly versionId: string | null;
  readonly version: number | null;
  /** Nothing starts runs of the workflow; null: it is not so. */
  readonly isArchived: true | null;
  readonly start: StoredStart;
}

/** What became of one. */
export interface StartedTrigger {
  readonly seq: number;
  /** Undefined: it cannot be started. */
  readonly runId: string | undefined;
  readonly problem: string;
}

/** Which triggers of a definition are to be started: by their numbers, or by when they were missed. */
export interface WantedMissed {
  readonly definitionId: string;
  readonly seqs: readonly number[] | undefined;
  readonly from: Date | undefined;
  readonly before: Date | undefined;
}

/** Rows of a workflow that are kept. */
export const KEPT_AT_MOST = 10_000;
const KEPT_DAYS = 30;

/** The number of a state. */
function numberOfState(state: MissedState): number {
  return MISSED_STATES.indexOf(state) + 1;
}

const [DROPPED, QUEUED, STARTING, STARTED, FAILED] = MISSED_STATES.map(numberOfState);

const ADD: Statement = {
  name: "add_missed_triggers",
  text: `insert into missed_triggers (definition_id, event_id, source, trigger_type, pause_reason, start, start_bytes,
      missed_at, queued_until, state)
    select v.definition_id, v.event_id, v.source, v.trigger_type, v.pause_reason, v.start::jsonb, v.start_bytes,
      clock_timestamp(),
      case when v.queue_seconds > 0 then clock_timestamp() + v.queue_seconds * interval '1 second' end,
      case when v.queue_seconds > 0 then ${QUEUED} else ${DROPPED} end
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[])
      with ordinality as v(definition_id, event_id, source, trigger_type, pause_reason, start, start_bytes, queue_seconds, place)
    order by v.place
    on conflict (definition_id, event_id, source) do nothing
    returning definition_id as "definitionId", start_bytes as "startBytes", queued_until is not null as "isQueued"`,
};
const TRIM: Statement = {
  name: "trim_missed_triggers",
  text: `with gone as (
      delete from missed_triggers
      where definition_id = $1 and state not in (${QUEUED}, ${STARTING}) and seq <= (
        select seq from missed_triggers where definition_id = $1 order by seq desc offset ${KEPT_AT_MOST} limit 1)
      returning start_bytes)
    update workflow_pauses set kept_bytes = greatest(0, kept_bytes - (select coalesce(sum(start_bytes), 0) from gone))
    where definition_id = $1`,
};
const BYTES: Statement = {
  name: "sum_missed_triggers",
  text: `select coalesce(sum(start_bytes), 0)::float8 as bytes from missed_triggers where definition_id = $1`,
};
const RELEASE: Statement = {
  name: "release_missed_triggers",
  text: `update missed_triggers set queued_until = null,
      state = case when queued_until > clock_timestamp() then ${STARTING} else ${DROPPED} end,
      due_at = case when queued_until > clock_timestamp() then clock_timestamp() end
    where definition_id = $1 and state = ${QUEUED} returning state`,
};
const HOLD: Statement = {
  name: "hold_missed_triggers",
  text: `update missed_triggers set due_at = null,
      queued_until = case when $2::integer > 0 then clock_timestamp() + $2 * interval '1 second' end,
      state = case when $2 > 0 then ${QUEUED} else ${DROPPED} end
    where definition_id = $1 and state = ${STARTING} returning seq`,
};
const REPLAY: Statement = {
  name: "replay_missed_triggers",
  text: `with wanted as materialized (
      select seq from missed_triggers
      where definition_id = $1 and start is not null and state in (${DROPPED}, ${FAILED})
        and ($2::bigint[] is null or seq = any($2)) and ($3::timestamptz is null or missed_at >= $3)
        and ($4::timestamptz is null or missed_at < $4)
      order by seq limit $5::integer + 1)
    update missed_triggers m set state = ${STARTING}, due_at = clock_timestamp(), problem = null
    from (select seq from wanted order by seq limit $5::integer) as w
    where m.definition_id = $1 and m.seq = w.seq
    returning (select count(*) from wanted)::integer as found`,
};
const FIND_DUE: Statement = {
  name: "find_due_triggers",
  text: `select m.seq, m.definition_id as "definitionId", v.version_id as "versionId", v.version, m.start,
      (select true from closed_workflows c where c.definition_id = m.definition_id) as "isArchived"
    from (select seq, definition_id, due_at, start from missed_triggers
      where due_at <= now() and seq <> all($2::bigint[]) order by due_at, seq limit $1) as m
    cross join lateral (
      select d.latest_version_id, d.latest_version from workflow_definitions d where d.id = m.definition_id
      offset 0) as d
    left join lateral (
      select d.latest_version_id as version_id, d.latest_version as version
      where m.start->'start'->>'environment' is null
      union all
      select e.version_id, e.version from workflow_deployments e
      where e.definition_id = m.definition_id and e.environment = m.start->'start'->>'environment' and e.state = 'ACTIVE'
      limit 1) as v on true
    order by m.due_at, m.seq`,
};
const END: Statement = {
  name: "end_missed_triggers",
  text: `update missed_triggers m set due_at = null, run_id = v.run_id, problem = v.problem,
      state = case when v.run_id is null then ${FAILED} else ${STARTED} end,
      start = case when v.run_id is null then m.start end,
      start_bytes = case when v.run_id is null then m.start_bytes else 0 end
    from unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) as v(definition_id, seq, run_id, problem)
    where m.definition_id = v.definition_id and m.seq = v.seq and m.state = ${STARTING}`,
};
const DROP_OLD: Statement = {
  name: "drop_old_missed_triggers",
  text: `with gone as (
      delete from missed_triggers where ctid = any(array(
        select ctid from missed_triggers where missed_at < now() - make_interval(days => ${KEPT_DAYS})
        order by missed_at limit $1::integer for update skip locked))
      returning 1
    ) select count(*)::integer as dropped from gone`,
};

/** Notes triggers; gives those that were not noted before. */
export function addMissed(
  tx: Tx,
  missed: readonly NewMissed[],
): Promise<{ definitionId: string; startBytes: number; isQueued: boolean }[]> {
  return tx.query(ADD, [
    missed.map((each) => each.definitionId),
    missed.map((each) => each.eventId),
    missed.map((each) => each.source),
    missed.map((each) => each.triggerType),
    missed.map((each) => each.pauseReason),
    missed.map(({ start }) => (start === undefined ? null : JSON.stringify(start))),
    missed.map((each) => each.startBytes),
    missed.map((each) => each.queueSeconds),
  ]);
}

/** Deletes the oldest rows of a workflow that has too many; its pause, which is locked, counts their bytes no more. */
export async function trimMissed(tx: Tx, definitionId: string): Promise<void> {
  await tx.query(TRIM, [definitionId]);
}

/** The bytes of payloads that are kept for a workflow. */
export async function sumMissedBytes(tx: Tx, definitionId: string): Promise<number> {
  const [row] = await tx.query<{ bytes: number }>(BYTES, [definitionId]);
  return row?.bytes ?? 0;
}

/** Has what is queued for a workflow started, but for what waited too long; gives how many that are. */
export async function releaseMissed(tx: Tx, definitionId: string): Promise<number> {
  const rows = await tx.query<{ state: number }>(RELEASE, [definitionId]);
  return rows.filter(({ state }) => state === STARTING).length;
}

/** What was about to start waits for the end of another pause, or is dropped; gives how many those are. */
export async function holdMissed(
  tx: Tx,
  definitionId: string,
  queueSeconds: number,
): Promise<number> {
  return (await tx.query(HOLD, [definitionId, queueSeconds])).length;
}

/** Has triggers started that were dropped, `limit` at most and the oldest first; `more`: there are others. */
export async function replayMissed(
  tx: Tx,
  { definitionId, seqs, from, before }: WantedMissed,
  limit: number,
): Promise<{ starting: number; more: boolean }> {
  const values = [definitionId, seqs ?? null, from ?? null, before ?? null, limit];
  const rows = await tx.query<{ found: number }>(REPLAY, values);
  return { starting: rows.length, more: (rows[0]?.found ?? 0) > rows.length };
}

/** Triggers to start, the longest due first, without those with some numbers. */
export function findDueTriggers(
  db: Queries,
  limit: number,
  without: readonly number[],
): Promise<DueTrigger[]> {
  return db.query<DueTrigger & Record<string, unknown>>(FIND_DUE, [limit, without]);
}

/** Notes what became of triggers that were to be started. */
export async function endMissed(
  queries: Queries,
  ended: readonly (StartedTrigger & Pick<DueTrigger, "definitionId">)[],
): Promise<void> {
  await queries.query(END, [
    ended.map(({ definitionId }) => definitionId),
    ended.map(({ seq }) => seq),
    ended.map(({ runId }) => runId ?? null),
    ended.map(({ problem }) => (problem === "" ? null : problem)),
  ]);
}

/** Deletes at most `limit` rows that are older than 30 days; gives how many went. */
export async function dropOldMissed(tx: Tx, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [limit]);
  return row?.dropped ?? 0;
}
