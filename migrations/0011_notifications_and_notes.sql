CREATE TABLE "inbox_notes" (
	"made_at" timestamp (3) with time zone NOT NULL,
	"step_index" smallint NOT NULL,
	"place" smallint NOT NULL,
	"kind" smallint NOT NULL,
	"run_id" text NOT NULL,
	"id" text NOT NULL,
	"made_by" text NOT NULL,
	"passed_to" text NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "inbox_notes_run_id_step_index_place_id_pk" PRIMARY KEY("run_id","step_index","place","id")
);
--> statement-breakpoint
CREATE TABLE "notifications" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"next_at" timestamp (3) with time zone NOT NULL,
	"done_at" timestamp (3) with time zone,
	"attempts" smallint NOT NULL,
	"unsure" smallint NOT NULL,
	"state" smallint NOT NULL,
	"place" smallint NOT NULL,
	"priority" smallint NOT NULL,
	"category" smallint NOT NULL,
	"id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"body_hash" "bytea" NOT NULL,
	"recipient" text NOT NULL,
	"subject" text NOT NULL,
	"body" text NOT NULL,
	"link" text NOT NULL,
	"metadata_json" text NOT NULL,
	"last_error" text NOT NULL,
	CONSTRAINT "notifications_id_place_pk" PRIMARY KEY("id","place")
);
--> statement-breakpoint
ALTER TABLE "approval_requests" ADD COLUMN "notice_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "approval_requests" ADD COLUMN "remind_after_ms" bigint;--> statement-breakpoint
ALTER TABLE "approval_requests" ADD COLUMN "notices" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "approval_requests" ADD COLUMN "item_id" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "inbox_items" ADD COLUMN "claimed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "inbox_items" ADD COLUMN "claimed_by" text DEFAULT '' NOT NULL;
