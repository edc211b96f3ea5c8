/**
 * What Get and List show of workflows besides their rows: deployments, starters, metrics, pauses and limits.
 * Boundary: a fixed number of statements for all workflows of an answer.
 */
import { PRODUCTION } from "../../engine/values/environment.ts";
import { jsonSizeBytes } from "../../engine/values/json.ts";
import type { StatusFacts } from "../../engine/values/workflow-status.ts";
import {
  type DeploymentRow,
  findCurrentDeployments,
  withProduction,
} from "../../store/reads/deployments.ts";
import { findPauses } from "../../store/reads/pauses.ts";
import { findLimits } from "../../store/reads/run-limits.ts";
import { findStarterHeads } from "../../store/reads/starter-heads.ts";
import type { WorkflowRow } from "../../store/reads/workflow-lists.ts";
import { findWorkflowMetrics } from "../../store/reads/workflow-metrics.ts";
import { deploymentMessage } from "./deployments.ts";
import { runLimitField } from "./run-limits.ts";
import type { ReadDeps } from "./service-deps.ts";
import { starterMessage } from "./starter-messages.ts";
import { pauseField } from "./workflow-pauses.ts";
import { metricsMessage } from "./workflow-stats.ts";

/** What of these facts a status follows from. */
export type StatusCauses = Pick<StatusFacts, "paused" | "pendingDeployment" | "deployedElsewhere">;

/** What a deployment takes of an answer without its texts and vars. */
const DEPLOYMENT_BYTES = 250;
/** What the metrics, the pause and the limit of a workflow take, but for texts. */
const FACT_BYTES = 300;

/**
 * What is known of workflows besides their rows, by five statements for all of them. A list shows deployments without vars and texts,
 * which may be long.
 */
export async function factsOf(
  { database, visibility }: ReadDeps,
  definitions: readonly WorkflowRow["definition"][],
  isWhole = true,
) {
  const { lists } = database;
  const ids = definitions.map(({ id }) => id);
  const [metrics, pauses, limits, current, starters] = await Promise.all([
    findWorkflowMetrics(lists, visibility, ids),
    findPauses(lists, visibility, ids),
    findLimits(lists, visibility, ids),
    findCurrentDeployments(lists, visibility, ids),
    findStarterHeads(lists, visibility, ids),
  ]);
  const currentById = new Map<string, DeploymentRow[]>();
  for (const row of current) {
    currentById.set(row.definitionId, [...(currentById.get(row.definitionId) ?? []), row]);
  }
  return (definition: WorkflowRow["definition"]) => {
    const { id } = definition;
    const own = currentById.get(id) ?? [];
    const { reason = "", pausedBy = "" } = pauses.get(id) ?? {};
    const limit = limits.get(id);
    const deployments = deploymentsOf(definition, own, isWhole);
    return {
      status: causesOf(pauses.get(id), own),
      fields: {
        ...metricsMessage(metrics.get(id)),
        ...pauseField(pauses.get(id)),
        ...runLimitField(limit),
        deployments,
        starters: (starters.get(id) ?? []).map(starterMessage),
      },
      bytes:
        FACT_BYTES +
        jsonSizeBytes(reason) +
        jsonSizeBytes(pausedBy) +
        jsonSizeBytes(limit?.concurrencyKey ?? "") +
        deployments.length * DEPLOYMENT_BYTES,
    };
  };
}

function causesOf(
  pause: { readonly reason: string; readonly pausedBy: string } | undefined,
  current: readonly DeploymentRow[],
): StatusCauses {
  const waiting = current.find(({ state }) => state === "PENDING_APPROVAL");
  const active = current.find(
    ({ state, environment }) => state === "ACTIVE" && environment !== PRODUCTION,
  );
  const why = pause?.reason === "" ? "" : `: ${pause?.reason}`;
  return {
    ...(pause === undefined
      ? {}
      : { paused: `It was paused by ${pause.pausedBy || "somebody"}${why}.` }),
    ...(waiting === undefined
      ? {}
      : {
          pendingDeployment: `Version ${waiting.version} waits for an approval to be deployed in ${waiting.environment}.`,
        }),
    ...(active === undefined ? {} : { deployedElsewhere: active.environment }),
  };
}

function deploymentsOf(
  definition: WorkflowRow["definition"],
  own: readonly DeploymentRow[],
  isWhole: boolean,
) {
  return withProduction(definition, own).map((shown) => {
    const message = deploymentMessage(shown);
    if (isWhole) return message;
    const { id = "", environment = "", version = 0, state = 0, at, activeAt } = message;
    return { id, definitionId: definition.id, environment, version, state, at, activeAt };
  });
}
