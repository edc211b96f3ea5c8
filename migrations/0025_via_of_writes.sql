ALTER TABLE "version_sources" ADD COLUMN "published_via" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "workflow_deployments" ADD COLUMN "deployed_via" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "workflow_deployments" ADD COLUMN "decided_via" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD COLUMN "ended_via" text;