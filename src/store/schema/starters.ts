/** Tables: what starts runs beside the trigger of a version. See tables.ts. */
import { boolean, index, integer, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { bytea, time } from "./column-types.ts";

/** Addresses that others post to. A row goes by its Delete alone. */
export const workflowEndpoints = pgTable(
  "workflow_endpoints",
  {
    createdAt: time("created_at").notNull(),
    /** Null: its URL is the first one. */
    rotatedAt: time("rotated_at"),
    /** Until when the URL before works. */
    oldUntil: time("old_until"),
    /** Its place among VERIFICATIONS (process/signatures.ts). */
    verification: smallint("verification").notNull(),
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    definitionId: text("definition_id").notNull(),
    environment: text("environment").notNull().default("production"),
    name: text("name").notNull(),
    /** Of HMAC; "" for others. */
    signatureHeader: text("signature_header").notNull(),
    changedBy: text("changed_by").notNull(),
    changeReason: text("change_reason").notNull(),
    /** SHA-256 of the token in its URL. */
    tokenHash: bytea("token_hash").notNull().unique(),
    oldTokenHash: bytea("old_token_hash"),
    /** Sealed by process/seal.ts; null: it needs none. */
    sealedSecret: bytea("sealed_secret"),
    /** It gets another token when another version starts runs in its environment. */
    rotateOnPublish: boolean("rotate_on_publish").notNull().default(false),
    /** How long the token before works on then. */
    rotateGraceSeconds: integer("rotate_grace_seconds").notNull().default(86_400),
    /** The version of its environment when it got its token by that; null: none, or it does not rotate. */
    rotatedFor: text("rotated_for"),
    /** The token in its URL, sealed; null: it is not shown again. */
    sealedToken: bytea("sealed_token"),
  },
  (t) => [
    index("workflow_endpoints_old_token").on(t.oldTokenHash),
    index("workflow_endpoints_of_workspace").on(t.workspaceId, t.id),
    index("workflow_endpoints_of_workflow").on(t.definitionId, t.id),
  ],
);

/** Tokens of endpoints that rotate by themselves, older than `old_token_hash`. A row goes by a later rotation, or with its endpoint. */
export const endpointOldTokens = pgTable(
  "endpoint_old_tokens",
  {
    until: time("until").notNull(),
    endpointId: text("endpoint_id")
      .notNull()
      .references(() => workflowEndpoints.id, { onDelete: "cascade" }),
    tokenHash: bytea("token_hash").notNull().unique(),
  },
  (t) => [primaryKey({ columns: [t.endpointId, t.tokenHash] })],
);

/** Schedules beside the triggers of versions. A row goes by its Delete alone. */
export const workflowSchedules = pgTable(
  "workflow_schedules",
  {
    /** When it is looked at next; null: it is paused, or no slot comes any more. */
    dueAt: time("due_at"),
    /** The first slot that was not fired; null: no slot comes any more. */
    slotAt: time("slot_at"),
    /** `@every` counts from here. */
    anchorAt: time("anchor_at").notNull(),
    createdAt: time("created_at").notNull(),
    fromAt: time("from_at"),
    toAt: time("to_at"),
    /** Rises with each change of a caller. */
    revision: integer("revision").notNull(),
    /** Null: the latest missed slot runs however old it is. */
    catchUpSeconds: integer("catch_up_seconds"),
    jitterSeconds: integer("jitter_seconds").notNull(),
    /** Its place among OVERLAPS (runtime/schedule-slots.ts). */
    overlap: smallint("overlap").notNull(),
    /** Its place among RUN_AS (runtime/workflow-schedules.ts). */
    runAs: smallint("run_as").notNull(),
    isPaused: boolean("is_paused").notNull(),
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    definitionId: text("definition_id").notNull(),
    environment: text("environment").notNull().default("production"),
    name: text("name").notNull(),
    line: text("line").notNull(),
    zone: text("zone").notNull(),
    runAsSubject: text("run_as_subject").notNull(),
    changedBy: text("changed_by").notNull(),
    changeReason: text("change_reason").notNull(),
    // JSON as text: its keys keep their order.
    inputJson: text("input_json").notNull(),
    /** The last slots, newest first: a bounded list of FiredSlot (store/workflow-schedules.ts). */
    lastJson: text("last_json").notNull(),
  },
  (t) => [
    index("workflow_schedules_due").on(t.dueAt),
    index("workflow_schedules_of_workspace").on(t.workspaceId, t.id),
    index("workflow_schedules_of_workflow").on(t.definitionId, t.id),
  ],
);
