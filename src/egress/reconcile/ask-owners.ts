/**
 * Asks those who own what a step waits for how it stands.
 * Boundary: asks briefly and reads; what is done with the news is reconcile.ts's. Nothing is asked of a collaborator that is
 * left alone just now: the step's turn comes again.
 * Rule: a delegation is asked before its objective, for it alone has the output; the objective alone reports that the
 * work was cancelled.
 */

import { AgentService } from "../../../gen/agents/v1/agents_pb.ts";
import { ApprovalService } from "../../../gen/approvals/v1/approvals_pb.ts";
import { ObjectiveService } from "../../../gen/objectives/v1/objectives_pb.ts";
import { CallFailure, NoTurn } from "../../collaborators/call-failure.ts";
import type { CallOrigin, Client, Clients } from "../../collaborators/clients.ts";
import { isNotFound } from "../../collaborators/fail-open.ts";
import { type Origin, reportInput } from "../../engine/matching/arrival.ts";
import type { ApprovalReport, Input, OwnerReport } from "../../engine/values/input.ts";
import { isFinalReport, openStateFor } from "../../engine/values/owner-states.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import type { ClaimedCheck } from "../../store/checks.ts";
import {
  readApprovalAnswer,
  readDelegationAnswer,
  readObjectiveAnswer,
} from "../../wire/calls/owner-answers.ts";

/** What asking needs. */
export interface AskOwnersDeps {
  readonly clients: Pick<Clients, "find">;
  readonly log: Log;
}

/** What the owners of a step report, as the input that their event would have been. */
export interface News {
  readonly input: Input;
  /** Id of the objective, delegation or approval request. */
  readonly objectId: string;
  /** The step ends by it. */
  readonly isEnd: boolean;
  /** It ends without the output that an event would have brought. */
  readonly lacksOutput: boolean;
}

type Owner = "objectives" | "agents" | "approvals";

/** Asks about one step; nothing when there is nothing new. Rejects as a call that was NotSent does. */
export async function askOwners(deps: AskOwnersDeps, check: ClaimedCheck): Promise<News[]> {
  const report = await askWorkers(deps, check);
  if (report !== undefined) return newsOfOwner(check, report);
  const news: News[] = [];
  // One after the other: a gate with many approvers is no reason to ask more at a time.
  for (const id of check.approvalRequestIds) {
    const decided = await askApprovals(deps, check, id);
    if (decided !== undefined) news.push(newsOfApproval(check, decided));
  }
  return news;
}

async function askWorkers(
  deps: AskOwnersDeps,
  check: ClaimedCheck,
): Promise<OwnerReport | undefined> {
  const delegation = check.delegationId === "" ? undefined : await askAgents(deps, check);
  if (delegation?.state === "COMPLETED" || check.objectiveId === "") return delegation;
  const objective = await askObjectives(deps, check);
  if (objective === undefined || delegation === undefined) return objective ?? delegation;
  const isDelegationsWord = isFinalReport(delegation.state) && objective.state !== "CANCELLED";
  return isDelegationsWord ? delegation : objective;
}

function askAgents(deps: AskOwnersDeps, check: ClaimedCheck): Promise<OwnerReport | undefined> {
  const { delegationId: id, workspaceId } = check;
  const { getDelegation } = AgentService.method;
  return ask(deps, "agents", id, async (agents) =>
    readDelegationAnswer(
      await agents.askBriefly(getDelegation, { id }, originOf("agents", check, id)),
      {
        id,
        workspaceId,
      },
    ),
  );
}

function askObjectives(deps: AskOwnersDeps, check: ClaimedCheck): Promise<OwnerReport | undefined> {
  const { objectiveId: id, workspaceId } = check;
  const { get } = ObjectiveService.method;
  return ask(deps, "objectives", id, async (objectives) =>
    readObjectiveAnswer(
      await objectives.askBriefly(get, { id }, originOf("objectives", check, id)),
      {
        id,
        workspaceId,
      },
    ),
  );
}

function askApprovals(
  deps: AskOwnersDeps,
  check: ClaimedCheck,
  id: string,
): Promise<ApprovalReport | undefined> {
  const { workspaceId } = check;
  const { getApproval } = ApprovalService.method;
  const request = { approvalRequestId: id, workspaceId };
  return ask(deps, "approvals", id, async (approvals) =>
    readApprovalAnswer(
      await approvals.askBriefly(getApproval, request, originOf("approvals", check, id)),
      {
        id,
        workspaceId,
      },
    ),
  );
}

/** One question. An object that its owner does not know is left: whether it ever comes back is a matter for people. */
async function ask<Answer>(
  { clients, log }: AskOwnersDeps,
  owner: Owner,
  id: string,
  question: (client: Client) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  const client = clients.find(owner);
  const tell = (answer: string) => count("workflows_checks_total", { owner, answer });
  if (client === undefined) {
    tell("not_configured");
    return undefined;
  }
  try {
    const answer = await question(client);
    tell(answer === undefined ? "nothing" : "told");
    return answer;
  } catch (error) {
    if (isNotFound(error)) {
      tell("not_found");
      log.warn("a step waits for something that its owner does not know", { owner, id });
    } else if (error instanceof CallFailure || error instanceof NoTurn) {
      tell("away");
      log.debug("an owner could not be asked", { owner, id, error });
    } else throw error;
    return undefined;
  }
}

function newsOfOwner(check: ClaimedCheck, report: OwnerReport): News[] {
  const { stepIndex, state } = check;
  const isEnd = isFinalReport(report.state);
  if (!isEnd && openStateFor(report.state) === state) return [];
  const owner = report.owner === "objective" ? "objectives" : "agents";
  const input = reportInput(
    stepIndex,
    { kind: "owner", report },
    answerOrigin(causeId(owner, report.id)),
  );
  const lacksOutput = report.state === "COMPLETED" && report.output === undefined;
  return [{ input, objectId: report.id, isEnd, lacksOutput }];
}

function newsOfApproval({ stepIndex }: ClaimedCheck, report: ApprovalReport): News {
  const origin = answerOrigin(causeId("approvals", report.requestId));
  return {
    input: reportInput(stepIndex, { kind: "approval", report }, origin),
    ...{ objectId: report.requestId, isEnd: true, lacksOutput: false },
  };
}

/** An answer names no acting agent. */
function answerOrigin(id: string): Origin {
  return { kind: "call", id, actorAgentId: "" };
}

function originOf(owner: Owner, { workspaceId }: ClaimedCheck, id: string): CallOrigin {
  return { callId: causeId(owner, id), workspaceId };
}

/** Also the trace of the question. */
function causeId(owner: Owner, id: string): string {
  return `reconcile/${owner}/${id}`;
}
