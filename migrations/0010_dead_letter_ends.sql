ALTER TABLE "dead_letters" ADD COLUMN "workspace_id" text;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD COLUMN "ended_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD COLUMN "ended_as" text;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD COLUMN "ended_by" text;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD COLUMN "end_reason" text;
