/**
 * The feed of one replica: moves of runs that are watched, for all their watchers together.
 * Boundary: memory and reads; who may watch which run is the caller's. A watcher takes rows at its own pace.
 * Invariants:
 * 1. Rows that this replica commits come from memory. One loop finds what others commit, for all watched runs at once.
 * 2. A commit costs a look-up for each run that it moved, however many watch them, and nothing while no run is watched.
 * 3. What is kept is bounded: a watcher that is behind it reads the table.
 */
import type { Move } from "../engine/values/move.ts";
import { isFinalRun, type RunState } from "../engine/values/run.ts";
import type { Log } from "../process/log.ts";
import { nextRound, ROUND_MS } from "../process/rounds.ts";
import { createLoop } from "../process/standing-loop.ts";
import type { Database } from "../store/database.ts";
import type { RecordedRow } from "../store/reads/run-history.ts";
import {
  findMovedRuns,
  findMovesAfter,
  type RowOfRun,
} from "../store/service-reads/watched-runs.ts";
import type { Committed } from "./submission.ts";
import { type Wakes, wakeAll, woken } from "./wakes.ts";
import { WatcherPlaces } from "./watcher-places.ts";
import type { WrittenRun } from "./written-runs.ts";

/** Which run is watched, as it was read. */
interface WatchedRun {
  readonly id: string;
  readonly workspaceId: string;
  readonly seq: number;
  readonly state: RunState;
}

/** One watcher of a run. */
export interface RunWatch {
  /** Rows after a place that are known; undefined: the place is behind what is kept. */
  after(seq: number): readonly RecordedRow[] | undefined;
  /** Whether the run is final and has no row after the place. */
  isOver(seq: number): boolean;
  /** Whether the replica stops. */
  readonly isStopping: boolean;
  /** Resolves when there is a row after the place, the run is over, the replica stops, `signal` aborts, or `withinMs` passed. */
  changed(seq: number, signal: AbortSignal, withinMs: number): Promise<void>;
  /** Whether `changed` resolves at once. */
  hasChanged(seq: number): boolean;
  /** Who waits for the run. */
  readonly wakes: Wakes;
  close(): void;
}

/** A place in the history of a run. */
interface PlaceOfRun {
  readonly runId: string;
  readonly seq: number;
}

/** The feed. */
export interface RunFeed {
  /** Notes what a commit of this replica moved. Never throws. */
  notice(batches: Committed["batches"]): void;
  /** Refuses overloaded when too many watch. */
  watch(run: WatchedRun): RunWatch;
  /** The next rows after these places, from the table: as findMovesAfter. For runs that the caller may see. */
  rowsAfter(places: readonly PlaceOfRun[]): Promise<RowOfRun[]>;
  /** Ends all watches. */
  stop(): Promise<void>;
}

interface Entry {
  seq: number;
  state: RunState;
  /** The newest rows, without a gap, up to `seq`. */
  rows: RecordedRow[];
  /** About what they take. */
  bytes: number;
  readonly wakes: Wakes;
  /** Undefined: no wake is on its way. */
  wake: (() => void) | undefined;
  wokenAtMs: number;
  watchers: number;
}

const POLL_MS = 1_000;
const WATCHERS_AT_MOST = { workspace: 2_000, all: 5_000 };
const KEPT_ROWS = { run: 200, all: 50_000 };
const MIB = 1024 * 1024;
const KEPT_BYTES = { run: MIB, all: 64 * MIB };
/** About what a row or a move takes beside its texts. */
const OBJECT_BYTES = 200;

/** Makes a feed; its loop asks nothing while no run is watched. */
export function createRunFeed(deps: { readonly database: Database; readonly log: Log }): RunFeed {
  const entries = new Map<string, Entry>();
  const places = new WatcherPlaces("runs", WATCHERS_AT_MOST);
  const state = { isStopping: false };
  const polling = createLoop({
    name: "look at watched runs",
    everyMs: POLL_MS,
    log: deps.log,
    round: () => lookAtRuns(deps.database, entries),
  });
  polling.start();
  return {
    notice(batches) {
      if (entries.size === 0) return;
      for (const { runs } of batches) {
        for (const written of runs) {
          const entry = entries.get(written.run.id);
          if (entry !== undefined && !take(entry, written, entries.size)) polling.wake();
        }
      }
    },
    watch(run) {
      places.take(run.workspaceId);
      const { id, seq, state: runState } = run;
      const entry = entries.get(id) ?? newEntry(seq, runState);
      entries.set(id, entry);
      entry.watchers += 1;
      // What was committed between the caller's read and this line is found at once.
      polling.wake();
      return watchOf(entry, state, () => {
        entry.watchers -= 1;
        if (entry.watchers === 0) entries.delete(id);
        places.giveBack(run.workspaceId);
      });
    },
    rowsAfter: (from) => findMovesAfter(deps.database.callers, from),
    async stop() {
      state.isStopping = true;
      for (const { wakes } of entries.values()) wakeAll(wakes);
      await polling.stop();
    },
  };
}

function newEntry(seq: number, state: RunState): Entry {
  return {
    seq,
    state,
    rows: [],
    bytes: 0,
    wakes: new Set(),
    wake: undefined,
    wokenAtMs: 0,
    watchers: 0,
  };
}

function watchOf(
  entry: Entry,
  state: { readonly isStopping: boolean },
  leave: () => void,
): RunWatch {
  let isOpen = true;
  const hasChanged = (seq: number) => state.isStopping || seq < entry.seq;
  return {
    get isStopping() {
      return state.isStopping;
    },
    after: (seq) => rowsAfter(entry, seq),
    isOver: (seq) => isFinalRun(entry.state) && seq >= entry.seq,
    changed: (seq, signal, withinMs) =>
      hasChanged(seq) ? Promise.resolve() : woken([entry.wakes], signal, withinMs),
    hasChanged,
    wakes: entry.wakes,
    close() {
      if (isOpen) leave();
      isOpen = false;
    },
  };
}

/** Finds what other replicas moved; true: there may be more. */
async function lookAtRuns(
  { read }: Database,
  entries: ReadonlyMap<string, Entry>,
): Promise<boolean> {
  if (entries.size === 0) return false;
  const known = [...entries].map(([runId, { seq, state }]) => ({ runId, seq, state }));
  const places = await findMovedRuns(read, known);
  const behind = places.flatMap(({ runId, seq }) => {
    const entry = entries.get(runId);
    return entry !== undefined && entry.seq < seq ? [{ runId, seq: entry.seq }] : [];
  });
  const rows = behind.length === 0 ? [] : await findMovesAfter(read, behind);
  let added = 0;
  for (const row of rows) {
    const entry = entries.get(row.runId);
    // A commit of this replica may have been noted meanwhile.
    if (entry === undefined || row.seq !== entry.seq + 1) continue;
    add(entry, row, entries.size);
    added += 1;
  }
  let isMore = false;
  for (const { runId, seq, state } of places) {
    const entry = entries.get(runId);
    if (entry === undefined) continue;
    if (entry.seq < seq) isMore = true;
    else if (entry.seq === seq) settle(entry, state);
  }
  return isMore && added > 0;
}

/** Adds what a commit wrote; false: rows between are missing. */
function take(entry: Entry, { run, history, recordedAt }: WrittenRun, runs: number): boolean {
  for (const { seq, cause, moves } of history) {
    if (seq <= entry.seq) continue;
    if (seq !== entry.seq + 1) return false;
    add(entry, { seq, cause, moves, recordedAt }, runs);
  }
  if (entry.seq === run.seq) settle(entry, run.state);
  return true;
}

function add(entry: Entry, row: RecordedRow, runs: number): void {
  entry.seq = row.seq;
  entry.rows.push(row);
  entry.bytes += bytesOf(row);
  const rowsAtMost = Math.max(1, Math.min(KEPT_ROWS.run, Math.floor(KEPT_ROWS.all / runs)));
  const bytesAtMost = Math.min(KEPT_BYTES.run, KEPT_BYTES.all / runs);
  // To half of it at once, so that a row is seldom moved.
  if (entry.rows.length > 2 * rowsAtMost || entry.bytes > bytesAtMost) {
    keepNewest(entry, rowsAtMost, bytesAtMost / 2);
  }
  wakeSoon(entry);
}

/** A row that is larger than that is not kept: its watchers read the table. */
function keepNewest(entry: Entry, rowsAtMost: number, bytesAtMost: number): void {
  let kept = 0;
  let bytes = 0;
  for (const row of entry.rows.toReversed()) {
    const more = bytesOf(row);
    if (kept === rowsAtMost || bytes + more > bytesAtMost) break;
    kept += 1;
    bytes += more;
  }
  entry.rows = kept === 0 ? [] : entry.rows.slice(-kept);
  entry.bytes = bytes;
}

function bytesOf({ cause, moves }: RecordedRow): number {
  const texts = [cause.reason, ...moves.flatMap(textsOf)];
  const chars = texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return OBJECT_BYTES * (1 + moves.length) + chars;
}

function textsOf(move: Move): (string | undefined)[] {
  return move.of === "run" ? [move.reason, move.marks] : [move.note, move.reason, move.error];
}

function settle(entry: Entry, state: RunState): void {
  if (entry.state === state) return;
  entry.state = state;
  wakeSoon(entry);
}

function rowsAfter({ seq: last, rows }: Entry, seq: number): readonly RecordedRow[] | undefined {
  if (seq >= last) return [];
  const first = rows[0]?.seq ?? last + 1;
  return seq + 1 < first ? undefined : rows.slice(seq + 1 - first);
}

/**
 * Wakes after the commit has gone on; several commits wake once. A run that moves often wakes with a round, unless it has ended: a
 * wake of a watcher costs more than a row.
 */
function wakeSoon(entry: Entry): void {
  if (entry.wakes.size === 0) return;
  const isOften = performance.now() - entry.wokenAtMs < ROUND_MS && !isFinalRun(entry.state);
  if (isOften && entry.wake !== undefined) return;
  const wake = () => {
    if (entry.wake !== wake) return;
    entry.wake = undefined;
    entry.wokenAtMs = performance.now();
    wakeAll(entry.wakes);
  };
  entry.wake = wake;
  if (isOften) void nextRound().then(wake);
  else setImmediate(wake);
}
