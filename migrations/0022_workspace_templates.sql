CREATE TABLE "workspace_templates" (
	"saved_at" timestamp (3) with time zone NOT NULL,
	"revision" integer NOT NULL,
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"title" text NOT NULL,
	"summary" text NOT NULL,
	"category" text NOT NULL,
	"saved_by" text NOT NULL,
	"reason" text NOT NULL,
	"parameters_json" text NOT NULL,
	"needs_json" text NOT NULL,
	"etag" text NOT NULL,
	"source_text" text NOT NULL,
	CONSTRAINT "workspace_templates_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
