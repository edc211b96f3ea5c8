CREATE TABLE "version_sources" (
	"published_at" timestamp (3) with time zone NOT NULL,
	"version_id" text PRIMARY KEY NOT NULL,
	"published_by" text NOT NULL,
	"note" text NOT NULL,
	"source_text" text NOT NULL,
	"layout_json" text,
	"input_schema_json" text
);
