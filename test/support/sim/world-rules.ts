/**
 * What must be true of a world that came to rest.
 * Boundary: reads the model's tables, the owners' ledger and the stream; a world without troubles is the measure.
 */
import { replayedState, replayHistory } from "../../../src/engine/replay.ts";
import { isFinalRun } from "../../../src/engine/values/run.ts";
import { parseTaskId } from "../../../src/engine/values/task.ts";
import { unpackRow } from "../../../src/store/packed-moves.ts";
import { judgeCounters } from "./counter-rules.ts";
import { judgeFences } from "./fence-rules.ts";
import type { RunRow } from "./model/rows.ts";
import { judgeTimers } from "./timer-rules.ts";
import type { World } from "./world.ts";

/** What became of a run, without ids and times. */
export interface RunEnd {
  readonly whole: string;
  /** Without what an owner does not keep: outputs, costs and messages. */
  readonly kept: string;
}

/** Adds what is broken to the world's faults; `calmEnds` are the ends of runs by version. */
export function judgeWorld(world: World, calmEnds: ReadonlyMap<string, RunEnd>): void {
  const { tables, shared } = world.server;
  judgePlan(world, calmEnds);
  world.inbox.judge();
  world.taskRules.judge();
  judgeCounters(world);
  for (const run of tables.runs.committed.values()) {
    if (!isFinalRun(run.state as never)) world.broken(`${run.id} is ${run.state}`);
    judgeHistory(world, run);
    judgeAsked(world, run);
    judgeStream(world, run);
    judgeReports(world, run);
    judgeLateEnds(world, run);
    judgeTimers(world, run, historyOf(world, run));
    judgeFences(world, run, historyOf(world, run));
  }
  if (new Set(world.stream.ids).size < world.stream.ids.length) world.broken("an event is twice");
  if (shared.locks.size > 0) world.broken(`locks are held: ${[...shared.locks.keys()]}`);
  for (const { partition, holder, leaseUntil } of tables.partitions.committed.values()) {
    const isLeft = leaseUntil.getTime() > world.clock.epochMs;
    if (isLeft && world.members.some(({ id }) => id === holder)) {
      world.broken(`${holder} stopped and holds partition ${partition}`);
    }
  }
}

/** Each planned run is there once, and ended as without troubles. */
function judgePlan(world: World, calmEnds: ReadonlyMap<string, RunEnd>): void {
  const { starts, runs } = world.server.tables;
  const { runIds, sent } = world.callers;
  for (const { key, version, startBy, command } of world.plan.runs) {
    const claims = [...starts.committed.values()].filter(
      ({ eventId }) => eventId === `start-${key}`,
    );
    const made = [...runs.committed.values()].filter(
      ({ inputPayload, parentRunId }) => inputPayload.key === key && parentRunId === "",
    );
    const isByEvent = startBy === "event" || startBy === "event id";
    const atMost = startBy === "nothing" ? (sent.get(`start ${key}`) ?? 0) : 1;
    if (claims.length !== (isByEvent ? 1 : 0) || made.length < 1 || made.length > atMost) {
      world.broken(`${key} (${startBy}) has ${claims.length} starts and ${made.length} runs`);
    }
    const known = runIds.get(key);
    if (made.every(({ id }) => id !== known)) world.broken(`${key} was answered with ${known}`);
    for (const run of made) {
      const isLeft = run.id !== known || command === undefined || command.rpc === "pauseRun";
      if (isLeft) judgeEnd(world, run, calmEnds.get(version));
    }
  }
  const { schedule } = world.plan;
  for (const run of world.schedule?.judge() ?? []) {
    judgeEnd(world, run, calmEnds.get(schedule?.version ?? ""));
  }
}

function judgeEnd(world: World, run: RunRow, calm: RunEnd | undefined): void {
  if (calm === undefined) return;
  const by = isHealed(world, run) ? "kept" : "whole";
  const end = endOf(world, run)[by];
  if (end === calm[by]) return;
  const what = `${run.definitionId} ${run.triggerEventId}`;
  world.broken(`${what} ended as\n  ${end}\nand without troubles as\n  ${calm[by]}`);
}

/** Whether the end of one of its steps, or of its children's, was found by asking. */
function isHealed(world: World, run: RunRow): boolean {
  const isAsked = historyOf(world, run).some(({ cause }) => isOfReconciler(cause));
  return isAsked || childrenOf(world, run).some((child) => isHealed(world, child));
}

function isOfReconciler({ id }: { readonly id: string }): boolean {
  return id.startsWith("reconcile/");
}

function childrenOf(world: World, run: RunRow): RunRow[] {
  const rows = [...world.server.tables.runs.committed.values()];
  return rows.filter(({ parentRunId }) => parentRunId === run.id);
}

/** The end of a run, with its children's and with what owners made for it. */
export function endOf(world: World, run: RunRow): RunEnd {
  return { whole: textOfEnd(world, run, true), kept: textOfEnd(world, run, false) };
}

function textOfEnd(world: World, run: RunRow, isWhole: boolean): string {
  const { steps } = world.server.tables;
  const ofRun = [...steps.committed.values()].filter(({ runId }) => runId === run.id);
  const rows = ofRun
    .sort((one, other) => one.stepIndex - other.stepIndex)
    .map(({ stepIndex, state, retryCount, costUsd, errorMessage, output }) => [
      ...[stepIndex, state, retryCount],
      ...(isWhole ? [costUsd, errorMessage, output] : []),
    ]);
  const made = [...world.owners.ledger.keys()].filter((key) => key.startsWith(`${run.id}/`)).sort();
  const children = childrenOf(world, run)
    .map((child) => textOfEnd(world, child, isWhole))
    .sort();
  const marks = Buffer.from(run.stepMarks).toString("hex");
  const cost = isWhole ? run.totalCostUsd : 0;
  const text = JSON.stringify([run.state, cost, marks, rows, made, children]);
  return text
    .replaceAll(/wfr_[0-9a-f]+/g, "<run>")
    .replaceAll(/"[0-9a-f]{64}"/g, '"<digest>"')
    .replaceAll(/-late-\d/g, "");
}

/** An objective whose event comes, however late or early, ends its step by the event: it alone has the output. */
function judgeAsked(world: World, run: RunRow): void {
  for (const { cause, moves } of historyOf(world, run)) {
    const [, objectiveId = ""] = /^reconcile\/objectives\/(.*)$/.exec(cause.id) ?? [];
    const isEnd = moves.some((move) => move.of === "step" && move.to === "COMPLETED");
    if (objectiveId !== "" && isEnd && !world.lostAbout.has(objectiveId)) {
      world.broken(`${objectiveId} was found ended by asking, before its event`);
    }
  }
}

function judgeHistory(world: World, run: RunRow): void {
  const rows = historyOf(world, run);
  try {
    const replay = replayHistory(rows);
    if (replay.state !== run.state || replay.seq !== run.seq) {
      world.broken(
        `${run.id} is ${run.state} at ${run.seq}, its history ${replay.state} at ${replay.seq}`,
      );
    }
    for (const step of world.server.tables.steps.committed.values()) {
      if (step.runId !== run.id) continue;
      const told = replayedState(replay, step.stepIndex);
      if (told !== step.state)
        world.broken(`${run.id} step ${step.stepIndex} is ${step.state}, not ${told}`);
    }
  } catch (error) {
    world.broken(`the history of ${run.id} does not apply: ${error}`);
  }
}

/** Every published move is on the stream, once and in order. */
function judgeStream(world: World, run: RunRow): void {
  const expected = historyOf(world, run).flatMap(({ seq, moves }) =>
    moves.flatMap(({ op }, place) => (op === undefined ? [] : [`${run.id}-${seq}-${place}`])),
  );
  const stored = world.stream.ids.filter((id) => id.startsWith(`${run.id}-`));
  if (stored.join() !== expected.join()) {
    world.broken(`events of ${run.id}: ${stored}, expected ${expected}`);
  }
}

/** The end of an object that a step, or an earlier attempt of it, left open is noted once (G9). */
function judgeLateEnds(world: World, run: RunRow): void {
  const { owners, lostAbout, witness, server } = world;
  const ended = (id: string) => owners.ended.has(id) && !lostAbout.has(id);
  const steps = [...server.tables.steps.committed.values()].filter(({ runId }) => runId === run.id);
  for (const { stepIndex, detail } of steps) {
    if (detail?.superseded?.some(ended) === true) witness.count("end of a superseded object");
    for (const id of detail?.leftOpen?.filter(ended) ?? []) {
      world.broken(`${run.id} step ${stepIndex} left ${id} open, and its end is not noted`);
    }
  }
  const noted = historyOf(world, run).filter(
    ({ cause, moves }) =>
      cause.kind === "event" &&
      parseTaskId(cause.id) === undefined &&
      moves.some((move) => move.of === "step" && move.note === "ignored"),
  );
  if (noted.length > 0) witness.count("late end noted");
  const isRetried = steps.some(({ retryCount }) => retryCount > 0);
  if (noted.length > 0 && run.state === "COMPLETED" && !isRetried && !world.hasTrouble) {
    world.broken(`${run.id} noted an end, and none of its steps left an object open`);
  }
}

/** A report is late for good, or it moves its step: which of them is known when it is noted. */
function judgeReports(world: World, run: RunRow): void {
  const late = new Set<string>();
  for (const { cause, moves } of historyOf(world, run)) {
    if (cause.kind !== "event") continue;
    const isLate = moves.every((move) => move.of === "step" && move.note === "ignored");
    if (isLate) late.add(cause.id);
    else if (late.has(cause.id)) world.broken(`${run.id} took ${cause.id}, which it noted as late`);
  }
}

function historyOf(world: World, run: RunRow) {
  return [...world.server.tables.moves.committed.values()]
    .filter(({ runId }) => runId === run.id)
    .sort((one, other) => one.seq - other.seq)
    .map(({ runId, batchId, seq, cause, moves, recordedAt }) => ({
      ...{ runId, batchId, seq, recordedAt },
      ...unpackRow(run.id, { cause, moves }),
    }));
}

/** Counts what the world came to, besides what its parts counted. */
export function countWorld(world: World): void {
  const { witness, callers, owners, server } = world;
  for (const { runId, atMs } of callers.cancelled) {
    const isClose = [...owners.ended].some(
      ([id, endedMs]) => id.startsWith(`obj:${runId}/`) && Math.abs(endedMs - atMs) < 100,
    );
    if (isClose) witness.count("cancel racing completion");
  }
  for (const run of server.tables.runs.committed.values()) {
    witness.count(`run ${run.state}`);
    if (world.crashedWhileUndoing.has(run.id)) witness.count("compensation after a crash");
    for (const { cause, moves } of historyOf(world, run)) {
      if (cause.kind === "timer") witness.count("timer");
      if (cause.kind === "rpc") witness.count(`moved by ${cause.id}`);
      if (isOfReconciler(cause)) witness.count("found by asking");
      for (const { op } of moves) if (op === "retrying") witness.count("retry");
    }
  }
}
