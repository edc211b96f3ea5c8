/**
 * Who wants an event: patterns of waits, steps that wait, triggers, open calls. Batches by arrays.
 *
 * Boundary: finds by keys and ids; whether a pattern or filter fits is asked of the engine.
 * Invariant: what findReported gives is of one snapshot. So an object that no step knows, of a kind
 * for which its workspace has no call open, is none of ours: the call's result records the id and
 * ends the call in one commit.
 */
import type { TriggerDefinition } from "../engine/values/definition.ts";
import { findEdition } from "./catalogue.ts";
import type { Queries, Statement } from "./database.ts";

/** A key to look up for the event at `place` of the batch. */
export interface KeyProbe {
  readonly place: number;
  readonly workspaceId: string;
  readonly key: string;
}

/** Stands for all texts of WaitProbe.equals but "". */
export const ANY_EQUALS = "*";

/** Where waits for an event are filed, and which event it is; a source of "" equals every source. */
export interface WaitProbe extends KeyProbe {
  /** What the wait's filter asks of the event (engine/matching/equality.ts), "" = nothing that is known. */
  readonly equals: string;
  readonly eventId: string;
  readonly source: string;
}

/** An object that the event at `place` reports about. */
export interface ObjectProbe {
  readonly place: number;
  readonly workspaceId: string;
  readonly kind: "objective" | "delegation" | "approval";
  readonly objectId: string;
}

/** Patterns of a wait, "" = any. */
interface FoundPatterns {
  readonly place: number;
  readonly typePattern: string;
  readonly subjectPattern: string;
}

/** Patterns of waits of a version, and the fields of the event that their filters compare; null = none. */
export interface FoundWaitPatterns extends FoundPatterns {
  readonly eventPaths: string | null;
  /** When they were looked up, by the database's clock: epoch ms, with its microseconds. */
  readonly askedAtMs: number;
}

/** A step that waits for an object, one that ended before its object, or a sign that a call may yet bring the object's id. */
export type FoundReported =
  | {
      readonly what: "step" | "ended_step";
      readonly place: number;
      readonly runId: string;
      readonly stepIndex: number;
    }
  | { readonly what: "open_call"; readonly place: number };

/** A step that waits for events. */
export interface FoundWait extends FoundPatterns {
  readonly runId: string;
  readonly stepIndex: number;
  /** Version of the step's row: a wait that opens again has another one. */
  readonly rowVersion: string;
}

/** Who knows the objects, and the edition of the catalogue at that time; undefined when its row is missing. */
export interface FoundAtEdition {
  readonly found: readonly FoundReported[];
  readonly edition: string | undefined;
}

/** The trigger of a definition's latest version, or of one that is deployed elsewhere. */
export interface FoundTrigger {
  readonly place: number;
  readonly definitionId: string;
  readonly versionId: string;
  readonly version: number;
  readonly trigger: TriggerDefinition;
  /** The definition is paused: the trigger is missed. */
  readonly isPaused: boolean;
}

const PATTERNS: Statement = {
  name: "find_wait_patterns",
  text: `select distinct e.place, p.type_pattern as "typePattern", p.subject_pattern as "subjectPattern",
      p.event_paths as "eventPaths",
      extract(epoch from statement_timestamp())::float8 * 1000 as "askedAtMs"
    from unnest($1::int[], $2::text[], $3::text[]) as e(place, workspace_id, key)
    join wait_patterns p on p.workspace_id = e.workspace_id
      and translate(p.wait_key, '/', '.') = e.key
    where exists (select 1 from workflow_definitions d
        where d.id = p.definition_id and d.latest_version_id = p.version_id)
      or exists (select 1 from workflow_deployments d
        where d.version_id = p.version_id and d.state = 'ACTIVE')
      or exists (select 1 from workflow_runs r
        where r.version_id = p.version_id and r.completed_at is null)`,
};

// Each object is looked up by itself (`offset 0` keeps it so). By a plan that was made while the table was empty, a join reads
// the steps of all runs that ever had an object of the kind.
const stepsWhere = (objects: string, condition: string) => `
    select case when s.is_open then 'step' else 'ended_step' end, o.place, s.run_id, s.step_index, null
    from objects o cross join lateral (
      select s.run_id, s.step_index, s.completed_at is null as is_open from step_runs s
      where ${condition} and s.workspace_id = o.workspace_id
        and (s.completed_at is null or s.detail -> 'leftOpen' ? o.object_id)
      offset 0
    ) as s
    where ${objects}`;

const stepsBy = (kind: ObjectProbe["kind"], column: string) =>
  stepsWhere(`o.kind = '${kind}'`, `s.${column} = o.object_id`);

const STEPS_BY_OTHER_ID = stepsWhere(
  "true",
  "s.ticket_ids @> array[o.object_id] and s.ticket_ids is not null",
);

// Not earlier than the wait counts: a repeat of an event that first came before finds no wait. Each key is looked up by
// itself, as above: joined at once, every wait may be read for it.
const waitsBy = (equality: string, when = "true") => `
    select e.place, s.run_id as "runId", s.step_index as "stepIndex", s.xmin::text as "rowVersion",
      coalesce(s.detail -> 'wait' ->> 'typePattern', '') as "typePattern",
      coalesce(s.detail -> 'wait' ->> 'subjectPattern', '') as "subjectPattern"
    from events e cross join lateral (
      select s.run_id, s.step_index, s.detail, s.xmin from step_runs s
      where s.wait_key is not null
        and hashtextextended(s.workspace_id || ' ' || translate(s.wait_key, '/', '.'), 0)
          = hashtextextended(e.workspace_id || ' ' || e.key, 0)
        and s.workspace_id = e.workspace_id and translate(s.wait_key, '/', '.') = e.key
        and ${equality}
      offset 0
    ) as s
    where ${when} and not exists (
      select 1 from kept_events k join workflow_runs r on r.id = s.run_id
      where k.workspace_id = e.workspace_id and k.event_id = e.event_id
        and (k.source = e.source or k.source = '' or e.source = '')
        and k.arrived_at < coalesce(
          to_timestamp((s.detail -> 'wait' ->> 'sinceMs')::float8 / 1000), r.created_at))`;

// One look at an index a report, however many calls are open; the order has no other index planned.
const openCallOf = (kind: ObjectProbe["kind"], call: string) => `
    select 'open_call', o.place, '', 0, null
    from (
      select o.*, hashtextextended(o.workspace_id || ' ${call}', 0) as call_hash from objects o
      where o.kind = '${kind}'
    ) as o cross join lateral (
      select 1 from effects f
      where f.kind = '${call}' and f.workspace_id = o.workspace_id
        and hashtextextended(f.workspace_id || ' ' || f.kind, 0) between o.call_hash and o.call_hash
      order by hashtextextended(f.workspace_id || ' ' || f.kind, 0) limit 1
    ) as open`;

const REPORTED: Statement = {
  name: "find_reported",
  text: `with objects as materialized (
      select * from unnest($1::int[], $2::text[], $3::text[], $4::text[])
        as o(place, workspace_id, kind, object_id)
    )
    select 'edition' as what, -1 as place, '' as "runId", 0 as "stepIndex", edition::text as edition
    from catalogue_edition where id = 1
    union all ${stepsBy("objective", "objective_id")}
    union all ${stepsBy("delegation", "delegation_id")}
    union all ${stepsBy("approval", "approval_request_id")}
    union all ${STEPS_BY_OTHER_ID}
    union all ${openCallOf("objective", "create_objective")}
    union all ${openCallOf("delegation", "delegate")}
    union all ${openCallOf("approval", "request_approval")}`,
};

const WAITS: Statement = {
  name: "find_waits",
  text: `with events as materialized (
      select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        as e(place, workspace_id, key, event_id, source, equals)
    )
    ${waitsBy("coalesce(s.wait_equals, '') = e.equals")}
    union all ${waitsBy(
      `coalesce(s.wait_equals, '') > '' and e.equals = '${ANY_EQUALS}'`,
      `exists (select 1 from events where equals = '${ANY_EQUALS}')`,
    )}`,
};

// Each key is looked up by itself, as in waitsBy: joined at once, all definitions are read for one event.
const TRIGGERS: Statement = {
  name: "find_triggers",
  text: `select e.place, d.id as "definitionId", v.id as "versionId", v.version, v.trigger,
      exists (select 1 from workflow_pauses p where p.definition_id = d.id) as "isPaused"
    from unnest($1::int[], $2::text[], $3::text[]) as e(place, workspace_id, key)
    cross join lateral (
      select d.id, d.latest_version_id from workflow_definitions d
      where d.workspace_id = e.workspace_id and d.trigger_key is not null
        and translate(d.trigger_key, '/', '.') = e.key and d.listens_since <= clock_timestamp()
      offset 0
    ) as d
    cross join lateral (
      select v.id, v.version, v.trigger from workflow_versions v where v.id = d.latest_version_id
      offset 0
    ) as v`,
};

/**
 * Wait patterns of deployed versions and of versions with open runs, by wait keys. Keys here are with dots (eventKeysOf).
 */
export function findWaitPatterns(
  queries: Queries,
  probes: readonly KeyProbe[],
): Promise<FoundWaitPatterns[]> {
  return findByKeys(queries, PATTERNS, probes);
}

/** Open steps by the objects they wait for, all by those they left open, the probes for which a call is open, and the edition of the catalogue. */
export async function findReported(
  queries: Queries,
  objects: readonly ObjectProbe[],
): Promise<FoundAtEdition> {
  if (objects.length === 0) return { found: [], edition: await findEdition(queries) };
  const rows = await queries.query<FoundReported | { what: "edition"; edition: string }>(REPORTED, [
    objects.map((probe) => probe.place),
    objects.map((probe) => probe.workspaceId),
    objects.map((probe) => probe.kind),
    objects.map((probe) => probe.objectId),
  ]);
  const found = rows.flatMap((row) => (row.what === "edition" ? [] : [row]));
  return { found, edition: rows.find((row) => row.what === "edition")?.edition };
}

/** Open steps by wait keys. A repeat of an event that first came before the wait's time finds no wait. */
export function findWaits(queries: Queries, waits: readonly WaitProbe[]): Promise<FoundWait[]> {
  return queries.query<FoundWait>(WAITS, [
    ...keyColumns(waits),
    waits.map((probe) => probe.eventId),
    waits.map((probe) => probe.source),
    waits.map((probe) => probe.equals),
  ]);
}

/** Triggers that listen, by trigger keys. */
export function findTriggers(
  queries: Queries,
  probes: readonly KeyProbe[],
): Promise<FoundTrigger[]> {
  return findByKeys(queries, TRIGGERS, probes);
}

/** Asks for each key once, however many events of the batch have it, and gives what was found to each of them. */
async function findByKeys<Row extends { readonly place: number }>(
  queries: Queries,
  statement: Statement,
  probes: readonly KeyProbe[],
): Promise<Row[]> {
  const asked = new Map<string, KeyProbe & { readonly places: number[] }>();
  for (const probe of probes) {
    const { workspaceId, key, place } = probe;
    const name = `${workspaceId}\u0000${key}`;
    const same = asked.get(name);
    if (same === undefined) asked.set(name, { ...probe, place: asked.size, places: [place] });
    else same.places.push(place);
  }
  const distinct = [...asked.values()];
  const rows = await queries.query<Row>(statement, keyColumns(distinct));
  return rows.flatMap((row) =>
    (distinct[row.place]?.places ?? []).map((place) => ({ ...row, place })),
  );
}

function keyColumns(probes: readonly KeyProbe[]): unknown[] {
  return [
    probes.map((probe) => probe.place),
    probes.map((probe) => probe.workspaceId),
    probes.map((probe) => probe.key),
  ];
}
