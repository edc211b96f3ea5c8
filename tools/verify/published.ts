/**
 * I4: the stream, each event taken at its first place, holds the published moves of each run in their order, without a
 * gap, and nothing that was not committed.
 * Boundary: compares run_moves and move_batches with the stream. What has expired on either side is left out.
 * Invariant: what was marked as published before the stream was read must be in it; the stream is read before the
 * rows, so that each event in it has its row.
 */
import type { NatsConnection } from "nats";
import type pg from "pg";
import type { Findings } from "./report.ts";
import { runPages, type WholeRun } from "./stored-runs.ts";
import {
  type RunEvents,
  readEvents,
  readStreamState,
  type StreamEvent,
  type StreamState,
} from "./stream.ts";

/** Where the events are, and what the caller says of the time. */
export interface PublishedDeps {
  readonly client: pg.Client;
  readonly connection: NatsConnection;
  readonly stream: string;
  /** Whether everything that was committed must have been published by now. */
  readonly quiescent: boolean;
}

/** `must`: in the stream. `late`: it may not be there yet. `old`: it may not be there any more. */
interface Expected extends StreamEvent {
  readonly is: "must" | "late" | "old";
}

interface BatchRow {
  readonly id: number;
  readonly publishedAt: Date | null;
}

const MESSAGES_A_SHARE = 500_000;
/** Runs are deleted a day after their end at the earliest. */
const DELETED_AFTER_MS = 24 * 3_600_000;
const BATCHES = `select id::float8 as id, published_at as "publishedAt" from move_batches
  where id = any($1::bigint[])`;

/** Compares the whole stream with all runs. */
export async function checkPublished(findings: Findings, deps: PublishedDeps): Promise<void> {
  const { client, connection, stream } = deps;
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  const now = rows[0]?.now ?? new Date(0);
  const state = await readStreamState(connection, stream);
  findings.count("messages", state.messages);
  const shares = Math.max(1, Math.ceil(state.messages / MESSAGES_A_SHARE));
  for (let share = 0; share < shares; share += 1) {
    const isWanted = (runId: string) => shareOf(runId, shares) === share;
    const events = await readEvents(connection, stream, state, isWanted);
    for await (const page of runPages(client)) {
      const wanted = page.filter(({ run }) => isWanted(run.id));
      const batches = await readBatches(client, wanted);
      for (const whole of wanted) {
        const expected = expectedOf(whole, batches, { now, state });
        compare(findings, deps, whole.run.id, expected, events.get(whole.run.id));
        events.delete(whole.run.id);
      }
    }
    judgeUnknown(findings, events, now);
  }
}

async function readBatches(
  client: pg.Client,
  runs: readonly WholeRun[],
): Promise<Map<number, Date | null>> {
  const ids = new Set(runs.flatMap(({ rows }) => rows.map(({ batchId }) => batchId)));
  const { rows } = await client.query<BatchRow>(BATCHES, [[...ids]]);
  return new Map(rows.map(({ id, publishedAt }) => [id, publishedAt]));
}

function expectedOf(
  { rows }: WholeRun,
  batches: ReadonlyMap<number, Date | null>,
  { now, state }: { readonly now: Date; readonly state: StreamState },
): Expected[] {
  return rows.flatMap(({ seq, batchId, recordedAt, moves }) => {
    const publishedAt = batches.get(batchId);
    const isOld =
      publishedAt === undefined || (state.since !== undefined && recordedAt <= state.since);
    const isLate = publishedAt === null || (publishedAt !== undefined && publishedAt > now);
    const is = isLate ? "late" : isOld ? "old" : "must";
    return moves.flatMap(({ of, op }, place) =>
      op === undefined ? [] : [{ seq, place, subject: `workflows.changes.${of}.${op}`, is }],
    );
  });
}

function compare(
  findings: Findings,
  { quiescent }: PublishedDeps,
  runId: string,
  expected: readonly Expected[],
  found: RunEvents | undefined,
): void {
  const events = found?.events ?? [];
  findings.count("runs");
  findings.count("events", events.length);
  const violate = (event: StreamEvent, what: string) =>
    findings.violate(`${runId}: event ${event.seq}-${event.place} (${event.subject}) ${what}`);
  const known = new Map(expected.map((event) => [`${event.seq}-${event.place}`, event]));
  let last: StreamEvent | undefined;
  for (const event of events) {
    const move = known.get(`${event.seq}-${event.place}`);
    if (move === undefined) violate(event, "has no move");
    else if (move.subject !== event.subject) violate(event, `is of a move ${move.subject}`);
    if (last !== undefined && !isAfter(event, last)) {
      violate(event, `comes after ${last.seq}-${last.place}`);
    } else last = event;
  }
  for (const event of expected) {
    if (found?.ids.has(`${event.seq}-${event.place}`) || event.is === "old") continue;
    if (event.is === "must") violate(event, "was marked as published and is not in the stream");
    else if (last !== undefined && !isAfter(event, last))
      violate(event, "is missing before later ones");
    else if (quiescent) violate(event, "is not published");
    else findings.count("events not published yet");
  }
}

function isAfter(event: StreamEvent, other: StreamEvent): boolean {
  return event.seq > other.seq || (event.seq === other.seq && event.place > other.place);
}

/** Events of runs without a row: retention deleted the run, unless they are too young for that. */
function judgeUnknown(findings: Findings, left: ReadonlyMap<string, RunEvents>, now: Date): void {
  for (const [runId, { storedAtMs }] of left) {
    if (now.getTime() - storedAtMs > DELETED_AFTER_MS) findings.count("deleted runs");
    else findings.violate(`${runId}: has events in the stream and does not exist`);
  }
}

/** Which share of the runs a run belongs to: FNV-1a of its id. */
function shareOf(runId: string, shares: number): number {
  if (shares === 1) return 0;
  let hash = 0x811c9dc5;
  for (let at = 0; at < runId.length; at += 1) {
    hash = Math.imul(hash ^ runId.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0) % shares;
}
