/**
 * Events that are kept for waits that open later, and reports that came before their object's id.
 *
 * Boundary: rows only; which events are kept, and who gets them, is decided in runtime.
 * Invariant: an event is kept once per workspace, source and id (a source of "" equals every source), with the time of
 * its first arrival by the database's clock.
 */
import type { EventReport } from "../engine/event.ts";
import type { ArrivedEvent } from "../engine/input.ts";
import type { Queries, Statement, Tx } from "./database.ts";

/** An event to keep. */
export interface EventToKeep extends ArrivedEvent {
  readonly workspaceId: string;
}

/** A report about an object whose id no step knows. */
export interface EarlyReport {
  readonly workspaceId: string;
  /** Id of the objective, delegation or approval request. */
  readonly objectId: string;
  readonly eventId: string;
  readonly report: EventReport;
}

/** Which kept events a wait that has opened may want; `place` comes back with them. */
export interface KeptEventProbe {
  readonly place: number;
  readonly workspaceId: string;
  /** A type or subject that events must have to be asked for; "" = any. */
  readonly type: string;
  readonly subject: string;
  readonly sinceMs: number;
  /** Where an earlier page ended; 0 = from the first. */
  readonly afterSeq: number;
}

/** A kept event that a probe found; `seq` is its place among all. */
export interface KeptEvent extends ArrivedEvent {
  readonly place: number;
  readonly seq: number;
}

/** An object that a step has learned the id of. */
export interface LearnedObject {
  readonly workspaceId: string;
  readonly objectId: string;
}

const KEEP: Statement = {
  name: "keep_events",
  text: `insert into kept_events
      (workspace_id, source, event_id, type, subject, "time", arrived_at, data)
    select v."workspaceId", v.source, v.id, v.type, v.subject, v.time, clock_timestamp(), v.data
    from jsonb_to_recordset($1::jsonb)
      as v("workspaceId" text, source text, id text, type text, subject text, time text, data jsonb)
    where not exists (
      select 1 from kept_events k
      where k.workspace_id = v."workspaceId" and k.event_id = v.id
        and (k.source = '' or v.source = ''))
    on conflict (workspace_id, event_id, source) do nothing`,
};

// One branch for each index, of which a probe runs its own alone; an `or` would scan the workspace's events.
const FIND_KEPT: Statement = {
  name: "find_kept_events",
  text: `select p.place, e.seq, e.event_id as id, e.source, e.type, e.subject, e."time", e.data
    from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::bigint[])
      as p(place, workspace_id, type, subject, since_ms, after_seq)
    cross join lateral (
      select * from kept_events k
      where p.type <> '' and k.workspace_id = p.workspace_id and k.type = p.type
        and (p.subject = '' or k.subject = p.subject)
        and k.arrived_at >= to_timestamp(p.since_ms / 1000) and k.seq > p.after_seq
      union all
      select * from kept_events k
      where p.type = '' and p.subject <> '' and k.workspace_id = p.workspace_id
        and k.subject = p.subject
        and k.arrived_at >= to_timestamp(p.since_ms / 1000) and k.seq > p.after_seq
      union all
      select * from kept_events k
      where p.type = '' and p.subject = '' and k.workspace_id = p.workspace_id
        and k.arrived_at >= to_timestamp(p.since_ms / 1000) and k.seq > p.after_seq
      order by seq limit $7
    ) as e
    order by p.place, e.seq`,
};

const INSERT_EARLY: Statement = {
  name: "insert_early_reports",
  text: `insert into early_reports (workspace_id, object_id, event_id, report, arrived_at)
    select v."workspaceId", v."objectId", v."eventId", v.report, clock_timestamp()
    from jsonb_to_recordset($1::jsonb)
      as v("workspaceId" text, "objectId" text, "eventId" text, report jsonb)
    where not exists (
      select 1 from early_reports r
      where r.workspace_id = v."workspaceId" and r.object_id = v."objectId"
        and r.event_id = v."eventId")`,
};

const FIND_EARLY: Statement = {
  name: "find_early_reports",
  text: `select r.workspace_id as "workspaceId", r.object_id as "objectId", r.event_id as "eventId",
      r.report
    from unnest($1::text[], $2::text[]) as v(workspace_id, object_id)
    join early_reports r on r.workspace_id = v.workspace_id and r.object_id = v.object_id
    order by r.seq`,
};

// `now()`: only a value that is fixed for the statement is looked up in an index. The order asks for that index.
const dropOld = (table: string, age: string) => `
      delete from ${table} where ctid = any(array(
        select ctid from ${table} where arrived_at < now() - make_interval(secs => ${age})
        order by arrived_at limit $3::integer for update skip locked))
      returning 1`;
const DROP_OLD: Statement = {
  name: "drop_old_events",
  text: `with kept as (${dropOld("kept_events", "$1")}
    ), early as (${dropOld("early_reports", "$2")}
    )
    select (select count(*) from kept)::int as kept, (select count(*) from early)::int as early`,
};

/** Keeps events; those that are kept already stay as they are. */
export async function keepEvents(tx: Tx, events: readonly EventToKeep[]): Promise<void> {
  await tx.query(KEEP, [JSON.stringify(events)]);
}

/** Kept events by workspace, literal type or subject and age, at most `limit` a probe, oldest first. */
export function findKeptEvents(
  queries: Queries,
  probes: readonly KeptEventProbe[],
  limit: number,
): Promise<KeptEvent[]> {
  return queries.query<KeptEvent>(FIND_KEPT, [
    probes.map((probe) => probe.place),
    probes.map((probe) => probe.workspaceId),
    probes.map((probe) => probe.type),
    probes.map((probe) => probe.subject),
    probes.map((probe) => probe.sinceMs),
    probes.map((probe) => probe.afterSeq),
    limit,
  ]);
}

/** Keeps reports; the same event's report about the same object is kept once. */
export async function insertEarlyReports(tx: Tx, reports: readonly EarlyReport[]): Promise<void> {
  await tx.query(INSERT_EARLY, [JSON.stringify(reports)]);
}

/** The reports about these objects, in the order in which they came. */
export function findEarlyReports(
  queries: Queries,
  objects: readonly LearnedObject[],
): Promise<EarlyReport[]> {
  return queries.query<EarlyReport>(FIND_EARLY, [
    objects.map((object) => object.workspaceId),
    objects.map((object) => object.objectId),
  ]);
}

/** Drops at most `limit` of each that are older than these ages in seconds; gives how many went. */
export async function dropOldEvents(
  tx: Tx,
  ages: { readonly keptSeconds: number; readonly earlySeconds: number },
  limit: number,
): Promise<{ kept: number; early: number }> {
  const values = [ages.keptSeconds, ages.earlySeconds, limit];
  const [row] = await tx.query<{ kept: number; early: number }>(DROP_OLD, values);
  return row ?? { kept: 0, early: 0 };
}
