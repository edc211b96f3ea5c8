/**
 * Why a version cannot work, of what it needs and what is there.
 * Boundary: pure. Each reason is a sentence and what to do next.
 */
import type { FixedTarget } from "../../engine/steps/child-runs/setting.ts";
import type { VersionNeeds } from "../../engine/steps/version-needs.ts";
import {
  type DeployedWorkflow,
  type FailedStart,
  STARTS_LOOKED_AT,
} from "../../store/service-reads/deployed-workflows.ts";

/** What is known; undefined: who knows did not answer. */
export interface Known {
  isConfigured(service: string): boolean;
  /** Whether the workspace has the agent. */
  hasAgent(workspaceId: string, agentId: string): boolean | undefined;
  /** Whether an agent of the workspace has the capability. */
  hasCapability(workspaceId: string, capability: string): boolean | undefined;
  /** Whether the workspace has the workflow of this id, or of "" and this name. */
  hasWorkflow(workspaceId: string, target: FixedTarget): boolean;
}

/** What was found. */
interface Judgement {
  /** Empty: nothing is in the way. */
  readonly reasons: readonly string[];
  /** Something could not be found out. */
  readonly isPartial: boolean;
}

const REASONS_AT_MOST = 10;

/** Judges the version of a workflow by its needs and its last starts, newest first. */
export function judge(
  workflow: DeployedWorkflow,
  needs: VersionNeeds,
  starts: readonly FailedStart[],
  known: Known,
): Judgement {
  const { workspaceId } = workflow;
  const agents = needs.agents.map((needed) => ({
    ...{ has: known.hasAgent(workspaceId, needed.name), needed },
    reason: `There is no agent "${needed.name}", which step "${needed.stepId}" names: register it, or publish a version that names another one.`,
  }));
  const capabilities = needs.capabilities.map((needed) => ({
    ...{ has: known.hasCapability(workspaceId, needed.name), needed },
    reason: `No agent has the capability "${needed.name}", which step "${needed.stepId}" needs: register one that has it, or publish a version that needs another one.`,
  }));
  const asked = [...agents, ...capabilities];
  const reasons = [
    ...unsetServices(needs, known),
    ...asked.flatMap(({ has, reason }) => (has === false ? [reason] : [])),
    ...goneWorkflows(workflow, needs, known),
    ...failedStarts(workflow, needs, starts),
  ];
  return {
    reasons: reasons.slice(0, REASONS_AT_MOST),
    isPartial: asked.some(({ has }) => has === undefined),
  };
}

function unsetServices({ services }: VersionNeeds, known: Known): string[] {
  return services.flatMap(({ anyOf, stepId }) => {
    if (anyOf.some((name) => known.isConfigured(name))) return [];
    const variables = anyOf.map((name) => `${name.toUpperCase()}_URL`).join(" or ");
    return [
      `Step "${stepId}" needs the service ${anyOf.join(" or ")}, which is not set: set ${variables} and start the service again.`,
    ];
  });
}

function goneWorkflows(
  { workspaceId }: DeployedWorkflow,
  { workflows }: VersionNeeds,
  known: Known,
): string[] {
  return workflows.flatMap(({ stepId, ...target }) => {
    if (known.hasWorkflow(workspaceId, target)) return [];
    const named = target.id || target.name;
    return [
      `Step "${stepId}" starts the workflow "${named}", which is not there: make it, or publish a version that starts another one.`,
    ];
  });
}

/** Where each of the last starts of the version FAILED at a step with which runs begin. */
function failedStarts(
  { versionId, environment }: DeployedWorkflow,
  { roots }: VersionNeeds,
  starts: readonly FailedStart[],
): string[] {
  const [newest] = starts;
  if (newest === undefined || starts.length < STARTS_LOOKED_AT) return [];
  const isAtRoot = (start: FailedStart) =>
    start.versionId === versionId &&
    start.environment === environment &&
    start.failedSteps.some((index) => roots.has(index));
  if (!starts.every(isAtRoot)) return [];
  const root = newest.failedSteps.flatMap((index) => roots.get(index) ?? [])[0] ?? "";
  const why = newest.message === null ? "" : ` (${newest.message})`;
  return [
    `The last ${STARTS_LOOKED_AT} starts failed at their first step "${root}"${why}: look at run ${newest.runId} with Explain, mend what it says, and start one again.`,
  ];
}
