/**
 * The statement that saves a batch (store/save-batch.ts); its name says which groups of parts it has.
 * Boundary: as in Postgres, no part sees what another part writes.
 */
import { effects } from "../../../../src/store/schema/calls.ts";
import { childRuns, runStarts, stepRuns, workflowRuns } from "../../../../src/store/schema/runs.ts";
import { EDITION, keepEvents } from "./event-statements.ts";
import { saveItems } from "./inbox-part.ts";
import {
  type ChildRow,
  childKey,
  type EffectRow,
  frozen,
  incomingRows,
  type MovesRow,
  type RunRow,
  type StartRow,
  type StepRow,
  startKey,
  stepKey,
} from "./rows.ts";
import { type At, type ModelStatement, type ModelStatements, zip } from "./statement.ts";

type Changed = StepRow & { keepInput: boolean; keepOutput: boolean; rowVersion: string };
type Incoming = Pick<MovesRow, "runId" | "seq"> & {
  partition: number;
  recordedAt: string;
  cause: string;
  moves: string;
};

const GROUPS = ["", "starts_"].flatMap((starts) =>
  ["", "_calls"].flatMap((calls) =>
    ["", "_others"].flatMap((others) =>
      ["", "_events"].map((events) => `${starts}moves${calls}${others}${events}`),
    ),
  ),
);

/** `save_batch_…` for all groups, and what became of one that was not answered (store/unanswered-save.ts). */
export const saveStatements: ModelStatements = {
  ...Object.fromEntries(GROUPS.map((groups) => [`save_batch_${groups}`, saveBatch(groups)])),
  async mark_unanswered_run({ tx, tables }: At, [id, version]: [string, string]) {
    await tx.lock(tables.runs, id);
    const run = tx.get(tables.runs, id);
    if (run?.xmin !== version) return [];
    tx.put(tables.runs, id, run);
    return [{ id }];
  },
  find_unanswered_save: findSave,
};

type Fixed = [
  partitions: number[],
  runIds: string[],
  versions: string[],
  changedSteps: number,
  stepRuns: string[],
  indexes: number[],
  stepVersions: string[],
  openCalls: string[],
];

function saveBatch(groups: string): ModelStatement {
  return async (at: At, values: [...Fixed, ...unknown[]]) => {
    const [partitions, runIds, versions, steps, ...others] = values;
    const [stepRuns, indexes, stepVersions, openCalls, ...rest] = others;
    requireRuns(at, zip(runIds, versions));
    requireAssumed(at, zip(stepRuns, indexes, stepVersions), openCalls);
    const next = () => String(rest.shift());
    if (groups.startsWith("starts")) await insertStarts(at, next(), next());
    await updateRuns(at, next());
    await insertSteps(at, next());
    const changedSteps = await updateSteps(at, next());
    const batches = await insertMoves(at, partitions, next());
    const newCalls = groups.includes("calls") ? await changeCalls(at, next(), next()) : [];
    if (groups.includes("others")) {
      await deleteCalls(at, droppedCalls(at, next(), newCalls));
      await insertChildren(at, next());
      await updateChildren(at, next());
      await saveItems(at, next());
    }
    if (groups.includes("events")) await keepEvents(at, [next()]);
    if (changedSteps !== steps) throw stale(at, STALE_STEP);
    return [
      { batches, newCalls, transactionId: at.tx.id, nowMs: at.now.getTime(), edition: EDITION },
    ];
  };
}

function requireRuns(at: At, fences: readonly (readonly [string, string])[]): void {
  const { tx, tables } = at;
  for (const [id, version] of fences) {
    const isHeld = tx.get(tables.runs, id)?.xmin === version && tx.tryLock(tables.runs, id);
    if (!isHeld) throw stale(at);
  }
}

function requireAssumed(
  at: At,
  steps: readonly (readonly [string, number, string])[],
  openCalls: readonly string[],
): void {
  const { tx, tables } = at;
  const isChanged = steps.some(([runId, stepIndex, version]) => {
    const step = tx.get(tables.steps, stepKey({ runId, stepIndex }));
    return step !== undefined && step.xmin !== version;
  });
  if (isChanged || openCalls.some((id) => tx.get(tables.effects, id) === undefined)) {
    throw stale(at);
  }
}

const STALE_RUN = "a run, or what its batch is about, is not as it was read";
const STALE_STEP = "a step that the batch changes is not as it was read";

function stale({ tx }: At, message = STALE_RUN): Error {
  return tx.shared.fail("42704", message);
}

/** Whether a batch was refused for a step that it changes, and for nothing else. */
export function isOfStep(error: unknown): boolean {
  return error instanceof Error && error.message === STALE_STEP;
}

/** Whether a batch met a row of its own key: its fences let something pass that another one has written. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}

function findSave(
  { tx, tables }: At,
  [sent, callIds, holder]: [string, string[], string],
): readonly object[] {
  const moves: Incoming[] = JSON.parse(sent);
  const found = moves.flatMap((move) => {
    const row = tx.get(tables.moves, `${move.runId}/${move.seq}`);
    const isSame =
      row?.recordedAt.getTime() === new Date(move.recordedAt).getTime() &&
      JSON.stringify(row.cause) === move.cause &&
      JSON.stringify(row.moves) === move.moves;
    return isSame && row !== undefined ? [row] : [];
  });
  const batches = new Set(found.map(({ batchId }) => batchId));
  return [
    {
      ...{ moves: found.length, transactionId: found[0]?.xmin ?? null },
      batches: [...tx.rows(tables.batches)]
        .filter(({ id }) => batches.has(id))
        .map(({ id, partition }) => ({ id, partition })),
      newCalls: callIds.filter((id) => tx.get(tables.effects, id)?.holder === holder),
    },
  ];
}

function taken(at: At, what: string): Error {
  return at.tx.shared.fail("23505", `duplicate key of ${what}`);
}

// No world archives a workflow: each run may begin.
async function insertStarts(at: At, runs: string, starts: string): Promise<void> {
  const { tx, tables } = at;
  for (const run of incomingRows<RunRow>(workflowRuns, runs)) {
    if (!(await tx.insert(tables.runs, run.id, run))) throw taken(at, `run ${run.id}`);
  }
  for (const start of incomingRows<StartRow>(runStarts, starts)) {
    if (!(await tx.insert(tables.starts, startKey(start), start))) throw taken(at, "a start");
  }
}

async function updateRuns({ tx, tables }: At, rows: string): Promise<void> {
  for (const run of incomingRows<RunRow>(workflowRuns, rows)) {
    await tx.lock(tables.runs, run.id);
    const old = tx.get(tables.runs, run.id);
    if (old === undefined) continue;
    const { startedAt, completedAt, deadlineAt, unsettled, state, totalCostUsd, seq } = run;
    const { stepMarks, edgeMarks, pending, continueAt } = run;
    const times = { startedAt, completedAt, deadlineAt, continueAt };
    const rest = { unsettled, state, totalCostUsd, seq, stepMarks, edgeMarks, pending };
    tx.put(tables.runs, run.id, { ...old, ...times, ...rest });
  }
}

async function insertSteps(at: At, rows: string): Promise<void> {
  const { tx, tables } = at;
  for (const step of incomingRows<StepRow>(stepRuns, rows)) {
    if (!(await tx.insert(tables.steps, stepKey(step), step))) throw taken(at, stepKey(step));
  }
}

/** Gives how many rows were as they were read. */
async function updateSteps({ tx, tables }: At, rows: string): Promise<number> {
  let changed = 0;
  for (const row of incomingRows<Changed>(stepRuns, rows)) {
    const { keepInput, keepOutput, rowVersion, ...step } = row;
    const key = stepKey(step);
    await tx.lock(tables.steps, key);
    const old = tx.get(tables.steps, key);
    if (old === undefined || old.xmin !== rowVersion) continue;
    tx.put(tables.steps, key, {
      ...step,
      workspaceId: old.workspaceId,
      checkedAt: old.checkedAt,
      input: keepInput ? old.input : step.input,
      output: keepOutput ? old.output : step.output,
    });
    changed += 1;
  }
  return changed;
}

async function insertMoves(at: At, partitions: readonly number[], rows: string) {
  const { tx, tables, now } = at;
  const moves: Incoming[] = JSON.parse(rows);
  const batches = partitions.map((partition) => {
    tx.shared.lastBatch += 1;
    const id = tx.shared.lastBatch;
    const times = { publishedAt: null, createdAt: now };
    const batch = { id, partition, changes: null, counted: null, ...times };
    tx.put(tables.batches, String(id), batch);
    return { id, partition };
  });
  for (const move of moves) {
    const batch = batches.find(({ partition }) => partition === move.partition);
    if (batch === undefined) continue;
    const row = {
      ...{ batchId: batch.id, runId: move.runId, seq: move.seq },
      recordedAt: new Date(move.recordedAt),
      cause: frozen(JSON.parse(move.cause)),
      moves: frozen(JSON.parse(move.moves)),
    };
    const key = `${move.runId}/${move.seq}`;
    if (!(await tx.insert(tables.moves, key, row))) throw taken(at, `moves ${key}`);
  }
  return batches;
}

/** Which calls are new, and which are there to be deleted, is decided by what was there before. */
async function changeCalls(at: At, rows: string, finished: string): Promise<string[]> {
  const { tx, tables } = at;
  const calls = incomingRows<EffectRow>(effects, rows).filter(
    ({ id }) => tx.get(tables.effects, id) === undefined,
  );
  await deleteCalls(at, JSON.parse(finished));
  for (const call of calls) tx.put(tables.effects, call.id, call);
  return calls.map(({ id }) => id);
}

async function deleteCalls({ tx, tables }: At, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    if (tx.get(tables.effects, id) === undefined) continue;
    await tx.lock(tables.effects, id);
    tx.remove(tables.effects, id);
  }
}

function droppedCalls({ tx, tables }: At, rows: string, newCalls: readonly string[]): string[] {
  const dropped: { runId: string; stepIndex: number }[] = JSON.parse(rows);
  const steps = new Set(dropped.map(stepKey));
  return [...tx.rows(tables.effects)]
    .filter(({ id, stepIndex, kind }) => {
      const [runId = ""] = id.split("/");
      const isOld = kind === "send_notification" && !newCalls.includes(id);
      return isOld && steps.has(stepKey({ runId, stepIndex }));
    })
    .map(({ id }) => id)
    .sort();
}

async function insertChildren(at: At, rows: string): Promise<void> {
  const { tx, tables } = at;
  for (const child of incomingRows<ChildRow>(childRuns, rows)) {
    const key = childKey(child);
    if (!(await tx.insert(tables.children, key, child))) throw taken(at, `child ${key}`);
  }
}

async function updateChildren({ tx, tables }: At, rows: string): Promise<void> {
  for (const child of incomingRows<ChildRow>(childRuns, rows)) {
    const key = childKey(child);
    await tx.lock(tables.children, key);
    const old = tx.get(tables.children, key);
    if (old !== undefined) tx.put(tables.children, key, { ...child, input: old.input });
  }
}
