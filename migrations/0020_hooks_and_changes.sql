CREATE TABLE "workflow_change_heads" (
	"seq" bigint NOT NULL,
	"workspace_id" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_changes" (
	"seq" bigint NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"workspace_id" text NOT NULL,
	"change" json NOT NULL,
	CONSTRAINT "workflow_changes_workspace_id_seq_pk" PRIMARY KEY("workspace_id","seq")
);
--> statement-breakpoint
CREATE TABLE "workflow_hooks" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"governance" boolean NOT NULL,
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"name" text NOT NULL,
	"definition_id" text,
	"verbs" text[] NOT NULL,
	"url" text NOT NULL,
	"changed_by" text NOT NULL,
	"change_reason" text NOT NULL,
	"etag" text NOT NULL,
	"sealed_secret" "bytea",
	CONSTRAINT "workflow_hooks_name" UNIQUE("workspace_id","name")
);
--> statement-breakpoint
ALTER TABLE "workflow_details" ADD COLUMN "high_failure_rate" double precision;--> statement-breakpoint
ALTER TABLE "workflow_details" ADD COLUMN "announces_starts" boolean DEFAULT false NOT NULL;