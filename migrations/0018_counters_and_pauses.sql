CREATE TABLE "missed_triggers" (
	"seq" bigserial NOT NULL,
	"missed_at" timestamp (3) with time zone NOT NULL,
	"queued_until" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"start_bytes" integer NOT NULL,
	"state" smallint NOT NULL,
	"definition_id" text NOT NULL,
	"event_id" text NOT NULL,
	"source" text NOT NULL,
	"trigger_type" text NOT NULL,
	"pause_reason" text NOT NULL,
	"run_id" text,
	"problem" text,
	"start" jsonb,
	CONSTRAINT "missed_triggers_definition_id_event_id_source_pk" PRIMARY KEY("definition_id","event_id","source")
);
--> statement-breakpoint
CREATE TABLE "workflow_pauses" (
	"paused_at" timestamp (3) with time zone NOT NULL,
	"missed" bigint NOT NULL,
	"queued" bigint NOT NULL,
	"kept_bytes" bigint NOT NULL,
	"queue_seconds" integer NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"paused_by" text NOT NULL,
	"reason" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_counters" (
	"last_at" timestamp (3) with time zone,
	"runs" bigint NOT NULL,
	"duration_ms" bigint NOT NULL,
	"cost_usd" double precision NOT NULL,
	"day" integer NOT NULL,
	"kind" smallint NOT NULL,
	"shard" smallint NOT NULL,
	"definition_id" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "workflow_counters_definition_id_kind_day_name_shard_pk" PRIMARY KEY("definition_id","kind","day","name","shard")
);
--> statement-breakpoint
-- From here on runs are counted: 0 is the kind "since" of run-counts.ts.
insert into workflow_counters (definition_id, kind, day, name, shard, runs, cost_usd, duration_ms, last_at)
  values ('', 0, 0, '', 0, 0, 0, 0, now());
--> statement-breakpoint
ALTER TABLE "move_batches" ADD COLUMN "counted" boolean;