ALTER TABLE "approval_decisions" ADD COLUMN "via" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "inbox_notes" ADD COLUMN "via" text DEFAULT '' NOT NULL;