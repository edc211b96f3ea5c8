/**
 * Finds deployed workflows that cannot work: each minute, and those that were just deployed here.
 * Boundary: reads, asks and stores; the reasons are judge.ts, the status is engine/values/workflow-status.ts.
 * Invariants:
 * 1. One replica looks in a minute, at 5,000 workflows at most; more take turns. What a version needs is read once.
 * 2. What could not be found out changes nothing that was found before.
 */
import type { Clients } from "../../collaborators/clients.ts";
import { needsOf, type VersionNeeds } from "../../engine/steps/version-needs.ts";
import type { Log } from "../../process/log.ts";
import { beginTurn } from "../../process/shared-turn.ts";
import { keyOf } from "../../process/short-memory.ts";
import { createLoop } from "../../process/standing-loop.ts";
import type { Database } from "../../store/database.ts";
import { findMissingChildren } from "../../store/service-reads/child-targets.ts";
import {
  type DeployedWorkflow,
  type FailedStart,
  findDeployedWorkflows,
  findFailedStarts,
  findStepGraphs,
  listDeployedWorkflows,
} from "../../store/service-reads/deployed-workflows.ts";
import {
  beginHealthRound,
  type FailedWorkflow,
  keepHealthPlace,
  keepWorkflowHealth,
} from "../../store/workflow-health.ts";
import { judge, type Known } from "./judge.ts";
import { type AgentQuestion, createKnownAgents } from "./known-agents.ts";

/** What the checks need. */
export interface HealthDeps {
  readonly database: Database;
  /** Those of the dispatcher, which also closes them. */
  readonly clients: Pick<Clients, "find">;
  readonly log: Log;
}

/** The checks at work. */
export interface HealthChecks {
  /** Looks at a workflow that was just deployed, soon. */
  checkSoon(definitionId: string): void;
  stop(): Promise<void>;
}

/** How often a replica asks for its turn. */
const TURN_MS = 15_000;
/** With the pause of a turn a minute at most. */
const ROUND_SECONDS = 45;
const WORKFLOWS_A_PAGE = 500;
const PAGES_A_ROUND = 10;
const NAMED_AT_MOST = 1_000;
const NEEDS_KEPT = 20_000;
/** A version may have a megabyte of steps. */
const GRAPHS_AT_ONCE = 20;

/** Starts the checks with a round. */
export function startHealthChecks(deps: HealthDeps): HealthChecks {
  const look = createLook(deps);
  const named = new Set<string>();
  const loop = createLoop({
    name: "check workflows",
    everyMs: TURN_MS,
    log: deps.log,
    async round(signal) {
      try {
        await lookAtNamed(deps, look, named);
      } finally {
        await lookAtAll(deps, look, signal);
      }
      return false;
    },
  });
  loop.start();
  return {
    checkSoon(definitionId) {
      // What has no room is looked at within its turn.
      if (named.size < NAMED_AT_MOST) named.add(definitionId);
      loop.wake();
    },
    stop: () => loop.stop(),
  };
}

type Look = (workflows: readonly DeployedWorkflow[]) => Promise<void>;

async function lookAtNamed(
  { database }: HealthDeps,
  look: Look,
  named: Set<string>,
): Promise<void> {
  const ids = [...named].slice(0, WORKFLOWS_A_PAGE);
  if (ids.length === 0) return;
  // One that is named again meanwhile is looked at again.
  for (const id of ids) named.delete(id);
  try {
    await look(await findDeployedWorkflows(database.read, ids));
  } catch (error) {
    for (const id of ids) named.add(id);
    throw error;
  }
}

async function lookAtAll({ database }: HealthDeps, look: Look, signal: AbortSignal): Promise<void> {
  let place = await beginHealthRound(database.write, ROUND_SECONDS);
  for (let pages = 0; place !== undefined && pages < PAGES_A_ROUND; pages += 1) {
    if (signal.aborted) return;
    const page: DeployedWorkflow[] = await listDeployedWorkflows(
      database.read,
      place,
      WORKFLOWS_A_PAGE,
    );
    const isLast = page.length < WORKFLOWS_A_PAGE;
    const last: string = isLast ? "" : (page.at(-1)?.definitionId ?? "");
    // Before the look: a page at which it fails keeps no later one from its turn.
    await keepHealthPlace(database.write, last);
    await look(page);
    place = isLast ? undefined : last;
  }
}

/** Looks at workflows, and stores what is found. What versions need is remembered: they never change. */
export function createLook({ database, clients }: Omit<HealthDeps, "log">): Look {
  const agents = createKnownAgents(clients);
  const services = { ...agents, isConfigured: (name: string) => isSet(clients, name) };
  const needs = new Map<string, VersionNeeds>();
  return async (workflows) => {
    await learnNeeds(database, workflows, needs);
    const known: Known = { ...services, ...(await findWorkflows(database, workflows, needs)) };
    await agents.ask(workflows.flatMap((workflow) => questionsOf(workflow, needs)));
    const starts = new Map<string, FailedStart[]>();
    for (const start of await findFailedStarts(database.read, workflows)) {
      const { definitionId } = start;
      starts.set(definitionId, [...(starts.get(definitionId) ?? []), start]);
    }
    const found = workflows.flatMap((workflow) => {
      const { definitionId, versionId } = workflow;
      const own = versionId === null ? undefined : needs.get(versionId);
      if (own === undefined) return [{ definitionId, failed: [] }];
      const { reasons, isPartial } = judge(workflow, own, starts.get(definitionId) ?? [], known);
      if (reasons.length === 0 && isPartial) return [];
      return [{ definitionId, failed: failedOf(workflow, reasons) }];
    });
    await keepWorkflowHealth(
      database.write,
      found.map(({ definitionId }) => definitionId),
      found.flatMap(({ failed }) => failed),
    );
  };
}

function isSet(clients: Pick<Clients, "find">, name: string): boolean {
  return clients.find(name as Parameters<Clients["find"]>[0]) !== undefined;
}

function failedOf(
  { definitionId, workspaceId, versionId }: DeployedWorkflow,
  reasons: readonly string[],
): FailedWorkflow[] {
  if (versionId === null || reasons.length === 0) return [];
  return [{ definitionId, workspaceId, versionId, reasons }];
}

async function learnNeeds(
  database: Database,
  workflows: readonly DeployedWorkflow[],
  needs: Map<string, VersionNeeds>,
): Promise<void> {
  const unknown = workflows.flatMap(({ versionId }) =>
    versionId === null || needs.has(versionId) ? [] : [versionId],
  );
  if (needs.size + unknown.length > NEEDS_KEPT) {
    needs.clear();
    return learnNeeds(database, workflows, needs);
  }
  const share = beginTurn();
  for (let at = 0; at < unknown.length; at += GRAPHS_AT_ONCE) {
    const graphs = await findStepGraphs(database.read, unknown.slice(at, at + GRAPHS_AT_ONCE));
    for (const graph of graphs) {
      await share();
      needs.set(graph.id, needsOf(graph));
    }
  }
}

/** Which workflows that others start are there, in one look for all. */
async function findWorkflows(
  database: Database,
  workflows: readonly DeployedWorkflow[],
  needs: ReadonlyMap<string, VersionNeeds>,
): Promise<Pick<Known, "hasWorkflow">> {
  const wanted = workflows.flatMap(({ workspaceId, versionId }) => {
    const targets = needs.get(versionId ?? "")?.workflows ?? [];
    return targets.map(({ id, name }) => ({ workspaceId, id, name }));
  });
  const missing = await findMissingChildren(database.read, wanted);
  const gone = new Set(missing.map(({ workspaceId, id, name }) => keyOf(workspaceId, id, name)));
  return {
    hasWorkflow: (workspaceId, { id, name }) => !gone.has(keyOf(workspaceId, id, name)),
  };
}

function questionsOf(
  { workspaceId, versionId }: DeployedWorkflow,
  needs: ReadonlyMap<string, VersionNeeds>,
): AgentQuestion[] {
  const own = versionId === null ? undefined : needs.get(versionId);
  if (own === undefined) return [];
  return [
    ...own.agents.map(({ name }) => ({ kind: "agent" as const, workspaceId, name })),
    ...own.capabilities.map(({ name }) => ({ kind: "capability" as const, workspaceId, name })),
  ];
}
