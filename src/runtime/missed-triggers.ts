/**
 * Triggers of paused workflows: noted when they come, and started when they are due.
 * Boundary: pauses are made and ended by pauses.ts; when something is due is ingress/timers/.
 * Invariants:
 * 1. A trigger is noted in the transaction that holds its pause. Where the pause has ended meanwhile it is not noted, and its run starts.
 * 2. A trigger that is due is started before that is noted, so a crash between loses none; its start is unique by definition, source and
 *    event, so it doubles none either, whatever the number of replicas.
 */
import { PRODUCTION, startKeyOf } from "../engine/values/environment.ts";
import type { Cause } from "../engine/values/input.ts";
import { textSizeBytes } from "../engine/values/json.ts";
import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import type { Database } from "../store/database.ts";
import {
  addMissed,
  type DueTrigger,
  endMissed,
  findDueTriggers,
  KEPT_AT_MOST,
  type NewMissed,
  type StartedTrigger,
  trimMissed,
} from "../store/missed-triggers.ts";
import { countMissed, lockPauses, type PauseRow } from "../store/pauses.ts";
import type { Processor } from "./processor.ts";
import type { RunStart } from "./submission.ts";
import { isTemporary } from "./temporary.ts";

/** What noting needs. */
export interface MissedDeps {
  readonly database: Database;
}

/** A start of a paused workflow. */
export interface MissedStart {
  readonly start: RunStart;
  readonly cause: Cause;
}

/** What a round started. */
export interface DueRound {
  readonly due: number;
  /** Numbers of the triggers that are still due, and why. */
  readonly refused: readonly { readonly seq: number; readonly error: unknown }[];
}

/** Of one trigger; a larger one is listed alone. */
const START_BYTES_AT_MOST = 1024 * 1024;
/** Of all triggers of a workflow. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** Rows are counted by the pause, so that a workflow is trimmed each so many. */
const TRIM_EVERY = 1_000;

/** Notes starts of paused workflows; gives those that start nothing now. The others are not paused any more. */
export async function keepMissed(
  { database }: MissedDeps,
  starts: readonly MissedStart[],
): Promise<ReadonlySet<RunStart>> {
  return database.transaction(async (tx) => {
    const pauses = await lockPauses(
      tx,
      starts.map(({ start }) => start.definitionId),
    );
    const missed = starts.filter(({ start }) => pauses.has(start.definitionId));
    if (missed.length > 0) {
      const added = await addMissed(tx, missedRows(missed, pauses));
      const counts = [...pauses.values()].map((pause) => countOf(pause, added));
      await countMissed(tx, counts);
      for (const [place, pause] of [...pauses.values()].entries()) {
        if (isToTrim(pause, counts[place]?.missed ?? 0)) await trimMissed(tx, pause.definitionId);
      }
      for (const { isQueued } of added) {
        count("workflows_triggers_missed_total", { how: isQueued ? "queued" : "dropped" });
      }
    }
    return new Set(missed.map(({ start }) => start));
  });
}

/** Rows of what has room in the pauses; what has none is listed without its payload. */
function missedRows(
  missed: readonly MissedStart[],
  pauses: ReadonlyMap<string, PauseRow>,
): NewMissed[] {
  const used = new Map(
    [...pauses].map(([id, { keptBytes, queued }]) => [id, { keptBytes, queued }]),
  );
  return missed.map(({ start, cause }) => {
    const { definitionId, triggerEventId, triggerSource, triggerType } = start;
    const { reason = "", queueSeconds = 0 } = pauses.get(definitionId) ?? {};
    const { versionId: _, definitionVersion: __, ...triggered } = start;
    const stored = { start: triggered, cause };
    const startBytes = textSizeBytes(JSON.stringify(stored));
    const ofPause = used.get(definitionId) ?? { keptBytes: 0, queued: 0 };
    const hasRoom =
      startBytes <= START_BYTES_AT_MOST && ofPause.keptBytes + startBytes <= KEPT_BYTES;
    const isQueued = hasRoom && queueSeconds > 0 && ofPause.queued < KEPT_AT_MOST;
    if (hasRoom) ofPause.keptBytes += startBytes;
    if (isQueued) ofPause.queued += 1;
    return {
      ...{ definitionId, source: triggerSource, triggerType },
      eventId: startKeyOf(start.environment, triggerEventId),
      ...{ pauseReason: reason, queueSeconds: isQueued ? queueSeconds : 0 },
      ...(hasRoom ? { start: stored, startBytes } : { start: undefined, startBytes: 0 }),
    };
  });
}

function countOf({ definitionId }: PauseRow, added: Awaited<ReturnType<typeof addMissed>>) {
  const own = added.filter((each) => each.definitionId === definitionId);
  const bytes = own.reduce((sum, { startBytes }) => sum + startBytes, 0);
  const queued = own.filter(({ isQueued }) => isQueued).length;
  return { definitionId, missed: own.length, queued, bytes };
}

function isToTrim({ missed }: PauseRow, added: number): boolean {
  return Math.floor(missed / TRIM_EVERY) < Math.floor((missed + added) / TRIM_EVERY);
}

/** Starts the triggers that are due, at most `limit`, without those with some numbers. */
export async function startDueTriggers(
  deps: MissedDeps & { readonly processor: Pick<Processor, "submit">; readonly log: Log },
  limit: number,
  without: readonly number[],
): Promise<DueRound> {
  const { database, processor, log } = deps;
  const due = await findDueTriggers(database.read, limit, without);
  const refused: { seq: number; error: unknown }[] = [];
  const ended: (StartedTrigger & DueTrigger)[] = [];
  await Promise.all(
    due.map(async (each) => {
      const { definitionId, versionId, version, start } = each;
      if (versionId === null || version === null || each.isArchived) {
        ended.push({ ...each, runId: undefined, problem: whyNot(each) });
        return;
      }
      const run = { ...start.start, versionId, definitionVersion: version };
      try {
        const { runId } = await processor.submit({ kind: "start", start: run, cause: start.cause });
        ended.push({ ...each, runId, problem: "" });
      } catch (error) {
        if (isTemporary(error)) {
          refused.push({ seq: each.seq, error });
          return;
        }
        log.error("a missed trigger cannot be started", { definitionId, seq: each.seq, error });
        const problem = error instanceof Error ? error.message : String(error);
        ended.push({ ...each, runId: undefined, problem });
      }
    }),
  );
  if (ended.length > 0) await database.transaction((tx) => endMissed(tx, ended));
  return { due: due.length, refused };
}

/** Why a trigger cannot be started whose workflow is archived or not deployed. */
function whyNot({ isArchived, start }: DueTrigger): string {
  if (isArchived) return "the workflow is archived";
  return `nothing is deployed in ${start.start.environment ?? PRODUCTION}`;
}
