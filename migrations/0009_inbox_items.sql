CREATE TABLE "inbox_items" (
	"opened_at" timestamp (3) with time zone NOT NULL,
	"step_index" smallint NOT NULL,
	"place" smallint NOT NULL,
	"kind" smallint NOT NULL,
	"run_id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"assignee" text NOT NULL,
	CONSTRAINT "inbox_items_run_id_step_index_place_pk" PRIMARY KEY("run_id","step_index","place")
);
