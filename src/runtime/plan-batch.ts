/**
 * First half of a batch: takes the locks and sorts submissions into runs to fold and answers that are known already.
 * Boundary: reads and locks, writes nothing.
 * Invariants:
 * P1 Locks of starts by event and of runs are tried, never waited for: who does not get one comes again, and nobody
 *    behind waits with it.
 * P2 The clock is the database's, read after the last lock.
 */
import type { Graph } from "../engine/graph/graph.ts";
import type { Input } from "../engine/input.ts";
import { newRun } from "../engine/new-run.ts";
import type { Tx } from "../store/database.ts";
import { findOpenEffects } from "../store/effects.ts";
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
}

/** What came of one submission; `locked` is to come again, for its run (or start) is locked elsewhere. */
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
  /** Calls that wait for a result; each is taken out by the first one. */
  readonly openCalls: Set<string>;
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly claimed: readonly ClaimedStart[];
  /** Starts by event that nobody else is making now. */
  readonly startLocks: ReadonlySet<string>;
}

/** Takes the locks of a batch and plans it. */
export async function planBatch(
  graphs: GraphCache,
  tx: Tx,
  items: readonly BatchItem[],
): Promise<Plan> {
  const starts = await lockStartsOf(tx, items);
  const ids = items.flatMap(({ submission, runId }) =>
    submission.kind === "input" ? [runId] : [],
  );
  const { rows, nowMs } = await lockRuns(tx, [...new Set(ids)]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const absent = [...new Set(ids.filter((id) => !byId.has(id)))];
  const locked: Locked = {
    rows: byId,
    elsewhere: absent.length === 0 ? new Set() : await findRunIds(tx, absent),
    openCalls: await findOpenCalls(tx, items),
    graphs: await graphs.require(versionsOf(items, rows)),
    ...starts,
  };
  const plan: Plan = { results: items.map(() => undefined), works: new Map(), starts: [], nowMs };
  for (const [place, item] of items.entries()) planItem(plan, locked, place, item);
  return plan;
}

async function lockStartsOf(
  tx: Tx,
  items: readonly BatchItem[],
): Promise<Pick<Locked, "claimed" | "startLocks">> {
  const wanted = items.flatMap(({ submission }) => {
    if (submission.kind !== "start" || submission.start.triggerEventId === "") return [];
    const { workspaceId, definitionId, triggerEventId: eventId } = submission.start;
    return [{ workspaceId, definitionId, eventId }];
  });
  if (wanted.length === 0) return { claimed: [], startLocks: new Set() };
  const got = await lockStarts(tx, wanted);
  return { claimed: await findStarts(tx, wanted), startLocks: new Set(got.map(startKey)) };
}

/** Calls among the results of the batch that still wait for one. The runs' locks keep it so. */
async function findOpenCalls(tx: Tx, items: readonly BatchItem[]): Promise<Set<string>> {
  const ids = items.flatMap(({ submission }) =>
    submission.kind === "input" && submission.input.kind === "call_returned"
      ? [submission.input.effectId]
      : [],
  );
  return ids.length === 0 ? new Set() : findOpenEffects(tx, ids);
}

function startKey({ definitionId, eventId }: Pick<ClaimedStart, "definitionId" | "eventId">) {
  return `${definitionId} ${eventId}`;
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
  } else if (!claimResult(locked, submission.input)) {
    plan.results[place] = { kind: "settled", settled: unchanged(runId) };
  } else {
    const work = plan.works.get(runId) ?? workOfRow(locked.graphs, row);
    plan.works.set(runId, work);
    work.inputs.push({ place, input: submission.input });
  }
}

/** Two replicas may have made the same call: its first result claims it, a second one counts for nothing. */
function claimResult({ openCalls }: Locked, input: Input): boolean {
  return input.kind !== "call_returned" || openCalls.delete(input.effectId);
}

function planStart(
  plan: Plan,
  locked: Locked,
  place: number,
  runId: string,
  { start, cause }: Extract<Submission, { kind: "start" }>,
): ItemResult | undefined {
  if (start.triggerEventId !== "") {
    const key = startKey({ definitionId: start.definitionId, eventId: start.triggerEventId });
    if (!locked.startLocks.has(key)) return { kind: "locked" };
    const earlier = findEarlier([...locked.claimed, ...plan.starts], start);
    if (earlier !== undefined) return { kind: "settled", settled: unchanged(earlier.runId) };
  }
  const graph = requireGraph(locked.graphs, start.versionId);
  const { versionId, input, ...facts } = start;
  plan.works.set(runId, {
    graph,
    run: newRun(graph, { ...facts, id: runId, versionId }, plan.nowMs),
    isNew: true,
    input,
    steps: new Map(),
    children: { rows: [], sets: [] },
    inputs: [{ place, input: { kind: "run_begun", cause } }],
  });
  if (start.triggerEventId !== "") {
    const { workspaceId, definitionId, triggerEventId: eventId, triggerSource } = start;
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

function unchanged(runId: string): Settled {
  return { runId, created: false, reply: { kind: "unchanged" } };
}

function belongsTo(row: RunRow, workspaceId: string): boolean {
  return workspaceId === "" || workspaceId === row.workspaceId;
}

/** Who asks or made a call is told; a late event or timer of a run that is not there changes nothing. */
function unknownRun({ runId, input }: Extract<Submission, { kind: "input" }>): ItemResult {
  if (input.cause.kind === "event" || input.cause.kind === "timer") {
    return { kind: "settled", settled: unchanged(runId) };
  }
  const resource = { type: "run", name: runId };
  return {
    kind: "failed",
    error: new Refusal("not_found", `there is no run ${runId}`, { resource }),
  };
}

function workOfRow(graphs: ReadonlyMap<string, Graph>, row: RunRow): RunWork {
  const graph = requireGraph(graphs, row.versionId);
  const run = runOfRow(row);
  run.edgeMarks = run.edgeMarks.slice(0, graph.edges.length);
  const children = { rows: [], sets: [] };
  return { graph, run, isNew: false, input: undefined, steps: new Map(), children, inputs: [] };
}

function requireGraph(graphs: ReadonlyMap<string, Graph>, versionId: string): Graph {
  const graph = graphs.get(versionId);
  if (graph === undefined) throw new Error(`version ${versionId} is not stored`);
  return graph;
}
