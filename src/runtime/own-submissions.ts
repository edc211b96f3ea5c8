/**
 * The service's own submissions for steps that run other workflows: start, cancel or compensate a child, report to its parent.
 * Boundary: each is one submission of its own, made by a call; parent and child are never locked together.
 * Invariant: done twice it is done once. A start is unique by its call's id; a run that is so already stays as it is;
 * a parent knows a repeated word by its place in the child's history.
 */
import type {
  CallResult,
  CancelRun,
  CompensateRun,
  StartRun,
  TellParent,
} from "../engine/values/call.ts";
import type { Cause, Input } from "../engine/values/input.ts";
import type { Log } from "../process/log.ts";
import { Refusal } from "../process/refusal.ts";
import type { Database } from "../store/database.ts";
import { isAway } from "../store/pg-errors.ts";
import { findStarts } from "../store/run-starts.ts";
import { type ChildTarget, findChildTarget } from "../store/service-reads/child-targets.ts";
import type { Processor } from "./processor.ts";
import type { RunStart } from "./submission.ts";
import { isTemporary } from "./temporary.ts";

/** What the calls work with. */
export interface ChildRunDeps {
  readonly database: Database;
  readonly processor: Pick<Processor, "submit">;
  readonly log: Log;
}

/** A call's id and its workspace. */
export interface OwnCall {
  readonly callId: string;
  readonly workspaceId: string;
}

const OWN_SOURCE = "workflows";

/**
 * Starts the run that the call asks for, once. Rejects with a Refusal when the database or the lane is away: the
 * call is tried again. Whatever else keeps the run from being started is the result, so that the parent does not wait.
 */
export async function startChildRun(
  { database, processor, log }: ChildRunDeps,
  { callId, workspaceId }: OwnCall,
  call: StartRun,
): Promise<CallResult> {
  const target = await reading(findChildTarget(database.read, { ...call, workspaceId }));
  const problem = whyNot(target, call);
  if (target === undefined || target.versionId === null || problem !== undefined) {
    const started = target && (await findStarted(database, callId, { ...target, workspaceId }));
    if (started !== undefined) return { ok: true, value: { kind: "start_run", runId: started } };
    return { ok: false, message: problem ?? "there is no such workflow" };
  }
  try {
    const { runId } = await processor.submit({
      kind: "start",
      cause: causeOf(callId),
      start: startOf(callId, workspaceId, call, { ...target, versionId: target.versionId }),
    });
    return { ok: true, value: { kind: "start_run", runId } };
  } catch (error) {
    if (error instanceof Refusal) {
      if (isTemporary(error)) throw error;
      return { ok: false, message: error.message };
    }
    log.error("a child run cannot be started", {
      callId,
      definitionId: target.definitionId,
      error,
    });
    return { ok: false, message: "the run cannot be started: a fault of the service, see its log" };
  }
}

/** Cancels a child; one that has ended, or is gone, stays as it is. */
export async function cancelChildRun(
  deps: ChildRunDeps,
  own: OwnCall,
  { runId, reason }: CancelRun,
): Promise<CallResult> {
  const cause = causeOf(own.callId);
  await submitTo(deps, own, runId, { kind: "cancel_requested", reason, cause });
  return { ok: true, value: { kind: "cancel_run" } };
}

/** Starts the compensation of a child. The child reports the end to its parent, unless it is gone or has nothing to compensate. */
export async function compensateChildRun(
  deps: ChildRunDeps,
  own: OwnCall,
  { runId, reason }: CompensateRun,
): Promise<CallResult> {
  const cause = causeOf(own.callId);
  const input = { kind: "compensate_requested", reason, cause, byParent: true } as const;
  const reply = await submitTo(deps, own, runId, input);
  const left = reply?.kind === "unchanged" ? reply.nothingLeft : undefined;
  const compensated = reply === undefined || left !== undefined;
  return { ok: true, value: { kind: "compensate_run", compensated, ...left } };
}

/** Reports a child to its parent. A parent that is gone needs no report. */
export async function tellParentRun(
  deps: ChildRunDeps,
  own: OwnCall,
  { parentRunId, report }: TellParent,
): Promise<CallResult> {
  const cause = causeOf(own.callId);
  await submitTo(deps, own, parentRunId, { kind: "child_ended", report, cause });
  return { ok: true, value: { kind: "tell_parent" } };
}

/** The engine's reply; undefined when there is no such run. */
async function submitTo(
  { processor }: ChildRunDeps,
  { workspaceId }: OwnCall,
  runId: string,
  input: Input,
) {
  try {
    const { reply } = await processor.submit({ kind: "input", runId, workspaceId, input });
    return reply;
  } catch (error) {
    if (error instanceof Refusal && error.reason === "not_found") return undefined;
    throw error;
  }
}

/** The run that an earlier try of the start made, while it was allowed still. */
async function findStarted(
  database: Database,
  eventId: string,
  { workspaceId, definitionId }: { workspaceId: string; definitionId: string },
): Promise<string | undefined> {
  const wanted = { workspaceId, definitionId, eventId };
  const starts = await reading(findStarts(database.read, [wanted]));
  return starts.find((start) => start.definitionId === definitionId)?.runId;
}

async function reading<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new Refusal("unavailable", "the database cannot be reached", { cause: error });
  }
}

function whyNot(target: ChildTarget | undefined, call: StartRun): string | undefined {
  const named = call.definitionId === "" ? `named ${call.name}` : call.definitionId;
  if (target === undefined) return `there is no workflow ${named}`;
  const { latestVersion, versionId, trigger, definitionId } = target;
  if (target.isArchived) return `the workflow ${named} is archived`;
  if (latestVersion === 0) return `the workflow ${named} has no published version yet`;
  if (versionId === null || trigger === null) {
    return `the workflow ${named} has no version ${call.version}`;
  }
  const { triggerType, parentWorkflowId } = trigger;
  if (triggerType !== "WORKFLOW") {
    return `the workflow ${named} is started by a ${triggerType} trigger, not by another workflow`;
  }
  if (parentWorkflowId === "" || parentWorkflowId === call.parentDefinitionId) return undefined;
  return `the workflow ${definitionId} is started by ${parentWorkflowId} alone`;
}

function startOf(
  callId: string,
  workspaceId: string,
  call: StartRun,
  target: { definitionId: string; versionId: string; version: number | null },
): RunStart {
  return {
    definitionId: target.definitionId,
    versionId: target.versionId,
    definitionVersion: target.version ?? 0,
    workspaceId,
    triggerType: "WORKFLOW",
    triggerEventId: callId,
    triggerSource: OWN_SOURCE,
    initiatorAgentId: call.initiatorAgentId,
    initiatorUserId: call.initiatorUserId,
    parentRunId: call.parentRunId,
    parentStep: call.parentStep,
    entityId: call.entityId,
    entityType: call.entityType,
    hops: call.hops,
    ...(call.environment === undefined ? {} : { environment: call.environment }),
    ...(call.version === 0 ? {} : { versionNamed: true }),
    input: call.input,
  };
}

function causeOf(id: string): Cause {
  return { kind: "call", id };
}
