CREATE TABLE "health_rounds" (
	"began_at" timestamp (3) with time zone NOT NULL,
	"id" smallint PRIMARY KEY NOT NULL,
	"after_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_health" (
	"failed_since" timestamp (3) with time zone NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"version_id" text NOT NULL,
	"reasons_json" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "workflow_deployments" ADD COLUMN "simulated_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "workflow_endpoints" ADD COLUMN "rotate_on_publish" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "workflow_endpoints" ADD COLUMN "rotate_grace_seconds" integer DEFAULT 86400 NOT NULL;--> statement-breakpoint
ALTER TABLE "workflow_endpoints" ADD COLUMN "rotated_for" text;--> statement-breakpoint
ALTER TABLE "workflow_endpoints" ADD COLUMN "sealed_token" "bytea";