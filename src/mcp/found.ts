/**
 * How things of the service are shown in lists: id, title, URL, and the facts that tell one from another.
 * Boundary: messages to JSON. Texts of others are one short line each.
 */
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type InboxItem, ItemKind, ItemState } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { RunOutcome } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Schedule } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import type { Template } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  type StepRun,
  StepRunState,
  StepType,
  type WorkflowRun,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json, JsonObject } from "../engine/values/json.ts";
import { titleOf } from "./data.ts";
import { wordOf } from "./shapes.ts";
import { linkTo, type McpWorld } from "./world.ts";

/** What is shown of a thing that was found. */
export interface Found {
  readonly id: string;
  readonly title: string;
  readonly url: string;
  readonly [name: string]: Json | undefined;
}

/** A workflow as it is found. */
export function workflowFound(world: McpWorld, workflow: Workflow): Found {
  const { definition, metrics, status, latest, owner } = workflow;
  const id = definition?.id ?? "";
  return {
    ...{ id, type: "Workflow", title: titleOf(definition?.name ?? "") },
    url: linkTo(world, "workflows", id),
    ...{ status: wordOf(WorkflowStatus, status), version: latest?.version ?? 0, owner },
    description: titleOf(definition?.description ?? ""),
    tags: (definition?.tags ?? []).map(titleOf),
    lastRunAt: timeOf(metrics?.lastRunAt),
    lastRunOutcome: wordOf(RunOutcome, metrics?.lastRunOutcome),
    runCount: Number(metrics?.runCount ?? 0n),
    successCount: Number(metrics?.successCount ?? 0n),
    failureCount: Number(metrics?.failureCount ?? 0n),
    openRuns: Number(metrics?.openRuns ?? 0n),
    successRate: metrics?.successRate30d ?? null,
    createdAt: timeOf(definition?.createdAt),
    updatedAt: timeOf(definition?.updatedAt),
  };
}

/** A run as it is found. */
export function runFound(world: McpWorld, run: WorkflowRun): Found {
  const state = wordOf(WorkflowState, run.state);
  return {
    ...{ id: run.id, type: "Run", title: `Run ${run.id} is ${state}` },
    url: linkTo(world, "runs", run.id),
    ...{ state, workflowId: run.definitionId, version: run.definitionVersion },
    startedAt: timeOf(run.startedAt),
    completedAt: timeOf(run.completedAt),
    costUsd: run.totalCostUsd,
    ...(run.entityId === "" ? {} : { entity: titleOf(`${run.entityType} ${run.entityId}`) }),
  };
}

/** A step as it is found: its id is `<run>/<step>`. */
export function stepFound(world: McpWorld, runId: string, step: StepRun): Found {
  return {
    ...{ id: `${runId}/${step.stepId}`, type: "Step" },
    title: titleOf(step.stepName || step.stepId),
    url: linkTo(world, "runs", runId),
    ...{ runId, stepId: step.stepId, state: wordOf(StepRunState, step.state) },
    stepType: wordOf(StepType, step.stepType),
    startedAt: timeOf(step.startedAt),
    completedAt: timeOf(step.completedAt),
    costUsd: step.costUsd,
    ...(step.errorMessage === "" ? {} : { error: titleOf(step.errorMessage) }),
  };
}

/** An item of the inbox as it is found. */
export function itemFound(world: McpWorld, item: InboxItem): Found {
  const { id, runId, stepId, assignee, definitionId, needed, given } = item;
  return {
    ...{ id, type: "InboxItem", title: titleOf(item.title || id) },
    url: linkTo(world, "inbox", ...id.split("/")),
    ...{ kind: wordOf(ItemKind, item.kind), state: wordOf(ItemState, item.state) },
    ...{ runId, stepId, assignee, needed, given, workflowId: definitionId },
    ...{ actionType: titleOf(item.actionType), riskLevel: titleOf(item.riskLevel) },
    createdAt: timeOf(item.createdAt),
    dueAt: timeOf(item.dueAt),
  };
}

/** A template as it is found. */
export function templateFound(world: McpWorld, template: Template): Found {
  const { id, title, summary, category, version, builtIn } = template;
  return {
    ...{ id, type: "Template", title: titleOf(title || id), url: linkTo(world, "templates", id) },
    ...{ summary: titleOf(summary), category: titleOf(category), version, builtIn },
  };
}

/** A schedule as it is found. */
export function scheduleFound(world: McpWorld, schedule: Schedule): Found {
  const { id, spec, words, paused, definitionId, environment, readOnly } = schedule;
  return {
    ...{ id, type: "Schedule", title: titleOf(spec?.name || words || id) },
    url: linkTo(world, "workflows", definitionId),
    ...{ workflowId: definitionId, environment, words, paused, readOnly },
    ...{ line: titleOf(spec?.line ?? ""), zone: titleOf(spec?.zone ?? "") },
    nextAt: timeOf(schedule.next[0]),
    createdAt: timeOf(schedule.createdAt),
  };
}

/** A time as RFC 3339; null without one. */
export function timeOf(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}

/** Facts that say something: neither null nor an empty text or list. */
export function withoutUnset(facts: Readonly<Record<string, Json | undefined>>): JsonObject {
  const set: JsonObject = {};
  for (const [name, value] of Object.entries(facts)) {
    const isEmpty = value === "" || (Array.isArray(value) && value.length === 0);
    if (value !== undefined && value !== null && !isEmpty) set[name] = value;
  }
  return set;
}
