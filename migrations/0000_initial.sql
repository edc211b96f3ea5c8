CREATE TABLE "caller_keys" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"workspace_id" text NOT NULL,
	"method" text NOT NULL,
	"key" text NOT NULL,
	"holder" text NOT NULL,
	"body_hash" "bytea" NOT NULL,
	"applied_to" text,
	"answer" "bytea",
	CONSTRAINT "caller_keys_workspace_id_method_key_pk" PRIMARY KEY("workspace_id","method","key")
);
--> statement-breakpoint
CREATE TABLE "child_runs" (
	"run_id" text NOT NULL,
	"step_index" smallint NOT NULL,
	"attempt" smallint NOT NULL,
	"child_index" integer NOT NULL,
	"input" jsonb,
	"child_run_id" text,
	"seq" integer NOT NULL,
	"cost_usd" double precision NOT NULL,
	"state" text NOT NULL,
	"output" jsonb,
	CONSTRAINT "child_runs_run_id_step_index_attempt_child_index_pk" PRIMARY KEY("run_id","step_index","attempt","child_index")
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"stream" text NOT NULL,
	"subject" text NOT NULL,
	"stream_seq" bigint NOT NULL,
	"reason" text NOT NULL,
	"problem" text NOT NULL,
	"headers" json NOT NULL,
	"data" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "early_reports" (
	"seq" bigserial PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"object_id" text NOT NULL,
	"event_id" text NOT NULL,
	"report" jsonb NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "effects" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"step_index" smallint NOT NULL,
	"attempt" smallint NOT NULL,
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"kind" text NOT NULL,
	"holder" text NOT NULL,
	"request" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kept_events" (
	"seq" bigserial PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"source" text NOT NULL,
	"event_id" text NOT NULL,
	"type" text NOT NULL,
	"subject" text NOT NULL,
	"time" text NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL,
	"data" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "move_batches" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"partition" smallint NOT NULL,
	"changes" json,
	"published_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "partition_leases" (
	"partition" smallint PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_moves" (
	"batch_id" bigint NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"seq" integer NOT NULL,
	"run_id" text NOT NULL,
	"cause" json NOT NULL,
	"moves" json NOT NULL,
	CONSTRAINT "run_moves_run_id_seq_pk" PRIMARY KEY("run_id","seq")
);
--> statement-breakpoint
CREATE TABLE "run_starts" (
	"workspace_id" text NOT NULL,
	"definition_id" text NOT NULL,
	"event_id" text NOT NULL,
	"source" text NOT NULL,
	"run_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "run_starts_definition_id_event_id_source_pk" PRIMARY KEY("definition_id","event_id","source")
);
--> statement-breakpoint
CREATE TABLE "schedules" (
	"next_at" timestamp (3) with time zone,
	"anchor_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"version_id" text NOT NULL,
	"cron_line" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "step_runs" (
	"started_at" timestamp (3) with time zone NOT NULL,
	"run_id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"step_index" smallint NOT NULL,
	"agent_id" text,
	"input" jsonb,
	"detail" jsonb,
	"objective_id" text,
	"delegation_id" text,
	"approval_request_id" text,
	"ticket_ids" text[],
	"governance_decision" text,
	"checked_at" timestamp (3) with time zone,
	"event_id" text,
	"notification_id" text,
	"wait_key" text,
	"cost_usd" double precision NOT NULL,
	"timeout_at" timestamp (3) with time zone,
	"wake_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"retry_count" smallint NOT NULL,
	"output_extends_input" boolean NOT NULL,
	"state" text NOT NULL,
	"error_message" text,
	"output" jsonb,
	CONSTRAINT "step_runs_run_id_step_index_pk" PRIMARY KEY("run_id","step_index")
);
--> statement-breakpoint
CREATE TABLE "wait_patterns" (
	"version_id" text NOT NULL,
	"definition_id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"wait_key" text NOT NULL,
	"type_pattern" text NOT NULL,
	"subject_pattern" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_definitions" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"latest_version" integer DEFAULT 0 NOT NULL,
	"tags" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"latest_version_id" text,
	"trigger_key" text,
	"listens_since" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "workflow_runs" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"definition_id" text NOT NULL,
	"version_id" text NOT NULL,
	"definition_version" integer NOT NULL,
	"hops" smallint NOT NULL,
	"trigger_type" text NOT NULL,
	"trigger_event_id" text NOT NULL,
	"trigger_source" text NOT NULL,
	"initiator_agent_id" text NOT NULL,
	"initiator_user_id" text NOT NULL,
	"parent_run_id" text NOT NULL,
	"entity_id" text NOT NULL,
	"entity_type" text NOT NULL,
	"parent_step" json,
	"input_payload" jsonb NOT NULL,
	"started_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"deadline_at" timestamp (3) with time zone,
	"unsettled" integer[],
	"state" text NOT NULL,
	"total_cost_usd" double precision NOT NULL,
	"seq" integer NOT NULL,
	"step_marks" "bytea" NOT NULL,
	"edge_marks" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_versions" (
	"id" text PRIMARY KEY NOT NULL,
	"definition_id" text NOT NULL,
	"version" integer NOT NULL,
	"steps" jsonb NOT NULL,
	"edges" jsonb NOT NULL,
	"trigger" jsonb NOT NULL,
	"default_retry_policy" jsonb,
	"timeout_seconds" integer NOT NULL,
	"author" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_definition_id_workflow_definitions_id_fk" FOREIGN KEY ("definition_id") REFERENCES "public"."workflow_definitions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_versions" ADD CONSTRAINT "workflow_versions_definition_id_workflow_definitions_id_fk" FOREIGN KEY ("definition_id") REFERENCES "public"."workflow_definitions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "caller_keys_age" ON "caller_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "dead_letters_message" ON "dead_letters" USING btree ("stream","stream_seq");--> statement-breakpoint
CREATE INDEX "dead_letters_newest" ON "dead_letters" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "early_reports_object" ON "early_reports" USING btree ("workspace_id","object_id");--> statement-breakpoint
CREATE INDEX "early_reports_arrived" ON "early_reports" USING btree ("arrived_at");--> statement-breakpoint
CREATE INDEX "effects_lease" ON "effects" USING btree ("lease_until");--> statement-breakpoint
CREATE UNIQUE INDEX "kept_events_id" ON "kept_events" USING btree ("workspace_id","event_id","source");--> statement-breakpoint
CREATE INDEX "kept_events_type" ON "kept_events" USING btree ("workspace_id","type","arrived_at");--> statement-breakpoint
CREATE INDEX "kept_events_subject" ON "kept_events" USING btree ("workspace_id","subject","arrived_at");--> statement-breakpoint
CREATE INDEX "kept_events_arrived" ON "kept_events" USING btree ("arrived_at");--> statement-breakpoint
CREATE INDEX "move_batches_unpublished" ON "move_batches" USING btree ("partition","id") WHERE "move_batches"."published_at" is null;--> statement-breakpoint
CREATE INDEX "run_moves_batch" ON "run_moves" USING btree ("batch_id");--> statement-breakpoint
CREATE INDEX "run_starts_event" ON "run_starts" USING btree ("workspace_id","event_id");--> statement-breakpoint
CREATE INDEX "schedules_next" ON "schedules" USING btree ("next_at");--> statement-breakpoint
CREATE INDEX "step_runs_due" ON "step_runs" USING btree ("due_at") WHERE "step_runs"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "step_runs_waiting" ON "step_runs" USING btree ("workspace_id","wait_key") WHERE "step_runs"."wait_key" is not null;--> statement-breakpoint
CREATE INDEX "step_runs_objective" ON "step_runs" USING btree ("objective_id") WHERE "step_runs"."objective_id" is not null;--> statement-breakpoint
CREATE INDEX "step_runs_delegation" ON "step_runs" USING btree ("delegation_id") WHERE "step_runs"."delegation_id" is not null;--> statement-breakpoint
CREATE INDEX "step_runs_approval" ON "step_runs" USING btree ("approval_request_id") WHERE "step_runs"."approval_request_id" is not null;--> statement-breakpoint
CREATE INDEX "step_runs_tickets" ON "step_runs" USING gin ("ticket_ids") WITH (fastupdate=false) WHERE "step_runs"."ticket_ids" is not null;--> statement-breakpoint
CREATE INDEX "wait_patterns_key" ON "wait_patterns" USING btree ("workspace_id","wait_key");--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_definitions_name" ON "workflow_definitions" USING btree ("workspace_id","name");--> statement-breakpoint
CREATE INDEX "workflow_definitions_newest" ON "workflow_definitions" USING btree ("workspace_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "workflow_definitions_trigger" ON "workflow_definitions" USING btree ("workspace_id","trigger_key") WHERE "workflow_definitions"."trigger_key" is not null;--> statement-breakpoint
CREATE INDEX "workflow_runs_newest" ON "workflow_runs" USING btree ("workspace_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "workflow_runs_of_definition" ON "workflow_runs" USING btree ("definition_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "workflow_runs_of_entity" ON "workflow_runs" USING btree ("workspace_id","entity_id") WHERE "workflow_runs"."entity_id" <> '';--> statement-breakpoint
CREATE INDEX "workflow_runs_of_parent" ON "workflow_runs" USING btree ("parent_run_id") WHERE "workflow_runs"."parent_run_id" <> '';--> statement-breakpoint
CREATE INDEX "workflow_runs_open_of_version" ON "workflow_runs" USING btree ("version_id","id") WHERE "workflow_runs"."completed_at" is null;--> statement-breakpoint
CREATE INDEX "workflow_runs_deadline" ON "workflow_runs" USING btree ("deadline_at") WHERE "workflow_runs"."deadline_at" is not null and "workflow_runs"."completed_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_versions_number" ON "workflow_versions" USING btree ("definition_id","version");