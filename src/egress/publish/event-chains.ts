/**
 * Unpublished batches as chains of events: one chain a run, in the order of its moves.
 * Boundary: reads of the outbox what is not kept (a fixed number of queries for all runs of a round) and renders; sends
 * nothing.
 */

import type { PayloadSource } from "../../engine/draft/payloads.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { Run, RunState } from "../../engine/values/run.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { Database } from "../../store/database.ts";
import type { WantedRows } from "../../store/load-rows.ts";
import {
  listEarlierEnds,
  listMoves,
  listNextRunStates,
  listRowsOfRuns,
  listRunsById,
  type RecordedMoves,
  type UnpublishedBatch,
} from "../../store/outbox.ts";
import type { EventFormat, OutgoingEvent } from "../../wire/events/cloud-events.ts";
import { renderChange, renderMove } from "../../wire/events/lifecycle-events.ts";
import { renderStart } from "./announced-starts.ts";
import { type CountedMoves, reopenedAt } from "./counted-moves.ts";
import type { KeptBatches, KeptRun } from "./kept-batches.ts";
import {
  allRows,
  type KnownRows,
  payloadsOf,
  RowsMissing,
  rowsOfMoves,
  rowsToRead,
} from "./rows-of-moves.ts";
import { statesAfter } from "./run-states.ts";

/** What making events needs. */
export interface EventChainDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly log: Log;
  readonly format: EventFormat;
  /** Whether each start of a workflow is an event of its own; unset: of none. */
  readonly announces?: (definitionId: string) => boolean;
}

/** Events of one run (or of one partition's definitions), each with the batch it belongs to. */
export interface EventChain {
  readonly links: readonly EventLink[];
}

/** Events of one batch; each is made when it is asked for, so that those of a long chain do not fill the memory. */
interface EventLink {
  readonly batchId: number;
  readonly events: Iterable<MakeEvent>;
}

/** Makes an event; undefined: it cannot be made. A promise only where rows have to be read, as it is for few. */
type MakeEvent = () => OutgoingEvent | undefined | Promise<OutgoingEvent | undefined>;

interface RunHistory {
  readonly run: Run;
  /** Replaced by one with all rows where it turns out to miss one. */
  source: PayloadSource;
  readonly rows: readonly RecordedMoves[];
  /** An event of it could not be made: there are no more. */
  isSkipped: boolean;
}

const RUNS_AT_ONCE = 200;
/** Rows that are loaded at once, as their moves lead to expect; a run with more is handled alone. */
const ROWS_AT_ONCE = 256;

/** The chains of these batches, whose runs are counted. So many runs are handled at a time that payloads do not fill the memory. */
export async function* makeChains(
  deps: EventChainDeps,
  batches: readonly UnpublishedBatch[],
  kept: Pick<KeptBatches, "find">,
  counted: CountedMoves,
): AsyncGenerator<EventChain[]> {
  const changes = batches.flatMap((batch) => changesOf(deps, batch));
  if (changes.length > 0) yield [{ links: changes }];
  const ids = batches.filter((batch) => batch.changes === null).map(({ id }) => id);
  for (const known of slices(await findRuns(deps, ids, kept)))
    yield await chainsOfRuns(deps, known, counted);
}

/** The runs of batches: those that are kept, and the others from the table. */
async function findRuns(
  deps: EventChainDeps,
  batchIds: readonly number[],
  kept: Pick<KeptBatches, "find">,
): Promise<KnownRun[]> {
  const runs = new Map<string, KnownRun>();
  const others: number[] = [];
  for (const id of batchIds) {
    const ofBatch = kept.find(id);
    if (ofBatch === undefined) others.push(id);
    for (const each of ofBatch ?? []) runs.set(each.run.id, addKept(runs.get(each.run.id), each));
  }
  if (others.length === 0) return [...runs.values()];
  const histories = byRun(await listMoves(deps.database, others));
  // Of a run that other replicas moved in between, what is kept is not all: its rows are read.
  const whole = histories.map((rows) => {
    const runId = rows[0]?.runId ?? "";
    const more = runs.get(runId)?.rows ?? [];
    runs.delete(runId);
    return [...rows, ...more].sort((a, b) => a.seq - b.seq);
  });
  return [...runs.values(), ...(await withRuns(deps, whole))];
}

/** A run with what a later batch has left of it. */
function addKept(before: KnownRun | undefined, kept: KeptRun): KnownRun {
  const { run, graph } = kept;
  if (before === undefined) return { ...kept, wanted: rowsToRead(kept.wanted, kept), known: kept };
  const rows = [...before.rows, ...kept.rows];
  const moves = rows.flatMap((row) => row.moves);
  // The later row of a step counts, also where it has to be read.
  const steps = new Map([...(before.known?.steps ?? []), ...kept.steps]);
  const known = { steps, input: kept.input ?? before.known?.input };
  return { run, graph, rows, wanted: rowsToRead(rowsOfMoves(run, graph, moves), known), known };
}

/** Runs in slices of bounded numbers of runs and rows. */
function slices(runs: readonly KnownRun[]): KnownRun[][] {
  const made: KnownRun[][] = [];
  let rows = 0;
  for (const run of runs) {
    const last = made.at(-1);
    rows += run.wanted.steps.length + 1;
    if (last !== undefined && last.length < RUNS_AT_ONCE && rows <= ROWS_AT_ONCE) last.push(run);
    else {
      made.push([run]);
      rows = run.wanted.steps.length + 1;
    }
  }
  return made;
}

/** Rows come by run and in order, so those of one run stand together. */
function byRun(rows: readonly RecordedMoves[]): RecordedMoves[][] {
  const histories: RecordedMoves[][] = [];
  for (const row of rows) {
    const last = histories.at(-1);
    if (last?.[0]?.runId === row.runId) last.push(row);
    else histories.push([row]);
  }
  return histories;
}

function changesOf(deps: EventChainDeps, { id, changes }: UnpublishedBatch): EventLink[] {
  if (changes === null) return [];
  return [
    { batchId: id, events: changes.map((change) => () => renderChange(deps.format, change)) },
  ];
}

async function chainsOfRuns(
  deps: EventChainDeps,
  known: readonly KnownRun[],
  counted: CountedMoves,
): Promise<EventChain[]> {
  const wanted = known.map((each) => each.wanted);
  const behind = known.flatMap(({ run, rows }) => {
    const seq = rows.at(-1)?.seq ?? run.seq;
    return seq < run.seq ? [{ runId: run.id, seq }] : [];
  });
  const [found, later, ends] = await Promise.all([
    listRowsOfRuns(deps.database, wanted),
    listNextRunStates(deps.database, behind),
    listEarlierEnds(deps.database, known.flatMap(reopenedAt)),
  ]);
  for (const each of known) counted.add(each, ends);
  return known.map(({ run, graph, rows, known: knownRows }) => {
    const source = payloadsOf(run, graph, found.get(run.id), knownRows);
    const states = statesAfter(rows, later.get(run.id) ?? run.state);
    const history = { run, source, rows, isSkipped: false };
    return { links: rows.map((row, at) => linkOf(deps, history, row, states[at] ?? [])) };
  });
}

function linkOf(
  deps: EventChainDeps,
  history: RunHistory,
  row: RecordedMoves,
  states: readonly RunState[],
): EventLink {
  return { batchId: row.batchId, events: eventsOf(deps, history, row, states) };
}

interface KnownRun {
  readonly run: Run;
  readonly graph: Graph;
  readonly rows: readonly RecordedMoves[];
  /** What its events are made of, as far as it has to be read. */
  readonly wanted: WantedRows;
  /** What was kept of it. */
  readonly known?: KnownRows;
}

async function withRuns(
  deps: EventChainDeps,
  histories: readonly RecordedMoves[][],
): Promise<KnownRun[]> {
  const ids = histories.flatMap(([first]) => first?.runId ?? []);
  const runs = await listRunsById(deps.database, ids);
  const graphs = await deps.graphs.require([...runs.values()].map((run) => run.versionId));
  return histories.flatMap((rows) => {
    const run = runs.get(rows[0]?.runId ?? "");
    const graph = graphs.get(run?.versionId ?? "");
    if (run !== undefined && graph !== undefined) {
      const moves = rows.flatMap((row) => row.moves);
      return [{ run, graph, rows, wanted: rowsOfMoves(run, graph, moves) }];
    }
    skip(deps, rows, new Error("the run or its version is gone"));
    return [];
  });
}

/** A run whose events cannot be made must not hold up all others; that it happens is a fault of ours. */
function skip({ log }: EventChainDeps, rows: readonly RecordedMoves[], error: unknown): void {
  count("workflows_events_skipped_total");
  log.error("events of a run cannot be made and are skipped", {
    runId: rows[0]?.runId,
    seqs: rows.map(({ seq }) => seq),
    error,
  });
}

/** The events of a row of the history. */
function* eventsOf(
  deps: EventChainDeps,
  history: RunHistory,
  { seq, recordedAt, moves }: RecordedMoves,
  states: readonly RunState[],
): Generator<MakeEvent> {
  const { run } = history;
  // The first row of a run has the sequence 1.
  if (seq === 1 && deps.announces?.(run.definitionId)) {
    yield () => renderStart(deps.format, run, recordedAt);
  }
  for (const [place, move] of moves.entries()) {
    if (move.op === undefined) continue;
    const runState = states[place] ?? run.state;
    const make = () =>
      renderMove(deps.format, {
        ...{ move, seq, place, recordedAt, runState },
        source: history.source,
      });
    yield () => {
      if (history.isSkipped) return undefined;
      try {
        return make();
      } catch (error) {
        return makeAgain(deps, history, make, error);
      }
    };
  }
}

/** The rare run that needs more rows than were guessed gets all of them. */
async function makeAgain(
  deps: EventChainDeps,
  history: RunHistory,
  make: () => OutgoingEvent | undefined,
  missing: unknown,
): Promise<OutgoingEvent | undefined> {
  const { run, source, rows } = history;
  const skipRest = (error: unknown) => {
    history.isSkipped = true;
    skip(deps, rows, error);
    return undefined;
  };
  if (!(missing instanceof RowsMissing)) return skipRest(missing);
  const found = await listRowsOfRuns(deps.database, [allRows(run)]);
  history.source = payloadsOf(run, source.graph, found.get(run.id));
  try {
    return make();
  } catch (error) {
    return skipRest(error);
  }
}
