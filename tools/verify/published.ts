/**
 * I4: the stream, each event taken at its first place, holds the published moves of each run in their order, without a
 * gap, and nothing that was not committed.
 * Boundary: compares run_moves and move_batches with the stream. What has expired on either side is left out. The changes
 * of definitions are published-changes.ts.
 * Invariants:
 * 1. What was marked as published before the stream was read must be in it; the stream is read before the rows, so that
 *    each event in it has its row.
 * 2. What may have expired is judged by the head that the stream has after it was read.
 * 3. A share of the runs is in memory at a time. The stream is read once a share, each run once.
 */
import type { NatsConnection } from "nats";
import type pg from "pg";
import { checkChanges } from "./published-changes.ts";
import type { Findings } from "./report.ts";
import { isInShare, type RunShare, runPages, type WholeRun } from "./stored-runs.ts";
import {
  expiredUntil,
  type RunEvents,
  readEvents,
  readStreamState,
  type StreamEvent,
} from "./stream.ts";

/** Where the events are, and what the caller says of the time. */
export interface PublishedDeps {
  readonly client: pg.Client;
  readonly connection: NatsConnection;
  readonly stream: string;
  /** Whether everything that was committed must have been published by now. */
  readonly quiescent: boolean;
  /** Is given a line before each reading of the stream. */
  readonly onProgress?: (line: string) => void;
  readonly messagesAShare?: number;
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
  const { client, connection, stream, messagesAShare = MESSAGES_A_SHARE } = deps;
  const now = await readClock(client);
  const state = await readStreamState(connection, stream);
  findings.count("messages", state.messages);
  const of = Math.max(1, Math.ceil(state.messages / messagesAShare));
  for (let share = 0; share < of; share += 1) {
    deps.onProgress?.(`I4: reading ${state.messages} messages, ${share + 1} of ${of}`);
    await checkShare(findings, deps, { share, of }, { now, lastSeq: state.lastSeq });
  }
}

async function checkShare(
  findings: Findings,
  deps: PublishedDeps,
  share: RunShare,
  { now, lastSeq }: { readonly now: Date; readonly lastSeq: number },
): Promise<void> {
  const { client, connection, stream } = deps;
  const read = await readEvents(connection, stream, lastSeq, (id) => isInShare(id, share));
  const events = read.runs;
  const after = await readStreamState(connection, stream);
  const since = expiredUntil(after, await readClock(client));
  // Each reading has all of them.
  if (share.share === 0) await checkChanges(findings, deps, read.changes, { now, since });
  for await (const page of runPages(client, share)) {
    const batches = await readBatches(client, page);
    for (const whole of page) {
      const expected = expectedOf(whole, batches, { now, since });
      compare(findings, deps, whole.run.id, expected, events.get(whole.run.id));
      events.delete(whole.run.id);
    }
  }
  judgeUnknown(findings, events, await readClock(client));
}

async function readClock(client: pg.Client): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  return rows[0]?.now ?? new Date(0);
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
  { now, since }: { readonly now: Date; readonly since: Date | undefined },
): Expected[] {
  return rows.flatMap(({ seq, batchId, recordedAt, moves }) => {
    const publishedAt = batches.get(batchId);
    const isOld = publishedAt === undefined || (since !== undefined && recordedAt <= since);
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
