CREATE TABLE "notifications" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"next_at" timestamp (3) with time zone NOT NULL,
	"done_at" timestamp (3) with time zone,
	"attempts" smallint NOT NULL,
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
ALTER TABLE "approval_requests" ADD COLUMN "item_id" text DEFAULT '' NOT NULL;
