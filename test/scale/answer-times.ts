/**
 * How long the service takes to answer what people ask, beside all stored rows: from the request to the answer, by Connect.
 * Boundary: times are shown and not judged, for they are the machine's too; what each statement reads is judged by plans.test.ts.
 */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { Inbox, ItemKind } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { ReasonCode, RunOutcome, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { WorkflowOrder, Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { openProcessor } from "../support/services/processor.ts";
import { startRpcService } from "../support/services/rpc-service.ts";
import { BIG } from "./rows.ts";

const TIMES = 20;
/** The first ones find statements and graphs that are not prepared. */
const WARM = 3;

/** One kind of call, in ms. */
export interface AnswerTime {
  readonly call: string;
  readonly medianMs: number;
  readonly worstMs: number;
}

/** Asks each call many times, of `openRun` those about a run. */
export async function timeAnswers(url: string, openRun: string): Promise<AnswerTime[]> {
  const service = await startRpcService({ processor: openProcessor(url) });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  const runs = createClient(Runs, transport);
  const inbox = createClient(Inbox, transport);
  const workflows = createClient(Workflows, transport);
  const search = (filters: Parameters<typeof runs.search>[0]) => () =>
    runs.search({ workspaceId: BIG, ...filters });
  const minute = { seconds: 60n, nanos: 0 };
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    Explain: () => runs.explain({ runId: openRun }),
    GetHistory: () => runs.getHistory({ runId: openRun }),
    "Inbox.List": () => inbox.list({ workspaceId: BIG }),
    "Inbox.List of a kind": () => inbox.list({ workspaceId: BIG, kinds: [ItemKind.TASK] }),
    "Workflows.List": () => workflows.list({ workspaceId: BIG }),
    "Workflows.List by a part of the name": () =>
      workflows.list({ workspaceId: BIG, nameContains: "n2" }),
    "Workflows.List of 500 by name": () =>
      workflows.list({ workspaceId: BIG, pageSize: 500, orderBy: WorkflowOrder.NAME }),
    "Workflows.List of a team that has approvals": () =>
      workflows.list({ workspaceId: BIG, team: "team_5", contains: { approval: true } }),
    "Workflows.List of what is archived": () =>
      workflows.list({ workspaceId: BIG, statuses: [WorkflowStatus.ARCHIVED] }),
    Search: search({}),
    "Search by states": search({ states: [WorkflowState.FAILED, WorkflowState.PAUSED] }),
    "Search by outcome": search({ outcomes: [RunOutcome.TIMED_OUT] }),
    "Search by workflow and version": search({ definitionId: "wf_2", definitionVersion: 1 }),
    "Search by version of no run": search({ definitionId: "wf_2", definitionVersion: 2 }),
    "Search by entity": search({ entityId: "ent12" }),
    "Search by agent and workflow": search({ initiatorAgentId: "agt_many", definitionId: "wf_2" }),
    "Search by user of no run": search({ initiatorUserId: "user_1" }),
    "Search by parent": search({ parentRunId: openRun }),
    "Search by error text of no run": search({ errorText: "no ink" }),
    "Search by start": search({ startedFrom: minute }),
    "Search by end of no run": search({ endedBefore: minute }),
    "Search by cost of no run": search({ costUsdFrom: 1 }),
    "Search by a wait": search({ waitingFor: [ReasonCode.APPROVAL] }),
    "Search by a wait of no run": search({ waitingFor: [ReasonCode.HELD] }),
    "Search by retries of no run": search({ retrying: true }),
    "Search by age": search({ openLongerThanSeconds: 60 }),
    "Search with counts": search({ counts: true }),
  };
  try {
    const found: AnswerTime[] = [];
    for (const [call, ask] of Object.entries(calls)) found.push({ call, ...(await time(ask)) });
    return found;
  } finally {
    await service.stop();
  }
}

async function time(ask: () => Promise<unknown>): Promise<Omit<AnswerTime, "call">> {
  const tookMs: number[] = [];
  for (let made = 0; made < WARM + TIMES; made += 1) {
    const beganAtMs = performance.now();
    await ask();
    if (made >= WARM) tookMs.push(performance.now() - beganAtMs);
  }
  tookMs.sort((a, b) => a - b);
  return { medianMs: tookMs[TIMES / 2] ?? 0, worstMs: tookMs.at(-1) ?? 0 };
}
