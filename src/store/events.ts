/**
 * Events that are kept for waits that open later, and reports that came before their object's id.
 *
 * Boundary: rows only; which events are kept, and who gets them, is decided in runtime.
 * Invariant: an event is kept once per workspace, source and id (a source of "" equals every source), with the time of
 * its first arrival by the database's clock. That is when routing first asked who wants it, whichever transaction keeps it.
 */
import type { ObjectReport } from "../engine/values/event.ts";
import type { ArrivedEvent } from "../engine/values/input.ts";
import type { Queries, Statement, Tx } from "./database.ts";

/** An event to keep. */
export interface EventToKeep extends ArrivedEvent {
  readonly workspaceId: string;
  /** By the database's clock: epoch ms, with fractions; unset: now. */
  readonly arrivedAtMs?: number;
  /**
   * What the filters of waits may ask of it (engine/matching/equality.ts); unset: not known, all of them are offered
   * it.
   */
  readonly equals?: readonly string[];
}

/** A report about an object whose id no step knows. */
export interface EarlyReport {
  readonly workspaceId: string;
  /** Id of the objective, delegation or approval request. */
  readonly objectId: string;
  readonly eventId: string;
  /** With the acting agent, where an agent caused the event. */
  readonly report: ObjectReport & { readonly actorAgentId?: string };
}

/** Which kept events a wait that has opened may want; `place` comes back with them. */
export interface KeptEventProbe {
  readonly place: number;
  readonly workspaceId: string;
  /**
   * A type or subject, with dots (withDots), that events must have to be asked for; "" = any. Of both the subject
   * counts.
   */
  readonly type: string;
  readonly subject: string;
  /** What the wait's filter asks of events; then it alone counts. "" = nothing that is known. */
  readonly equals: string;
  /** Where an earlier page ended; the first page begins at a time and seq 0. */
  readonly afterMs: number;
  readonly afterSeq: number;
}

/** A kept event that a probe found; the next page begins after its time and seq. */
export interface KeptEvent extends Omit<ArrivedEvent, "extensions"> {
  readonly place: number;
  readonly workspaceId: string;
  readonly seq: number;
  readonly arrivedAtMs: number;
  readonly extensions: Readonly<Record<string, string>> | null;
}

/** An object that a step has learned the id of. */
export interface LearnedObject {
  readonly workspaceId: string;
  readonly objectId: string;
}

/** Parts of a statement that keep the events in one parameter; those that are kept already stay as they are. */
export function keepParts(rows: string): string {
  return `kept as (
      insert into kept_events
        (workspace_id, source, event_id, type, subject, "time", arrived_at, data, extensions, equals)
      select v."workspaceId", v.source, v.id, v.type, v.subject, v.time,
        coalesce(to_timestamp(v."arrivedAtMs" / 1000), clock_timestamp()), v.data, v.extensions, v.equals
      from jsonb_to_recordset(${rows}::jsonb)
        as v("workspaceId" text, source text, id text, type text, subject text, time text,
          "arrivedAtMs" float8, data jsonb, extensions jsonb, equals text[])
      where not exists (
        select 1 from kept_events k
        where k.workspace_id = v."workspaceId" and k.event_id = v.id
          and (k.source = '' or v.source = ''))
      on conflict (workspace_id, event_id, source) do nothing
      returning seq, arrived_at, workspace_id, equals
    ), kept_keys as (
    insert into kept_event_keys (seq, arrived_at, workspace_id, equals)
    select k.seq, k.arrived_at, k.workspace_id, key
    from kept k cross join lateral unnest(k.equals) as key)`;
}

const KEEP: Statement = { name: "keep_events", text: `with ${keepParts("$1")} select` };

/** Kept events of one probe in an answer. */
export const KEPT_A_PAGE = 10;

/**
 * A branch reads one index from where the last page ended, a page of rows at most; a probe runs those that are its own.
 * The limit stands in the text: a plan that does not know it sorts all events of the workspace. No column is compared
 * by `=`, so that the order is that of this index alone; and the index has one column before the time, for a comparison
 * of rows ends a scan by its first column. That column is a hash, so a page may hold a few events of others (see
 * findKeptEvents).
 */
const keptBranch = (mine: string, column: string, value: string, and = "") => `
      (select k.* from kept_events k
      where ${mine} and (${column}, k.arrived_at, k.seq)
          > (${value}, to_timestamp(p.after_ms / 1000), p.after_seq)
        and ${column} <= ${value} ${and}
      order by ${column}, k.arrived_at, k.seq limit ${KEPT_A_PAGE})`;
const hashOf = (workspaceId: string, text: string) =>
  `hashtextextended(${workspaceId} || ' ' || ${text}, 0)`;
const keptBy = (field: "type" | "subject", mine: string) => {
  const stored = hashOf("k.workspace_id", `translate(k.${field}, '/', '.')`);
  return keptBranch(mine, stored, hashOf("p.workspace_id", `p.${field}`));
};

const FIND_KEPT: Statement = {
  name: "find_kept_events",
  text: `select p.place, e.workspace_id as "workspaceId", e.seq, extract(epoch from e.arrived_at)::float8 * 1000 as "arrivedAtMs",
      e.event_id as id, e.source, e.type, e.subject, e."time", e.data, e.extensions
    from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::bigint[])
      as p(place, workspace_id, type, subject, equals, after_ms, after_seq)
    cross join lateral (
      (select k.* from (
        select x.seq from kept_event_keys x
        where p.equals <> '' and x.workspace_id = p.workspace_id and x.equals = p.equals
          and (x.arrived_at, x.seq) > (to_timestamp(p.after_ms / 1000), p.after_seq)
        order by x.arrived_at, x.seq limit ${KEPT_A_PAGE}
      ) as found join kept_events k on k.seq = found.seq)
      union all ${keptBranch("p.equals <> ''", "k.workspace_id", "p.workspace_id", "and k.equals is null")}
      union all ${keptBy("subject", "p.equals = '' and p.subject <> ''")}
      union all ${keptBy("type", "p.equals = '' and p.subject = '' and p.type <> ''")}
      union all ${keptBranch("p.equals = '' and p.subject = '' and p.type = ''", "k.workspace_id", "p.workspace_id")}
      order by arrived_at, seq limit ${KEPT_A_PAGE}
    ) as e
    order by p.place, e.arrived_at, e.seq`,
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
const dropOld = (table: string, age: string, returned: string) => `
      delete from ${table} where ctid = any(array(
        select ctid from ${table} where arrived_at < now() - make_interval(secs => ${age})
        order by arrived_at limit $3::integer for update skip locked))
      returning ${returned}`;
const DROP_OLD: Statement = {
  name: "drop_old_events",
  text: `with kept as (${dropOld("kept_events", "$1", "seq, arrived_at, workspace_id, equals")}
    ), keys as (
      delete from kept_event_keys x using kept k, unnest(k.equals) as key
      where x.workspace_id = k.workspace_id and x.equals = key and x.arrived_at = k.arrived_at
        and x.seq = k.seq
    ), early as (${dropOld("early_reports", "$2", "1")}
    )
    select (select count(*) from kept)::int as kept, (select count(*) from early)::int as early`,
};

/** Keeps events, by one statement; those that are kept already stay as they are. */
export async function keepEvents(db: Queries, events: readonly EventToKeep[]): Promise<void> {
  await db.query(KEEP, [JSON.stringify(events)]);
}

/**
 * Kept events by workspace, literal type or subject, or what filters ask, at most KEPT_A_PAGE a probe, oldest first. A
 * page may hold events of other workspaces, types or subjects, which the caller passes over.
 */
export function findKeptEvents(
  queries: Queries,
  probes: readonly KeptEventProbe[],
): Promise<KeptEvent[]> {
  return queries.query<KeptEvent>(FIND_KEPT, [
    probes.map((probe) => probe.place),
    probes.map((probe) => probe.workspaceId),
    probes.map((probe) => probe.type),
    probes.map((probe) => probe.subject),
    probes.map((probe) => probe.equals),
    probes.map((probe) => probe.afterMs),
    probes.map((probe) => probe.afterSeq),
  ]);
}

/** Keeps reports, by one statement; the same event's report about the same object is kept once. */
export async function insertEarlyReports(
  db: Queries,
  reports: readonly EarlyReport[],
): Promise<void> {
  await db.query(INSERT_EARLY, [JSON.stringify(reports)]);
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
