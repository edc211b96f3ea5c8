/**
 * First part of a batch: reads the runs and sorts submissions into runs to fold and answers that are known already.
 * Boundary: locks and writes nothing; no transaction is open. What came in between is found out by the statement that saves
 * (store/save-fences.ts), or by confirm-batch.ts.
 */
import { rowsNeeded } from "../engine/draft/prefetch.ts";
import type { Graph } from "../engine/graph/graph.ts";
import type { Input } from "../engine/values/input.ts";
import type { Run } from "../engine/values/run.ts";
import { Refusal } from "../process/refusal.ts";
import type { Database } from "../store/database.ts";
import { type KnownRun, type ReadRun, readRuns } from "../store/lock-runs.ts";
import { runOfRow } from "../store/rows.ts";
import type { BatchItem, Found, ItemResult, Plan } from "./batch-plan.ts";
import type { CommittedRun, CommittedRuns } from "./committed-runs.ts";
import type { RunWork } from "./fold-run.ts";
import type { GraphCache } from "./graphs.ts";
import type { LimitedWorkflows } from "./limited-workflows.ts";
import type { MemoryTrust } from "./memory-trust.ts";
import { planStart } from "./plan-start.ts";
import { findPlacesOfStarts } from "./run-limits.ts";
import { findVarsOfStarts } from "./start-facts.ts";
import type { Settled, Submission } from "./submission.ts";

/** What planning a batch reads with. */
export interface PlanDeps {
  readonly graphs: GraphCache;
  readonly committed: CommittedRuns;
  readonly memory: MemoryTrust;
  readonly limited: LimitedWorkflows;
  readonly database: Pick<Database, "write">;
}

/** Reads what a batch is about and plans it. */
export async function planBatch(
  { graphs, committed, memory, limited, database }: PlanDeps,
  items: readonly BatchItem[],
): Promise<Plan> {
  const kept = await findKept(graphs, committed, items);
  const known = [...inputsOf(items).keys()].map((runId) => kept.get(runId) ?? unknown(runId));
  const { rows, unchanged, openCalls, nowMs } = await readRuns(
    database.write,
    known,
    callsOf(items),
  );
  const vars = await findVarsOfStarts({ graphs, database }, items);
  const places = await findPlacesOfStarts({ limited, database }, items);
  const runs = new Map(rows.map((row) => [row.id, committedOfRow(row)]));
  for (const [id, { committed: run }] of kept) if (unchanged.has(id)) runs.set(id, run);
  memory.noteClock(nowMs);
  const assumed = { steps: [], openCalls: [] };
  const read = { runs, openCalls: new Set(openCalls), vars, places };
  return planAll(graphs, items, { ...read, nowMs, assumed });
}

/** Sorts the submissions into what is found. */
export async function planAll(
  graphs: GraphCache,
  items: readonly BatchItem[],
  { nowMs, assumed, ...read }: Omit<Found, "graphs"> & Pick<Plan, "nowMs" | "assumed">,
): Promise<Plan> {
  const found: Found = {
    ...read,
    graphs: await graphs.require(versionsOf(items, [...read.runs.values()])),
  };
  const results = items.map(() => undefined);
  const plan: Plan = { results, works: new Map(), starts: [], nowMs, assumed };
  for (const [place, item] of items.entries()) planItem(plan, found, place, item);
  return plan;
}

interface Kept extends KnownRun {
  readonly committed: CommittedRun;
}

function unknown(runId: string): KnownRun {
  return { runId, rowVersion: "", steps: [] };
}

/**
 * The runs of the batch that are kept. A step may have learned an id while its run's row stayed as it was, so rows that an
 * input is about must have their version too; what else the fold changes, saveBatch compares. An input that is about
 * no step in particular may look at any of them: its run is read.
 */
export async function findKept(
  graphs: GraphCache,
  committed: CommittedRuns,
  items: readonly BatchItem[],
): Promise<Map<string, Kept>> {
  const found = [...inputsOf(items)].flatMap(([runId, inputs]) => {
    const run = committed.find(runId);
    return run === undefined ? [] : [{ runId, inputs, run }];
  });
  const kept = new Map<string, Kept>();
  const compiled = await graphs.require([...new Set(found.map(({ run }) => run.run.versionId))]);
  for (const { runId, inputs, run } of found) {
    const needed = inputs.map((input) => {
      const graph = compiled.get(run.run.versionId);
      return graph === undefined || input.kind === "run_continued"
        ? []
        : rowsNeeded(graph, input).steps;
    });
    if (needed.some((steps) => steps.length === 0)) continue;
    const steps = [...new Set(needed.flat())].flatMap((index) => {
      const version = run.stepVersions.get(index);
      return version === undefined ? [] : [[index, version] as const];
    });
    kept.set(runId, { runId, rowVersion: run.rowVersion, steps, committed: run });
  }
  return kept;
}

function inputsOf(items: readonly BatchItem[]): Map<string, Input[]> {
  const inputs = new Map<string, Input[]>();
  for (const { submission, runId } of items) {
    if (submission.kind !== "input") continue;
    const ofRun = inputs.get(runId) ?? [];
    inputs.set(runId, ofRun);
    ofRun.push(submission.input);
  }
  return inputs;
}

function committedOfRow(row: ReadRun): CommittedRun {
  const { rowVersion } = row;
  const [steps, stepVersions] = [new Map(), new Map()];
  return { run: runOfRow(row), rowVersion, input: undefined, steps, stepVersions };
}

/** Calls of whose results the batch has some. */
export function callsOf(items: readonly BatchItem[]): string[] {
  return items.flatMap(({ submission }) =>
    submission.kind === "input" && submission.input.kind === "call_returned"
      ? [submission.input.callId]
      : [],
  );
}

function versionsOf(items: readonly BatchItem[], runs: readonly CommittedRun[]): string[] {
  const ids = new Set(runs.map(({ run }) => run.versionId));
  for (const { submission } of items) {
    if (submission.kind === "start") ids.add(submission.start.versionId);
  }
  return [...ids];
}

function planItem(plan: Plan, found: Found, place: number, item: BatchItem): void {
  const { submission, runId } = item;
  if (submission.kind === "start") {
    planStart(plan, found, place, runId, submission);
    return;
  }
  const known = found.runs.get(runId);
  if (known === undefined || !belongsTo(known.run, submission.workspaceId)) {
    plan.results[place] = unknownRun(submission);
  } else if (!claimResult(found, submission.input)) {
    plan.results[place] = { kind: "settled", settled: unchanged(runId) };
  } else {
    const work = plan.works.get(runId) ?? workOf(found.graphs, known);
    plan.works.set(runId, work);
    work.inputs.push({ place, input: submission.input });
  }
}

/** Two replicas may have made the same call: its first result claims it, a second one counts for nothing. */
function claimResult({ openCalls }: Found, input: Input): boolean {
  return input.kind !== "call_returned" || openCalls.delete(input.callId);
}

/** The answer to what changes nothing. */
export function unchanged(runId: string): Settled {
  return { runId, created: false, reply: { kind: "unchanged" } };
}

function belongsTo(run: Run, workspaceId: string): boolean {
  return workspaceId === "" || workspaceId === run.workspaceId;
}

/** Refuses an input for an unknown run; a late event or timer changes nothing instead. */
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

function workOf(graphs: ReadonlyMap<string, Graph>, known: CommittedRun): RunWork {
  const { versionId } = known.run;
  const graph = graphs.get(versionId);
  if (graph === undefined) throw new Error(`version ${versionId} is not stored`);
  const { run, rowVersion, input, steps, stepVersions } = known;
  return {
    graph,
    run: { ...run, edgeMarks: run.edgeMarks.subarray(0, graph.edges.length) },
    rowVersion,
    input,
    steps,
    stepVersions,
    children: { rows: [], sets: [] },
    merged: new Map(),
    chosen: new Map(),
    inputs: [],
  };
}
