/**
 * Starts of workflows with a limit of open runs: which of them begin, wait or are refused.
 * Boundary: a start is planned by what is read, and begins by what is counted under the lock of its key (store/run-limits.ts).
 * Invariants:
 * 1. A batch without such a start asks nothing.
 * 2. A start that finds its key full when it is planned is accepted and waits, PENDING; what waits is begun by begin-waiting.ts. One
 *    that finds it full under the lock is planned again.
 * 3. A rerun is made by a call, whose result has what it reuses: its call waits in its place, and comes again.
 */
import { concurrencyKeyOf } from "../engine/matching/concurrency-key.ts";
import { WAITING_AT_MOST, WHEN_FULL } from "../engine/values/run-limit.ts";
import { count } from "../process/metrics.ts";
import { Refusal } from "../process/refusal.ts";
import { beginTurn } from "../process/shared-turn.ts";
import type { Database, Queries, Tx } from "../store/database.ts";
import {
  findRoom,
  findRunLimits,
  type KeyRoom,
  lockKeys,
  type RunKey,
} from "../store/run-limits.ts";
import { findStarts } from "../store/run-starts.ts";
import type { ItemResult, PlacesOfStarts, PlannedPlace } from "./batch-plan.ts";
import type { FoldedRun } from "./fold-run.ts";
import type { LimitedWorkflows } from "./limited-workflows.ts";
import { claimOf, findEarlier } from "./start-facts.ts";
import type { RunStart, Submission } from "./submission.ts";

interface Limited extends RunKey {
  readonly place: number;
  readonly start: RunStart;
}

const NONE: PlacesOfStarts = new Map();

/** Under which keys the starts of a batch count, and which of them are to wait. */
export async function findPlacesOfStarts(
  { limited, database }: { limited: LimitedWorkflows; database: Pick<Database, "write"> },
  items: readonly { readonly submission: Submission }[],
): Promise<PlacesOfStarts> {
  const starts = items.flatMap(({ submission }, place) =>
    submission.kind === "start" && limited.has(submission.start.definitionId)
      ? [{ place, start: submission.start }]
      : [],
  );
  if (starts.length === 0) return NONE;
  const ids = [...new Set(starts.map(({ start }) => start.definitionId))];
  const limits = await findRunLimits(database.write, ids);
  for (const id of ids) if (!limits.has(id)) limited.forget(id);
  const keyed: Limited[] = [];
  const share = beginTurn();
  for (const { place, start } of starts) {
    const { definitionId, environment, input } = start;
    const limit = limits.get(definitionId);
    if (limit === undefined) continue;
    // An expression may take milliseconds, and a batch has 500 starts.
    await share();
    const expression = limited.expressionOf(limit.concurrencyKey);
    keyed.push({
      place,
      start,
      definitionId,
      key: concurrencyKeyOf(expression, environment, input),
    });
  }
  const rooms = await findRoom(database.write, distinct(keyed));
  const places = new Map(placesOf(keyed, new Map(rooms.map((room) => [textOf(room), room]))));
  await planRepeats(database.write, keyed, places);
  return places;
}

/** A start by event that was made before is planned however many wait: confirm-batch.ts gives its run. */
async function planRepeats(
  db: Queries,
  keyed: readonly Limited[],
  places: Map<number, PlannedPlace>,
): Promise<void> {
  const refused = keyed.filter(
    ({ place, start }) => places.get(place)?.refusal !== undefined && start.triggerEventId !== "",
  );
  if (refused.length === 0) return;
  const claims = refused.map(({ start }) => claimOf(start));
  const made = await findStarts(db, claims);
  for (const { place, start, key } of refused) {
    if (findEarlier(made, claimOf(start)) !== undefined) places.set(place, { key, waits: true });
  }
}

function* placesOf(
  keyed: readonly Limited[],
  rooms: ReadonlyMap<string, KeyRoom>,
): Generator<[number, PlannedPlace]> {
  const taken = new Map<string, { begun: number; waiting: number }>();
  for (const each of keyed) {
    const { place, start, key } = each;
    const { room = null, waiting = 0, whenFull = null } = rooms.get(textOf(each)) ?? {};
    const ofKey = taken.get(textOf(each)) ?? { begun: 0, waiting };
    taken.set(textOf(each), ofKey);
    const mayWait = start.rerun === undefined && WHEN_FULL[whenFull ?? 0] !== "drop";
    // What came before begins first.
    const waits = mayWait && room !== null && (ofKey.waiting > 0 || ofKey.begun >= room);
    if (waits && ofKey.waiting >= WAITING_AT_MOST) {
      yield [place, { key, waits, refusal: fullRefusal(start.definitionId, "wait") }];
      continue;
    }
    if (waits) ofKey.waiting += 1;
    else ofKey.begun += 1;
    yield [place, { key, waits }];
  }
}

/** Whether the run begins in this batch under a key. */
export function beginsUnderKey({ work, draft }: FoldedRun): boolean {
  const { concurrencyKey, state } = work.run;
  return concurrencyKey !== undefined && state === "PENDING" && draft.run.startedAtMs !== undefined;
}

/**
 * Takes the locks of the keys under which runs of a batch begin, and counts. Gives the runs that may not begin now, with what becomes
 * of the input that begins them.
 */
export async function confirmBegins(
  tx: Tx,
  folded: readonly FoldedRun[],
): Promise<ReadonlyMap<FoldedRun, ItemResult>> {
  const begins = folded.filter(beginsUnderKey).map((each) => ({ each, ...keyOf(each) }));
  const denied = new Map<FoldedRun, ItemResult>();
  if (begins.length === 0) return denied;
  const locked = await lockKeys(tx, distinct(begins));
  const rooms = new Map((await findRoom(tx, locked)).map((room) => [textOf(room), room]));
  const begun = new Map<string, number>();
  for (const begin of begins) {
    const room = rooms.get(textOf(begin));
    const before = begun.get(textOf(begin)) ?? 0;
    if (room === undefined) denied.set(begin.each, { kind: "locked" });
    else if (room.room !== null && before >= room.room)
      denied.set(begin.each, resultOf(begin.each, room));
    else begun.set(textOf(begin), before + 1);
  }
  return denied;
}

function keyOf({ work: { run } }: FoldedRun): RunKey {
  return { definitionId: run.definitionId, key: run.concurrencyKey ?? "" };
}

function resultOf({ work }: FoldedRun, { whenFull }: KeyRoom): ItemResult {
  const { run, rowVersion } = work;
  if (rowVersion !== undefined) {
    const reply = { kind: "unchanged" } as const;
    return { kind: "settled", settled: { runId: run.id, created: false, reply } };
  }
  if (WHEN_FULL[whenFull ?? 0] === "drop") {
    count("workflows_starts_dropped_total");
    return { kind: "failed", error: fullRefusal(run.definitionId, "drop") };
  }
  if (run.rerun?.of === undefined) return { kind: "later" };
  const message = `the rerun of run ${run.rerun.of} waits: workflow ${run.definitionId} has as many open runs as it may`;
  return { kind: "failed", error: new Refusal("unavailable", message) };
}

function fullRefusal(definitionId: string, why: "wait" | "drop"): Refusal {
  const resource = { type: "definition", name: definitionId };
  const more = why === "wait" ? `, and ${WAITING_AT_MOST} more wait` : "";
  const message = `workflow ${definitionId} has as many open runs as it may${more}: start it again when one has ended, or change its run_limit by Workflows.Update`;
  return new Refusal("too_many_open_runs", message, { resource });
}

/** Whether a start failed because its workflow has as many open runs as it may: it is dropped. */
export function isFull(error: unknown): boolean {
  return error instanceof Refusal && error.reason === "too_many_open_runs";
}

function distinct(keys: readonly RunKey[]): RunKey[] {
  const found = new Map(keys.map((each) => [textOf(each), each]));
  return [...found.values()].map(({ definitionId, key }) => ({ definitionId, key }));
}

function textOf({ definitionId, key }: RunKey): string {
  return `${definitionId} ${key}`;
}
