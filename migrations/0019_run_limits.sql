CREATE TABLE "workflow_limits" (
	"max_open_runs" integer NOT NULL,
	"when_full" smallint NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"concurrency_key" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "started_by" text;
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "concurrency_key" text;