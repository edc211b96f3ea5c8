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
import { findWorkflowHealth, type WorkflowHealth } from "../../store/reads/workflow-health.ts";
import type { WorkflowRow } from "../../store/reads/workflow-lists.ts";
import { findWorkflowMetrics } from "../../store/reads/workflow-metrics.ts";
import { deploymentHead, deploymentMessage } from "./deployments.ts";
import { runLimitField } from "./run-limits.ts";
import type { ReadDeps } from "./service-deps.ts";
import { starterMessage } from "./starter-messages.ts";
import { pauseField } from "./workflow-pauses.ts";
import { metricsMessage } from "./workflow-stats.ts";

/** What of these facts a status follows from. */
export type StatusCauses = Pick<
  StatusFacts,
  "paused" | "pendingDeployment" | "deployedElsewhere" | "failures"
>;

/** What a deployment takes of an answer without its texts and vars. */
const DEPLOYMENT_BYTES = 250;
/** What the metrics, the pause and the limit of a workflow take, but for texts. */
const FACT_BYTES = 300;
/** What one of the newest runs takes of it, as JSON. */
const RECENT_RUN_BYTES = 150;

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
  const [metrics, pauses, limits, current, starters, health] = await Promise.all([
    findWorkflowMetrics(lists, visibility, ids),
    findPauses(lists, visibility, ids),
    findLimits(lists, visibility, ids),
    findCurrentDeployments(lists, visibility, ids),
    findStarterHeads(lists, visibility, ids),
    findWorkflowHealth(lists, visibility, ids),
  ]);
  const currentById = new Map<string, DeploymentRow[]>();
  for (const row of current) {
    const rows = currentById.get(row.definitionId);
    if (rows === undefined) currentById.set(row.definitionId, [row]);
    else rows.push(row);
  }
  // Whoever renders a row asks several times.
  const known = new Map(definitions.map((definition) => [definition.id, factsOfOne(definition)]));
  return ({ id }: Pick<WorkflowRow["definition"], "id">) => {
    const facts = known.get(id);
    if (facts === undefined) throw new Error(`nothing was asked of workflow ${id}`);
    return facts;
  };

  function factsOfOne(definition: WorkflowRow["definition"]) {
    const { id } = definition;
    const own = currentById.get(id) ?? [];
    const { reason = "", pausedBy = "" } = pauses.get(id) ?? {};
    const limit = limits.get(id);
    const deployments = deploymentsOf(definition, own, isWhole);
    const failures = failuresOf(definition, health.get(id));
    return {
      status: { ...causesOf(pauses.get(id), own), failures },
      fields: {
        ...metricsMessage(metrics.get(id)),
        ...pauseField(pauses.get(id)),
        ...runLimitField(limit),
        deployments,
        starters: (starters.get(id) ?? []).map(starterMessage),
      },
      bytes:
        FACT_BYTES +
        (metrics.get(id)?.recentRuns.length ?? 0) * RECENT_RUN_BYTES +
        jsonSizeBytes(reason) +
        jsonSizeBytes(pausedBy) +
        jsonSizeBytes(failures) +
        jsonSizeBytes(limit?.concurrencyKey ?? "") +
        deployments.length * DEPLOYMENT_BYTES,
    };
  }
}

/** What was found of another version than the one in production says nothing. */
function failuresOf(
  { latestVersionId }: WorkflowRow["definition"],
  health: WorkflowHealth | undefined,
): string[] {
  const isOfThis = latestVersionId === null || health?.versionId === latestVersionId;
  return isOfThis ? [...(health?.reasons ?? [])] : [];
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
  const shown = withProduction(definition, own);
  return isWhole ? shown.map(deploymentMessage) : shown.map(deploymentHead);
}
