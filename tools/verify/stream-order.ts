/**
 * I4: the stream, each event counted once, holds the events of each run in the order in which they were committed,
 * without a gap.
 * Boundary: compares ids; what is in an event is not read.
 * Memory is bounded: of each run only its first and last event, their number and a sum are kept, and of at most 100,000
 * runs at a time; more runs take more passes over the stream.
 */
import type { Findings } from "./report.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StreamDump } from "./stream-dump.ts";

/** Events of a run: the first and the last one, how many, and the sum of their places. */
interface Seen {
  first: number;
  last: number;
  count: number;
  sum: number;
}

/** How to compare. */
export interface StreamRules {
  /** Nothing happens any more: all events are out. */
  readonly quiescent: boolean;
  /** The database's clock before the stream was opened: what was published by then must be in it. */
  readonly before: Date;
  readonly runsAPass?: number;
}

interface EventRow {
  readonly run_id: string;
  readonly seq: number;
  readonly place: number;
  readonly recorded_at: Date;
  readonly is_published: boolean;
}

const RUNS_A_PASS = 100_000;
const RUNS_A_PAGE = 200;
/** Moves of a row are fewer. */
const PLACES = 100_000;
const EVENT_ID = /^(.+)-(\d+)-(\d+)$/;
const HASH_MODULUS = 2_147_483_647;
const IDS = "select id from workflow_runs where id > $1 order by id limit $2";
// An operation of 0 is not published; marks of batches that went out long ago are deleted.
const EVENTS = `select m.run_id, m.seq, (e.place - 1)::integer as place, m.recorded_at,
    b.id is null or b.published_at < $2 as is_published
  from run_moves m left join move_batches b on b.id = m.batch_id
  cross join lateral json_array_elements(m.moves) with ordinality as e(move, place)
  where m.run_id = any($1) and (e.move->>3)::integer <> 0
  order by m.run_id, m.seq, e.place`;
const CHANGES = `select c->>'id' as id, b.created_at from move_batches b
  cross join lateral json_array_elements(b.changes) as c
  where b.changes is not null and b.published_at < $1`;

/** Compares the stream with the outbox. */
export async function checkStream(
  snapshot: Snapshot,
  dump: StreamDump,
  rules: StreamRules,
  findings: Findings,
): Promise<void> {
  const runsAPass = rules.runsAPass ?? RUNS_A_PASS;
  const [{ runs = 0 } = {}] = await snapshot.query<{ runs: number }>(
    "select count(*) as runs from workflow_runs",
  );
  const [{ deletes = false } = {}] = await snapshot.query<{ deletes: boolean }>(
    "select exists (select 1 from retention_notices) as deletes",
  );
  const passes = Math.max(1, Math.ceil(runs / runsAPass));
  for (let pass = 0; pass < passes; pass += 1) {
    const isMine = (id: string) => passes === 1 || hashOf(id) % passes === pass;
    const seen = await readPass(dump, isMine, findings);
    await comparePass(snapshot, dump, { rules, seen, isMine, findings });
    await compareChanges(snapshot, dump, { rules, seen, isMine, findings });
    // Runs that were deleted long after their end still have events in the stream.
    if (deletes) continue;
    for (const id of seen.keys()) findings.violated(id, "has events, and does not exist");
  }
  if (deletes) findings.note = "events of runs that were deleted are not judged";
}

async function readPass(
  dump: StreamDump,
  isMine: (id: string) => boolean,
  findings: Findings,
): Promise<Map<string, Seen>> {
  const runs = new Map<string, Seen>();
  for await (const { seq, id } of dump.read()) {
    const [, runId = id, row = "0", place = "0"] = EVENT_ID.exec(id) ?? [];
    if (!isMine(runId)) continue;
    findings.saw();
    if (id === "") findings.violated(`message ${seq}`, "has no Nats-Msg-Id");
    else addEvent(runs, runId, Number(row) * PLACES + Number(place));
  }
  return runs;
}

/** A repeat is at or before the last place. One that comes late for the first time is missing from count and sum. */
function addEvent(runs: Map<string, Seen>, runId: string, at: number): void {
  const seen = runs.get(runId);
  if (seen === undefined) runs.set(runId, { first: at, last: at, count: 1, sum: at });
  else if (at > seen.last) {
    seen.last = at;
    seen.count += 1;
    seen.sum += at;
  }
}

interface Pass {
  readonly rules: StreamRules;
  /** What is compared is taken out. */
  readonly seen: Map<string, Seen>;
  readonly isMine: (id: string) => boolean;
  readonly findings: Findings;
}

async function comparePass(snapshot: Snapshot, dump: StreamDump, pass: Pass): Promise<void> {
  for (let after = ""; ; ) {
    const page = await snapshot.query<{ id: string }>(IDS, [after, RUNS_A_PAGE]);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
    const ids = page.map(({ id }) => id).filter(pass.isMine);
    const expected = new Map<string, EventRow[]>(ids.map((id) => [id, []]));
    for (const row of await snapshot.query<EventRow>(EVENTS, [ids, pass.rules.before])) {
      expected.get(row.run_id)?.push(row);
    }
    for (const [id, rows] of expected) {
      const problem = compareRun(rows, pass.seen.get(id), dump, pass.rules);
      pass.seen.delete(id);
      if (problem !== undefined) pass.findings.violated(id, problem);
    }
  }
}

function compareRun(
  rows: readonly EventRow[],
  seen: Seen | undefined,
  dump: StreamDump,
  { quiescent }: StreamRules,
): string | undefined {
  const places = rows.map(({ seq, place }) => seq * PLACES + place);
  const missingTail = rows.filter(
    (row, at) => isAfter(seen, places[at] ?? 0) && isDue(row, dump, quiescent),
  );
  const [missing] = missingTail;
  if (missing !== undefined) return `event ${missing.seq}-${missing.place} is not in the stream`;
  if (seen === undefined) return undefined;
  const first = places[0] ?? 0;
  // The stream's limits delete its oldest messages.
  if (seen.first !== first && (dump.firstSeq <= 1 || seen.first < first)) {
    return `its events begin with ${nameOf(seen.first)}, not with ${nameOf(first)}`;
  }
  const wanted = places.filter((place) => place >= seen.first && place <= seen.last);
  const sum = wanted.reduce((total, place) => total + place, 0);
  if (wanted.length === seen.count && sum === seen.sum && wanted.at(-1) === seen.last) {
    return undefined;
  }
  return `its events from ${nameOf(seen.first)} to ${nameOf(seen.last)} are ${seen.count} in order, ${wanted.length} were committed`;
}

function isAfter(seen: Seen | undefined, place: number): boolean {
  return seen === undefined || place > seen.last;
}

/** Whether the event must be in the stream as it was when it was opened. */
function isDue(
  { recorded_at: at, is_published: published }: EventRow,
  { firstSeq, firstAt }: StreamDump,
  quiescent: boolean,
): boolean {
  if (firstSeq > 1 && (firstAt === undefined || at < firstAt)) return false;
  return quiescent || published;
}

async function compareChanges(
  snapshot: Snapshot,
  dump: StreamDump,
  { rules, seen, isMine, findings }: Pass,
): Promise<void> {
  const rows = await snapshot.query<{ id: string; created_at: Date }>(CHANGES, [rules.before]);
  for (const { id, created_at: at } of rows) {
    if (!isMine(id)) continue;
    const isThere = seen.delete(id);
    const mayBeGone = dump.firstSeq > 1 && (dump.firstAt === undefined || at < dump.firstAt);
    if (!isThere && !mayBeGone) findings.violated(id, "is not in the stream");
  }
}

function nameOf(at: number): string {
  return `${Math.floor(at / PLACES)}-${at % PLACES}`;
}

function hashOf(text: string): number {
  let hash = 7;
  for (let at = 0; at < text.length; at += 1) {
    hash = (hash * 31 + text.charCodeAt(at)) % HASH_MODULUS;
  }
  return hash;
}
