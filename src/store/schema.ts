/**
 * Every table, as drizzle sees it: the sole description of rows.
 * Boundary: columns and indexes only; statements stand beside it, one verb a file.
 * Why few columns are indexed: an update that touches no index can stay on its page (HOT), which is most of a step's cost.
 * Why the order of columns is no accident: an update on its page logs only what lies between the first and the last
 * byte that changed, so what changes together stands together; and 8-byte columns come first where they can, for a text
 * before them costs padding.
 */
import { type SQL, sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { ParentStep } from "../engine/child-run.ts";
import type {
  EdgeDefinition,
  RetryPolicy,
  StepDefinition,
  TriggerDefinition,
} from "../engine/definition.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { StepDetail } from "../engine/run.ts";
import type { PackedCause, PackedMove } from "./packed-moves.ts";

const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({
  dataType: () => "bytea",
  toDriver: (value) => Buffer.from(value),
});
const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: "date" });

/** A key as events are looked up by: with one separator (withDots in engine/matching/pattern.ts). */
const withDots = (column: AnyPgColumn) => sql`translate(${column}, '/', '.')`;
/** A workspace's text as 8 bytes: an entry of the index is half as long. Queries compare the texts as well. */
const hashed = (workspaceId: AnyPgColumn, text: SQL | AnyPgColumn) =>
  sql`hashtextextended(${workspaceId} || ' ' || ${text}, 0)`;

/** Definitions, with the trigger of the latest version, which alone listens. */
export const workflowDefinitions = pgTable(
  "workflow_definitions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    description: text("description").notNull(),
    latestVersion: integer("latest_version").notNull().default(0),
    tags: text("tags").array().notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
    updatedAt: time("updated_at").notNull().defaultNow(),
    latestVersionId: text("latest_version_id"),
    /** Index key of the latest version's EVENT, WEBHOOK or SCHEDULE trigger (engine/matching/keys.ts); null: it does not listen. */
    triggerKey: text("trigger_key"),
    /** Events that arrive before this time start nothing. */
    listensSince: time("listens_since"),
  },
  (t) => [
    uniqueIndex("workflow_definitions_name").on(t.workspaceId, t.name),
    index("workflow_definitions_newest").on(t.workspaceId, t.createdAt.desc(), t.id.desc()),
    // The workspace stands among the tags, so that one index finds a tag within a workspace.
    index("workflow_definitions_tags")
      .using("gin", sql`array_append(${t.tags}, ${t.workspaceId})`)
      .with({ fastupdate: false }),
    index("workflow_definitions_listening")
      .on(t.workspaceId, withDots(t.triggerKey))
      .where(sql`${t.triggerKey} is not null`),
  ],
);

/** Immutable versions. */
export const workflowVersions = pgTable(
  "workflow_versions",
  {
    id: text("id").primaryKey(),
    definitionId: text("definition_id")
      .notNull()
      .references(() => workflowDefinitions.id),
    version: integer("version").notNull(),
    steps: jsonb("steps").$type<StepDefinition[]>().notNull(),
    edges: jsonb("edges").$type<EdgeDefinition[]>().notNull(),
    trigger: jsonb("trigger").$type<TriggerDefinition>().notNull(),
    defaultRetryPolicy: jsonb("default_retry_policy").$type<RetryPolicy>(),
    timeoutSeconds: integer("timeout_seconds").notNull(),
    author: text("author").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (t) => [uniqueIndex("workflow_versions_number").on(t.definitionId, t.version)],
);

/** The cron line of a latest version, its next slot, and what a start needs to know. */
export const schedules = pgTable(
  "schedules",
  {
    /** Null: no slot comes any more. */
    nextAt: time("next_at"),
    /** `@every` counts from here: the publish of the first version with this line. */
    anchorAt: time("anchor_at").notNull(),
    version: integer("version").notNull(),
    definitionId: text("definition_id")
      .primaryKey()
      .references(() => workflowDefinitions.id),
    workspaceId: text("workspace_id").notNull(),
    versionId: text("version_id").notNull(),
    cronLine: text("cron_line").notNull(),
  },
  (t) => [index("schedules_next").on(t.nextAt)],
);

/** Patterns of the event waits of a version: events that fit one are kept (behaviour: look-back). */
export const waitPatterns = pgTable(
  "wait_patterns",
  {
    versionId: text("version_id").notNull(),
    definitionId: text("definition_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    waitKey: text("wait_key").notNull(),
    typePattern: text("type_pattern").notNull(),
    subjectPattern: text("subject_pattern").notNull(),
    /** Fields of the event whose values are part of the key (engine/matching/equality.ts); null: none. */
    eventPaths: text("event_paths"),
  },
  // The first is for replicas of 0.1.0, as are workflow_definitions_trigger and step_runs_waiting.
  (t) => [index("wait_patterns_tokens").on(t.workspaceId, withDots(t.waitKey))],
);

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
    /** One byte a step, see engine/run.ts. */
    stepMarks: bytea("step_marks").notNull(),
    /** Two bits an edge. */
    edgeMarks: bytea("edge_marks").notNull(),
    /** Steps with pending work, see engine/run.ts; null where there is none. */
    pending: integer("pending").array(),
    /** When the standing loop takes the pending work up; null where there is none, or the run is paused. */
    continueAt: time("continue_at"),
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
    /** Approval requests of an open gate besides the first; null where there is none. */
    ticketIds: text("ticket_ids").array(),
    governanceDecision: text("governance_decision"),
    /** When its owners were asked last (store/checks.ts); null for all but steps long in flight. Never written with a move. */
    checkedAt: time("checked_at"),
    eventId: text("event_id"),
    notificationId: text("notification_id"),
    waitKey: text("wait_key"),
    /** What the filter of an open wait asks fields of the event to be (engine/matching/equality.ts); null: not known. */
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
 * Child runs as the steps that started them know them. All children of a list are inserted when its attempt begins; each
 * is updated when it is known to have started, when it ends, and when it is undone.
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

/** History and outbox in one: a row a transition, with its cause and all its moves. */
export const runMoves = pgTable(
  "run_moves",
  {
    batchId: bigint("batch_id", { mode: "number" }).notNull(),
    recordedAt: time("recorded_at").notNull(),
    seq: integer("seq").notNull(),
    runId: text("run_id").notNull(),
    /** `[kind, id, by?]`, packed; what its numbers mean stands in packed-moves.ts. */
    cause: json("cause").$type<PackedCause>().notNull(),
    /** A list of `[step (-1: the run), from, to, operation, facts?]`, packed likewise. */
    moves: json("moves").$type<readonly PackedMove[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.seq] }), index("run_moves_batch").on(t.batchId)],
);

/**
 * One row a commit and partition: the mark of what is published.
 * The id is drawn after the runs are locked, so for each run ids rise with its seq.
 */
export const moveBatches = pgTable(
  "move_batches",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    partition: smallint("partition").notNull(),
    /** Events of definitions and versions, rendered as they are; null for batches of runs. */
    changes: json("changes").$type<JsonObject[]>(),
    publishedAt: time("published_at"),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("move_batches_unpublished").on(t.partition, t.id).where(sql`${t.publishedAt} is null`),
  ],
);

/** Which replica publishes a partition. */
export const partitionLeases = pgTable("partition_leases", {
  partition: smallint("partition").primaryKey(),
  holder: text("holder").notNull(),
  leaseUntil: time("lease_until").notNull(),
});

/** How far our stream was at a time: tells what it lost when it is behind that (see stream-marks.ts). */
export const streamMarks = pgTable(
  "stream_marks",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    /** Before the stream was asked. */
    markedAt: time("marked_at").notNull(),
    stream: text("stream").notNull(),
    /** When the stream was made, as JetStream writes it. */
    created: text("created").notNull(),
  },
  (t) => [primaryKey({ columns: [t.stream, t.markedAt] })],
);

/** Calls that are wanted and whose result is not committed yet. */
export const effects = pgTable(
  "effects",
  {
    createdAt: time("created_at").notNull(),
    /** No other replica takes the call before this time by the database's clock. */
    leaseUntil: time("lease_until").notNull(),
    stepIndex: smallint("step_index").notNull(),
    attempt: smallint("attempt").notNull(),
    /** `run/step/attempt/call`. Sorted by bytes (migration 0001), so that the calls of a run are a range of the key. */
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    kind: text("kind").notNull(),
    /** The replica that performs the call; "" after it was given back. */
    holder: text("holder").notNull(),
    /** The request's bytes as they are sent, on every try. */
    request: bytea("request").notNull(),
  },
  (t) => [
    // Calls that bring the id of an object: whether a report about an unknown one may be ours.
    index("effects_making")
      .on(hashed(t.workspaceId, t.kind))
      .where(sql`${t.kind} in ('create_objective', 'delegate', 'request_approval')`),
    index("effects_held").on(t.leaseUntil).where(sql`${t.holder} <> ''`),
    index("effects_free").on(t.kind, t.workspaceId, t.leaseUntil).where(sql`${t.holder} = ''`),
  ],
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

/** Events that fit a wait pattern, kept so that a wait never loses one to a race. */
export const keptEvents = pgTable(
  "kept_events",
  {
    seq: bigserial("seq", { mode: "number" }).primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    source: text("source").notNull(),
    eventId: text("event_id").notNull(),
    type: text("type").notNull(),
    subject: text("subject").notNull(),
    time: text("time").notNull(),
    arrivedAt: time("arrived_at").notNull(),
    data: jsonb("data").$type<JsonObject>().notNull(),
    /** Extension attributes as texts; null: none. */
    extensions: jsonb("extensions").$type<Readonly<Record<string, string>>>(),
    /** Keys under which kept_event_keys has the event; null: all that wait may want it (too many, or kept by 0.1.0). */
    equals: text("equals").array(),
  },
  (t) => [
    uniqueIndex("kept_events_id").on(t.workspaceId, t.eventId, t.source),
    index("kept_events_of_type").on(hashed(t.workspaceId, withDots(t.type)), t.arrivedAt, t.seq),
    index("kept_events_of_subject").on(
      hashed(t.workspaceId, withDots(t.subject)),
      t.arrivedAt,
      t.seq,
    ),
    index("kept_events_of_workspace").on(t.workspaceId, t.arrivedAt, t.seq),
    index("kept_events_without_keys")
      .on(t.workspaceId, t.arrivedAt, t.seq)
      .where(sql`${t.equals} is null`),
    index("kept_events_arrived").on(t.arrivedAt),
  ],
);

/** Kept events by what the filters of waits ask of them; a row goes with its event. */
export const keptEventKeys = pgTable(
  "kept_event_keys",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    arrivedAt: time("arrived_at").notNull(),
    workspaceId: text("workspace_id").notNull(),
    equals: text("equals").notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspaceId, t.equals, t.arrivedAt, t.seq] })],
);

/** Reports about ids that no step knows yet, kept while the workspace has a call open that may bring the id. */
export const earlyReports = pgTable(
  "early_reports",
  {
    seq: bigserial("seq", { mode: "number" }).primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    /** Id of the objective, delegation or approval request. */
    objectId: text("object_id").notNull(),
    eventId: text("event_id").notNull(),
    report: jsonb("report").$type<JsonObject>().notNull(),
    arrivedAt: time("arrived_at").notNull(),
  },
  (t) => [
    index("early_reports_object").on(t.workspaceId, t.objectId),
    index("early_reports_arrived").on(t.arrivedAt),
  ],
);

/** Messages that could not be read or handled, put aside with their reason. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    stream: text("stream").notNull(),
    subject: text("subject").notNull(),
    streamSeq: bigint("stream_seq", { mode: "number" }).notNull(),
    reason: text("reason").notNull(),
    problem: text("problem").notNull(),
    headers: json("headers").$type<Record<string, string[]>>().notNull(),
    data: bytea("data").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (t) => [
    uniqueIndex("dead_letters_message").on(t.stream, t.streamSeq),
    index("dead_letters_newest").on(t.createdAt),
  ],
);

/** Messages whose handling failed within the last hour. */
export const failedDeliveries = pgTable(
  "failed_deliveries",
  {
    failedAt: time("failed_at").notNull(),
    streamSeq: bigint("stream_seq", { mode: "number" }).notNull(),
    failures: integer("failures").notNull(),
    stream: text("stream").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.stream, t.streamSeq] }),
    index("failed_deliveries_age").on(t.failedAt),
  ],
);

/** Idempotency keys of callers: who does a call, what it changed, and its answer. Deleted 7 days after the first call. */
export const callerKeys = pgTable(
  "caller_keys",
  {
    createdAt: time("created_at").notNull(),
    /** Until then the holder is presumed to be at work. */
    leaseUntil: time("lease_until").notNull(),
    workspaceId: text("workspace_id").notNull(),
    method: text("method").notNull(),
    key: text("key").notNull(),
    /** The try that does the call, '' after it; one that is not the holder any more commits nothing. */
    holder: text("holder").notNull(),
    bodyHash: bytea("body_hash").notNull(),
    /** Id of what the call made or changed, written in the transaction that did; null: nothing is done yet. */
    appliedTo: text("applied_to"),
    /** The answer's message; null: not answered yet, or too large to keep. */
    answer: bytea("answer"),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.method, t.key] }),
    index("caller_keys_age").on(t.createdAt),
  ],
);

/** When it was announced that runs older than a number of days will be deleted (store/retention.ts). */
export const retentionNotices = pgTable("retention_notices", {
  announcedAt: time("announced_at").notNull(),
  days: integer("days").primaryKey(),
});
