/**
 * What the row of an open step says that it waits for, where no call of it is open.
 * Boundary: pure. A step is told apart by what its row holds, not by its type.
 */
import { Party_Kind, ReasonCode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { isFinalStep } from "../../../engine/values/run.ts";
import type { ApprovalTicket, EventWait } from "../../../engine/values/step-detail.ts";
import { at, type OpenStep, partyOf, type Reason } from "./reason.ts";
import type { RunFacts } from "./run-facts.ts";

type Ticket = Pick<ApprovalTicket, "approver" | "requestId" | "dueAfterMs"> & {
  readonly place: number;
};

/** The approval requests that are open. */
export function ticketReasons(facts: RunFacts, open: OpenStep): Reason[] {
  const { row } = open;
  const { approvals = [] } = row.detail;
  const { approvalRequestId } = row;
  if (approvals.length === 0) {
    if (approvalRequestId === "") return [];
    return [approvalReason(facts, open, { approver: "", requestId: approvalRequestId, place: 1 })];
  }
  // A caller may have recorded the first request before the reply of its call.
  const known = approvals.map((ticket, at) => {
    const isFirst = at === 0 && ticket.requestId === "";
    return { ...ticket, place: at + 1, ...(isFirst ? { requestId: approvalRequestId } : {}) };
  });
  return known.filter(isAsked).map((ticket) => approvalReason(facts, open, ticket));
}

function isAsked({ decision, requestId }: ApprovalTicket): boolean {
  return requestId !== "" && (decision === "" || decision === "escalated");
}

/** Whom the item at a place asks: after a delegation another one than `named` by the step. */
function askedNow(
  { assignees }: RunFacts,
  { row }: OpenStep,
  place: number,
  named: string,
): string {
  const item = assignees.find((each) => each.stepIndex === row.index && each.place === place);
  return item?.assignee ?? named;
}

function approvalReason(facts: RunFacts, open: OpenStep, ticket: Ticket): Reason {
  const { step, row } = open;
  const { requestId, dueAfterMs, place } = ticket;
  const approver = askedNow(facts, open, place, ticket.approver);
  const who = approver === "" ? "an approver" : approver;
  const expires = dueAfterMs === undefined ? undefined : row.startedAtMs + dueAfterMs;
  const until = expires === undefined ? "" : `; it expires at ${at(expires)}`;
  return {
    code: ReasonCode.APPROVAL,
    sentence: `step ${step.def.id} waits for the decision of ${who} on approval request ${requestId}${until}`,
    approvalRequestId: requestId,
    itemPlace: place,
    endsBy: [partyOf(approver)],
    ...(expires === undefined ? {} : { nextTryAtMs: expires }),
  };
}

/** The child runs that are open. */
export function childReasons({ children }: RunFacts, { step, row }: OpenStep): Reason[] {
  const isRound = step.children?.repeatWhile !== undefined;
  const round = isRound ? ` of round ${row.detail.children?.next ?? 1}` : "";
  return children
    .filter(({ stepIndex }) => stepIndex === row.index)
    .map(({ runId, state }) => ({
      code: ReasonCode.CHILD,
      sentence: `step ${step.def.id} waits for child run ${runId}${round}, which is ${state ?? "not known"}`,
      childRunId: runId,
      endsBy: [{ kind: Party_Kind.RUN, id: runId }],
    }));
}

/** What else the row names; undefined: nothing. */
export function rowReason(facts: RunFacts, open: OpenStep): Reason | undefined {
  const { step, row } = open;
  const { id } = step.def;
  const { wait, task, pendingEnd } = row.detail;
  if (pendingEnd !== undefined) {
    const sentence = `step ${id} has ended, and the service reads its output or its cost`;
    return { code: ReasonCode.CALL, sentence };
  }
  if (task !== undefined) return workerReason(facts, open, task.sinceMs);
  if (wait !== undefined) return eventReason(open, wait);
  if (row.objectiveId !== "" || row.delegationId !== "") return agentReason(open);
  if (row.governanceDecision === "UNSPECIFIED") {
    return {
      code: ReasonCode.GOVERNANCE,
      sentence: `step ${id} waits for a governance event with its run_id, its step_id and a decision`,
      endsBy: [{ kind: Party_Kind.SERVICE, id: "governance" }],
    };
  }
  if (row.wakeAtMs !== undefined) {
    const due = at(row.wakeAtMs);
    return {
      code: ReasonCode.TIMER,
      sentence: `step ${id} waits until ${due}`,
      nextTryAtMs: row.wakeAtMs,
      endsBy: [{ kind: Party_Kind.TIME, id: due }],
    };
  }
  return row.state === "WAITING" ? taskReason(facts, open) : undefined;
}

/** Nothing is known to be waited for: its child steps, or the service itself. */
export function steppingReason({ graph, steps }: RunFacts, { step }: OpenStep): Reason {
  const open = graph.steps.filter((child) => {
    const row = steps.get(child.index);
    return child.parallel === step.index && row !== undefined && !isFinalStep(row.state);
  });
  if (open.length === 0) {
    return { code: ReasonCode.CALL, sentence: `the service is at work on step ${step.def.id}` };
  }
  const ids = open.slice(0, 3).map((child) => child.def.id);
  const more = open.length > ids.length ? ` and ${open.length - ids.length} more` : "";
  return {
    code: ReasonCode.STEPS,
    sentence: `step ${step.def.id} waits for the ends of its steps ${ids.join(", ")}${more}`,
  };
}

function eventReason({ step, row }: OpenStep, wait: EventWait): Reason {
  const { typePattern = "", subjectPattern = "", openedAtMs = row.startedAtMs } = wait;
  const type = typePattern === "" ? "of any type" : `of type ${typePattern}`;
  const subject = subjectPattern === "" ? "" : ` and subject ${subjectPattern}`;
  const filter = step.filter === undefined ? "" : " for which config.filter_expr holds";
  return {
    code: ReasonCode.EVENT,
    sentence: `step ${step.def.id} waits for an event ${type}${subject}${filter}`,
    eventTypePattern: typePattern,
    eventSubject: subjectPattern,
    sinceMs: openedAtMs,
    endsBy: [{ kind: Party_Kind.EVENT, id: typePattern }],
  };
}

function taskReason(facts: RunFacts, open: OpenStep): Reason {
  const { step, row } = open;
  const { def } = step;
  const place = row.retryCount + 1;
  const who = askedNow(facts, open, place, row.detail.asked?.assignee ?? "");
  return {
    code: ReasonCode.TASK,
    sentence: `step ${def.id} waits for ${who === "" ? "a person" : who} to complete it`,
    itemPlace: place,
    endsBy: [partyOf(who)],
  };
}

function agentReason({ step, row }: OpenStep): Reason {
  const { objectiveId, delegationId, agentId } = row;
  const work = objectiveId === "" ? `delegation ${delegationId}` : `objective ${objectiveId}`;
  const who = agentId === "" ? "its agent" : `agent ${agentId}`;
  const halted = row.state === "WAITING" ? ", which is blocked or awaits an approval" : "";
  return {
    code: ReasonCode.AGENT,
    sentence: `step ${step.def.id} waits for ${who} on ${work}${halted}`,
    endsBy: [{ kind: Party_Kind.AGENT, id: agentId }],
  };
}

function workerReason(facts: RunFacts, { step }: OpenStep, sinceMs: number): Reason {
  const { run, replica, nowMs } = facts;
  const { queue: named } = step.def.config;
  const queue = typeof named === "string" ? named : "";
  const seen = replica?.findQueue({ workspaceId: run.workspaceId, queue });
  const place = `step ${step.def.id} waits for a worker of queue ${queue}`;
  const shared = { queue, sinceMs, endsBy: [{ kind: Party_Kind.WORKER, id: queue }] };
  if (seen === undefined) return { code: ReasonCode.WORKER, sentence: place, ...shared };
  if (seen.workers > 0) {
    const sentence = `${place}; workers that serve it: ${seen.workers}`;
    return { code: ReasonCode.WORKER, sentence, ...shared };
  }
  const { last } = seen;
  if (last === undefined) {
    return { code: ReasonCode.QUEUE_UNSERVED, sentence: `${place}, which has none`, ...shared };
  }
  const silentSince = at(nowMs - last.silentMs);
  if (last.running === 0) {
    const sentence = `${place}, which has none; worker ${last.worker} left it at ${silentSince}`;
    return { code: ReasonCode.QUEUE_UNSERVED, sentence, ...shared };
  }
  const lost = `worker ${last.worker} has been silent since ${silentSince} with ${last.running} tasks in hand`;
  return {
    code: ReasonCode.WORKER_LOST,
    sentence: `${place}: ${lost}`,
    lastError: lost,
    ...shared,
  };
}
