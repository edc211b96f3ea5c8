/**
 * Starts the rerun of a run: with the outputs of the run that it reruns, which are read here.
 * Boundary: one submission, made by a call of that run, and by the RPC that waits for it. What is reused stands in the call.
 * Invariants:
 * 1. Done twice it is done once: a start is unique by its call's id. A run that a caller started by that id before is no rerun.
 * 2. What is read never changes: the run has ended, and the steps are COMPLETED for good, because their undo is with the new run.
 */
import { type CallResult, runOfCall, type StartRerun } from "../engine/values/call.ts";
import { Refusal } from "../process/refusal.ts";
import { loadRows } from "../store/load-rows.ts";
import { isAway } from "../store/pg-errors.ts";
import { findRerunId } from "../store/reads/reruns.ts";
import { onlyWorkspace } from "../store/reads/visibility.ts";
import type { ChildRunDeps, OwnCall } from "./own-submissions.ts";
import type { RunStart } from "./submission.ts";
import { isTemporary } from "./temporary.ts";

/** As startRerun, for the call: what keeps the run from being started for good is the result. */
export async function performRerun(
  deps: ChildRunDeps,
  own: OwnCall,
  call: StartRerun,
): Promise<CallResult> {
  try {
    const runId = await startRerun(deps, own, call);
    return { ok: true, value: { kind: "start_rerun", runId } };
  } catch (error) {
    if (error instanceof Refusal && !isTemporary(error)) {
      return { ok: false, message: error.message };
    }
    throw error;
  }
}

/**
 * The new run's id. Rejects with a Refusal: a temporary one when the database or the lane is away, not_found when the older run
 * is gone, already_exists when another run has the event id of the start.
 */
export async function startRerun(
  deps: ChildRunDeps,
  { callId, workspaceId }: OwnCall,
  call: StartRerun,
): Promise<string> {
  const start = await startOf(deps, { callId, workspaceId }, call);
  if (start === undefined) {
    const resource = { type: "run", name: runOfCall(callId) };
    throw new Refusal("not_found", "the run that is rerun is gone", { resource });
  }
  const settled = await deps.processor.submit({ kind: "start", cause: call.cause, start });
  if (!settled.created) await requireRerun(deps, { callId, workspaceId }, settled.runId);
  return settled.runId;
}

/** Refuses a run that was there before and is not the rerun. */
async function requireRerun(
  { database }: ChildRunDeps,
  { callId, workspaceId }: OwnCall,
  startedId: string,
): Promise<void> {
  const runId = runOfCall(callId);
  const seen = onlyWorkspace(workspaceId);
  if ((await reading(findRerunId(database.read, seen, runId))) === startedId) return;
  const message = `run ${startedId} was started by the event id ${callId}, which is that of the rerun`;
  throw new Refusal("already_exists", message, { resource: { type: "run", name: startedId } });
}

/** Undefined when rows of the older run are gone. */
async function startOf(
  { database }: ChildRunDeps,
  { callId, workspaceId }: OwnCall,
  call: StartRerun,
): Promise<RunStart | undefined> {
  const { kind: _kind, version, seed, cause: _cause, input: given, ...facts } = call;
  const runId = runOfCall(callId);
  const steps = seed.reused.map(({ from }) => from);
  const wanted = [{ runId, steps, runInput: given === undefined }];
  const found = (await reading(loadRows(database.read, wanted))).get(runId);
  const rows = new Map(found?.steps.map((row) => [row.index, row]));
  const input = given ?? found?.input;
  if (input === undefined || steps.some((index) => !rows.has(index))) return undefined;
  return {
    ...facts,
    ...{ workspaceId, definitionVersion: version, input, rerun: { of: runId } },
    ...{ triggerEventId: callId, triggerSource: "workflows", reuse: { seed, rows } },
  };
}

async function reading<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new Refusal("unavailable", "the database cannot be reached", { cause: error });
  }
}
