ALTER TABLE "workflow_runs" ADD COLUMN "pending" integer[];--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "continue_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "workflow_runs_continue" ON "workflow_runs" USING btree ("continue_at") WHERE "workflow_runs"."continue_at" is not null;