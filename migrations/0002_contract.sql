CREATE TABLE "kept_event_keys" (
	"seq" bigint NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL,
	"workspace_id" text NOT NULL,
	"equals" text NOT NULL,
	CONSTRAINT "kept_event_keys_workspace_id_equals_arrived_at_seq_pk" PRIMARY KEY("workspace_id","equals","arrived_at","seq")
);
--> statement-breakpoint
DROP INDEX "kept_events_type";--> statement-breakpoint
DROP INDEX "kept_events_subject";--> statement-breakpoint
ALTER TABLE "kept_events" ADD COLUMN "extensions" jsonb;--> statement-breakpoint
ALTER TABLE "kept_events" ADD COLUMN "equals" text[];--> statement-breakpoint
ALTER TABLE "step_runs" ADD COLUMN "wait_equals" text;--> statement-breakpoint
ALTER TABLE "wait_patterns" ADD COLUMN "event_paths" text;--> statement-breakpoint
CREATE INDEX "effects_making" ON "effects" USING btree ("workspace_id","kind") WHERE "effects"."kind" in ('create_objective', 'delegate', 'request_approval');--> statement-breakpoint
CREATE INDEX "kept_events_of_type" ON "kept_events" USING btree ("workspace_id",translate("type", '/', '.'),"arrived_at","seq");--> statement-breakpoint
CREATE INDEX "kept_events_of_subject" ON "kept_events" USING btree ("workspace_id",translate("subject", '/', '.'),"arrived_at","seq");--> statement-breakpoint
CREATE INDEX "kept_events_of_workspace" ON "kept_events" USING btree ("workspace_id","arrived_at","seq");--> statement-breakpoint
CREATE INDEX "kept_events_without_keys" ON "kept_events" USING btree ("workspace_id","arrived_at","seq") WHERE "kept_events"."equals" is null;--> statement-breakpoint
CREATE INDEX "step_runs_waits" ON "step_runs" USING btree ("workspace_id",translate("wait_key", '/', '.'),coalesce("wait_equals", ''),"run_id","step_index") WHERE "step_runs"."wait_key" is not null;--> statement-breakpoint
CREATE INDEX "wait_patterns_tokens" ON "wait_patterns" USING btree ("workspace_id",translate("wait_key", '/', '.'));--> statement-breakpoint
CREATE INDEX "workflow_definitions_listening" ON "workflow_definitions" USING btree ("workspace_id",translate("trigger_key", '/', '.')) WHERE "workflow_definitions"."trigger_key" is not null;