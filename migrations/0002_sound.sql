-- Indexes of tables that may be large are not made here: src/store/indexes.ts builds those that schema.ts declares
-- without a lock that writers wait for, and drops those that they replace.
CREATE TABLE "failed_deliveries" (
	"failed_at" timestamp (3) with time zone NOT NULL,
	"stream_seq" bigint NOT NULL,
	"failures" integer NOT NULL,
	"stream" text NOT NULL,
	CONSTRAINT "failed_deliveries_stream_stream_seq_pk" PRIMARY KEY("stream","stream_seq")
);
--> statement-breakpoint
CREATE TABLE "kept_event_keys" (
	"seq" bigint NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL,
	"workspace_id" text NOT NULL,
	"equals" text NOT NULL,
	CONSTRAINT "kept_event_keys_workspace_id_equals_arrived_at_seq_pk" PRIMARY KEY("workspace_id","equals","arrived_at","seq")
);
--> statement-breakpoint
CREATE TABLE "retention_notices" (
	"announced_at" timestamp (3) with time zone NOT NULL,
	"days" integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_marks" (
	"seq" bigint NOT NULL,
	"marked_at" timestamp (3) with time zone NOT NULL,
	"stream" text NOT NULL,
	"created" text NOT NULL,
	CONSTRAINT "stream_marks_stream_marked_at_pk" PRIMARY KEY("stream","marked_at")
);
--> statement-breakpoint
ALTER TABLE "kept_events" ADD COLUMN "extensions" jsonb;
--> statement-breakpoint
ALTER TABLE "kept_events" ADD COLUMN "equals" text[];
--> statement-breakpoint
ALTER TABLE "run_starts" ADD COLUMN "run_deleted_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "step_runs" ADD COLUMN "wait_equals" text;
--> statement-breakpoint
ALTER TABLE "wait_patterns" ADD COLUMN "event_paths" text;
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "input_unset" boolean;
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "pending" integer[];
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "continue_at" timestamp (3) with time zone;
