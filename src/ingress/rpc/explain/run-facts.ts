/**
 * The facts from which Explain derives its reasons, read by a fixed number of statements.
 * Boundary: reads. The rows of the run are of one moment; calls, child runs, notes and messages are read after it, so a call
 * that ended in between is missing from them.
 */
import type { Graph } from "../../../engine/graph/graph.ts";
import { openItemsOf } from "../../../engine/steps/person-items.ts";
import type { CallKind } from "../../../engine/values/call.ts";
import type { Run, StepRun } from "../../../engine/values/run.ts";
import { isFinalStep } from "../../../engine/values/run.ts";
import { taskIdOf } from "../../../engine/values/task.ts";
import type { ReplicaView } from "../../../runtime/replica-view.ts";
import { findRunOutline } from "../../../store/reads/many-runs.ts";
import { findRunTurn, type RunTurn } from "../../../store/reads/run-limits.ts";
import {
  findCallsOfRun,
  findItemAssignees,
  findNamingLetters,
  findOpenChildren,
  findRunNotes,
  type ItemAssignee,
  type NamingLetter,
  OPEN_CHILDREN_AT_MOST,
  type OpenCall,
  type OpenChild,
  type RunNote,
} from "../../../store/reads/run-waits.ts";
import { graphOf, unknownRun } from "../run-answers.ts";
import type { ReadDeps } from "../service-deps.ts";

/** What is known of a run. */
export interface RunFacts {
  readonly run: Run;
  readonly graph: Graph;
  readonly steps: ReadonlyMap<number, StepRun>;
  readonly calls: readonly OpenCall[];
  readonly children: readonly OpenChild[];
  /** Of open approvals and tasks. */
  readonly assignees: readonly ItemAssignee[];
  /** Newest first. */
  readonly notes: readonly RunNote[];
  readonly letters: readonly NamingLetter[];
  /** Of a run that waits for its turn. */
  readonly turn: RunTurn | undefined;
  /** By the database's clock. */
  readonly nowMs: number;
  /** Undefined: nothing of the replica's memory is known. */
  readonly replica: ReplicaView | undefined;
}

/** States whose reason stands in the history alone. */
const NOTED_STATES: ReadonlySet<string> = new Set(["PAUSED", "FAILED", "CANCELLED"]);
/** Ids that messages are searched for; more would make one Explain dear. */
const NAMES_AT_MOST = 20;
/** Calls that a step waits for; the others only tell their owners something. */
const AWAITED: Readonly<Record<CallKind, boolean>> = {
  look_up: true,
  create_objective: true,
  delegate: true,
  read_output: true,
  query_usage: true,
  request_approval: true,
  evaluate_action: true,
  send_notification: true,
  start_run: true,
  compensate_run: true,
  cancel_objective: false,
  escalate_approval: false,
  cancel_run: false,
  tell_parent: false,
  start_rerun: false,
};

/** The facts of a run; not_found when the call sees none. */
export async function readRunFacts(
  { database, visibility, graphs }: ReadDeps,
  replica: ReplicaView | undefined,
  runId: string,
): Promise<RunFacts> {
  const db = database.callers;
  const outline = await findRunOutline(db, visibility, runId);
  if (outline === undefined) throw unknownRun(runId);
  const { run, steps } = outline;
  const graph = graphOf(await graphs.require([run.versionId]), run);
  const open = [...steps.values()].filter(({ state }) => !isFinalStep(state));
  const names = open.flatMap((row) => namesOf(graph, row)).slice(0, NAMES_AT_MOST);
  const sinceMs = open.reduce((ms, row) => Math.min(ms, row.startedAtMs), Number.MAX_SAFE_INTEGER);
  const retrying = open.filter(({ detail }) => detail.retrying === true).map(idIn(graph));
  const needsNotes = retrying.length > 0 || NOTED_STATES.has(run.state);
  const hasChildren = [...steps.values()].some(({ detail }) => detail.children !== undefined);
  const asksPeople = open.some((row) => {
    const step = graph.steps[row.index];
    return step !== undefined && openItemsOf(step, row).some(({ kind }) => kind !== "held");
  });
  const waits = run.state === "PENDING" && run.concurrencyKey !== undefined;
  const [{ calls, now }, children, assignees, notes, letters, turn] = await Promise.all([
    findCallsOfRun(db, visibility, runId),
    hasChildren ? findOpenChildren(db, visibility, runId) : [],
    asksPeople ? findItemAssignees(db, visibility, runId) : [],
    needsNotes ? findRunNotes(db, visibility, runId, retrying) : [],
    names.length > 0 ? findNamingLetters(db, visibility, runId, new Date(sinceMs), names) : [],
    waits ? findRunTurn(db, visibility, runId) : undefined,
  ]);
  const awaited = calls.filter(({ kind }) => AWAITED[kind]);
  return {
    run,
    graph,
    steps,
    calls: awaited,
    children,
    assignees,
    notes,
    letters,
    turn,
    nowMs: now.getTime(),
    replica,
  };
}

/** Open child runs of a step beyond those that findOpenChildren gave. */
export function unreadChildren(
  children: readonly OpenChild[],
  { index, detail }: Pick<StepRun, "index" | "detail">,
): number {
  // One that ended between the two reads is missing too.
  if (children.length < OPEN_CHILDREN_AT_MOST) return 0;
  const { open = 0, starting = 0 } = detail.children ?? {};
  const read = children.filter(({ stepIndex }) => stepIndex === index).length;
  return Math.max(0, open - starting - read);
}

/** Ids by which a message can be about the step's present attempt. */
export function namesOf(graph: Graph, row: StepRun): string[] {
  const { objectiveId, delegationId, approvalRequestId, detail, runId, retryCount } = row;
  const tickets = (detail.approvals ?? []).map(({ requestId }) => requestId);
  const stepId = idIn(graph)(row);
  const task =
    detail.task === undefined ? "" : taskIdOf({ runId, stepId, attempt: retryCount + 1 });
  // A governance event names the run and the step.
  const governed = row.governanceDecision === "UNSPECIFIED" ? runId : "";
  const names = [objectiveId, delegationId, approvalRequestId, ...tickets, task, governed];
  return [...new Set(names.filter((name) => name !== ""))];
}

function idIn(graph: Graph): (row: StepRun) => string {
  return ({ index }) => graph.steps[index]?.def.id ?? "";
}
