/**
 * First half of a batch: takes the locks and sorts submissions into runs to fold and answers that are known already.
 * Boundary: reads and locks, writes nothing.
 * Invariants:
 * P1 Starts by event are locked before runs, runs in id order and without waiting, so batches never wait in a circle.
 * P2 The clock is the database's, read after the last lock.
 */
import type { Graph } from "../engine/graph/graph.ts";
import { newRun } from "../engine/new-run.ts";
import type { Tx } from "../store/database.ts";
import { findRunIds, lockRuns } from "../store/lock-runs.ts";
import { type RunRow, runOfRow } from "../store/rows.ts";
import { type ClaimedStart, findStarts, lockStarts } from "../store/run-starts.ts";
import type { Batch } from "../store/save-batch.ts";
import type { RunWork } from "./fold-run.ts";
import type { GraphCache } from "./graphs.ts";
import { Refusal } from "./refusal.ts";
import type { RunStart, Settled, Submission } from "./submission.ts";

/** One submission of a batch. */
export interface BatchItem {
  /** The run it is for; of a start the id that its run gets. */
  readonly runId: string;
  readonly submission: Submission;
  /** An earlier try may have been committed without our hearing of it. */
  readonly uncertain: boolean;
}

/** What came of one submission; `locked` is to come again, for its run is locked elsewhere. */
export type ItemResult =
  | { readonly kind: "settled"; readonly settled: Settled }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "locked" };

/** A batch with its locks taken. */
export interface Plan {
  /** Answers by place; undefined where the fold will give them. */
  readonly results: (ItemResult | undefined)[];
  readonly works: Map<string, RunWork>;
  /** Claims of the starts by event among the works. */
  readonly starts: Batch["starts"];
  /** The database's clock. */
  readonly nowMs: number;
}

interface Locked {
  readonly rows: ReadonlyMap<string, RunRow>;
  /** Runs that exist and are locked elsewhere. */
  readonly elsewhere: ReadonlySet<string>;
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly claimed: readonly ClaimedStart[];
}

/** Takes the locks of a batch and plans it. */
export async function planBatch(
  graphs: GraphCache,
  tx: Tx,
  items: readonly BatchItem[],
): Promise<Plan> {
  const claimed = await lockStartsOf(tx, items);
  const ids = items.flatMap(({ submission, uncertain, runId }) =>
    submission.kind === "input" || uncertain ? [runId] : [],
  );
  const { rows, nowMs } = await lockRuns(tx, [...new Set(ids)]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const absent = [...new Set(ids.filter((id) => !byId.has(id)))];
  const locked: Locked = {
    rows: byId,
    elsewhere: absent.length === 0 ? new Set() : await findRunIds(tx, absent),
    graphs: await graphs.require(versionsOf(items, rows)),
    claimed,
  };
  const plan: Plan = { results: items.map(() => undefined), works: new Map(), starts: [], nowMs };
  for (const [place, item] of items.entries()) planItem(plan, locked, place, item);
  return plan;
}

async function lockStartsOf(tx: Tx, items: readonly BatchItem[]): Promise<ClaimedStart[]> {
  const events = items.flatMap(({ submission }) => {
    if (submission.kind !== "start" || submission.start.triggerEventId === "") return [];
    const { workspaceId, triggerEventId: eventId } = submission.start;
    return [{ workspaceId, eventId }];
  });
  if (events.length === 0) return [];
  await lockStarts(tx, events);
  return findStarts(tx, events);
}

function versionsOf(items: readonly BatchItem[], rows: readonly RunRow[]): string[] {
  const ids = new Set(rows.map((row) => row.versionId));
  for (const { submission } of items) {
    if (submission.kind === "start") ids.add(submission.start.versionId);
  }
  return [...ids];
}

function planItem(plan: Plan, locked: Locked, place: number, item: BatchItem): void {
  const { submission, runId } = item;
  if (submission.kind === "start") {
    plan.results[place] = planStart(plan, locked, place, runId, submission);
    return;
  }
  const row = locked.rows.get(runId);
  if (row === undefined && locked.elsewhere.has(runId)) {
    plan.results[place] = { kind: "locked" };
  } else if (row === undefined || !belongsTo(row, submission.workspaceId)) {
    plan.results[place] = unknownRun(submission);
  } else {
    const work = plan.works.get(runId) ?? workOfRow(locked.graphs, row);
    plan.works.set(runId, work);
    work.inputs.push({ place, input: submission.input });
  }
}

function planStart(
  plan: Plan,
  locked: Locked,
  place: number,
  runId: string,
  { start, cause }: Extract<Submission, { kind: "start" }>,
): ItemResult | undefined {
  // Committed by a try whose answer was lost.
  if (locked.rows.has(runId) || locked.elsewhere.has(runId)) return startedBefore(runId, true);
  const earlier = findEarlier([...locked.claimed, ...plan.starts], start);
  if (earlier !== undefined) return startedBefore(earlier.runId, false);
  const graph = requireGraph(locked.graphs, start.versionId);
  const { versionId, triggerSource, input, ...facts } = start;
  plan.works.set(runId, {
    graph,
    run: newRun(graph, { ...facts, id: runId, versionId }, plan.nowMs),
    isNew: true,
    input,
    steps: new Map(),
    inputs: [{ place, input: { kind: "run_begun", cause } }],
  });
  if (start.triggerEventId !== "") {
    const { workspaceId, definitionId, triggerEventId: eventId } = start;
    const createdAt = new Date(plan.nowMs);
    plan.starts.push({
      workspaceId,
      definitionId,
      eventId,
      source: triggerSource,
      runId,
      createdAt,
    });
  }
  return undefined;
}

function findEarlier(claimed: readonly ClaimedStart[], start: RunStart): ClaimedStart | undefined {
  return claimed.find(
    ({ workspaceId, definitionId, eventId, source }) =>
      workspaceId === start.workspaceId &&
      definitionId === start.definitionId &&
      eventId === start.triggerEventId &&
      (source === start.triggerSource || source === "" || start.triggerSource === ""),
  );
}

function startedBefore(runId: string, created: boolean): ItemResult {
  const reply = { kind: created ? "applied" : "unchanged" } as const;
  return { kind: "settled", settled: { runId, created, reply } };
}

function belongsTo(row: RunRow, workspaceId: string): boolean {
  return workspaceId === "" || workspaceId === row.workspaceId;
}

/** A caller is told; a late event or call result about a run that is not there changes nothing. */
function unknownRun({ runId, input }: Extract<Submission, { kind: "input" }>): ItemResult {
  if (input.cause.kind !== "rpc") {
    return { kind: "settled", settled: { runId, created: false, reply: { kind: "unchanged" } } };
  }
  const resource = { type: "run", name: runId };
  return { kind: "failed", error: new Refusal("not_found", "there is no such run", { resource }) };
}

function workOfRow(graphs: ReadonlyMap<string, Graph>, row: RunRow): RunWork {
  const graph = requireGraph(graphs, row.versionId);
  const run = runOfRow(row);
  run.edgeMarks = run.edgeMarks.slice(0, graph.edges.length);
  return { graph, run, isNew: false, input: undefined, steps: new Map(), inputs: [] };
}

function requireGraph(graphs: ReadonlyMap<string, Graph>, versionId: string): Graph {
  const graph = graphs.get(versionId);
  if (graph === undefined) throw new Error(`version ${versionId} is not stored`);
  return graph;
}
