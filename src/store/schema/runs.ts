/** Tables: Runs, their steps, their child runs and the starts by events. See tables.ts. */
import { sql } from "drizzle-orm";
import {
  boolean,
  doublePrecision,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import type { ParentStep } from "../../engine/values/child-run.ts";
import type { Json, JsonObject } from "../../engine/values/json.ts";
import type { InputPatches, RerunLink, StartedBy } from "../../engine/values/run.ts";
import type { StepDetail } from "../../engine/values/step-detail.ts";
import { bytea, hashed, time, withDots } from "./column-types.ts";

/** Runs: scalars, marks of all steps and edges, the input. */
export const workflowRuns = pgTable(
  "workflow_runs",
  {
    createdAt: time("created_at").notNull(),
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    definitionId: text("definition_id").notNull(),
    versionId: text("version_id").notNull(),
    definitionVersion: integer("definition_version").notNull(),
    hops: smallint("hops").notNull(),
    triggerType: text("trigger_type").notNull(),
    triggerEventId: text("trigger_event_id").notNull(),
    triggerSource: text("trigger_source").notNull(),
    initiatorAgentId: text("initiator_agent_id").notNull(),
    initiatorUserId: text("initiator_user_id").notNull(),
    parentRunId: text("parent_run_id").notNull(),
    entityId: text("entity_id").notNull(),
    entityType: text("entity_type").notNull(),
    /** Whether it was started without an input; null: it was not, or by 0.1.0. */
    inputUnset: boolean("input_unset"),
    /** The step that started it; null unless a step did. */
    parentStep: json("parent_step").$type<ParentStep>(),
    inputPayload: jsonb("input_payload").$type<JsonObject>().notNull(),
    // From here on: what changes, what changes with every step last.
    startedAt: time("started_at"),
    completedAt: time("completed_at"),
    deadlineAt: time("deadline_at"),
    unsettled: integer("unsettled").array(),
    state: text("state").notNull(),
    totalCostUsd: doublePrecision("total_cost_usd").notNull(),
    seq: integer("seq").notNull(),
    /** One byte a step, see engine/values/run.ts. */
    stepMarks: bytea("step_marks").notNull(),
    /** Two bits an edge. */
    edgeMarks: bytea("edge_marks").notNull(),
    /** Steps with pending work, see engine/values/run.ts; null where there is none. */
    pending: integer("pending").array(),
    /** When the standing loop takes the pending work up; null where there is none, or the run is paused. */
    continueAt: time("continue_at"),
    /** How it is linked with its rerun, or as one with another run; null: with none. */
    rerun: json("rerun").$type<RerunLink>(),
    /** What ResumeWith changes in the inputs of steps that have not begun; null: nothing. */
    inputPatches: json("input_patches").$type<InputPatches>(),
    // Fixed at the start; they stand last because they came last.
    /** Where it was started; null: in production. */
    environment: text("environment"),
    /** `run.vars` of its deployment, where its version reads them; null: none. */
    vars: json("vars").$type<JsonObject>(),
    /** What called the RPC that started it; null: a person, nobody known, or no call. */
    startedBy: text("started_by").$type<StartedBy>(),
    /** What it counts under (engine/values/run-limit.ts); null: its workflow had no limit when it was started. */
    concurrencyKey: text("concurrency_key"),
  },
  (t) => [
    // Lists without a state merge the ranges of all states (reads/runs.ts), so that no index is needed for each way.
    index("workflow_runs_by_state").on(t.workspaceId, t.state, t.createdAt.desc(), t.id.desc()),
    index("workflow_runs_by_definition").on(
      t.workspaceId,
      t.definitionId,
      t.state,
      t.createdAt.desc(),
      t.id.desc(),
    ),
    index("workflow_runs_by_entity")
      .on(t.workspaceId, t.entityId, t.state, t.createdAt.desc(), t.id.desc())
      .where(sql`${t.entityId} <> ''`),
    index("workflow_runs_by_agent")
      .on(t.workspaceId, t.initiatorAgentId, t.state, t.createdAt.desc(), t.id.desc())
      .where(sql`${t.initiatorAgentId} <> ''`),
    index("workflow_runs_ended").on(t.completedAt, t.id).where(sql`${t.completedAt} is not null`),
    index("workflow_runs_of_parent").on(t.parentRunId).where(sql`${t.parentRunId} <> ''`),
    index("workflow_runs_open_of_version")
      .on(t.versionId, t.id)
      .where(sql`${t.completedAt} is null`),
    index("workflow_runs_deadline")
      .on(t.deadlineAt)
      .where(sql`${t.deadlineAt} is not null and ${t.completedAt} is null`),
    index("workflow_runs_continue").on(t.continueAt).where(sql`${t.continueAt} is not null`),
    index("workflow_runs_of_key")
      .on(t.definitionId, t.concurrencyKey, t.id)
      .where(sql`${t.concurrencyKey} is not null and ${t.completedAt} is null`),
    index("workflow_runs_waiting")
      .on(t.definitionId, t.concurrencyKey, t.createdAt, t.id)
      .where(sql`${t.concurrencyKey} is not null and ${t.state} = 'PENDING'`),
  ],
);

/** Steps that have begun. PENDING and SKIPPED steps have no row. */
export const stepRuns = pgTable(
  "step_runs",
  {
    startedAt: time("started_at").notNull(),
    runId: text("run_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    stepIndex: smallint("step_index").notNull(),
    agentId: text("agent_id"),
    input: jsonb("input").$type<JsonObject>(),
    detail: jsonb("detail").$type<StepDetail>(),
    // From here on: what is learned while the step is open, and last what its end writes.
    objectiveId: text("objective_id"),
    delegationId: text("delegation_id"),
    approvalRequestId: text("approval_request_id"),
    /**
     * Ids by which a report finds the step beside the three before: approval requests of an open gate after the first, and objects
     * that the step or its earlier attempts left open; null where there are none.
     */
    ticketIds: text("ticket_ids").array(),
    governanceDecision: text("governance_decision"),
    /**
     * When its owners were asked last (store/checks.ts); null for all but steps long in flight. Never written with a
     * move.
     */
    checkedAt: time("checked_at"),
    eventId: text("event_id"),
    notificationId: text("notification_id"),
    waitKey: text("wait_key"),
    /**
     * What the filter of an open wait asks fields of the event to be (engine/matching/equality.ts); null: not known.
     */
    waitEquals: text("wait_equals"),
    costUsd: doublePrecision("cost_usd").notNull(),
    timeoutAt: time("timeout_at"),
    wakeAt: time("wake_at"),
    /** The earlier of timeout_at and wake_at; null while the run is paused, so that nothing falls due. */
    dueAt: time("due_at"),
    completedAt: time("completed_at"),
    retryCount: smallint("retry_count").notNull(),
    outputExtendsInput: boolean("output_extends_input").notNull(),
    state: text("state").notNull(),
    errorMessage: text("error_message"),
    output: jsonb("output").$type<JsonObject>(),
  },
  (t) => [
    primaryKey({ columns: [t.runId, t.stepIndex] }),
    index("step_runs_due").on(t.dueAt).where(sql`${t.dueAt} is not null`),
    index("step_runs_waits")
      .on(
        hashed(t.workspaceId, withDots(t.waitKey)),
        sql`coalesce(${t.waitEquals}, '')`,
        t.runId,
        t.stepIndex,
      )
      .where(sql`${t.waitKey} is not null`),
    index("step_runs_waits_by_start")
      .on(t.startedAt, t.runId, t.stepIndex)
      .where(sql`${t.waitKey} is not null`),
    index("step_runs_objective").on(t.objectiveId).where(sql`${t.objectiveId} is not null`),
    index("step_runs_delegation").on(t.delegationId).where(sql`${t.delegationId} is not null`),
    index("step_runs_approval")
      .on(t.approvalRequestId)
      .where(sql`${t.approvalRequestId} is not null`),
    index("step_runs_tickets")
      .using("gin", t.ticketIds)
      .with({ fastupdate: false })
      .where(sql`${t.ticketIds} is not null`),
  ],
);

/**
 * Child runs as the steps that started them know them. All children of a list are inserted when its attempt begins;
 * each is updated when it is known to have started, when it ends, and when it is compensated.
 */
export const childRuns = pgTable(
  "child_runs",
  {
    runId: text("run_id").notNull(),
    stepIndex: smallint("step_index").notNull(),
    attempt: smallint("attempt").notNull(),
    /** Place among the children of the attempt; -1: what they have in common. */
    childIndex: integer("child_index").notNull(),
    /** The item of a list. */
    input: jsonb("input").$type<Json>(),
    // From here on: what changes.
    childRunId: text("child_run_id"),
    seq: integer("seq").notNull(),
    costUsd: doublePrecision("cost_usd").notNull(),
    state: text("state").notNull(),
    output: jsonb("output").$type<JsonObject>(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.stepIndex, t.attempt, t.childIndex] })],
);

/** Starts by event: unique per definition, source and event id. */
export const runStarts = pgTable(
  "run_starts",
  {
    workspaceId: text("workspace_id").notNull(),
    definitionId: text("definition_id").notNull(),
    eventId: text("event_id").notNull(),
    /** "" for a start by RPC, which equals every source. */
    source: text("source").notNull(),
    runId: text("run_id").notNull(),
    createdAt: time("created_at").notNull(),
    /** When retention deleted the run of a start that is too young to go with it; else null. */
    runDeletedAt: time("run_deleted_at"),
  },
  (t) => [
    primaryKey({ columns: [t.definitionId, t.eventId, t.source] }),
    index("run_starts_event").on(t.workspaceId, t.eventId),
    index("run_starts_left").on(t.createdAt).where(sql`${t.runDeletedAt} is not null`),
  ],
);
