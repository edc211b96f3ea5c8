/**
 * I4 for definitions: the stream, each event taken at its first place, holds the creation of each definition and then the
 * publishing of each of its versions in their order, what became of workflows as the outbox has it, and no other change.
 * Boundary: compares the rows of definitions and versions, and the outbox, with what was read of the stream before. What
 * has expired on either side is left out.
 */
import type pg from "pg";
import type { Findings } from "./report.ts";

/** A change that was committed. */
interface ChangeRow {
  readonly definitionId: string;
  /** Of its event. */
  readonly id: string;
  readonly subject: string;
  readonly recordedAt: Date;
  /** Null: not published yet, or its row of the outbox has expired. */
  readonly publishedAt: Date | null;
  readonly isInOutbox: boolean;
}

/** When the stream was read, and until when its events may have expired. */
interface ReadTimes {
  readonly now: Date;
  readonly since: Date | undefined;
}

/** What was published is kept in the outbox for days. */
const KEPT_MS = 24 * 3_600_000;
const OF_OUTBOX = /^workflows\.changes\.(workflow|hook)\./;
const CHANGES = `with kept as (
    select change->>'id' as id, b.id as batch_id, b.published_at, change, place
    from move_batches b, json_array_elements(b.changes) with ordinality as each(change, place) where b.changes is not null),
  made as (
    select id as definition_id, 0 as version, id || '-create' as id, 'definition.create' as operation, created_at
      from workflow_definitions
    union all
    select definition_id, version, id || '-publish', 'version.publish', created_at from workflow_versions
    union all
    select 'changes of ' || (change->>'aggregateId'), batch_id, id, 'workflow.' || (change->>'operation'),
      (change->>'recordedAt')::timestamptz
    from kept where change->>'aggregateType' = 'workflow' and change->>'operation' <> 'high_failure_rate'
    union all
    select 'failures of ' || (change->>'aggregateId'), batch_id, id, 'workflow.' || (change->>'operation'),
      (change->>'recordedAt')::timestamptz
    from kept where change->>'operation' = 'high_failure_rate')
  select made.definition_id as "definitionId", made.id, 'workflows.changes.' || made.operation as subject,
    made.created_at as "recordedAt", kept.published_at as "publishedAt", kept.id is not null as "isInOutbox"
  from made left join kept on kept.id = made.id order by made.definition_id, made.version, kept.place`;

/** Changes of workflows that were deleted since. */
const OF_DELETED = `select change->>'id' as id from move_batches b, json_array_elements(b.changes) change
  where b.changes is not null and not exists (select from workflow_definitions d
    where d.id = coalesce(change->'payload'->>'definition_id', change->'payload'->>'id'))`;

/** Compares the events of definitions with their rows; `events` are subjects by id, as the stream has them in order. */
export async function checkChanges(
  findings: Findings,
  { client, quiescent }: { readonly client: pg.Client; readonly quiescent: boolean },
  events: ReadonlyMap<string, string>,
  times: ReadTimes,
): Promise<void> {
  const { rows } = await client.query<ChangeRow>(CHANGES);
  const places = new Map([...events.keys()].map((id, place) => [id, place]));
  findings.count("changes of definitions", rows.length);
  let last: (ChangeRow & { readonly place: number }) | undefined;
  for (const row of rows) {
    const violate = (what: string) =>
      findings.violate(`${row.definitionId}: event ${row.id} (${row.subject}) ${what}`);
    const place = places.get(row.id);
    places.delete(row.id);
    if (place === undefined) {
      const missing = missingOf(row, times);
      if (missing === "must") violate("was marked as published and is not in the stream");
      else if (missing === "lost") violate("has no row in the outbox");
      else if (missing === "late" && quiescent) violate("is not published");
      continue;
    }
    const subject = events.get(row.id);
    if (subject !== row.subject) violate(`is in the stream as ${subject}`);
    if (last?.definitionId === row.definitionId && last.place > place) {
      violate(`comes before ${last.id}`);
    }
    last = { ...row, place };
  }
  const known = places.size === 0 ? new Set() : await idsOfDeleted(client);
  for (const id of places.keys()) {
    if (known.has(id)) continue;
    // They have no row but that of the outbox, which may have expired.
    if (OF_OUTBOX.test(events.get(id) ?? "")) continue;
    findings.violate(`event ${id} is in the stream, and its change does not exist`);
  }
}

/** Ids of changes in the outbox that are of no row any more. */
async function idsOfDeleted(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>(OF_DELETED);
  return new Set(rows.map(({ id }) => id));
}

function missingOf(
  { recordedAt, publishedAt, isInOutbox }: ChangeRow,
  { now, since }: ReadTimes,
): "must" | "late" | "old" | "lost" {
  if (!isInOutbox) return now.getTime() - recordedAt.getTime() < KEPT_MS ? "lost" : "old";
  if (publishedAt === null || publishedAt > now) return "late";
  return since !== undefined && recordedAt <= since ? "old" : "must";
}
