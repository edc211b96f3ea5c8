CREATE TABLE "closed_workflows" (
	"closed_at" timestamp (3) with time zone NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"why" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "version_facts" (
	"contains" smallint NOT NULL,
	"version_id" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_details" (
	"archived_at" timestamp (3) with time zone,
	"revision" integer NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"team" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workflow_drafts" (
	"saved_at" timestamp (3) with time zone NOT NULL,
	"fault_count" integer NOT NULL,
	"base_version" integer NOT NULL,
	"definition_id" text PRIMARY KEY NOT NULL,
	"etag" text NOT NULL,
	"saved_by" text NOT NULL,
	"format" text NOT NULL,
	"source_text" text NOT NULL,
	"layout_json" text
);
--> statement-breakpoint
ALTER TABLE "workflow_details" ADD CONSTRAINT "workflow_details_definition_id_workflow_definitions_id_fk" FOREIGN KEY ("definition_id") REFERENCES "public"."workflow_definitions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_drafts" ADD CONSTRAINT "workflow_drafts_definition_id_workflow_definitions_id_fk" FOREIGN KEY ("definition_id") REFERENCES "public"."workflow_definitions"("id") ON DELETE no action ON UPDATE no action;
